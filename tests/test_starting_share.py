"""How many matches chance does not explain is told before anything is learnt."""

from __future__ import annotations

import numpy as np
import pytest

from models.starting_share import least_matches

pytestmark = pytest.mark.kernel

N_PAIRS = 10**6


def strangers(rng: np.random.Generator, n_pairs: int = N_PAIRS) -> np.ndarray:
    """Bayes factors of strangers over five fields with ten values each; their mean is 1."""
    agrees = rng.random((n_pairs, 5)) < 0.1
    return np.where(agrees, 0.9 / 0.1, 0.1 / 0.9).prod(axis=1)


def test_strangers_are_no_matches() -> None:
    found = [least_matches(strangers(np.random.default_rng(seed)), N_PAIRS) for seed in range(20)]
    assert np.mean(found) < 2


@pytest.mark.parametrize("n_true", [10, 1000])
def test_sure_matches_are_counted(n_true: int) -> None:
    factors = np.append(strangers(np.random.default_rng(1)), np.full(n_true, 2.0**40))
    assert least_matches(factors, N_PAIRS) == pytest.approx(n_true, abs=3)


def test_candidates_that_passes_left_out_change_nothing() -> None:
    factors = np.append(strangers(np.random.default_rng(2)), np.full(50, 2.0**40))
    assert least_matches(factors[factors > 1], N_PAIRS) == least_matches(factors, N_PAIRS)


def test_nobody_met_is_no_match() -> None:
    assert least_matches(np.empty(0), N_PAIRS) == 0
    assert least_matches(np.zeros(3), N_PAIRS) == 0
