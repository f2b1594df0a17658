"""Intervals of 95 % for rates: seen ones, and ones that a model expects."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt

Z_95 = 1.959963984540054  # the normal quantile of a two-sided interval of 95 %

# A model's own error expectation is trusted to a factor of about two either way: the shape of a gamma distribution
# whose 95 % range is 0.36 to 1.97 times its mean. Calibration on simulated batches stayed well within it.
MODEL_SHAPE = 6.0
MANY = 10_000


def wilson_interval(share: float, n: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval for a share seen in ``n`` independent trials, n > 0; z: the normal quantile of its level.

    Reference: E. B. Wilson, "Probable inference", JASA 22 (1927).
    """
    centre = share + z**2 / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def predicted_count_interval(expected: float, shape: float = MODEL_SHAPE) -> tuple[int, int]:
    """Where a count lies that a model expects to be ``expected``: the 2.5 % and 97.5 % quantiles.

    The count is Poisson about a mean that is itself uncertain, gamma with the given shape: a negative binomial.
    """
    if not 0.0 <= expected < float("inf"):
        raise ValueError(f"an expected count is a finite number from 0 on, not {expected}")
    if expected == 0.0:
        return 0, 0
    if expected > MANY:
        # Where a count is large its own scatter no longer matters beside that of the mean, and a normal curve serves.
        spread = Z_95 * sqrt(expected + expected**2 / shape)
        return max(0, int(expected - spread)), int(expected + spread) + 1
    # The logarithms of success and failure, each exact where the other is next to 0.
    success, failure = -log1p(expected / shape), log(expected) - log(shape + expected)
    low, count, below = -1, 0, 0.0
    while True:
        below += exp(lgamma(count + shape) - lgamma(shape) - lgamma(count + 1) + shape * success + count * failure)
        if low < 0 and below > 0.025:
            low = count
        if below >= 0.975:
            return low, count
        count += 1
