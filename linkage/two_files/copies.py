"""Copies: records that are equal in every column that a plan reads. Ten of them stand for all.

Ten thousand copies of a record would be fifty million pairs that all say the same, and training would take them for all
that matches are. What is decided of ten holds for all. The pairs of all copies of two records are written where these
are few; else each copy of the one with the first of the other, so that tables grow with the records, not their square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MOST_KEPT = 10  # of the copies of a record
MOST_PAIRS = MOST_KEPT**2  # of the copies of two records, that are all written
_SEPARATOR = "\x1f"  # "unit separator", which stands in no text that was typed


@dataclass(frozen=True)
class Copies:
    """The records of a file by group of copies.

    groups: int64[n], the group of each record; kept: int64[k], the records that stand for all, ascending; order:
    int64[n], records by group, the first of each first; starts: int64[n_groups + 1], where in it the groups start.
    Of a group in a crowd (`linkage.two_files.crowds`) fewer may be kept, or none.
    """

    groups: NDArray[np.int64]
    kept: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, records: pa.Table, columns: Sequence[str]) -> Copies:
        """The copies among records; null is the same as an empty text."""
        texts = [pc.fill_null(records.column(name).cast(pa.string()), "") for name in columns]
        joined = pc.binary_join_element_wise(*texts, _SEPARATOR)
        # Not joined to one array: texts of two gigabytes have no room in it.
        encoded = joined.dictionary_encode().chunks
        groups = np.concatenate([chunk.indices.to_numpy() for chunk in encoded]).astype(np.int64)
        order = np.argsort(groups, kind="stable")
        starts = np.append(0, np.cumsum(np.bincount(groups)))
        every = cls(groups, order, order, starts)
        return replace(every, kept=every.few(np.arange(starts.size - 1)))

    @classmethod
    def none(cls, n: int) -> Copies:
        """n records of which each stands for itself, equal or not."""
        each = np.arange(n)
        return cls(each, each, each, np.arange(n + 1))

    def sizes(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many records groups have: int64[n]."""
        return np.asarray(self.starts[groups + 1] - self.starts[groups])

    def n_standing(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many records stand for groups, but for crowds: int64[n]."""
        return np.minimum(self.sizes(groups), MOST_KEPT)

    def n_kept(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many records of groups are kept: int64[n]."""
        return np.bincount(self.groups[self.kept], minlength=self.starts.size - 1)[groups]

    def left_out(self) -> NDArray[np.int64]:
        """The first record of each group of which none is kept: int64[k], ascending."""
        groups = np.arange(self.starts.size - 1)
        groups = groups[self.n_kept(groups) == 0]
        return np.sort(self.members(groups, np.zeros_like(groups)))

    def few(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """The records of groups, the first ten of each: int64[k], ascending."""
        each = np.repeat(groups, self.n_standing(groups))
        return np.sort(self.members(each, places_in_runs(each)))

    def members(self, groups: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The records at places of groups: int64[n]."""
        return np.asarray(self.order[self.starts[groups] + places])


def spread(
    left: Copies, left_groups: NDArray[np.int64], right: Copies, right_groups: NDArray[np.int64], *, is_self: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pairs of records that pairs of groups stand for: the place of their pair of groups, the left and the right
    record, int64[n] each.

    is_self: the groups are of one file, a pair of a group with itself stands for the pairs inside it.
    """
    n_left, n_right = left.sizes(left_groups), right.sizes(right_groups)
    is_star = n_left * n_right > MOST_PAIRS
    n_pairs = np.where(is_star, n_left + n_right - 1, n_left * n_right)
    pair = np.repeat(np.arange(n_pairs.size), n_pairs)
    number = np.arange(pair.size) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
    width, is_star = n_right[pair], is_star[pair]
    # Of a star the first left copy with all right ones, then the other left ones with the first right one.
    is_first = number < width
    i = np.where(is_star, np.where(is_first, 0, number - width + 1), number // width)
    j = np.where(is_star, np.where(is_first, number, 0), number % width)
    if is_self:
        is_pair = (left_groups != right_groups)[pair] | (i < j)
        pair, i, j = pair[is_pair], i[is_pair], j[is_pair]
    return pair, left.members(left_groups[pair], i), right.members(right_groups[pair], j)


def join(
    copies: Copies, groups: NDArray[np.int64], others: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pairs that join the records of groups to others of the same file, as `spread`: each copy with the first of
    the other group."""
    pair = np.repeat(np.arange(groups.size), copies.sizes(groups))
    left = copies.members(groups[pair], places_in_runs(pair))
    right = copies.members(others[pair], np.zeros_like(pair))
    is_pair = left != right
    return pair[is_pair], left[is_pair], right[is_pair]


def places_in_runs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each value in its run of equal ones, from 0: int64[n]."""
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: values.size])
    return np.arange(values.size) - np.repeat(starts, np.diff(np.append(starts, values.size)))
