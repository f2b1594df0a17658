"""The share of matches that no pass finds, from how many passes find the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.plan import Plan
from models.captures import Missed, missed_by_captures

# Matches this sure count, and fewer than so many that both kinds of evidence find cannot tell what is missed.
SURE, FEWEST_SURE = 0.99, 50
_ASPECT = ".neighbours"


def missed_by_passes(passes: NDArray[np.uint16], chances: NDArray[np.float64], plan: Plan) -> tuple[Missed, int] | None:
    """How many matches no pass finds, for the sure ones of some claims, and how many these are.

    None where passes on identifiers and passes on name, date and place have too few matches in common: then nothing
    says how many neither finds.

    passes : uint16[n], bits of the passes that found each claim's best candidate
    chances : float64[n], its probability
    """
    sure = passes[chances >= SURE]
    by_identifier, by_demographic = (
        _found_by(sure, [i for i, rule in enumerate(plan.passes) if rule.evidence == kind])
        for kind in ("identifier", "demographic")
    )
    if int((by_identifier & by_demographic).sum()) < FEWEST_SURE:
        return None
    # Passes that ask for the same of a claim, a number itself or one slip away, say, find it by one chance.
    captures: dict[tuple[str, ...], list[int]] = {}
    for i, rule in enumerate(plan.passes):
        captures.setdefault(tuple(part.removesuffix(_ASPECT) for part in rule.left), []).append(i)
    times = np.sum([_found_by(sure, of_capture) for of_capture in captures.values()], axis=0)
    return missed_by_captures(times[times > 0].astype(np.int64), len(captures)), int(sure.size)


def _found_by(passes: NDArray[np.uint16], places: list[int]) -> NDArray[np.bool_]:
    """Whether any of some passes, by their places in the plan, found each: bool[n]."""
    return np.asarray(passes & np.uint16(sum(1 << place for place in places)) != 0)
