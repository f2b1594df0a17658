"""Units with a rate unlike all others: the posterior against exact sums, and what the ordinary ones are taken for."""

from __future__ import annotations

from math import comb, prod

import numpy as np
import pytest

from models.outlying import OUTLYING_SHARE, OrdinaryRate, ordinary_rate

pytestmark = pytest.mark.kernel


def naive_beta_binomial(k: int, n: int, a: float, b: float) -> float:
    """P(k hits in n trials) under a beta distribution of the rate, as a product: no function of the code under test."""
    rising = prod((a + i) / (a + b + i) for i in range(k)) * prod((b + i) / (a + b + k + i) for i in range(n - k))
    return comb(n, k) * rising


def counts(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(("k", "n"), [(3, 20), (10, 12), (20, 20), (60, 400)])
def test_the_posterior_is_that_of_two_beta_binomials(k: int, n: int) -> None:
    ordinary = OrdinaryRate(0.8, 49.2)
    unlike = OUTLYING_SHARE * naive_beta_binomial(k, n, 1.0, 1.0)
    like = (1.0 - OUTLYING_SHARE) * naive_beta_binomial(k, n, 0.8, 49.2)
    assert ordinary.outlying(counts(k), counts(n))[0] == pytest.approx(unlike / (unlike + like), rel=1e-9)


def test_a_lower_rate_than_the_ordinary_is_not_outlying() -> None:
    assert OrdinaryRate(5.0, 45.0).outlying(counts(0, 5), counts(400, 400)).tolist() == [0.0, 0.0]


def test_outlying_units_do_not_shape_the_ordinary_rate() -> None:
    rng = np.random.default_rng(4)
    trials = rng.integers(10, 60, 2000)
    hits = rng.binomial(trials, rng.beta(0.02 * 50, 0.98 * 50, trials.size))
    hits[:200] = rng.binomial(trials[:200], 0.97)
    found = ordinary_rate(hits, trials)
    assert found.mean == pytest.approx(0.02, abs=0.004)
    assert 30.0 < found.a + found.b < 90.0
    posterior = found.outlying(hits, trials)
    assert posterior[:200].min() > 0.999
    # Of those that are told, one in a hundred at most is ordinary.
    assert (posterior[200:] >= 0.99).sum() <= 0.01 * (posterior >= 0.99).sum()


def test_one_unit_alone_is_held_against_what_is_usual_anywhere() -> None:
    hits, trials = counts(30), counts(32)
    assert ordinary_rate(hits, trials).outlying(hits, trials)[0] > 0.999
    assert ordinary_rate(counts(0), counts(0)).outlying(counts(0), counts(0))[0] == 0.0


def test_three_in_four_outlying_units_are_told_from_the_fourth() -> None:
    hits, trials = counts(40, 40, 39, 0), counts(40, 40, 40, 40)
    assert ordinary_rate(hits, trials).outlying(hits, trials)[:3].min() > 0.999
