"""Copies stand for each other: who is one, and which pairs of records a pair of groups means."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.two_files.copies import MOST_KEPT, MOST_PAIRS, Copies, spread


def copies_of(names: list[str]) -> Copies:
    return Copies.of(pa.table({"id": [str(i) for i in range(len(names))], "name": names}), ["name"])


def test_copies_are_equal_in_every_column_read() -> None:
    table = pa.table({"id": list("abcde"), "x": ["1", "1", "1", None, ""], "y": ["2", "2", "3", "2", "2"]})
    copies = Copies.of(table, ["x", "y"])
    assert copies.groups.tolist() == [0, 0, 1, 2, 2]
    assert copies.sizes(copies.groups).tolist() == [2, 2, 1, 2, 2]
    assert copies.members(np.array([0, 0, 1, 2]), np.array([0, 1, 0, 1])).tolist() == [0, 1, 2, 4]


def test_columns_are_kept_apart() -> None:
    table = pa.table({"x": ["1", "12"], "y": ["23", "3"]})
    assert Copies.of(table, ["x", "y"]).groups.tolist() == [0, 1]


def test_chunks_do_not_show() -> None:
    names = ["a", "b", "a", "c", "b"]
    table = pa.table({"name": pa.chunked_array([names[:2], names[2:4], names[4:]])})
    assert Copies.of(table, ["name"]).groups.tolist() == copies_of(names).groups.tolist()


def test_ten_stand_for_all() -> None:
    copies = copies_of(["a"] * 30 + ["b"] + ["a"] * 5)
    assert copies.kept.tolist() == [*range(MOST_KEPT), 30]
    assert copies.n_standing(np.array([0, 1])).tolist() == [MOST_KEPT, 1]


Names = st.lists(st.sampled_from("abc"), min_size=1, max_size=25)


def named(left: list[str], right: list[str], *, is_self: bool) -> list[tuple[int, int, int]]:
    """The pairs of records of every pair of groups, with its place."""
    of_left, of_right = copies_of(left), copies_of(right)
    n_left, n_right = of_left.starts.size - 1, of_right.starts.size - 1
    groups = list(combinations(range(n_left), 2)) if is_self else list(product(range(n_left), range(n_right)))
    groups += [(g, g) for g in range(n_left)] if is_self else []
    a, b = (np.array([pair[side] for pair in groups], np.int64) for side in range(2))
    place, i, j = spread(of_left, a, of_right, b, is_self=is_self)
    assert [left[k] for k in i] == [left[of_left.order[of_left.starts[a[k]]]] for k in place]
    assert [right[k] for k in j] == [right[of_right.order[of_right.starts[b[k]]]] for k in place]
    return list(zip(place.tolist(), i.tolist(), j.tolist(), strict=True))


@given(Names, Names)
def test_few_copies_make_all_their_pairs(left: list[str], right: list[str]) -> None:
    pairs = [pair[1:] for pair in named(left[:10], right[:10], is_self=False)]
    assert sorted(pairs) == sorted(product(range(len(left[:10])), range(len(right[:10]))))


@given(Names)
def test_few_copies_in_one_file_make_each_pair_once(names: list[str]) -> None:
    few = names[:10]
    pairs = [tuple(sorted(pair[1:])) for pair in named(few, few, is_self=True)]
    assert sorted(pairs) == list(combinations(range(len(few)), 2))


@pytest.mark.parametrize("n", [MOST_KEPT + 1, 1000])
def test_many_copies_make_a_star(n: int) -> None:
    assert n * n > MOST_PAIRS
    inside = [pair[1:] for pair in named(["a"] * n, ["a"] * n, is_self=True)]
    assert inside == [(0, other) for other in range(1, n)]
    across = [pair[1:] for pair in named(["a"] * n, ["b"] * n, is_self=False)]
    assert across == [*((0, j) for j in range(n)), *((i, 0) for i in range(1, n))]
