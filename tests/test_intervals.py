"""Intervals against published figures and against summing the probabilities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import MODEL_SHAPE, predicted_count_interval, wilson_interval

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("n_seen", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
)
def test_wilson_interval_is_newcombes(n_seen: int, n: int, low: float, high: float) -> None:
    """The score method of Newcombe 1998, table I."""
    assert wilson_interval(n_seen / n, n) == pytest.approx((low, high), abs=6e-5)


def test_wilson_interval_holds_the_share_and_stays_within_0_and_1() -> None:
    for n in (1, 7, 1000):
        for seen in {0, 1, n // 2, n}:
            low, high = wilson_interval(seen / n, n)
            assert 0 <= low <= seen / n + 1e-12 <= high + 2e-12 <= 1 + 2e-12


def quantiles(expected: float, shape: float) -> tuple[int, int]:
    """By the recursion of the negative binomial's probabilities."""
    p = shape / (shape + expected)
    mass = below = p**shape
    count, low = 0, 0 if below > 0.025 else -1
    while below < 0.975:
        count += 1
        mass *= (count - 1 + shape) / count * (1 - p)
        below += mass
        low = count if low < 0 and below > 0.025 else low
    return low, count


@given(st.floats(1e-3, 500.0))
def test_predicted_count_is_the_negative_binomials(expected: float) -> None:
    assert predicted_count_interval(expected) == quantiles(expected, MODEL_SHAPE)


@pytest.mark.parametrize("expected", [0.0, 5e-324, 1e-16, 6e-16, 1e-9])
def test_hardly_anything_expected_is_nothing_seen(expected: float) -> None:
    """One match with a probability of 1 less the last bit makes 1.1e-16 expected false ones."""
    assert predicted_count_interval(expected) == (0, 0)


def test_predicted_counts_hold_the_expectation() -> None:
    for expected in (0.5, 3.0, 40.0, 2e4):
        low, high = predicted_count_interval(expected)
        assert low <= expected <= high
        assert not math.isclose(low, high)
