"""Term frequencies: how common a value is in the registry, by which an agreement on it is worth more or less.

Two people called Nguyễn Văn Hùng agree for little, two called Tòng Thị Phấu for much. Names are counted by sex, because
family, middle and given name are not independent of each other or of it; within the cohort of birth, because names
change with the times; and within the commune, because a name or an ethnic group that is rare in the country may be
everybody's in one commune. A frequency replaces u of the levels it is about: it is handed to the scorer as the ratio
r = frequency / u.

Few bearers say little, so a share is drawn towards that of a larger circle. The cohort's share is the country's, p,
times the lift (n + 3) / (p N + 3) of n other bearers among the N people of the cohort: 1 where n is what p leads to
expect, and near 1 where both are few. A prior of so many people, as communes have it, fits names held back worse, for
it leaves a cohort's rare names with next to nothing. Within the subject's commune and cohort a name has the cohort's
share, times how many more namesakes live in the commune than p leads to expect, where there are more. Half a namesake
is left out there: the larger of two shares overrates the many names that have one namesake by chance.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, within
from linkage.cohorts import N_COHORTS, cohorts_in, within_cohort
from linkage.count_kernels import look_up
from linkage.encode import Columns
from linkage.plan import Comparison

Ratios = NDArray[np.float64]
Shares = NDArray[np.float64]

STORED = ("values", "counts", "bearers", "squares")  # what a file of frequencies is made of
N_GROUPS = 3  # sex unknown, male, female
LOCAL, PEOPLE = "@commune", "@people"  # mark the counts of values within a commune, and of the people in it
COHORT = "@cohort"  # marks the counts of values within a cohort of birth
_SAME, _DIFFERENT = 1, 2
_NAME_PLAIN = (2, 3)  # levels of the name comparison that are about the name without tones or diacritics
# Levels of names that are near, one syllable sounding alike or with a slip and one missing, and how little a name's own
# frequency says of these: as if one of the mean frequency had been counted so often beside it.
_NAME_NEAR = ((4, 0.5), (5, 1.0))
_NAME_KINDS = (_SAME, _NAME_PLAIN[0], *(level for level, _ in _NAME_NEAR))
_RAREST = 1e-4  # no share within a commune is taken for less
_PRIOR_NEIGHBOURS = 10.0  # the weight of the country in a commune's shares, in people
_PRIOR_BEARERS = 3.0  # the weight of the country in a cohort's shares, in bearers of the name
_DISCOUNT = 0.5  # of the namesakes in a commune, where the cohort is known


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

    def counts_of(self, values: Keys) -> Shares:
        """Bearers of each value by group: float64[n, n_groups]."""
        return self.exact_counts_of(values).astype(np.float64)

    def exact_counts_of(self, values: Keys) -> NDArray[np.uint32]:
        """The same as uint32[n, n_groups]."""
        counts, _ = looked_up(values, self.values, self.counts)
        if self.recounted is not None:
            now, is_recounted = looked_up(values, *self.recounted)
            counts[is_recounted] = now[is_recounted]
        return counts

    def shares(self, values: Keys) -> Shares:
        """Share of each value by group: float64[n, n_groups]; a value that nobody bears counts as half a bearer."""
        return np.asarray(np.maximum(self.counts_of(values), 0.5) / np.maximum(self.bearers, 1))

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


def looked_up(
    values: Keys, table: NDArray[np.uint64], counts: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """The counts uint32[n, n_groups] of values in a table, 0 where they are not, and whether they are: bool[n]."""
    found, is_there = np.zeros((values.size, counts.shape[1]), np.uint32), np.zeros(values.size, np.bool_)
    if table.size > 0:
        look_up(values, table, counts, found, is_there)
    return found, is_there


def ratio_kinds(comparison: Comparison) -> NDArray[np.uint8]:
    """Which of a subject's ratios a level takes, uint8[n_levels]: most take the first, which is 1."""
    kinds = np.zeros(len(comparison.labels), np.uint8)
    if comparison.kind == "vietnamese_name":
        kinds[list(_NAME_KINDS)] = 1 + np.arange(len(_NAME_KINDS))
        kinds[list(_NAME_PLAIN)] = kinds[_NAME_PLAIN[0]]
    else:
        levels = [_SAME, _DIFFERENT] if comparison.local else [_SAME]
        kinds[levels] = 1 + np.arange(len(levels))
    return kinds


