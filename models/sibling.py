"""What it says of a claim that another claim of the same platform subject has been decided.

Let j be the person of the other claim, p the probability with which j was decided, and rho the share of subjects whose
claims all fall on one person. The claim is not j's in two cases. Either the file is wrong: then it is not a stranger's,
for two strangers are hardly taken for each other, but a relative's, a twin's or a namesake's of j. How often each of
these is filed so cannot be learnt, and is not how common they are: twins are rare, but who looks for one finds the
other. So each kind is given a third, and h is the pattern's probability among the three in the mean. Or the file is
right, and the other claim is not j's either but somebody else's who is like j, again of one of the three. That person
is the one whom the other claim describes, as well as j is: where the other claim states a field, what this one says
there is as much of a slip with that person as with j. Only what the other claim leaves out can tell the two apart: h'
and m' are of the comparisons in which its pattern with j says nothing. So the odds are

    A = rho p / [ (1 - rho) max(1, h / m) + rho (1 - p) max(1, h' / m') ].

What the pattern as a whole says against j counts in full, and of each kind by itself nearly so, log2 of three at most
being forgiven; what it says for j counts for nothing. Agreement makes up for disagreement within the pattern, though:
somebody with another number and another date of birth is hardly a relative who bears the same name, nor a twin.

With A > 1 the odds of j over another candidate rise by A, as if each of them were filed with j for certain wherever the
file is wrong, and those over "nobody, or not searched" rise to A where they were lower. But together they never rise
over A: what the comparisons say is not counted again where the file is right. In Bayes factors, with B that of j, R the
sum of the others', and E that of "as likely as nobody and not searched together",

    B' = max(B, A E, min(A B, A (E + R))).

A <= 1 says nothing: a child's dose under its mother's subject is not made hers, and not less hers than it seemed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import RESEMBLING, Parameters
from models.posterior import masses_not_found

Vector = NDArray[np.float64]
Levels = NDArray[np.uint8]


def sibling_odds_log2(
    levels: Levels, of_other: Levels, reliability: Vector, chance: Vector, parameters: Parameters
) -> Vector:
    """log2 A: float64[n].

    Parameters
    ----------
    levels : uint8[n, n_comparisons], the claims' patterns with j
    of_other : uint8[n, n_comparisons], those of the other claims
    reliability, chance : float64[n], rho, under 1, and p
    """
    file_wrong = (1.0 - reliability) * _times_alike(levels, parameters)
    other_wrong = reliability * (1.0 - chance) * _times_alike(np.where(of_other > 0, 0, levels), parameters)
    return np.asarray(np.log2(reliability * chance) - np.log2(file_wrong + other_wrong))


def _times_alike(levels: Levels, parameters: Parameters) -> Vector:
    """max(1, h / m) of patterns: float64[n]; level 0 says nothing."""
    over_m = np.zeros(levels.shape[0])
    for shares in RESEMBLING:
        of_class = np.ones(levels.shape[0])
        for c, comparison in enumerate(parameters.comparisons):
            of_class *= np.where(levels[:, c] > 0, comparison.over_m(shares(comparison))[levels[:, c]], 1.0)
        over_m += of_class / len(RESEMBLING)
    return np.maximum(1.0, over_m)


def weight_with_sibling(
    weights: Vector, others: Vector, outside: Vector, odds_log2: Vector, parameters: Parameters
) -> Vector:
    """The match weight of j, log2 B': float64[n] from log2 B, R, the claims' `Parameters.times_outside`, and log2 A."""
    absent, missed = masses_not_found(outside, parameters)
    even = (absent + missed) * parameters.n_persons / parameters.share_in_registry
    least = np.maximum(np.log2(even), np.minimum(weights, np.log2(even + others)))
    return np.where(odds_log2 > 0, np.maximum(weights, least + odds_log2), weights)
