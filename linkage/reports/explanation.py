"""An explanation for the terminal: both records side by side, weight per comparison in bits, the rivals."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from linkage.explain import Candidate, Explanation


def render(explanation: Explanation) -> RenderableType:
    """The decision, the best candidate (and one asked for) in full, and all candidates in a line each."""
    decision = explanation.decision
    head = (
        f"dose {explanation.dose_id}: {decision['status']}; {explanation.n_candidates} candidates compared; "
        f"not in the registry {explanation.none_probability:.3g}, not searched {explanation.unsearched_probability:.3g}"
    )
    parts: list[RenderableType] = [head]
    parts += [_side_by_side(candidate) for candidate in explanation.candidates]
    parts.append(_rivals(explanation.candidates))
    return Group(*parts)


def _side_by_side(candidate: Candidate) -> Table:
    table = Table(
        "comparison", "dose", "registry", "level", title=f"person {candidate.person_id}", title_justify="left"
    )
    table.add_column("bits", justify="right")
    for evidence in candidate.evidence:
        table.add_row(
            evidence.comparison, evidence.stated, evidence.registered, evidence.level, f"{evidence.weight_bits:+.2f}"
        )
    table.add_section()
    table.add_row(
        "term frequency", "", "", "how common the agreeing values are", f"{candidate.term_frequency_bits:+.2f}"
    )
    table.add_row("household", "", "", "how often relatives agree like this", f"{candidate.household_bits:+.2f}")
    table.add_row("match weight", "", "", f"probability {candidate.probability:.6f}", f"{candidate.match_weight:+.2f}")
    return table


def _rivals(candidates: list[Candidate]) -> Table:
    table = Table(
        "person", "name", "birth date", "probability", "weight", "found by", title="candidates", title_justify="left"
    )
    for c in candidates:
        name, born = c.registered.get("full_name", ""), c.registered.get("date_of_birth", "")
        table.add_row(c.person_id, name, born, f"{c.probability:.6f}", f"{c.match_weight:+.2f}", ", ".join(c.found_by))
    return table
