"""What it says of a claim that another claim of the same platform subject has been decided.

Let j be the person of the other claim, rho the share of subjects whose claims all fall on one person, and p the
probability with which j was decided. Given that the claim is not j's although it is filed under one subject with a
claim of j, it is taken for a relative's, a twin's or a namesake's of j, as often as the model expects these: not for a
stranger's, for two strangers hardly agree as such people do. With h the probability of the pattern among them,

    A = rho p / (1 - rho p) * min(1, m / h),    h = sum of rate_k h_k / sum of rate_k

So what the pattern as a whole says against j counts in full, and what it says for j counts for nothing. Agreement makes
up for disagreement within the pattern, though: a claim that differs from j in number and date but agrees in the name is
hardly a child's. Of a name so common that relatives agree in it for that, h is what makes the match weight.

With A > 1 the odds of j over another candidate rise by A, as if each of them were filed with j for certain wherever the
file is wrong, and those over "nobody, or not searched" rise to A where they were lower. But together they never rise
over A: what the comparisons say is not counted again where the file is right. In Bayes factors, with B that of j, R the
sum of the others', and E that of "as likely as nobody and not searched together",

    B' = max(B, A E, min(A B, A (E + R))).

A <= 1 says nothing: a child's dose under its mother's subject is not made hers, and not less hers than it seemed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters
from models.posterior import masses_not_found

Vector = NDArray[np.float64]

# What relatives have more for a common value's sake is known as the rest of a sum: less than these parts, of what they
# have otherwise and of the sum, is rounding.
_MORE, _OF_SUM = 1e-3, 1e-12


def sibling_odds_log2(
    levels: NDArray[np.uint8], weights: Vector, ratios: Vector, reliability: Vector, parameters: Parameters
) -> Vector:
    """log2 A: float64[n], from the pairs' patterns, uint8[n, n_comparisons], match weights and term frequency ratios,
    and rho p, float64[n] under 1."""
    filed = np.log2(reliability) - np.log1p(-reliability) / np.log(2.0)
    m_u = parameters.pattern_weights(levels)
    rates = parameters.household_rate + parameters.twin_rate + parameters.namesake_rate
    if rates == 0.0:  # a model that knows of nobody alike is told of relatives by its plan
        parameters, rates = replace(parameters, household_rate=1.0), 1.0
    n = parameters.n_persons
    by_pattern = parameters.household_odds(levels, n) + parameters.twin_odds(levels, n)
    by_pattern += parameters.namesake_odds(levels, n)
    # A match weight is log2 (m / u) / (r + q), so this is q with what it has more for a common value's sake.
    of_pair = np.exp2(m_u - weights) - ratios
    is_more = of_pair - by_pattern > _MORE * by_pattern + _OF_SUM * ratios
    resembling = np.where(is_more, of_pair, by_pattern)
    return np.asarray(filed + np.minimum(0.0, m_u - np.log2(resembling * (n / rates))))


def weight_with_sibling(
    weights: Vector, others: Vector, outside: Vector, odds_log2: Vector, parameters: Parameters
) -> Vector:
    """The match weight of j, log2 B': float64[n] from log2 B, R, the claims' `Parameters.times_outside`, and log2 A."""
    absent, missed = masses_not_found(outside, parameters)
    even = (absent + missed) * parameters.n_persons / parameters.share_in_registry
    least = np.maximum(np.log2(even), np.minimum(weights, np.log2(even + others)))
    return np.where(odds_log2 > 0, np.maximum(weights, least + odds_log2), weights)
