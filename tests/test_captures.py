"""Matches that no pass finds, against populations whose size is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.captures import missed_by_both

pytestmark = pytest.mark.kernel

N = 100_000


def test_the_example_of_chapman() -> None:
    """Two samples of 200 and 100 of a population, 50 in both (Seber 1982, section 3.1): 150 x 50 / 51 in neither."""
    found = missed_by_both(150, 50, 50)
    assert found.count == pytest.approx(147.06, abs=0.01)
    assert found.low < 147 / 2 < 147 * 2 < found.high


def drawn(rng: np.random.Generator, moved: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether number and name find each of a population, and who is settled: a fifth states no number, which seven in
    eight of the others have right; a share moved, and exact agreement settles most whom both find."""
    by_number = (rng.random(N) < 0.8) & (rng.random(N) < 7 / 8)
    by_name = rng.random(N) < 1 - moved
    return by_number, by_name, by_number & by_name & (rng.random(N) < 0.9)


@pytest.mark.parametrize("moved", [0.002, 0.03, 0.2])
def test_claims_without_a_number_are_not_taken_for_missed_ones(moved: float) -> None:
    held, ratios = 0, []
    for seed in range(50):
        by_number, by_name, settled = drawn(np.random.default_rng(seed), moved)
        missed = int((~by_number & ~by_name).sum())
        found = missed_by_both(
            float((by_number & ~by_name).sum()),
            float((by_name & ~by_number).sum()),
            float((by_number & by_name & ~settled).sum() + settled.sum()),
        )
        held += found.low <= missed <= found.high
        ratios.append(found.count / missed)
    assert held >= 48
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)


def test_nobody_found_by_one_way_alone_leaves_a_bound() -> None:
    found = missed_by_both(0, 1000, 50_000)
    assert (found.count, found.low) == (0.0, 0.0)
    assert 0.0 < found.high < 0.1
