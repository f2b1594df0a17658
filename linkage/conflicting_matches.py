"""Matched claims that differ from their persons more often than claims known by their own number do.

What stands out is told by its kind, and enters the estimated false-match rate: the probabilities cannot know of it, for
they take the comparisons as independent and everybody outside the registry as a stranger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.comparing import pattern_space
from linkage.decide import MATCHED, Decided
from linkage.dose_evidence import sibling_pass
from linkage.plan import Plan
from linkage.registry import Index
from linkage.relinking import Relinked, has_own_number, number_comparison
from models.comparators import digits
from models.disagreements import Excess, Kind, decided_alike, has_kind, largest_excess
from models.parameters import Parameters

# Claims with somebody else's number are children with a parent's, say, and come with his phone; numbers that contradict
# and numbers of another sort are mostly these as well. Of their fields only those of the person himself are looked at.
_OTHERS_NUMBER = {
    digits.SLIP_OWNED,
    digits.PERSON_LEVELS.index("different, contradicts the stated sex or birth year"),
    digits.PERSON_LEVELS.index("different, another person's"),
    len(digits.PERSON_LEVELS),  # digits.PERSON_ABSENT, which stands behind them
}
_NAME_AND_DATE = {"vietnamese_name", "date"}


@dataclass(frozen=True)
class Conflicting:
    """Matched claims with one level of the number that differ too often in one way.

    text: what stands out, in words; excess: in claims; doses_each: doses decided of each such claim, on average.
    """

    text: str
    excess: Excess
    doses_each: float


def conflicting_matches(
    decided: Decided,
    n_doses: NDArray[np.float64],
    sure: Relinked,
    index: Index,
    parameters: Parameters,
) -> list[Conflicting]:
    """What stands out, by level of the number.

    n_doses: float64[n_subjects], doses decided of each; sure: sure claims linked again without their number.
    """
    plan, place = index.plan, number_comparison(index.plan)
    if place is None:
        return []
    # Whom another claim of the subject decided may differ more than those who are decided by what they state.
    by_subject = decided.best.passes & sibling_pass(plan) > 0
    matched = np.flatnonzero((decided.status == MATCHED) & ~by_subject)
    levels = pattern_space(plan).levels_of(decided.best.codes[matched])
    unsure = ~has_own_number(levels, plan)
    matched, levels = matched[unsure], levels[unsure]
    odds = np.where(sure.is_true, sure.chances / np.maximum(1.0 - sure.chances, 1e-300), 0.0)
    of_number = parameters.comparisons[place]
    found = []
    for level in np.unique(levels[:, place]).tolist():
        factor = float(of_number.m[level] / of_number.u[level])
        reference = sure.levels[decided_alike(odds, factor, decided.threshold)]
        has_level = levels[:, place] == level
        excess = largest_excess(levels[has_level], reference, _kinds(plan, place, level))
        if excess is not None:
            doses = n_doses[matched[has_level][has_kind(levels[has_level], excess.kind)]]
            found.append(Conflicting(_text(plan, place, level, excess), excess, float(doses.mean())))
    return found


def _kinds(plan: Plan, place: int, number_level: int) -> list[Kind]:
    """The kinds of disagreement looked at in matched claims of one level of the number.

    Each level but missing and same by itself, and that name and date both differ in any way; and each of these where no
    phone or other number of a person or household agrees, as it rarely does with another person.
    """
    shared = {c: comparison for c, comparison in enumerate(plan.comparisons) if c != place and comparison.shared_levels}
    is_others = number_level in _OTHERS_NUMBER
    compared = {
        c: tuple(range(2, len(comparison.labels)))
        for c, comparison in enumerate(plan.comparisons)
        if c != place and not (is_others and c in shared)
    }
    kinds: list[Kind] = [((c, (level,)),) for c, levels in compared.items() for level in levels]
    both = tuple((c, levels) for c, levels in compared.items() if plan.comparisons[c].kind in _NAME_AND_DATE)
    kinds += [both] if len(both) > 1 else []
    if is_others or not shared:
        return kinds
    unshared = tuple(
        (c, tuple(level for level in range(len(comparison.labels)) if level not in comparison.shared_levels))
        for c, comparison in shared.items()
    )
    return kinds + [kind + unshared for kind in kinds if kind[0][0] not in shared]


def _text(plan: Plan, place: int, level: int, excess: Excess) -> str:
    """One line for the operator."""
    number = plan.comparisons[place]
    parts = []
    for c, levels in excess.kind:
        comparison = plan.comparisons[c]
        if len(levels) == 1:
            parts.append(f"{comparison.name} '{comparison.labels[levels[0]]}'")
        else:
            parts.append(f"{'no equal' if 0 in levels else 'a differing'} {comparison.name}")
    return (
        f"of {excess.n:,} claims matched with {number.name} '{number.labels[level]}' {excess.count:,} have "
        f"{', '.join(parts)}, where claims known by their own number let expect {excess.expected:.0f}: some may be "
        "other people, such as namesakes or twins; look at them in the match queue"
    )