def frequency_ratios(
    comparison: Comparison,
    left: Columns,
    alternatives: Keys,
    communes: Keys | None,
    cohorts: Keys | None,
    frequencies: dict[str, Frequencies],
    u: NDArray[np.float64],
) -> Ratios:
    """r of each subject and group: float64[n_subjects, n_circles * n_groups, n_kinds], see `ratio_kinds`.

    For the level that a value reaches by being equal, r is its frequency over u. For the levels of a name without tones
    or diacritics, whose probability falls with the name's frequency too, r is the plain name's frequency over its mean;
    for those of names that are near it is drawn towards 1, for what is near a common name is common, but less surely.
    The groups stand there once for each circle: the country's ratios; of a local comparison those within the subject's
    commune; then, of one by cohort, these again within the subject's cohort.

    Parameters
    ----------
    alternatives : uint64[n_subjects, w], the registry's values that count as equal to the subject's; 0 for none
    communes : uint64[n_subjects, w], the registry communes of the subject, for a local comparison
    cohorts : uint64[n_subjects], the cohort of the subject, for a comparison by cohort
    u : float64[n_levels] of the comparison
    """
    counts = _Counts(frequencies, f"{comparison.name}{PEOPLE}", communes, cohorts)
    if comparison.kind == "vietnamese_name":
        column = comparison.left[0]
        key, plain = f"{column}.key", f"{column}.plain"
        same = counts.name_shares(key, left[key].astype(np.uint64))
        loosely = counts.name_shares(plain, left[plain].astype(np.uint64))
        # Over all pairs, of one sex or of two and of any age: u knows neither, so that r says how much likelier one
        # sex and cohort make it.
        mean = frequencies[plain].mean_share()[0]
        by_circle = zip(same, loosely, strict=True)
        return _side_by_side([_name_ratios(of_key, of_plain / mean, u) for of_key, of_plain in by_circle])
    circles = []
    for shares in counts.value_shares(comparison.right[0], alternatives):
        circles.append([np.where(shares > 0, shares / u[_SAME], 1.0)])  # a share of 0 is no value
        if communes is not None:
            circles[-1].append(np.ones_like(shares))
            here = counts.local_shares(comparison.right[0], alternatives[:, 0], shares)
            circles.append(_local_value_ratios(here, alternatives[:, 0] != 0, u))
    return _side_by_side(circles)


def _side_by_side(circles: list[list[Shares]]) -> Ratios:
    """One array of the ratios of each circle by kind, float64[n, n_groups] each, behind the 1 of most levels."""
    n, n_groups = circles[0][0].shape
    ratios = np.empty((n, len(circles) * n_groups, 1 + len(circles[0])), np.float64)
    ratios[:, :, 0] = 1.0
    for number, kinds in enumerate(circles):
        for kind, values in enumerate(kinds, start=1):
            ratios[:, number * n_groups : (number + 1) * n_groups, kind] = values
    return ratios


