"""Pairs of records that are surely matches: those equal in two fields that hardly two records share.

One of the two has to be a person's or a firm's own, or a number that names one record a side: a common name beside a
shared phone is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys
from linkage.plan.sections import Pass
from linkage.planning.fields import Planned
from linkage.planning.roles import OWN, Role

LARGEST_BLOCK = 10  # records of one value that are met with each other
_BY_CHANCE = 0.02  # of the pairs that two fields make, at most
_FEWEST = 100  # pairs that two such sets have in common, to say how many matches there are
_ONCE = 0.95  # distinct values over filled rows of a number that names one record
_MOST_AGAIN = 0.5  # of the rows of sure pairs that are in more than one: beyond, they are pairs of something else
_WHOLE = {"vietnamese_name": ".plain", "address": ".key"}  # parts that are the whole of values of a kind

KeysOf = Callable[[Pass], tuple[Keys, Keys]]


def whole_part(planned: Planned) -> str:
    """The part of a key that is the whole value of a field."""
    return planned.field.name + _WHOLE.get(planned.field.kind, "")


def telling_pairs(planned: Sequence[Planned], n_pairs: int) -> list[tuple[Planned, Planned, float]]:
    """Two fields each that together tell who is meant, and the pairs that agree in both by chance.

    n_pairs : pairs of records in all
    """
    keyed = [p for p in planned if p.field.kind != "number"]
    found = []
    for p, q in combinations(keyed, 2):
        is_made = p.field.name in q.comparison.made_of or q.field.name in p.comparison.made_of
        is_own = OWN & {p.pair.role, q.pair.role} or names_one(p) or names_one(q)
        # A family has a surname, an address and a phone in common, namesakes what is made of their names.
        if is_own and not is_made:
            chance = float(np.prod([x.pair.left[0].collision * x.pair.right[0].collision for x in (p, q)]) ** 0.5)
            found.append((p, q, n_pairs * chance))
    return found


def names_one(planned: Planned) -> bool:
    """Whether a number or code names one record a side."""
    return planned.pair.role is Role.IDENTIFIER and all(
        column.n_distinct > _ONCE * column.filled for column in (*planned.pair.left, *planned.pair.right)
    )


@dataclass(frozen=True)
class SurePairs:
    """Rows of both sides, int64[n] each, that are equal in two fields; names: those of the fields."""

    names: frozenset[str]
    left: NDArray[np.int64]
    right: NDArray[np.int64]


def sure_pairs(planned: Sequence[Planned], rows: tuple[int, int], keys_of: KeysOf, *, is_self: bool) -> list[SurePairs]:
    """Pairs of rows that are equal in two telling fields, for each two; of one file each pair once."""
    found = []
    for p, q, by_chance in telling_pairs(planned, rows[0] * rows[1]):
        parts = [whole_part(x) for x in (p, q)]
        left, right = meeting(*keys_of(Pass(name="sure", left=parts, right=parts)))
        if is_self:
            left, right = left[left < right], right[left < right]
        if left.size and by_chance <= _BY_CHANCE * left.size and (is_self or _again(left, right) <= _MOST_AGAIN):
            found.append(SurePairs(frozenset({p.field.name, q.field.name}), left, right))
    return found


def _again(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    """The share of pairs whose left, or whose right, row is in another one."""
    return max(1.0 - np.unique(rows).size / rows.size for rows in (left, right))


def repeated_partners(sure: Sequence[SurePairs]) -> float:
    """The share of right rows in sure pairs that have two left rows: the most that two fields show."""
    shares = [
        np.count_nonzero(np.unique(np.unique(np.stack([p.right, p.left]), axis=1)[0], return_counts=True)[1] > 1)
        / np.unique(p.right).size
        for p in sure
        if p.right.size >= _FEWEST
    ]
    return float(max(shares, default=0.0))


def matches_a_record(sure: Sequence[SurePairs], rows: tuple[int, int]) -> float | None:
    """About how many matches a left record has; None where no two fields tell.

    Two fields find the matches that agree in both of them. Two such sets of pairs that share no field are two captures
    of the same matches, of which n1 n2 / n12 is the number (Lincoln and Petersen); of all such the mean, and where
    there are none, the union.
    """
    codes = [np.unique(pairs.left * rows[1] + pairs.right) for pairs in sure]
    estimates = [
        a.size * b.size / both
        for (p, a), (q, b) in combinations(zip(sure, codes, strict=True), 2)
        if not p.names & q.names and (both := np.intersect1d(a, b, assume_unique=True).size) >= _FEWEST
    ]
    if not codes:
        return None
    return float(np.mean(estimates) if estimates else np.unique(np.concatenate(codes)).size) / rows[0]


def meeting(left: Keys, right: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both sides with equal keys, 0 left out, in blocks that are small."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first, last = np.searchsorted(ordered, left, "left"), np.searchsorted(ordered, left, "right")
    sizes = np.where((left != 0) & (last - first <= LARGEST_BLOCK), last - first, 0)
    rows = np.repeat(np.arange(left.size), sizes)
    places = np.arange(rows.size) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    return rows, order[places]
