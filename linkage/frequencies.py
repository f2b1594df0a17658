"""Term frequencies: how common a value is in the registry, by which an agreement on it is worth more or less.

Two people called Nguyễn Văn Hùng agree for little, two called Tòng Thị Phấu for much. Names are counted by sex, because
family, middle and given name are not independent of each other or of it; and within the commune, because a name or an
ethnic group that is rare in the country may be everybody's in one commune. A frequency replaces u of the levels it is
about: it is handed to the scorer as the ratio r = frequency / u.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, mix
from linkage.encode import Columns
from linkage.plan import Comparison, Plan

Ratios = NDArray[np.float64]
Shares = NDArray[np.float64]

N_GROUPS = 3  # sex unknown, male, female
LOCAL, PEOPLE = "@commune", "@people"  # mark the counts of values within a commune, and of the people in it
_SAME, _DIFFERENT = 1, 2
_NAME_PLAIN = (2, 3)  # levels of the name comparison that are about the name without tones or diacritics
_RAREST = 1e-4  # no share within a commune is taken for less
_PRIOR_NEIGHBOURS = 10.0  # the weight of the country in a commune's shares, in people


@dataclass(frozen=True)
class Frequencies:
    """Counts of a column's values: values uint64[v] ascending, counts uint32[v, n_groups]; group 0 is everybody."""

    values: NDArray[np.uint64]
    counts: NDArray[np.uint32]

    def counts_of(self, values: Keys) -> Shares:
        """Bearers of each value by group: float64[n, n_groups]."""
        if self.values.size == 0:
            return np.zeros((values.size, self.counts.shape[1]))
        place = np.minimum(np.searchsorted(self.values, values), self.values.size - 1)
        return np.where((self.values[place] == values)[:, None], self.counts[place], 0).astype(np.float64)

    def shares(self, values: Keys) -> Shares:
        """Share of each value by group: float64[n, n_groups]; a value that nobody bears counts as half a bearer."""
        return np.asarray(np.maximum(self.counts_of(values), 0.5) / self._totals)

    @cached_property
    def _totals(self) -> NDArray[np.int64]:
        """Bearers of any value, by group: int64[n_groups], 1 where there are none."""
        return np.asarray(np.maximum(self.counts.sum(axis=0, dtype=np.int64), 1))

    def mean_share(self) -> Shares:
        """Mean share of the value of a random bearer, by group: float64[n_groups]."""
        return np.asarray(np.maximum(self._squares, 0.5) / self._totals.astype(np.float64) ** 2)

    @cached_property
    def _squares(self) -> Shares:
        return np.asarray((self.counts.astype(np.float64) ** 2).sum(axis=0))


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
            counted[name] = _count(columns[name].astype(np.uint64), group)
            if comparison.local:
                commune = columns[plan.place.right[0]].astype(np.uint64)
                local = _count(_within(columns[name].astype(np.uint64), commune), group)
                # Whoever is alone with his value has no namesake in the commune: no entry says so as well.
                has_namesake = local.counts[:, 0] > 1
                counted[name + LOCAL] = Frequencies(local.values[has_namesake], local.counts[has_namesake])
                counted[f"{comparison.name}{PEOPLE}"] = _count(commune, group)
    return counted


def _within(values: Keys, commune: Keys) -> Keys:
    """Hashes of a value within a commune; 0 where either is missing."""
    return np.where((values == 0) | (commune == 0), np.uint64(0), mix(values ^ mix(commune)) | np.uint64(1))


def _count(column: Keys, group: NDArray[np.generic] | None) -> Frequencies:
    """Counts by value, and by group when there is one; group 0 counts everybody."""
    known = column != 0
    values, place = np.unique(column[known], return_inverse=True)
    if group is None:
        return Frequencies(values, np.bincount(place, minlength=values.size).astype(np.uint32)[:, None])
    of_group = np.bincount(place * N_GROUPS + group[known].astype(np.int64), minlength=values.size * N_GROUPS)
    counts = of_group.reshape(values.size, N_GROUPS)
    counts[:, 0] = counts.sum(axis=1)
    return Frequencies(values, counts.astype(np.uint32))


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
        country = _name_ratios(same, loosely / frequencies[plain].mean_share(), u)
        if communes is None:
            return country
        size = f"{comparison.name}{PEOPLE}"
        same_here = np.maximum(same, _local_shares(frequencies, key, size, keys, communes, same))
        plain_here = np.maximum(loosely, _local_shares(frequencies, plain, size, plains, communes, loosely))
        here = _name_ratios(same_here, plain_here / frequencies[plain].mean_share(), u)
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
    bearers = np.sum([counted.counts_of(_within(values, commune)) for commune in communes.T], axis=0)
    people = np.sum([sizes.counts_of(commune) for commune in communes.T], axis=0)
    others = np.maximum(bearers - 1.0, 0.0) + _PRIOR_NEIGHBOURS * country
    return np.asarray(others / (np.maximum(people - 1.0, 0.0) + _PRIOR_NEIGHBOURS))
