"""What it says of a claim that another claim of the same platform subject has been decided.

Let j be the person of the other claim, rho the share of subjects whose claims all fall on one person, and p the
probability with which j was decided. Given that the claim is not j's although it is filed under one subject with a
claim of j, it is taken for a relative's, not for a stranger's: relatives agree by level as often as ``household`` says,
which two strangers hardly do. What of the pattern is likelier among relatives than among matches counts against j in
full; what is likelier among matches counts for nothing, since twins agree in all but the given name, and namesakes in
that too. So the odds are

    A = rho p / (1 - rho p) * product over comparisons of min(1, m / household).

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

from models.parameters import Parameters
from models.posterior import masses_not_found

Vector = NDArray[np.float64]


def sibling_odds_log2(levels: NDArray[np.uint8], reliability: Vector, parameters: Parameters) -> Vector:
    """log2 A: float64[n], from patterns uint8[n, n_comparisons] and rho p, float64[n] under 1."""
    odds = np.log2(reliability) - np.log1p(-reliability) / np.log(2.0)
    for c, comparison in enumerate(parameters.comparisons):
        against = np.minimum(0.0, np.log2(comparison.m / comparison.household))
        odds += against[levels[:, c]]
    return np.asarray(odds)


def weight_with_sibling(
    weights: Vector, others: Vector, outside: Vector, odds_log2: Vector, parameters: Parameters
) -> Vector:
    """The match weight of j, log2 B': float64[n] from log2 B, R, the claims' `Parameters.times_outside`, and log2 A."""
    absent, missed = masses_not_found(outside, parameters)
    even = (absent + missed) * parameters.n_persons / parameters.share_in_registry
    least = np.maximum(np.log2(even), np.minimum(weights, np.log2(even + others)))
    return np.where(odds_log2 > 0, np.maximum(weights, least + odds_log2), weights)
