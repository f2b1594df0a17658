// Keys for who decides hundreds of times a day. Nothing here is needed: every action is a form.
"use strict";
(() => {
  const form = document.getElementById("decision");
  const isTyping = (target) =>
    target.closest("select, textarea, [contenteditable]") !== null ||
    (target.tagName === "INPUT" && !["radio", "checkbox"].includes(target.type));

  // Input methods (Telex, VNI) rewrite letters and digits: the place of the key counts, not what it writes.
  const keyOf = (event) => {
    const found = /^(?:Digit|Numpad)(\d)$/.exec(event.code) || /^Key([A-Z])$/.exec(event.code);
    return found ? found[1].toLowerCase() : event.code;
  };

  const follow = (id) => {
    const link = document.getElementById(id);
    if (link === null) return false;
    link.click();
    return true;
  };

  const act = (event) => {
    const key = keyOf(event);
    if (form === null) return key === "Enter" && event.target === document.body && follow("begin");
    const choice = form.querySelector(`input[data-key="${CSS.escape(key)}"]`);
    if (choice !== null) {
      choice.checked = true;
      choice.focus();
      return true;
    }
    if (key === "s") return follow("later");
    if (key === "g") {
      document.getElementById("note").focus();
      return true;
    }
    if (key === "w") {
      const why = document.getElementById("why");
      if (why !== null) why.open = !why.open;
      return why !== null;
    }
    return false;
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.repeat) return;
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (act(event)) event.preventDefault();
  });

  // One decision is sent once, however often the button is pressed. Where no page comes, or one comes back to this one,
  // it can be sent again.
  let isSent = false;
  if (form !== null) {
    form.addEventListener("submit", (event) => {
      if (isSent) event.preventDefault();
      else setTimeout(() => { isSent = false; }, 10_000);
      isSent = true;
    });
    window.addEventListener("pageshow", () => { isSent = false; });
  }
})();
