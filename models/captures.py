"""How many matches neither of two ways to look for them finds, from how many each finds without the other.

Identifiers are one way, name, date and place the other. The one misses as many of those that the other does not find as
of those that it finds: a b / c, with a found by the first alone, b by the second alone and c by both (Petersen 1896,
Lincoln 1930; Chapman 1951 for c + 1). A claim that states no number is found by the second way or not at all: one of b.

Matches settled by exact agreement are found by both, and count: without them c would be of claims with an error
somewhere, whose names and dates fail far more often than those of claims without a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p, sqrt

from models.intervals import Z_95

# What ways that depend on each other may do to the estimate: in simulations with stale registries, village phones and
# people of few names it was within this factor of the truth.
DEPENDENCE = 2.0
_FEW = 3.7  # none found by one way alone: up to so many expected, the 97.5 % limit of a Poisson count of 0


@dataclass(frozen=True)
class Missed:
    """An estimated number of matches that neither way finds, with its 95 % interval."""

    count: float
    low: float
    high: float


def missed_by_both(first_alone: float, second_alone: float, both: float) -> Missed:
    """Chapman's estimate from the numbers of matches found by the one way alone, by the other, and by both.

    The interval is of the logarithm, by Chapman's variance: count / c to count * c with c = exp(1.96 sqrt(log(1 +
    variance / count^2))) (Burnham et al. 1987); and wider by `DEPENDENCE`.
    """
    count = first_alone * second_alone / (both + 1.0)
    if count == 0.0:
        return Missed(0.0, 0.0, max(first_alone, _FEW) * max(second_alone, _FEW) / (both + 1.0))
    first, second = first_alone + both + 1.0, second_alone + both + 1.0
    variance = first * second * first_alone * second_alone / ((both + 1.0) ** 2 * (both + 2.0))
    factor = DEPENDENCE * exp(Z_95 * sqrt(log1p(variance / count**2)))
    return Missed(count, count / factor, count * factor)
