"""Matched claims that differ from their persons more often than claims known by their own number do.

What stands out is told by its kind, and enters the estimated false-match rate: the probabilities cannot know of it, for
they take the comparisons as independent and everybody outside the registry as a stranger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import MATCHED, Decided
from linkage.deciding.relinking import Relinked
from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.scoring.batch import pattern_space
from linkage.scoring.number_levels import number_comparison, number_levels
from models.comparators import digits
from models.disagreements import Excess, Kind, Levels, decided_alike, has_kind, largest_excess
from models.parameters import Parameters

# Claims with somebody else's number are children with a parent's, say, with that phone; numbers that contradict
# and numbers of another sort are mostly these as well. So whether a phone agrees is not what the reference says of it.
_OTHERS_NUMBER = {
    digits.SLIP_OWNED,
    digits.PERSON_LEVELS.index("different, contradicts the stated sex or birth year"),
    digits.PERSON_LEVELS.index("different, another person's"),
    len(digits.PERSON_LEVELS),  # digits.PERSON_ABSENT, which stands behind them
}
_NAME_AND_DATE = {"vietnamese_name", "date"}
_SIMILAR = 1.15  # times as many: other people among the matches make no more


@dataclass(frozen=True)
class Conflicting:
    """Matched claims with one level of the number that differ too often in one way.

    text: what stands out, in words; excess: in claims, notable or not; doses_each: doses decided of each such claim, on
    average.
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
    """What stands out, by level of the number; where nothing is notable, what does most, of which chance is not the
    only possible reason.

    n_doses: float64[n_claims], doses decided of each; sure: sure claims linked again without their number.
    """
    plan, place = index.plan, number_comparison(index.plan)
    if place is None:
        return []
    matched = np.flatnonzero(decided.status == MATCHED)
    matched = matched[~np.isin(number_levels(decided.best.codes[matched], plan), digits.SHARED)]
    levels = pattern_space(plan).levels_of(decided.best.codes[matched])
    odds = np.where(sure.is_true, sure.chances / np.maximum(1.0 - sure.chances, 1e-300), 0.0)
    of_number = parameters.comparisons[place]
    found = []
    for level in np.unique(levels[:, place]).tolist():
        factor = float(of_number.m[level] / of_number.u[level])
        reference = sure.levels[decided_alike(odds, factor, decided.threshold)]
        has_level = levels[:, place] == level
        kinds = _kinds(plan, place, level, levels[has_level], reference)
        excess = largest_excess(levels[has_level], reference, kinds)
        if excess is not None and excess.surplus > 0:
            doses = n_doses[matched[has_level][has_kind(levels[has_level], excess.kind + excess.given)]]
            found.append(Conflicting(_text(plan, place, level, excess), excess, float(doses.mean())))
    notable = [one for one in found if one.excess.is_notable]
    return notable or sorted(found, key=lambda one: one.excess.surplus / one.excess.deviation)[-1:]


def _kinds(plan: Plan, place: int, number_level: int, observed: Levels, reference: Levels) -> list[tuple[Kind, Kind]]:
    """The kinds of disagreement looked at in matched claims of one level of the number, and among which claims.

    Of name, date and sex each level but missing and same, and that name and date both differ in any way. A phone or
    place that differs says nothing of who it is: a village may have one phone that its station types for all. Each kind
    is looked at among all claims, and of whom no phone or other number of a person or household agrees, as it rarely
    does with another person: those are counted among all, unless they are many for another reason.
    """
    personal = {
        c: tuple(range(2, len(comparison.labels)))
        for c, comparison in enumerate(plan.comparisons)
        if comparison.kind in _NAME_AND_DATE or (comparison.kind == "category" and not comparison.term_frequency)
    }
    kinds: list[Kind] = [((c, (level,)),) for c, levels in personal.items() for level in levels]
    both = tuple((c, levels) for c, levels in personal.items() if plan.comparisons[c].kind in _NAME_AND_DATE)
    kinds += [both] if len(both) > 1 else []
    anybody: list[tuple[Kind, Kind]] = [(kind, ()) for kind in kinds]
    unshared = tuple(
        (c, tuple(level for level in range(len(comparison.labels)) if level not in comparison.shared_levels))
        for c, comparison in enumerate(plan.comparisons)
        if c != place and comparison.shared_levels
    )
    if number_level in _OTHERS_NUMBER or not unshared or not len(reference):
        return anybody
    shares = [has_kind(levels, unshared).mean() for levels in (observed, reference)]
    if shares[0] <= _SIMILAR * shares[1]:
        return anybody + [(kind + unshared, ()) for kind in kinds]
    return anybody + [(kind, unshared) for kind in kinds]


def _text(plan: Plan, place: int, level: int, excess: Excess) -> str:
    """One line for the operator."""
    number = plan.comparisons[place]
    among, said = (" and ".join(_in_words(plan, *part) for part in kind) for kind in (excess.given, excess.kind))
    return (
        f"of {excess.n:,} claims matched with {number.name} '{number.labels[level]}'{' and ' if among else ''}{among} "
        f"{excess.count:,} have {said}, where claims known by their own number let expect {excess.expected:.0f}: some "
        "may be other people, such as namesakes or twins; look at them in the match queue"
    )


def _in_words(plan: Plan, c: int, levels: tuple[int, ...]) -> str:
    comparison = plan.comparisons[c]
    if len(levels) == 1:
        return f"{comparison.name} '{comparison.labels[levels[0]]}'"
    return f"{'no equal' if 0 in levels else 'a differing'} {comparison.name}"
