"""How matches agree, seen on pairs that are surely matches: those equal in two fields that hardly two records share.

Such pairs are too few to link by and too alike to learn all of m from, but what a third field does among them tells its
starting values: a telephone number that both sides write in their own form differs in most matches, and a plan that
expects it to agree would call the training odd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from blocking.keys import Keys, block_keys
from linkage.plan import Comparison, Pass
from linkage.planning.fields import Planned
from linkage.planning.roles import OWN, PERSONAL, Role
from models.comparators.address import address_level
from models.comparators.date import date_level
from models.comparators.digits import digits_level
from models.comparators.postcode import postcode_level

_BY_CHANCE = 0.02  # of the pairs that two fields make, at most
_BY_CHANCE_TWICE = 0.1  # records that two fields have in common with another of their side, for each record
_LENT = 0.015  # of the pairs with a number in common, from which on it is seen with others than its owner
_FEWEST = 100  # sure pairs that both have the field, to say anything of it
_MOST = 1000  # sure pairs of two fields that are looked at
_LARGEST_BLOCK = 10
_SEED = 2
# Kinds whose kernel says the level of two encoded values.
MEASURED: dict[str, Callable[..., int]] = {
    "address": address_level,
    "date": date_level,
    "digits": digits_level,
    "postcode": postcode_level,
}
_PRIOR = 5.0  # pairs that the defaults count for, so that no share is 0

_PLACES = {Role.POSTCODE, Role.TOWN}  # of one street's name there are many
# Parts that relatives hardly have in common, and matches have but for the coarsest slip.
_COARSE = {
    "text": ".prefix",
    "category": ".prefix",
    "date": ".year",
    "birth_date": ".year",
    "vietnamese_name": ".given",
}
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
        if OWN & {p.pair.role, q.pair.role}:  # a family has a surname, an address and a phone in common
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
        left, right = _meeting(*keys_of(Pass(name="sure", left=parts, right=parts)))
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


def relatives_a_record(planned: Sequence[Planned], rows: tuple[int, int], keys_of: KeysOf, *, is_self: bool) -> float:
    """About how many right records of its home a left record meets that are not its match."""
    # Neighbours have a postcode in common.
    homes = [p for p in planned if p.comparison.shared_number and p.pair.role is not Role.POSTCODE]
    found = [np.empty(0, np.int64)]
    for home in homes:
        left, right, is_other = _with_value_in_common(home, planned, keys_of, is_self=is_self)
        found.append((left * rows[1] + right)[is_other])
    return np.unique(np.concatenate(found)).size / max(1, rows[0])


def with_lent(planned: Sequence[Planned], keys_of: KeysOf, *, is_self: bool) -> list[Planned]:
    """The same, numbers of people marked as shared that are seen with others too, as those lent to a relative are."""
    if not any(p.pair.role in PERSONAL for p in planned):
        return list(planned)
    marked = []
    for p in planned:
        is_lent = False
        if p.pair.role is Role.IDENTIFIER:
            _, _, is_other = _with_value_in_common(p, planned, keys_of, is_self=is_self)
            is_lent = bool(np.count_nonzero(is_other) > _LENT * is_other.size)
        marked.append(
            replace(p, comparison=msgspec.structs.replace(p.comparison, shared_number=True)) if is_lent else p
        )
    return marked


def _with_value_in_common(
    field: Planned, planned: Sequence[Planned], keys_of: KeysOf, *, is_self: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of both sides that are equal in a field, int64[n] each, and which of these pairs are of two people: they
    differ in all of a person's own that both state, even coarsely, and not in the place."""
    part = whole_part(field)
    left, right = _meeting(*keys_of(Pass(name="shared", left=[part], right=[part])))
    left, right = (left[left < right], right[left < right]) if is_self else (left, right)
    n_stated = np.zeros(left.size, np.int64)
    is_like = np.zeros(left.size, np.bool_)
    is_elsewhere = np.zeros(left.size, np.bool_)
    for p in planned:
        if p is not field and p.pair.role in (*OWN, *_PLACES):
            coarse = p.field.name + _COARSE.get(p.field.kind, "")
            of_left, of_right = keys_of(Pass(name="own", left=[coarse], right=[coarse]))
            is_stated = (of_left[left] != 0) & (of_right[right] != 0)
            is_equal = of_left[left] == of_right[right]
            if p.pair.role in _PLACES:
                is_elsewhere |= is_stated & ~is_equal
            else:
                n_stated += is_stated
                is_like |= is_stated & is_equal
    n_own = sum(p.pair.role in OWN for p in planned)
    return left, right, (n_stated >= min(2, n_own)) & (n_stated > 0) & ~is_like & ~is_elsewhere


