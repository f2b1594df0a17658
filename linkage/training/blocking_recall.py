"""The share of matches that no pass finds, from what passes on identifiers and passes on name, date and place find."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Plan
from models.captures import Missed, missed_by_both

# Matches this sure count, and fewer than so many that both kinds of evidence find cannot tell what is missed.
SURE, FEWEST_SURE = 0.99, 50


def missed_by_passes(
    passes: NDArray[np.uint16], chances: NDArray[np.float64], plan: Plan, n_settled: float
) -> tuple[Missed, int] | None:
    """How many matches no pass finds, for the sure ones of some claims, and how many these are.

    None where passes on identifiers and passes on name, date and place have too few matches in common: then nothing
    says how many neither finds.

    passes : uint16[n], bits of the passes that found each claim's best candidate
    chances : float64[n], its probability
    n_settled : matches beside these that exact agreement settled, which both kinds of passes find
    """
    sure = passes[chances >= SURE]
    by_identifier, by_demographic = (
        _found_by(sure, [i for i, rule in enumerate(plan.passes) if rule.evidence == kind])
        for kind in ("identifier", "demographic")
    )
    n_both = int((by_identifier & by_demographic).sum())
    if n_both < FEWEST_SURE:
        return None
    n_first, n_second = (by_identifier & ~by_demographic).sum(), (by_demographic & ~by_identifier).sum()
    return missed_by_both(float(n_first), float(n_second), n_both + n_settled), int(sure.size)


def _found_by(passes: NDArray[np.uint16], places: list[int]) -> NDArray[np.bool_]:
    """Whether any of some passes, by their places in the plan, found each: bool[n]."""
    return np.asarray(passes & np.uint16(sum(1 << place for place in places)) != 0)
