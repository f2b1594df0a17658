"""Term frequencies: how common a value is in the registry, by which an agreement on it is worth more or less.

Two people called Nguyễn Văn Hùng agree for little, two called Tòng Thị Phấu for much. Names are counted by sex, because
family, middle and given name are not independent of each other or of it; within the cohort of birth, because names
change with the times; and within the commune, because a name or an ethnic group that is rare in the country may be
everybody's in one commune. A frequency replaces u of the levels it is about: it is handed to the scorer as the ratio
r = frequency / u. The shares themselves: `models.term_frequency`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, within
from linkage.encode.dictionaries import Columns
from linkage.plan.kinds import COMPARISON_KINDS, TEXT_MEASURES
from linkage.plan.sections import Comparison
from linkage.registry.cohorts import N_COHORTS, cohorts_in, within_cohort
from linkage.registry.count_kernels import look_up
from models.comparators import name as names
from models.term_frequency import cohort_share, country_share, level_ratios, local_share, name_shares, others

Ratios = NDArray[np.float64]
Shares = NDArray[np.float64]
Number = TypeVar("Number", bound=np.number)

STORED = ("values", "counts", "bearers", "squares")  # what a file of frequencies is made of
N_GROUPS = 3  # sex unknown, male, female
LOCAL, PEOPLE = "@commune", "@people"  # mark the counts of values within a commune, and of the people in it
COHORT = "@cohort"  # marks the counts of values within a cohort of birth
_SAME = 1
# How far the frequency of a value itself tells that of what is near it, by level: see `level_ratios`. Without its tones
# or diacritics a name is as common as it is plain; of names that are less alike, and texts, half of it or so is known.
_NAME_TRUST = {
    "same without tones": 1.0,
    "same without diacritics": 1.0,
    "order changed": 0.5,
    "abbreviated": 0.5,
    "one syllable sounds alike or has a slip": 2 / 3,
    "one syllable missing": 0.5,
    "one common syllable is like another": 0.5,
}
_TEXT_TRUST = 0.5
_VALUES_AT_ONCE = 1 << 20
_RAREST = 1e-4  # no share within a commune is taken for less


@dataclass(frozen=True)
class Frequencies:
    """Counts of a column's values: values uint64[v] ascending, counts uint32[v, n_groups]; group 0 is everybody.

    bearers, squares: int64[n_groups], or int64[n_cohorts, n_groups] of a table by cohort: the sums of the counts and of
    their squares, those not stored included, exact, so that they are the same whatever the counts were added up from.
    recounted: (values, counts) alike that hold instead of those, since the registry changed; a count of 0 is a value
    that nobody bears any more.
    """

    values: NDArray[np.uint64]
    counts: NDArray[np.uint32]
    bearers: NDArray[np.int64]
    squares: NDArray[np.int64]
    recounted: tuple[NDArray[np.uint64], NDArray[np.uint32]] | None = None

    @classmethod
    def of(cls, values: NDArray[np.uint64], counts: NDArray[np.uint32]) -> Frequencies:
        """Counts of a table of all cohorts with their sums."""
        return cls(values, counts, *sums("", values, counts))

    def counts_of(self, values: Keys) -> NDArray[np.uint32]:
        """Bearers of each value by group: uint32[n, n_groups]."""
        counts, _ = looked_up(values, self.values, self.counts)
        if self.recounted is not None:
            now, is_recounted = looked_up(values, *self.recounted)
            counts[is_recounted] = now[is_recounted]
        return counts

    def in_force(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint32]]]:
        """The values that somebody bears, ascending, with their counts, some at a time."""
        now = (self.values[:0], self.counts[:0]) if self.recounted is None else self.recounted
        starts = [*range(0, self.values.size, _VALUES_AT_ONCE)] or [0]
        cuts = [0, *np.searchsorted(now[0], self.values[starts[1:]]).tolist(), now[0].size]
        for start, low, high in zip(starts, cuts[:-1], cuts[1:], strict=True):
            part = slice(start, start + _VALUES_AT_ONCE)
            stays = ~np.isin(self.values[part], now[0][low:high])
            values = np.concatenate([self.values[part][stays], now[0][low:high]])
            counts = np.concatenate([self.counts[part][stays], now[1][low:high]])
            order = np.argsort(values)
            order = order[counts[order, 0] > 0]
            yield values[order], counts[order]

    def sha256(self) -> str:
        """A hash of what is in force, the same whether a registry was built afresh or changed to what it is."""
        digest = hashlib.sha256()
        for values, counts in self.in_force():
            halves = values.astype("<u8").view("<u4").reshape(-1, 2)
            digest.update(np.concatenate([halves, counts.astype("<u4")], axis=1).tobytes())
        for total in (self.bearers, self.squares):
            digest.update(np.ascontiguousarray(total, "<i8").tobytes())
        return digest.hexdigest()

    def shares(self, values: Keys) -> Shares:
        """Share of each value by group: float64[n, n_groups]; a value that nobody bears counts as half a bearer."""
        return np.asarray(country_share(self.counts_of(values), self.bearers))

    def mean_share(self) -> Shares:
        """Mean share of the value of a random bearer, by group: float64[n_groups]."""
        bearers = np.maximum(self.bearers, 1).astype(np.float64)
        return np.asarray(np.maximum(self.squares.astype(np.float64), 0.5) / bearers**2)


def sums(name: str, values: Keys, counts: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sums of counts and of their squares in a table of that name, see `Frequencies`."""
    wide = counts.astype(np.int64)
    if not name.endswith(COHORT):
        return wide.sum(axis=0), (wide**2).sum(axis=0)
    of_cohort = [wide[cohorts_in(values) == cohort] for cohort in range(N_COHORTS)]
    return np.stack([n.sum(axis=0) for n in of_cohort]), np.stack([(n**2).sum(axis=0) for n in of_cohort])


