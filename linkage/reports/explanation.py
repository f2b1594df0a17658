"""An explanation for the terminal: both records side by side, weight per comparison in bits, the rivals."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkage.insight.explanation import Candidate, Explanation
from linkage.wording.counted import counted

# In full: the best candidate, the closest rival and a person asked for; the others in a line each.
IN_FULL = 2


def render(explanation: Explanation) -> RenderableType:
    """The decision, the records side by side, and all candidates in a line each."""
    candidates = explanation.candidates
    parts: list[RenderableType] = [Text(line) for line in _head(explanation)]
    for place, candidate in enumerate(candidates):
        is_asked_for = candidate.person_id == explanation.asked_for
        if place < IN_FULL or is_asked_for:
            parts += ["", _title(candidate, is_asked_for), side_by_side(candidate)]
    if candidates:
        parts += ["", _rivals(candidates)]
    return Group(*parts)


def _head(explanation: Explanation) -> list[str]:
    """What was decided, why there was room to doubt, and what speaks for nobody."""
    decision = explanation.decision
    lines = [f"dose {explanation.dose_id}: {decision['status']}"]
    if decision["person_id"] is not None:
        lines[0] += f", person {decision['person_id']} with probability {decision['match_probability']:.6f}"
    if explanation.excluded_reason is not None:
        lines[0] += f" ({explanation.excluded_reason}), not sought in the registry"
    for heading, names in (("wrong fields", decision["wrong_fields"]), ("conflicts", decision["conflicts"])):
        if names:
            lines.append(f"{heading}: {', '.join(names)}")
    if explanation.readings:
        readings = ", ".join(f"{field} ({how})" for field, how in explanation.readings.items())
        lines.append(f"read otherwise than typed, as a rule of its station: {readings}")
    kept = counted(explanation.n_candidates, "candidate")
    lines.append(f"{kept} kept; matched without a person from {explanation.match_threshold:.6f}")
    if explanation.none_probability is not None:
        lines.append(
            f"not in the registry {explanation.none_probability:.3g}, "
            f"in it but not searched {explanation.unsearched_probability:.3g}"
        )
    return lines


def _title(candidate: Candidate, is_asked_for: bool) -> Text:
    asked = ", asked for" if is_asked_for else ""
    found = "" if candidate.found_by else ", found by no pass"
    return Text(f"person {candidate.person_id}{asked}{found}", style="bold")


def side_by_side(candidate: Candidate, left: str = "dose", right: str = "registry") -> Table:
    """What both records hold, comparison by comparison, and the corrections that make the match weight."""
    table = _table("comparison", left, right, "level", "bits")
    for evidence in candidate.evidence:
        row = (evidence.comparison, evidence.stated, evidence.registered, evidence.level)
        table.add_row(*(Text(cell) for cell in row), _bits(evidence.weight_bits))
    table.add_section()
    table.add_row("rarity", "", "", "of the values that agree", _bits(candidate.term_frequency_bits))
    table.add_row(
        "look-alikes", "", "", "strangers with such a number or name agree in more", _bits(candidate.neighbour_bits)
    )
    table.add_row("household", "", "", "relatives agree like this", _bits(candidate.household_bits))
    for what, says, bits in (
        ("subject", "other claims of the subject are decided so, or state another number", candidate.subject_bits),
        ("schedule", "conflicts with doses decided so", candidate.schedule_bits),
    ):
        if bits != 0.0:
            table.add_row(what, "", "", says, _bits(bits))
    table.add_row("match weight", "", "", f"probability {candidate.probability:.6f}", _bits(candidate.match_weight))
    return table


def _rivals(candidates: list[Candidate]) -> Table:
    table = _table("person", "name", "birth date", "probability", "bits", "found by", title="candidates")
    for c in candidates:
        texts = (c.person_id, c.registered.get("full_name", ""), c.registered.get("date_of_birth", ""))
        numbers = f"{c.probability:.6f}", _bits(c.match_weight)
        table.add_row(*(Text(text) for text in texts), *numbers, ", ".join(c.found_by) or "no pass")
    return table


def _table(*headings: str, title: str | None = None) -> Table:
    """An empty table; numbers to the right."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("bits", "probability") else "left")
    return table


def _bits(bits: float) -> str:
    """Signed, two decimals, no negative zero."""
    return f"{round(bits, 2) + 0.0:+.2f}"
