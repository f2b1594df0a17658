"""How one written word goes wrong: functions from a word (one or more syllables, NFC) to its misspellings.

Each returns the word itself where the slip cannot happen. They run once per distinct word, never per record.
"""

from __future__ import annotations

import unicodedata

# The second letter of the old placement carries the tone in the new one: Hòa/Hoà, Thúy/Thuý, Khỏe/Khoẻ.
_OPEN_DIPHTHONGS = ("oa", "oe", "uy")
_TONES = {"\u0300": "f", "\u0301": "s", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
_HOOK, _TILDE, _HORN, _BREVE, _CIRCUMFLEX = "\u0309", "\u0303", "\u031b", "\u0306", "\u0302"

_VNI_TONE = {"\u0300": "ø", "\u0301": "ù", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
_VNI_CIRCUMFLEX = {"": "â", "\u0300": "à", "\u0301": "á", "\u0309": "å", "\u0303": "ã", "\u0323": "ä"}
_VNI_BREVE = {"": "ê", "\u0300": "è", "\u0301": "é", "\u0309": "ú", "\u0303": "ü", "\u0323": "ë"}
_VNI_I = {"": "i", "\u0300": "ì", "\u0301": "í", "\u0309": "æ", "\u0303": "ó", "\u0323": "ò"}

_INITIALS = {
    "l": ("n",), "n": ("l",), "s": ("x",), "x": ("s",), "ch": ("tr",), "tr": ("ch",),
    "d": ("gi", "r", "v"), "gi": ("d", "r"), "r": ("d", "g"), "v": ("d",),
}  # fmt: skip
_NEVER_INITIALS = ("ng", "nh", "th", "kh", "ph")
_FINALS = {"n": "ng", "ng": "n", "t": "c", "c": "t"}
_NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioposdfghjklkxcvbnmn", strict=True))


def letters(text: str) -> list[tuple[str, str, str]]:
    """Split into (base letter, quality mark, tone mark); đ is the base letter đ."""
    parts: list[tuple[str, str, str]] = []
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character):
            base, quality, tone = parts[-1]
            parts[-1] = (base, quality, character) if character in _TONES else (base, character, tone)
        else:
            parts.append((character, "", ""))
    return parts


def join(parts: list[tuple[str, str, str]]) -> str:
    """The inverse of ``letters``."""
    return unicodedata.normalize("NFC", "".join(base + quality + tone for base, quality, tone in parts))


def without_diacritics(text: str) -> str:
    """Nguyễn → Nguyen, Đặng → Dang."""
    return "".join({"đ": "d", "Đ": "D"}.get(base, base) for base, _, _ in letters(text))


def tone_moved(text: str) -> str:
    """Hòa → Hoà: the other of the two ways to place the tone in oa, oe, uy at the end of a syllable."""
    return " ".join(_tone_moved(syllable) for syllable in text.split(" "))


def _tone_moved(syllable: str) -> str:
    parts = letters(syllable)
    vowels = "".join(base for base, _, _ in parts[-2:]).lower()
    initial_q = len(parts) > 2 and parts[-3][0].lower() == "q"
    if len(parts) < 2 or vowels not in _OPEN_DIPHTHONGS or initial_q or parts[-1][1] or parts[-2][1]:
        return syllable
    (first, _, tone), (second, _, other) = parts[-2:]
    return join([*parts[:-2], (first, "", other), (second, "", tone)])


def hook_tilde(text: str) -> str:
    """Hỏi and ngã confused, as spoken in the south: Mỹ → Mỷ."""
    swap = {_HOOK: _TILDE, _TILDE: _HOOK}
    return join([(base, quality, swap.get(tone, tone)) for base, quality, tone in letters(text)])


def i_for_y(text: str) -> str:
    """Quý ↔ Quí, Sỹ ↔ Sĩ: the only vowel of a syllable written i or y."""
    return " ".join(_i_for_y(syllable) for syllable in text.split(" "))


def _i_for_y(syllable: str) -> str:
    parts = letters(syllable)
    if len(parts) < 2 or syllable == "Thị":
        return syllable
    before, (last, quality, tone) = parts[-2], parts[-1]
    follows_q = before[0] == "u" and len(parts) > 2 and parts[-3][0].lower() == "q"
    if quality or last not in "iy" or (before[0].lower() in "aeiouy" and not follows_q):
        return syllable
    return join([*parts[:-1], ("i" if last == "y" else "y", "", tone)])


def sound_slips(text: str) -> list[str]:
    """l/n, s/x, ch/tr, d/gi/r/v at the start, n/ng and t/c at the end of the last syllable."""
    *before, syllable = text.split(" ")
    slips = [*_initial_slips(syllable), *_final_slips(syllable)]
    return [" ".join([*before, slip]) for slip in slips] or [text]


def _initial_slips(syllable: str) -> list[str]:
    lower = syllable.lower()
    if lower.startswith(_NEVER_INITIALS):
        return []
    initial = next((start for start in (lower[:2], lower[:1]) if start in _INITIALS), "")
    rest = syllable[len(initial) :]
    # "gi" before i is written g alone; such a syllable has no slip here.
    if not initial or not rest:
        return []
    return [(slip.capitalize() if syllable[0].isupper() else slip) + rest for slip in _INITIALS[initial]]


def _final_slips(syllable: str) -> list[str]:
    for final in ("ng", "n", "t", "c"):
        if len(syllable) > len(final) + 1 and syllable.endswith(final):
            return [syllable[: -len(final)] + _FINALS[final]]
    return []


def typing_slips(text: str) -> list[str]:
    """A letter dropped, doubled, swapped with the next or replaced by its neighbour on the keyboard."""
    slips = []
    for at in range(1, len(text)):
        if not text[at].isalpha():
            continue
        head, letter, tail = text[:at], text[at], text[at + 1 :]
        slips += [head + tail, head + letter + letter + tail] if len(text) > 2 else [head + letter + letter + tail]
        if tail and tail[0].isalpha() and tail[0] != letter:
            slips.append(head + tail[0] + letter + tail[1:])
        if letter in _NEIGHBOURS:
            slips.append(head + _NEIGHBOURS[letter] + tail)
    return slips or [text]


def telex(text: str) -> str:
    """What the keys say when the input method is off: Nguyễn → Nguyeenx."""
    return " ".join(_telex(syllable) for syllable in text.split(" "))


def _telex(syllable: str) -> str:
    keys, tones = "", ""
    for base, quality, tone in letters(syllable):
        keys += {"đ": "dd", "Đ": "DD"}.get(base, base)
        keys += {"": "", _CIRCUMFLEX: base.lower(), _HORN: "w", _BREVE: "w"}.get(quality, "")
        tones += _TONES.get(tone, "")
    return keys + tones


def vni_as_latin(text: str) -> str:
    """VNI-Windows bytes shown as Latin-1: Nguyễn Văn → Nguyeãn Vaên."""
    return "".join(_vni(*part) for part in letters(text))


def _vni(base: str, quality: str, tone: str) -> str:
    lower = base.lower()
    if lower == "đ":
        coded = "ñ"
    elif lower == "i":
        coded = _VNI_I[tone]
    elif lower == "y" and tone == "\u0323":
        coded = "î"
    elif quality == _CIRCUMFLEX:
        coded = lower + _VNI_CIRCUMFLEX[tone]
    elif quality == _BREVE:
        coded = lower + _VNI_BREVE[tone]
    elif quality == _HORN:
        coded = {"o": "ô", "u": "ö"}[lower] + _VNI_TONE.get(tone, "")
    else:
        coded = lower + _VNI_TONE.get(tone, "")
    return coded.upper() if base.isupper() else coded


def abbreviated(text: str) -> str:
    """Thị Thu → T.T.: the initials of the syllables; K' and Y are as short as can be."""
    return text if "'" in text or len(text) < 2 else "".join(syllable[0] + "." for syllable in text.split(" "))
