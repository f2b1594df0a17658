"""How matches agree, seen on pairs that are surely matches: those equal in two fields that hardly two records share.

Such pairs are too few to link by and too alike to learn all of m from, but what a third field does among them tells its
starting values: a telephone number that both sides write in their own form differs in most matches, and a plan that
expects it to agree would call the training odd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from blocking.keys import Keys
from linkage.plan import Comparison, Pass
from linkage.planning.fields import Planned
from linkage.planning.roles import Role

# What two people of one home do not have in common, nor two firms of one house.
OWN = {Role.GIVEN_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME, Role.BIRTH_DATE, Role.EMAIL, Role.COMPANY}
_BY_CHANCE = 0.02  # of the pairs that two fields make, at most
_FEWEST = 100  # sure pairs that both have the field, to say anything of it
_MOST = 1000  # sure pairs of two fields that are looked at
_LARGEST_BLOCK = 3
_SEED = 2
_PRIOR = 5.0  # pairs that the defaults count for, so that no share is 0

KeysOf = Callable[[Pass], tuple[Keys, Keys]]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def whole_part(planned: Planned) -> str:
    """The part of a key that is the whole value of a field."""
    return f"{planned.field.name}.plain" if planned.field.kind == "vietnamese_name" else planned.field.name


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


def sure_pairs(planned: Sequence[Planned], rows: tuple[int, int], keys_of: KeysOf) -> list[tuple[set[str], Pairs]]:
    """Rows of both sides that are equal in two telling fields, by the names of the fields; a sample of each two."""
    rng = np.random.default_rng(_SEED)
    found = []
    for p, q, by_chance in telling_pairs(planned, rows[0] * rows[1]):
        parts = [whole_part(x) for x in (p, q)]
        left, right = _meeting(*keys_of(Pass(name="sure", left=parts, right=parts)))
        if left.size and by_chance <= _BY_CHANCE * left.size:
            chosen = rng.permutation(left.size)[:_MOST]
            found.append(({p.field.name, q.field.name}, (left[chosen], right[chosen])))
    return found


def _meeting(left: Keys, right: Keys) -> Pairs:
    """Rows of both sides with equal keys, 0 left out, in blocks that are small."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first, last = np.searchsorted(ordered, left, "left"), np.searchsorted(ordered, left, "right")
    sizes = np.where((left != 0) & (last - first <= _LARGEST_BLOCK), last - first, 0)
    rows = np.repeat(np.arange(left.size), sizes)
    places = np.arange(rows.size) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    return rows, order[places]


def level_shares(
    planned: Planned, sure: Sequence[tuple[set[str], Pairs]], texts: tuple[NDArray[np.object_], NDArray[np.object_]]
) -> list[float] | None:
    """Shares of the levels of a comparison among sure pairs that other fields found; None where these are too few or
    the kind is compared in its own way.

    texts: object[n_left], object[n_right], the values as compared, "" for none
    """
    comparison = planned.comparison
    if comparison.kind not in ("text", "category", "number"):
        return None
    pairs = [pair for names, pair in sure if comparison.name not in names]
    stated = [(a, b) for left, right in pairs for a, b in zip(texts[0][left], texts[1][right], strict=True) if a and b]
    if len(stated) < _FEWEST:
        return None
    counts = _PRIOR * np.array(comparison.starting_m)
    for a, b in stated:
        counts[_level(comparison, a, b)] += 1
    return [float(share) for share in counts / counts.sum()]


def _level(comparison: Comparison, a: str, b: str) -> int:
    """The level of two texts, 0 for the same."""
    if a == b:
        return 0
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
