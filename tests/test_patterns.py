"""Agreement patterns as integers, and the tables over them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.patterns import MAX_PATTERNS, PatternSpace

pytestmark = pytest.mark.kernel

radices = st.lists(st.integers(1, 6), min_size=1, max_size=5).map(tuple)


@given(radices)
def test_every_pattern_has_its_own_code_and_comes_back(n_levels: tuple[int, ...]) -> None:
    space = PatternSpace(n_levels)
    patterns = np.array(list(itertools.product(*map(range, n_levels))), np.uint8)
    codes = (patterns.astype(np.uint32) * np.array(space.strides, np.uint32)).sum(axis=1, dtype=np.uint32)
    assert sorted(codes.tolist()) == list(range(space.size))
    levels = space.levels_of(codes)
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, patterns)


@given(radices, st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_a_table_holds_the_sum_of_each_patterns_levels(n_levels: tuple[int, ...], n_first: int, seed: int) -> None:
    space = PatternSpace(n_levels)
    rng = np.random.default_rng(seed)
    by_level = [rng.normal(size=n) for n in n_levels]
    n_first = min(n_first, len(n_levels))
    table = space.sum_over_levels(by_level, n_first)
    codes = np.arange(table.size, dtype=np.uint32)
    levels = space.levels_of(codes)
    expected = [sum(by_level[c][levels[code, c]] for c in range(n_first)) for code in codes]
    assert table.size == np.prod(n_levels[:n_first], dtype=int)
    assert np.allclose(table, expected)
    # A partial pattern is the code of the whole one modulo the stride of the first comparison left out.
    if n_first < len(n_levels):
        whole = rng.integers(0, space.size, 50).astype(np.uint32)
        partial = whole % space.strides[n_first]
        assert np.array_equal(space.levels_of(partial)[:, :n_first], space.levels_of(whole)[:, :n_first])


def test_too_many_patterns_are_refused_with_their_number() -> None:
    assert PatternSpace((2,) * 25).size == MAX_PATTERNS
    with pytest.raises(ValueError, match=r"^67108864 agreement patterns are more than 33554432"):
        PatternSpace((2,) * 26)
    # More than an int64 holds.
    with pytest.raises(ValueError, match="merge levels"):
        PatternSpace((200,) * 12)


def test_the_largest_code_survives() -> None:
    space = PatternSpace((2,) * 25)
    assert space.levels_of(np.array([space.size - 1], np.uint32)).tolist() == [[1] * 25]
