"""The history of a dose for the terminal: a paragraph a night."""

from __future__ import annotations

from collections.abc import Iterator

from linkage.insight.history import History, NightOfDose, Version
from linkage.state.tables import CORRECTED, NEW, READ_OTHERWISE, WITHDRAWN
from linkage.state.why import CLAIM, CONFLICT, MODEL, REGISTRY, SIBLING, VERDICT

_WHY = {
    NEW: "the dose is new",
    CORRECTED: "the dose was corrected",
    WITHDRAWN: "the dose was withdrawn",
    READ_OTHERWISE: "the dose is read otherwise, as dates of birth go up to a later day",
    MODEL: "another model was adopted",
    REGISTRY: "the registry changed",
    VERDICT: "a verdict on its claim",
    CLAIM: "another dose of its claim",
    CONFLICT: "the doses of the person conflict otherwise",
    SIBLING: "another claim of the subject, or one with the same candidate, is decided otherwise",
}


def render(history: History) -> Iterator[str]:
    """Lines of text."""
    yield f"dose {history.dose_id}: {history.status or 'withdrawn'}"
    for night in history.nights:
        yield ""
        yield f"{night.date}  {night.kind} {night.night}, {night.night_id}"
        yield from (f"  {line}" for line in _of_night(night))


def _of_night(night: NightOfDose) -> Iterator[str]:
    for version in night.versions:
        yield from _version(version)
    for said in night.verdicts:
        who = ", ".join(said[name] for name in ("unit", "decided_by", "decided_at") if said[name])
        person = f" {said['person_id']}" if said["person_id"] else ""
        yield f"verdict {said['verdict']}{person} ({who}): {said['became']}"
    decision = night.decision
    if decision is None:
        yield "decided as before"
        return
    before = f"{night.status_before} before, now " if night.status_before else ""
    person = ""
    if decision["person_id"] is not None:
        person = f", person {decision['person_id']} with probability {decision['match_probability']:.6f}"
    by = f", by {decision['decided_by']}" if decision["decided_by"] else ""
    yield f"{before}{decision['status'] or 'no decision'}{person}{by}"
    if decision["conflicts"]:
        yield f"conflicts: {', '.join(decision['conflicts'])}"
    people = f" ({', '.join(decision['changed_persons'])})" if decision["changed_persons"] else ""
    yield "because: " + "; ".join(_WHY[word] + (people if word == REGISTRY else "") for word in decision["why"])


def _version(version: Version) -> Iterator[str]:
    """What came of the dose itself."""
    where = f"{version.file}, record {version.position}"
    reason = f": {version.reason}" if version.reason else ""
    yield f"{version.what.replace('_', ' ')} ({where}){reason}"
    for name, (before, after) in version.changed.items():
        yield f"  {name}: {before or '(nothing)'} -> {after or '(nothing)'}"
