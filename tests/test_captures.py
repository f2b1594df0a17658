"""Matches that no pass finds, against populations whose size is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.captures import missed_by_captures

pytestmark = pytest.mark.kernel

N = 20_000


def captured(rng: np.random.Generator, chances: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many captures find each of a population; chances: float64[n, n_captures]."""
    return (rng.random(chances.shape) < chances).sum(axis=1)


def test_the_example_of_chao() -> None:
    """Cottontails of Edwards and Eberhardt 1967, 18 nights: 43 caught once and 16 twice, 76 in all; 135 there are."""
    times = np.repeat([1, 2, 3, 4], [43, 16, 8, 9])
    found = missed_by_captures(times, 18)
    assert 76 + found.count == pytest.approx(126, abs=1)
    assert 76 + found.low < 135 < 76 + found.high


def test_the_interval_holds_what_is_missed_though_chances_differ() -> None:
    """A few state no number and nothing but their name, place and date, which a pass may still miss."""
    chances = np.tile([0.95, 0.9, 0.9, 0.85, 0.6, 0.4], (N, 1))
    chances[:4000] = [0.0, 0.9, 0.9, 0.8, 0.4, 0.0]
    held, ratios = 0, []
    for seed in range(100):
        times = captured(np.random.default_rng(seed), chances)
        missed = int((times == 0).sum())
        found = missed_by_captures(times[times > 0], chances.shape[1])
        held += found.low <= missed <= found.high
        ratios.append(found.count / missed)
    assert held >= 88
    assert np.median(ratios) == pytest.approx(1.0, abs=0.3)


def test_nobody_found_once_leaves_a_bound() -> None:
    found = missed_by_captures(np.full(1000, 2), 3)
    assert (found.count, found.low) == (0.0, 0.0)
    assert 0.0 < found.high < 0.1
