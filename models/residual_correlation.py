"""How far the comparisons of matches agree together more, or less, than the model supposes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters

Vector = NDArray[np.float64]


FEWEST_TOGETHER = 200.0  # matches, with fewer a correlation is mostly chance: up to 2 / sqrt(200) = 0.14


def residual_correlation(parameters: Parameters, levels: NDArray[np.uint8], matches: Vector) -> Vector:
    """Correlation of agreement between comparisons among the matches: float64[n_comparisons, n_comparisons].

    The model takes comparisons as independent given a match, so everything off the diagonal should be 0; what is not
    makes probabilities too sure, or too timid where it is negative. A level is an agreement when m > u. levels:
    uint8[n_patterns, n_comparisons], matches: float64[n_patterns], expected matches by pattern; pairs of comparisons
    that are both known in fewer than `FEWEST_TOGETHER` matches, or never vary, have correlation 0. What the right side
    lacks is not known.
    """
    agrees = [(c.m > c.u).astype(np.float64)[levels[:, i]] for i, c in enumerate(parameters.comparisons)]
    is_known = [(levels[:, i] > 0) & (levels[:, i] < c.n_compared) for i, c in enumerate(parameters.comparisons)]
    table = np.eye(len(agrees))
    for i in range(len(agrees)):
        for j in range(i):
            mass = np.where((matches > 0) & is_known[i] & is_known[j], matches, 0.0)
            total = mass.sum()
            if total < FEWEST_TOGETHER:
                continue
            p, q = (mass * agrees[i]).sum() / total, (mass * agrees[j]).sum() / total
            spread = np.sqrt(p * (1 - p) * q * (1 - q))
            both = (mass * agrees[i] * agrees[j]).sum() / total
            table[i, j] = table[j, i] = (both - p * q) / spread if spread > 0 else 0.0
    return table
