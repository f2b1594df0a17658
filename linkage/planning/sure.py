"""Pairs of records that are surely matches: those equal in two fields that hardly two records share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys
from linkage.plan.sections import Pass
from linkage.planning.fields import Planned
from linkage.planning.roles import OWN

LARGEST_BLOCK = 10  # records of one value that are met with each other
_BY_CHANCE = 0.02  # of the pairs that two fields make, at most
_FEWEST = 100  # pairs that two such sets have in common, to say how many matches there are
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
        # A family has a surname, an address and a phone in common, namesakes what is made of their names.
        if OWN & {p.pair.role, q.pair.role} and not is_made:
            chance = float(np.prod([x.pair.left[0].collision * x.pair.right[0].collision for x in (p, q)]) ** 0.5)
            found.append((p, q, n_pairs * chance))
    return found


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
        if left.size and by_chance <= _BY_CHANCE * left.size:
            found.append(SurePairs(frozenset({p.field.name, q.field.name}), left, right))
    return found


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
