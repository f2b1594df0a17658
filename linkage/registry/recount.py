"""Term frequencies after changes: what a few rows that went and a few that came do to the counts of a registry.

Only values that these rows bear have other counts than before. A table holds the old ones, but for those who were alone
with their value in a commune or cohort: these are counted in the columns again. All counts are whole numbers, so the
result is that of counting the changed registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys
from linkage.encode.dictionaries import Columns
from linkage.machine.threads import in_order
from linkage.plan.sections import Plan
from linkage.registry.count_kernels import ONE_GROUP, count_listed, slots_of
from linkage.registry.frequencies import N_GROUPS, Frequencies, looked_up, sums
from linkage.registry.value_counts import ALONE_LEFT_OUT, Counts, count_part, counted_values, needed_columns

_ROWS_AT_ONCE = 1 << 20
_AHEAD = 2


def recount(
    plan: Plan,
    columns: Columns,
    before: Mapping[str, Frequencies],
    removed: NDArray[np.uint32],
    added: Columns,
    pool: Executor,
) -> dict[str, Frequencies]:
    """The frequencies of a registry without some of its rows and with others.

    Parameters
    ----------
    columns : encoded columns of the registry before
    before : its frequencies
    removed : uint32[k], its rows that are gone
    added : encoded columns of the rows that came
    """
    counted = {name: columns[name] for name in needed_columns(plan)}
    gone = count_part(plan, {name: column[removed] for name, column in counted.items()})
    come = count_part(plan, added)
    values = {name: np.union1d(gone[name].values, come[name].values) for name in before}
    tabled = {name: looked_up(values[name], table.values, table.counts) for name, table in before.items()}
    is_tabled = {name: is_there for name, (_, is_there) in tabled.items()}
    unknown = {name: values[name][~is_tabled[name]] for name in before if name.endswith(ALONE_LEFT_OUT)}
    alone = _counted_again(plan, counted, {name: listed for name, listed in unknown.items() if listed.size}, pool)
    after = {}
    for name, table in before.items():
        then = tabled[name][0].astype(np.int64)
        if name in alone:
            then[~is_tabled[name]] = alone[name][:, : then.shape[1]]
        now = then + _placed(come[name], values[name]) - _placed(gone[name], values[name])
        before_and_now = zip(sums(name, values[name], then), sums(name, values[name], now), strict=True)
        bearers, squares = (
            total + after - before
            for total, (before, after) in zip((table.bearers, table.squares), before_and_now, strict=True)
        )
        if name in unknown:
            now[now[:, 0] <= 1] = 0  # no entry says so as well, see linkage.registry.value_counts
        after[name] = Frequencies(table.values, table.counts, bearers, squares, (values[name], now.astype(np.uint32)))
    return after


def _placed(counts: Counts, values: Keys) -> NDArray[np.int64]:
    """Counts at the places of their values among ``values``, which hold them all: int64[v, n_groups]."""
    placed = np.zeros((values.size, counts.counts.shape[1]), np.int64)
    placed[np.searchsorted(values, counts.values)] = counts.counts
    return placed


def _counted_again(
    plan: Plan, columns: Columns, listed: Mapping[str, Keys], pool: Executor
) -> dict[str, NDArray[np.int64]]:
    """How many rows bear each of the listed values, by table: int64[v, N_GROUPS]."""
    slots = {name: slots_of(values) for name, values in listed.items()}
    total = {name: np.zeros((values.size, N_GROUPS), np.int64) for name, values in listed.items()}

    def work(start: int) -> dict[str, NDArray[np.int64]]:
        counts = {name: np.zeros_like(of_all) for name, of_all in total.items()}
        rows = {name: column[start : start + _ROWS_AT_ONCE] for name, column in columns.items()}
        tables = {name: (values, group) for name, values, group in counted_values(plan, rows)}
        for name in listed:
            values, group = tables[name]
            groups = ONE_GROUP if group is None else np.ascontiguousarray(group, np.uint8)
            count_listed(values, groups, listed[name], slots[name], counts[name])
        return counts

    starts = range(0, next(iter(columns.values())).shape[0], _ROWS_AT_ONCE) if listed else ()
    for counts in in_order((partial(work, start) for start in starts), pool, _AHEAD):
        for name, of_all in total.items():
            of_all += counts[name]
    return total