def repeated_share(planned: Sequence[Planned], side: str, keys: Mapping[str, Keys]) -> float:
    """Records of a side that another one of it repeats, as a share of all: those equal in two fields that seldom agree
    by chance, and in half at least of the other fields that both state; the most that any two fields show.

    The branches of a firm have its name and its tax number in common, and hardly anything else.

    keys : uint64[n] of each field, the whole value
    """
    most = 0.0
    for p, q, _ in telling_pairs(planned, 0):
        names = (p.field.name, q.field.name)
        n = keys[names[0]].size
        by_chance = n * float(np.prod([getattr(x.pair, side)[0].collision for x in (p, q)]))
        if by_chance < _BY_CHANCE_TWICE:
            both = block_keys([keys[name] for name in names], None)[:, 0]
            left, right = _meeting(both, both)
            left, right = left[left < right], right[left < right]
            balance = np.zeros(left.size, np.int64)  # other fields that are equal, less those that differ
            for of in (keys[name] for name in keys if name not in names):
                balance += np.where((of[left] != 0) & (of[right] != 0), np.where(of[left] == of[right], 1, -1), 0)
            _, sizes = np.unique(both[both != 0], return_counts=True)
            n_repeated = np.count_nonzero(balance >= 0) + int(sizes[sizes > _LARGEST_BLOCK].sum())
            most = max(most, n_repeated / max(1, n) - by_chance)
    return most


def _meeting(left: Keys, right: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both sides with equal keys, 0 left out, in blocks that are small."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first, last = np.searchsorted(ordered, left, "left"), np.searchsorted(ordered, left, "right")
    sizes = np.where((left != 0) & (last - first <= _LARGEST_BLOCK), last - first, 0)
    rows = np.repeat(np.arange(left.size), sizes)
    places = np.arange(rows.size) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    return rows, order[places]


def level_shares(
    planned: Planned, sure: Sequence[SurePairs], values: tuple[NDArray[np.generic], NDArray[np.generic]]
) -> list[float] | None:
    """Shares of the levels of a comparison among sure pairs that other fields found; None where these are too few or
    the kind is compared in its own way.

    values: those of both sides as compared, [n_left] and [n_right]: texts, "" for none, or of the kinds of MEASURED
        what their kernel takes
    """
    comparison = planned.comparison
    if comparison.kind not in ("text", "category", "number", *MEASURED):
        return None
    rng = np.random.default_rng(_SEED)
    others = [pairs for pairs in sure if comparison.name not in pairs.names]
    samples = [(pairs, rng.permutation(pairs.left.size)[:_MOST]) for pairs in others]
    kernel = MEASURED.get(comparison.kind)
    levels = [
        _text_level(comparison, a, b) if kernel is None else kernel(a, b)
        for pairs, chosen in samples
        for a, b in zip(values[0][pairs.left[chosen]], values[1][pairs.right[chosen]], strict=True)
    ]
    counted = np.bincount(levels, minlength=len(comparison.labels))[1:] if levels else np.zeros(1)
    if counted.sum() < _FEWEST:
        return None
    counts = _PRIOR * np.array(comparison.starting_m) + counted
    return [float(share) for share in counts / counts.sum()]


def _text_level(comparison: Comparison, a: str, b: str) -> int:
    """The level of two texts, 0 where one is missing, 1 for the same."""
    if not a or not b:
        return 0
    return 1 if a == b else 1 + _unequal_level(comparison, a, b)


def _unequal_level(comparison: Comparison, a: str, b: str) -> int:
    """How many levels two unequal texts are from the same."""
    if comparison.kind == "category":
        return 1
    if comparison.kind == "number":
        gap = abs(float(a) - float(b)) if _is_number(a) and _is_number(b) else np.inf
        return next((i for i, most in enumerate(comparison.thresholds) if gap <= most), len(comparison.thresholds))
    for place, threshold in enumerate(comparison.thresholds, start=1):
        if comparison.measure == "jaro_winkler":
            is_within = JaroWinkler.similarity(a, b) >= threshold
        else:
            measure = Levenshtein if comparison.measure == "levenshtein" else DamerauLevenshtein
            is_within = measure.distance(a, b) <= threshold
        if is_within:
            return place
    return len(comparison.thresholds) + 1


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
