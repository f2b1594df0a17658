"""Term frequencies: how common a value is in the registry, by which an agreement on it is worth more or less.

Two people called Nguyễn Văn Hùng agree for little, two called Tòng Thị Phấu for much. Names are counted by sex, because
family, middle and given name are not independent of each other or of it. A frequency replaces u of the levels it is
about: it is handed to the scorer as the ratio r = frequency / u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.encode import Columns
from linkage.plan import Comparison, Plan

Ratios = NDArray[np.float32]

N_GROUPS = 3  # sex unknown, male, female
_SAME = 1
_NAME_PLAIN = (2, 3)  # levels of the name comparison that are about the name without tones or diacritics


@dataclass(frozen=True)
class Frequencies:
    """Counts of a column's values: values uint64[v] ascending, counts uint32[v, n_groups]."""

    values: NDArray[np.uint64]
    counts: NDArray[np.uint32]

    def shares(self, values: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Share of each value in each group: float64[n, n_groups]; a value that nobody bears counts as half a
        bearer."""
        if self.values.size == 0:
            return np.ones((values.size, self.counts.shape[1]))
        place = np.minimum(np.searchsorted(self.values, values), self.values.size - 1)
        found = self.values[place] == values
        counts = np.where(found[:, None], self.counts[place], 0)
        totals = np.maximum(self.counts.sum(axis=0, dtype=np.int64), 1)
        return np.asarray(np.maximum(counts, 0.5) / totals)

    def mean_share(self) -> NDArray[np.float64]:
        """Mean share of the value of a random bearer, by group: float64[n_groups]."""
        totals = np.maximum(self.counts.sum(axis=0, dtype=np.int64), 1)
        squares = (self.counts.astype(np.float64) ** 2).sum(axis=0)
        return np.asarray(np.maximum(squares, 0.5) / totals.astype(np.float64) ** 2)


def counted_columns(comparison: Comparison) -> list[str]:
    """The right columns whose values a comparison needs counted."""
    if not comparison.term_frequency:
        return []
    column = comparison.right[0]
    return [f"{column}.key", f"{column}.plain"] if comparison.kind == "vietnamese_name" else [column]


def count_frequencies(plan: Plan, columns: Columns) -> dict[str, Frequencies]:
    """Counts of every column that some comparison needs, from the encoded registry."""
    counted = {}
    for comparison in plan.comparisons:
        group = None if comparison.group is None else columns[comparison.group]
        for name in counted_columns(comparison):
            counted[name] = _count(columns[name], group)
    return counted


def _count(column: NDArray[np.generic], group: NDArray[np.generic] | None) -> Frequencies:
    """Counts by value, and by group when there is one; group 0 counts everybody."""
    known = column != 0
    values, place = np.unique(column[known].astype(np.uint64), return_inverse=True)
    if group is None:
        return Frequencies(values, np.bincount(place, minlength=values.size).astype(np.uint32)[:, None])
    of_group = np.bincount(place * N_GROUPS + group[known].astype(np.int64), minlength=values.size * N_GROUPS)
    counts = of_group.reshape(values.size, N_GROUPS)
    counts[:, 0] = counts.sum(axis=1)
    return Frequencies(values, counts.astype(np.uint32))


def frequency_ratios(
    comparison: Comparison,
    left: Columns,
    alternatives: NDArray[np.uint64],
    frequencies: dict[str, Frequencies],
    u: NDArray[np.float64],
) -> Ratios:
    """r of each subject, group and level: float32[n_subjects, n_groups, n_levels], 1 where no frequency applies.

    For the level that a value reaches by being equal, r is its frequency over u. For the levels of a name without
    tones or diacritics, whose probability falls with the name's frequency too, r is the plain name's frequency over
    its mean.

    alternatives: uint64[n_subjects, w], the values of the registry's column that count as equal to the subject's; 0
    for none.
    """
    column = comparison.left[0]
    if comparison.kind == "vietnamese_name":
        same, plain = frequencies[f"{column}.key"], frequencies[f"{column}.plain"]
        ratios = np.ones((alternatives.shape[0], N_GROUPS, u.size), np.float32)
        ratios[:, :, _SAME] = same.shares(left[f"{column}.key"].astype(np.uint64)) / u[_SAME]
        ratios[:, :, _NAME_PLAIN] = (plain.shares(left[f"{column}.plain"].astype(np.uint64)) / plain.mean_share())[
            :, :, None
        ]
        return ratios
    counted = frequencies[comparison.right[0]]
    shares = sum(np.where(values[:, None] == 0, 0.0, counted.shares(values)) for values in alternatives.T)
    ratios = np.ones((alternatives.shape[0], 1, u.size), np.float32)
    ratios[:, :, _SAME] = np.where(shares > 0, shares / u[_SAME], 1.0)
    return ratios