@dataclass(frozen=True)
class _Counts:
    """The tables of a comparison, and where and when its subjects were born: see `frequency_ratios`; people: the name
    of the table of the communes' people."""

    frequencies: dict[str, Frequencies]
    people: str
    communes: Keys | None
    cohorts: Keys | None

    def name_shares(self, name: str, values: Keys) -> list[Shares]:
        """Shares of names, float64[n, n_groups], circle by circle."""
        country = self.frequencies[name].shares(values)
        circles = [country]
        if self.communes is not None:
            neighbours = self._neighbours(name, values)
            circles.append(np.maximum(country, _local_shares(*neighbours, country)))
        if self.cohorts is None:
            return circles
        cohort = self._cohort_shares(name, values, self.cohorts, country)
        circles.append(cohort)
        if self.communes is not None:
            namesakes, people = neighbours
            here = _local_shares(np.maximum(namesakes - _DISCOUNT, 0.0), people, country)
            circles.append(np.minimum(cohort * np.maximum(here / country, 1.0), 1.0))
        return circles

    def value_shares(self, name: str, alternatives: Keys) -> list[Shares]:
        """Shares of values that count as one, added up: in the country, then in the cohort where there is one."""
        parts = [(values, self.frequencies[name].shares(values)) for values in alternatives.T]
        circles = [[np.where(values[:, None] == 0, 0.0, shares) for values, shares in parts]]
        if self.cohorts is not None:
            circles.append(
                [
                    np.where(values[:, None] == 0, 0.0, self._cohort_shares(name, values, self.cohorts, shares))
                    for values, shares in parts
                ]
            )
        return [_sum(shares) for shares in circles]

    def _cohort_shares(self, name: str, values: Keys, cohorts: Keys, country: Shares) -> Shares:
        """Share of each value among the other people of the subject's cohort; the country's where that is unknown.

        One bearer is left out, for he may be the subject himself.
        """
        counted = self.frequencies[name + COHORT]
        others = np.maximum(counted.counts_of(within_cohort(values, cohorts)) - 1.0, 0.0)
        people = np.maximum(counted.bearers[cohorts.astype(np.int64)] - 1.0, 0.0)
        return np.asarray(country * (others + _PRIOR_BEARERS) / (country * people + _PRIOR_BEARERS))

    def local_shares(self, name: str, values: Keys, around: Shares) -> Shares:
        """Share of each value among the other people of the subject's communes: float64[n, n_groups]."""
        return _local_shares(*self._neighbours(name, values), around)

    def _neighbours(self, name: str, values: Keys) -> tuple[Shares, Shares]:
        """The other bearers of each value in the subject's communes, and the other people there.

        One is left out, for he may be the subject himself.
        """
        assert self.communes is not None
        counted, sizes = self.frequencies[name + LOCAL], self.frequencies[self.people]
        bearers = _sum([counted.counts_of(within(values, commune)) for commune in self.communes.T])
        people = _sum([sizes.counts_of(commune) for commune in self.communes.T])
        return np.maximum(bearers - 1.0, 0.0), np.maximum(people - 1.0, 0.0)


def _sum(parts: list[Shares]) -> Shares:
    """One array; of one it is that one, as of most places, which became one commune."""
    return functools.reduce(np.add, parts)


def _local_shares(bearers: Shares, people: Shares, around: Shares) -> Shares:
    """Share of a value in a commune; the share around stands in for few people."""
    return np.asarray((bearers + _PRIOR_NEIGHBOURS * around) / (people + _PRIOR_NEIGHBOURS))


def _local_value_ratios(shares: Shares, is_known: NDArray[np.bool_], u: NDArray[np.float64]) -> list[Shares]:
    """Ratios of both levels of a value from its shares within the commune."""
    # Even where everybody has one value a registry errs now and then, so neither level is ever impossible.
    shares = np.clip(shares, _RAREST, 1.0 - _RAREST)
    return [np.where(is_known[:, None], ratios, 1.0) for ratios in (shares / u[_SAME], (1.0 - shares) / u[_DIFFERENT])]


def _name_ratios(same: Shares, plain: Shares, u: NDArray[np.float64]) -> list[Shares]:
    """Ratios of the name levels from the shares of the whole name and the plain name's share over its mean."""
    return [same / u[_SAME], plain, *((plain + prior) / (1.0 + prior) for _, prior in _NAME_NEAR)]