def stored_tables(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Frequencies]:
    """The tables that an index keeps as arrays called ``TABLE.PART``."""
    names = sorted({name.rpartition(".")[0] for name in arrays})
    tables = {}
    for name in names:
        values, counts, bearers, squares = (arrays[f"{name}.{part}"] for part in STORED)
        tables[name] = Frequencies(values, counts, bearers, squares)
    return tables


def recounted_tables(tables: Mapping[str, Frequencies], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Frequencies]:
    """The tables with what was counted again since the registry changed, in arrays called alike."""
    found = {}
    for name, table in tables.items():
        values, counts, bearers, squares = (arrays[f"{name}.{part}"] for part in STORED)
        found[name] = Frequencies(table.values, table.counts, bearers, squares, (values, counts))
    return found


def looked_up(
    values: Keys, table: NDArray[np.uint64], counts: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """The counts uint32[n, n_groups] of values in a table, 0 where they are not, and whether they are: bool[n]."""
    found, is_there = np.zeros((values.size, counts.shape[1]), np.uint32), np.zeros(values.size, np.bool_)
    if table.size > 0:
        look_up(values, table, counts, found, is_there)
    return found, is_there


def frequency_ratios(
    comparison: Comparison,
    left: Columns,
    alternatives: Keys,
    communes: Keys | None,
    cohorts: Keys | None,
    frequencies: dict[str, Frequencies],
    u: NDArray[np.float64],
) -> Ratios:
    """r of each claim and group: float64[n_claims, n_circles * n_groups, n_levels].

    For the level that a value reaches by being equal, r is its frequency over u. For the levels of a name without tones
    or diacritics, whose probability falls with the name's frequency too, r is the plain name's frequency over its mean;
    for those of names and texts that are near it is drawn towards 1, for what is near a common value is common, but
    less surely. The groups stand there once for each circle: the country's ratios; of a local comparison those within
    the claim's commune; then, of one by cohort, these again within the claim's cohort.

    Parameters
    ----------
    alternatives : uint64[n_claims, w], the registry's values that count as equal to the claim's; 0 for none
    communes : uint64[n_claims, w], the registry communes of the claim, for a local comparison
    cohorts : uint64[n_claims], the cohort of the claim, for a comparison by cohort
    u : float64[n_levels] of the comparison
    """
    counts = _Counts(frequencies, f"{comparison.name}{PEOPLE}", communes, cohorts)
    parts = COMPARISON_KINDS[comparison.kind].counted
    counted = comparison.right[0] + parts[-1]
    is_name = len(parts) > 1  # a name counts as a whole and without its marks, by shares of names
    if is_name:
        same, near = (
            counts.name_shares(comparison.right[0] + part, left[comparison.left[0] + part].astype(np.uint64))
            for part in parts
        )
    else:
        same = near = counts.value_shares(counted, alternatives)
    # Over all pairs, of one sex or of two and of any age: u knows neither, so that r says how much likelier one sex and
    # cohort make it.
    mean = frequencies[counted].mean_share()[0]
    ratios = np.empty((*same.shape, len(comparison.labels)), np.float64)
    level_ratios(same, near, u[_SAME], mean, _trust(comparison), ratios)
    if comparison.local and not is_name:
        _set_local_differences(ratios, same, counts.n_groups(counted), u, len(comparison.compared_labels) - 1)
    return ratios


def _trust(comparison: Comparison) -> NDArray[np.float64]:
    """How far the frequency of a value tells that of what is near it: float64[n_levels]."""
    trust = np.zeros(len(comparison.labels))
    if not comparison.near_frequency:
        return trust
    if comparison.kind == "vietnamese_name":
        trust[[names.LEVELS.index(label) for label in _NAME_TRUST]] = list(_NAME_TRUST.values())
    elif comparison.measure in TEXT_MEASURES:
        kind = COMPARISON_KINDS[comparison.kind]
        trust[2 : len(kind.before) + len(comparison.thresholds)] = _TEXT_TRUST
    return trust


def _set_local_differences(
    ratios: Ratios, shares: Shares, n_groups: int, u: NDArray[np.float64], different: int
) -> None:
    """The ratios of differing within the commune, every second circle of n_groups, where a value is what few or nearly
    all there have; shares: float64[n, n_circles * n_groups]."""
    here = np.arange(shares.shape[1]) // n_groups % 2 == 1
    ratios[:, here, different] = np.where(shares[:, here] > 0, (1.0 - shares[:, here]) / u[different], 1.0)


@dataclass(frozen=True)
class _Counts:
    """The tables of a comparison, and where and when its claims were born: see `frequency_ratios`; people: the name
    of the table of the communes' people."""

    frequencies: dict[str, Frequencies]
    people: str
    communes: Keys | None
    cohorts: Keys | None

    def name_shares(self, name: str, values: Keys) -> Shares:
        """Shares of names by circle and group: float64[n, n_circles * n_groups]."""
        table = self.frequencies[name]
        bearers = table.counts_of(values)
        neighbours = None if self.communes is None else (self._bearers_here(name, values), self._people_here)
        peers = None if self.cohorts is None else self._peers(name, values, self.cohorts)
        n_circles = (1 if neighbours is None else 2) * (1 if peers is None else 2)
        n, n_groups = bearers.shape
        shares = np.empty((n, n_circles, n_groups), np.float64)
        name_shares((bearers, table.bearers), neighbours, peers, shares)
        return shares.reshape(n, n_circles * n_groups)

    def n_groups(self, name: str) -> int:
        """How many groups a table counts."""
        return int(self.frequencies[name].counts.shape[1])

    def value_shares(self, name: str, alternatives: Keys) -> Shares:
        """Shares of values that count as one, added up, by circle and group: float64[n, n_circles * n_groups]; 0 where
        there is no value."""
        parts = [(values, self.frequencies[name].shares(values)) for values in alternatives.T]
        circles = [[np.where(values[:, None] == 0, 0.0, shares) for values, shares in parts]]
        if self.cohorts is not None:
            circles.append([])
            for values, shares in parts:
                bearers, people = (others(counted) for counted in self._peers(name, values, self.cohorts))
                circles[-1].append(np.where(values[:, None] == 0, 0.0, cohort_share(bearers, people, shares)))
        found = [_sum(shares) for shares in circles]
        if self.communes is not None:
            found = [
                part for shares in found for part in (shares, self._local_shares(name, alternatives[:, 0], shares))
            ]
        return np.concatenate(found, axis=1)

    def _local_shares(self, name: str, values: Keys, around: Shares) -> Shares:
        """Share of each value among the other people of the claim's communes: float64[n, n_groups].

        Even where everybody has one value a registry errs now and then, so none is ever impossible, and none certain.
        """
        shares = local_share(others(self._bearers_here(name, values)), others(self._people_here), around)
        return np.where(values[:, None] == 0, 0.0, np.clip(shares, _RAREST, 1.0 - _RAREST))

    def _peers(self, name: str, values: Keys, cohorts: Keys) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The bearers of each value in the claim's cohort, and its people: [n, n_groups] each."""
        counted = self.frequencies[name + COHORT]
        return counted.counts_of(within_cohort(values, cohorts)), counted.bearers[cohorts.astype(np.int64)]

    def _bearers_here(self, name: str, values: Keys) -> NDArray[np.uint32]:
        """The bearers of each value in the claim's communes: uint32[n, n_groups]."""
        assert self.communes is not None
        counted = self.frequencies[name + LOCAL]
        return _sum([counted.counts_of(within(values, commune)) for commune in self.communes.T])

    @functools.cached_property
    def _people_here(self) -> NDArray[np.uint32]:
        """The people of the claim's communes: uint32[n, n_groups]."""
        assert self.communes is not None
        sizes = self.frequencies[self.people]
        return _sum([sizes.counts_of(commune) for commune in self.communes.T])


def _sum(parts: list[NDArray[Number]]) -> NDArray[Number]:
    """One array; of one it is that one, as of most places, which became one commune."""
    return functools.reduce(np.add, parts)
