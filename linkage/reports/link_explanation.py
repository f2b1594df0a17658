"""Why two records of linked files are a link, or not, for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from linkage.insight.explain_link import LinkExplanation
from linkage.insight.explanation import Candidate
from linkage.reports.explanation import IN_FULL, side_by_side


def render_link(explanation: LinkExplanation) -> RenderableType:
    """What was decided of a left record, and its candidates: one asked for, then the others, the first in full and the
    rest in a line each."""
    parts: list[RenderableType] = [Text(line) for line in _head(explanation)]
    ordered = sorted(explanation.candidates, key=lambda candidate: candidate.person_id != explanation.asked_for)
    for place, candidate in enumerate(ordered):
        is_asked_for = candidate.person_id == explanation.asked_for
        found = "" if candidate.found_by else ", found by no pass"
        title = f"right record {candidate.person_id}{', asked for' if is_asked_for else ''}{found}"
        if place < IN_FULL or is_asked_for:
            parts += ["", Text(title, style="bold"), side_by_side(candidate, "left", "right")]
        else:
            parts.append(Text(f"{title}: {_odds(candidate)}"))
    return Group(*parts)


def _head(explanation: LinkExplanation) -> list[str]:
    linked = ", ".join(explanation.linked_with) or "nothing"
    lines = [f"left record {explanation.left_id}: linked with {linked}"]
    if explanation.refused is not None:
        lines.append(f"no link was made in this folder, for {explanation.refused}")
    lines.append(f"{explanation.n_candidates} right records compared; links from {explanation.match_threshold:.6f}")
    return lines


def _odds(candidate: Candidate) -> str:
    return f"probability {candidate.probability:.6f}, {candidate.match_weight:+.2f} bits"
