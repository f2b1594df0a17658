"""Counts the values of a registry for its term frequencies, part by part, so that it need not fit in memory.

Every part is counted by itself into a table of values and counts; the tables are added up over ranges of values, one
range at a time. Counts are whole numbers, so neither the parts nor the ranges show in the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, within
from linkage.encode.dictionaries import Columns
from linkage.encode.keys import whole_values
from linkage.plan.kinds import COMPARISON_KINDS
from linkage.plan.sections import Comparison, Plan
from linkage.registry.cohorts import cohorts_of, within_cohort
from linkage.registry.frequencies import COHORT, LOCAL, N_GROUPS, PEOPLE, Frequencies, sums

RANGE_ENTRIES = 1 << 20
ALONE_LEFT_OUT = (LOCAL, COHORT)  # tables that hold only values with two bearers at least


@dataclass(frozen=True)
class Counts:
    """Bearers of values: values uint64[v] ascending, distinct, 0 left out; counts uint32[v, n_groups], the last axis
    everybody, or everybody, men and women."""

    values: NDArray[np.uint64]
    counts: NDArray[np.uint32]


def counted_columns(comparison: Comparison) -> list[str]:
    """The right columns whose values a comparison needs counted."""
    counted = COMPARISON_KINDS[comparison.kind].counted if comparison.term_frequency else ()
    return [comparison.right[0] + part for part in counted]


def count_widths(plan: Plan) -> dict[str, int]:
    """The tables that a plan needs, with the number of their groups."""
    widths: dict[str, int] = {}
    for comparison in plan.comparisons:
        for name in counted_columns(comparison):
            names = [name, name + LOCAL, comparison.name + PEOPLE] if comparison.local else [name]
            names += [] if comparison.cohort is None else [name + COHORT]
            widths |= dict.fromkeys(names, 1 if comparison.group is None else N_GROUPS)
    return widths


def counted_values(plan: Plan, columns: Columns) -> Iterator[tuple[str, Keys, NDArray[np.generic] | None]]:
    """(table, value of each row, group of each row or None) of every table, over encoded rows of the registry."""
    for comparison in plan.comparisons:
        group = None if comparison.group is None else columns[comparison.group]
        for name in counted_columns(comparison):
            values = whole_values(columns[name])
            yield name, values, group
            if comparison.local:
                communes = _communes(plan, columns)
                groups = None if group is None else np.tile(group, len(communes))
                yield name + LOCAL, np.concatenate([within(values, commune) for commune in communes]), groups
                yield comparison.name + PEOPLE, np.concatenate(communes), groups
            if comparison.cohort is not None:
                yield name + COHORT, within_cohort(values, cohorts_of(columns[comparison.cohort])), group


def _communes(plan: Plan, columns: Columns) -> list[Keys]:
    """The communes where people are counted, one array for each column of the place: people whose current stay is
    elsewhere belong to both, and are found in both; 0 where a column says nothing new."""
    communes: list[Keys] = []
    for name in plan.place.right:
        commune = columns[name].astype(np.uint64)
        for before in communes:
            commune = np.where(commune == before, np.uint64(0), commune)
        communes.append(commune)
    return communes


def most_counted(plan: Plan, columns: Columns) -> NDArray[np.int64]:
    """How many times a row is counted in one table, at most: int64[n_rows], one or more."""
    times = np.ones(next(iter(columns.values())).shape[0], np.int64)
    if any(comparison.local for comparison in plan.comparisons):
        for name in plan.place.right[1:]:
            times += columns[name] != 0
    return times


def needed_columns(plan: Plan) -> set[str]:
    """The columns of the registry that `counted_values` looks at."""
    names: set[str] = set()
    for comparison in plan.comparisons:
        counted = counted_columns(comparison)
        if counted:
            names.update(counted, plan.place.right if comparison.local else ())
            names.update(name for name in (comparison.group, comparison.cohort) if name is not None)
    return names


def count_part(plan: Plan, columns: Columns) -> dict[str, Counts]:
    """Counts of every column that some comparison needs, over the encoded rows of one part of the registry."""
    return {name: _count(values, group) for name, values, group in counted_values(plan, columns)}


def add_up(name: str, parts: Sequence[Counts], range_entries: int = RANGE_ENTRIES) -> Frequencies:
    """The frequencies of a table from its parts; range_entries: how many entries of the parts to add up at a time."""
    kept, totals = [], []
    for low, high in _ranges(parts, range_entries):
        added = _added(parts, low, high)
        totals.append(sums(name, added.values, added.counts))
        kept.append(_namesakes(added) if name.endswith(ALONE_LEFT_OUT) else added)
    values, counts = ([getattr(part, field) for part in kept] for field in ("values", "counts"))
    bearers, squares = (np.sum(parts, axis=0) for parts in zip(*totals, strict=True))
    return Frequencies(np.concatenate(values), np.concatenate(counts), bearers, squares)


def _namesakes(part: Counts) -> Counts:
    """Without those who are alone with their value in the commune or cohort: no entry says so as well."""
    has_namesake = part.counts[:, 0] > 1
    return Counts(part.values[has_namesake], part.counts[has_namesake])


def _ranges(parts: Sequence[Counts], range_entries: int) -> list[tuple[int, int]]:
    """Ranges [low, high) of values that hold about so many entries each, from a sample of the values."""
    n_ranges = -(-sum(part.values.size for part in parts) // range_entries)
    step = max(1, range_entries // 1024)
    sample = np.unique(np.concatenate([part.values[::step] for part in parts]))
    inner = sample[np.linspace(0, sample.size, max(1, n_ranges), endpoint=False).astype(np.int64)[1:]]
    edges = [0, *np.unique(inner).tolist(), 1 << 64]
    return list(pairwise(edges))


def _added(parts: Sequence[Counts], low: int, high: int) -> Counts:
    """The counts of the values in [low, high) over all parts."""
    cuts = [slice(*(_position(part.values, edge) for edge in (low, high))) for part in parts]
    values = np.concatenate([part.values[cut] for part, cut in zip(parts, cuts, strict=True)])
    counts = np.concatenate([part.counts[cut] for part, cut in zip(parts, cuts, strict=True)])
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: values.size])
    return Counts(values[starts], np.add.reduceat(counts, starts, axis=0, dtype=np.uint32) if starts.size else counts)


def _position(values: NDArray[np.uint64], edge: int) -> int:
    return int(values.size if edge > np.iinfo(np.uint64).max else np.searchsorted(values, np.uint64(edge)))


def _count(column: Keys, group: NDArray[np.generic] | None) -> Counts:
    """Counts by value, and by group when there is one; group 0 counts everybody."""
    if column.ndim != 1:
        raise ValueError(f"term frequencies count one value a record, not a column of shape {column.shape}")
    known = column != 0
    values, place = np.unique(column[known], return_inverse=True)
    if group is None:
        return Counts(values, np.bincount(place, minlength=values.size).astype(np.uint32)[:, None])
    of_group = np.bincount(place * N_GROUPS + group[known].astype(np.int64), minlength=values.size * N_GROUPS)
    counts = of_group.reshape(values.size, N_GROUPS)
    counts[:, 0] = counts.sum(axis=1)
    return Counts(values, counts.astype(np.uint32))
