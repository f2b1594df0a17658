"""Term frequencies: how common a value is in the registry, by which an agreement on it is worth more or less.

Two people called Nguyễn Văn Hùng agree for little, two called Tòng Thị Phấu for much. Names are counted by sex, because
family, middle and given name are not independent of each other or of it; and within the commune, because a name or an
ethnic group that is rare in the country may be everybody's in one commune. A frequency replaces u of the levels it is
about: it is handed to the scorer as the ratio r = frequency / u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, mix
from linkage.count_kernels import look_up
from linkage.encode import Columns
from linkage.plan import Comparison

Ratios = NDArray[np.float64]
Shares = NDArray[np.float64]

STORED = ("values", "counts", "bearers", "squares")  # what a file of frequencies is made of
N_GROUPS = 3  # sex unknown, male, female
LOCAL, PEOPLE = "@commune", "@people"  # mark the counts of values within a commune, and of the people in it
_SAME, _DIFFERENT = 1, 2
_NAME_PLAIN = (2, 3)  # levels of the name comparison that are about the name without tones or diacritics
_RAREST = 1e-4  # no share within a commune is taken for less
_PRIOR_NEIGHBOURS = 10.0  # the weight of the country in a commune's shares, in people


@dataclass(frozen=True)
class Frequencies:
    """Counts of a column's values: values uint64[v] ascending, counts uint32[v, n_groups]; group 0 is everybody.

    bearers, squares: int64[n_groups], the sums of the counts and of their squares, exact, so that they are the same
    whatever the counts were added up from. recounted: (values, counts) alike that hold instead of those, since the
    registry changed; a count of 0 is a value that nobody bears any more.
    """

    values: NDArray[np.uint64]
    counts: NDArray[np.uint32]
    bearers: NDArray[np.int64]
    squares: NDArray[np.int64]
    recounted: tuple[NDArray[np.uint64], NDArray[np.uint32]] | None = None

    @classmethod
    def of(cls, values: NDArray[np.uint64], counts: NDArray[np.uint32]) -> Frequencies:
        """Counts with their sums."""
        wide = counts.astype(np.int64)
        return cls(values, counts, wide.sum(axis=0), (wide**2).sum(axis=0))

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


def looked_up(
    values: Keys, table: NDArray[np.uint64], counts: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """The counts uint32[n, n_groups] of values in a table, 0 where they are not, and whether they are: bool[n]."""
    found, is_there = np.zeros((values.size, counts.shape[1]), np.uint32), np.zeros(values.size, np.bool_)
    if table.size > 0:
        look_up(values, table, counts, found, is_there)
    return found, is_there


def within(values: Keys, commune: Keys) -> Keys:
    """Hashes of a value within a commune; 0 where either is missing."""
    return np.where((values == 0) | (commune == 0), np.uint64(0), mix(values ^ mix(commune)) | np.uint64(1))


def frequency_ratios(
    comparison: Comparison,
    left: Columns,
    alternatives: Keys,
    communes: Keys | None,
    frequencies: dict[str, Frequencies],
    u: NDArray[np.float64],
) -> Ratios:
    """r of each subject, group and level: float64[n_subjects, n_groups, n_levels], 1 where no frequency applies.

    For the level that a value reaches by being equal, r is its frequency over u. For the levels of a name without tones
    or diacritics, whose probability falls with the name's frequency too, r is the plain name's frequency over its mean.
    A local comparison has its groups twice: the country's ratios, then those within the subject's commune.

    Parameters
    ----------
    alternatives : uint64[n_subjects, w], the registry's values that count as equal to the subject's; 0 for none
    communes : uint64[n_subjects, w], the registry communes of the subject, for a local comparison
    u : float64[n_levels] of the comparison
    """
    column = comparison.left[0]
    if comparison.kind == "vietnamese_name":
        key, plain = f"{column}.key", f"{column}.plain"
        keys, plains = left[key].astype(np.uint64), left[plain].astype(np.uint64)
        same, loosely = frequencies[key].shares(keys), frequencies[plain].shares(plains)
        # Over all pairs, of one sex or of two: u knows no sex, so that r says how much likelier one sex makes it.
        mean = frequencies[plain].mean_share()[0]
        country = _name_ratios(same, loosely / mean, u)
        if communes is None:
            return country
        size = f"{comparison.name}{PEOPLE}"
        same_here = np.maximum(same, _local_shares(frequencies, key, size, keys, communes, same))
        plain_here = np.maximum(loosely, _local_shares(frequencies, plain, size, plains, communes, loosely))
        here = _name_ratios(same_here, plain_here / mean, u)
        return np.concatenate([country, here], axis=1)
    counted = frequencies[comparison.right[0]]
    shares = np.sum([np.where(v[:, None] == 0, 0.0, counted.shares(v)) for v in alternatives.T], axis=0)
    country = np.ones((shares.shape[0], 1, u.size), np.float64)
    country[:, :, _SAME] = np.where(shares > 0, shares / u[_SAME], 1.0)
    if communes is None:
        return country
    values, size = alternatives[:, 0], f"{comparison.name}{PEOPLE}"
    shares_here = _local_shares(frequencies, comparison.right[0], size, values, communes, shares)
    here = np.ones_like(country)
    # Even where everybody has one value a registry errs now and then, so neither level is ever impossible.
    shares_here = np.clip(shares_here, _RAREST, 1.0 - _RAREST)
    is_known = (values != 0)[:, None]
    here[:, :, _SAME] = np.where(is_known, shares_here / u[_SAME], 1.0)
    here[:, :, _DIFFERENT] = np.where(is_known, (1.0 - shares_here) / u[_DIFFERENT], 1.0)
    return np.concatenate([country, here], axis=1)


def _name_ratios(same: Shares, plain: Shares, u: NDArray[np.float64]) -> Ratios:
    """Ratios of the name levels from the shares of the whole name and the plain name's share over its mean."""
    ratios = np.ones((*same.shape, u.size), np.float64)
    ratios[:, :, _SAME] = same / u[_SAME]
    ratios[:, :, _NAME_PLAIN] = plain[:, :, None]
    return ratios


def _local_shares(
    frequencies: dict[str, Frequencies], name: str, size: str, values: Keys, communes: Keys, country: Shares
) -> Shares:
    """Share of each value among the other people of the subject's communes: float64[n, n_groups].

    One bearer is left out, for he may be the subject himself; the country's share stands in for few people.
    """
    counted, sizes = frequencies[name + LOCAL], frequencies[size]
    bearers = np.sum([counted.counts_of(within(values, commune)) for commune in communes.T], axis=0)
    people = np.sum([sizes.counts_of(commune) for commune in communes.T], axis=0)
    others = np.maximum(bearers - 1.0, 0.0) + _PRIOR_NEIGHBOURS * country
    return np.asarray(others / (np.maximum(people - 1.0, 0.0) + _PRIOR_NEIGHBOURS))
