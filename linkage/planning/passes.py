"""Chooses blocking passes: those that together find most matches for the pairs they make, counted on the data.

A pass finds a match when all its parts are intact on both sides. Which parts are intact is drawn for some thousand made
up matches, from how often a field is filled and how often a value of its kind is keyed in alike; passes are then taken
one by one, each time the one that finds most matches that no other has found yet, for what its pairs cost. How many
pairs a pass makes is not guessed: its keys are made from the data and met with each other.
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

SEED = 1
_MADE_UP = 4000  # matches
# Slips come together: of some matches each aspect is alike so much more seldom.
_CARELESS, _LEFT_ALIKE = 0.1, 0.6
_FEWEST_FOUND = 0.0005  # share of matches that a further pass has to add
_MOST_PASSES = 12
# Pairs that all passes may make: so many for each record of the left side, or so many in all where that is more.
PAIRS_A_RECORD, FEWEST_PAIRS = 150, 3_000_000
_COST_OF_A_PASS = 5.0  # in pairs for each record: a pass more is a thing more to understand
_RARE = 0.002  # two records have a value in common, of numbers that are somebody's own
_LARGEST_BLOCK = 5_000
_FEWEST_OF_A_SIDE = 500
_MOST_OF_A_SIDE = 0.2  # of the right records in one block: beyond, the key is one that most have, as a family name's
_EVIDENCE = {Role.EMAIL, Role.WEBSITE, Role.PHONE, Role.IDENTIFIER}  # what a record is known by

# How often a value that both sides state is alike in two records of one match, by its aspects.
_ALIKE: dict[str, tuple[tuple[str, float], ...]] = {
    "text": (("prefix", 0.9), ("rest", 0.8)),
    "date": (("year", 0.9), ("birthday", 0.85)),
    "vietnamese_name": (("given", 0.9), ("rest", 0.8)),
    "category": (("value", 0.95),),
    "sex": (("value", 0.97),),
    "number": (("value", 0.85),),
    "phone": (("value", 0.75),),
    "postcode": (("district", 0.95), ("sector", 0.98), ("rest", 0.95)),
    "address": (("value", 0.6),),
}
_ALIKE["birth_date"] = _ALIKE["date"]
# Parts of a key and the aspects that must be alike for them to meet.
_PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "text": {"": ("prefix", "rest"), ".prefix": ("prefix",)},
    "date": {"": ("year", "birthday"), ".year": ("year",), ".birthday": ("birthday",)},
    "vietnamese_name": {".plain": ("given", "rest"), ".given": ("given",)},
    "category": {"": ("value",)},
    "sex": {"": ("value",)},
    "phone": {"": ("value",)},
    "postcode": {
        "": ("district", "sector", "rest"),
        ".sector": ("district", "sector"),
        ".district": ("district",),
    },
    "address": {".key": ("value",)},
}
_PARTS["birth_date"] = _PARTS["date"]


@dataclass(frozen=True)
class Chosen:
    """A pass with what it makes: pairs, its largest block, and the share of made-up matches that it is the first to
    find."""

    rule: Pass
    n_pairs: int
    largest_block: int
    newly_found: float


@dataclass(frozen=True)
class _Candidate:
    rule: Pass
    finds: NDArray[np.bool_]


# Keys of both sides in a pass: uint64[n_left], uint64[n_right], 0 where it has none.
KeysOf = Callable[[Pass], tuple[Keys, Keys]]


def choose_passes(
    planned: Sequence[Planned], rows: tuple[int, int], keys_of: KeysOf, *, is_self: bool, only_own: bool = False
) -> list[Chosen]:
    """The passes of a plan, those that find most first; at least one where any key has a value on both sides.

    rows : records of both sides
    only_own : where homes make far more pairs than matches do, each pass has a part that is a person's own: a training
        on pairs of which most are relatives takes these for the matches
    """
    n_left, n_right = rows
    candidates = _candidates(planned, only_own=only_own)
    sizes = [block_sizes(*keys_of(candidate.rule), is_self=is_self) for candidate in candidates]
    budget = max(FEWEST_PAIRS, PAIRS_A_RECORD * n_left)
    most = min(_LARGEST_BLOCK, max(_FEWEST_OF_A_SIDE, int(_MOST_OF_A_SIDE * n_right)))
    is_open = np.array([0 < pairs <= budget and largest <= most for pairs, largest in sizes])
    if not is_open.any() and any(pairs for pairs, _ in sizes):
        # Few values in all: the pass with the fewest pairs, whatever they are.
        is_open = np.array([pairs > 0 and pairs == min(p for p, _ in sizes if p) for pairs, _ in sizes])
    chosen: list[Chosen] = []
    missed = np.ones(_MADE_UP, np.bool_)
    while len(chosen) < _MOST_PASSES and is_open.any():
        gains = np.array([np.count_nonzero(c.finds & missed) / _MADE_UP for c in candidates])
        costs = np.array([pairs / n_left for pairs, _ in sizes]) + _COST_OF_A_PASS
        best = int(np.argmax(np.where(is_open, gains / np.sqrt(costs), -1.0)))
        if chosen and gains[best] < _FEWEST_FOUND:
            break
        pairs, largest = sizes[best]
        chosen.append(Chosen(candidates[best].rule, pairs, largest, float(gains[best])))
        missed &= ~candidates[best].finds
        budget -= pairs
        is_open[best] = False
        is_open &= np.array([pairs <= budget for pairs, _ in sizes])
    return chosen


def found_share(chosen: Sequence[Chosen]) -> float:
    """Share of the made-up matches that some pass finds."""
    return sum(c.newly_found for c in chosen)


def block_sizes(left: Keys, right: Keys, *, is_self: bool) -> tuple[int, int]:
    """Pairs that equal keys make, and the most that one record of the left side gets.

    left, right: uint64[n], uint64[m], 0 for none; is_self: both are the same records, of which each pair counts once.
    """
    left_keys, left_counts = np.unique(left[left != 0], return_counts=True)
    right_keys, right_counts = np.unique(right[right != 0], return_counts=True)
    _, of_left, of_right = np.intersect1d(left_keys, right_keys, assume_unique=True, return_indices=True)
    if not of_left.size:
        return 0, 0
    n, m = left_counts[of_left].astype(np.int64), right_counts[of_right].astype(np.int64)
    return int((n * (m - 1) // 2 if is_self else n * m).sum()), int(m.max())


def _candidates(planned: Sequence[Planned], *, only_own: bool) -> list[_Candidate]:
    """Passes of one part, of two parts of different fields, and of two names that changed places; only_own: those with
    a part that people of one home do not have in common."""
    alike = _draw(planned)
    parts = [
        (p, f"{p.field.name}{part}", np.logical_and.reduce([alike[p.field.name, aspect] for aspect in aspects]))
        for p in planned
        for part, aspects in _PARTS.get(p.field.kind, {}).items()
    ]
    alone = [_Candidate(_rule([p], [part], [part]), finds) for p, part, finds in parts]
    paired = [
        _Candidate(_rule([p, q], [a, b], [a, b]), finds_a & finds_b)
        for (p, a, finds_a), (q, b, finds_b) in combinations(parts, 2)
        if p.field.name != q.field.name
    ]
    candidates = alone + paired + _swapped(planned, alike)
    if not only_own:
        return candidates
    own = {p.field.name for p in planned if p.pair.role in OWN or _is_own_number(p)}
    telling = [c for c in candidates if own & {part.split(".")[0] for part in c.rule.left}]
    return telling or candidates


def _is_own_number(planned: Planned) -> bool:
    """Whether a number is its owner's only: rare, and not lent to relatives."""
    is_number = planned.pair.role is Role.IDENTIFIER and not planned.comparison.shared_number
    return is_number and planned.pair.right[0].collision < _RARE


def _draw(planned: Sequence[Planned]) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Which aspects of which field are alike, bool[_MADE_UP] each; a field that is not filled has none."""
    rng = np.random.default_rng(SEED)
    alike = {}
    care = np.where(rng.random(_MADE_UP) < _CARELESS, _LEFT_ALIKE, 1.0)
    for p in planned:
        is_filled = rng.random(_MADE_UP) < p.pair.filled
        for aspect, share in _alike_shares(p):
            alike[p.field.name, aspect] = is_filled & (rng.random(_MADE_UP) < share * care)
    return alike


def _alike_shares(planned: Planned) -> tuple[tuple[str, float], ...]:
    """How often the aspects of a field are alike in a match: what was measured of a text, else what is usual."""
    usual = _ALIKE.get(planned.field.kind, ())
    if planned.comparison.m is None or planned.field.kind not in ("text", "address"):
        return usual
    same = max(planned.comparison.m[0], 0.01)
    if planned.field.kind == "address":
        return (("value", same),)
    return ("prefix", same**0.5), ("rest", same**0.5)


_SWAPPED = 0.02  # of matches have given and family name the other way round


def _swapped(planned: Sequence[Planned], alike: dict[tuple[str, str], NDArray[np.bool_]]) -> list[_Candidate]:
    """Given name and family name, each met with the other: what no other pass on names finds."""
    by_role = {p.pair.role: p for p in reversed(planned)}
    given, family = by_role.get(Role.GIVEN_NAME), by_role.get(Role.FAMILY_NAME)
    if given is None or family is None:
        return []
    names = given.field.name, family.field.name
    whole = np.logical_and.reduce([alike[name, aspect] for name in names for aspect in ("prefix", "rest")])
    rare = whole & (np.random.default_rng(SEED + 1).random(_MADE_UP) < _SWAPPED)
    return [_Candidate(_rule([given, family], list(names), list(names[::-1])), rare)]


def _rule(fields: Sequence[Planned], left: list[str], right: list[str]) -> Pass:
    evidence = "identifier" if any(p.pair.role in _EVIDENCE for p in fields) else "demographic"
    name = "_".join(part.replace(".", "_") for part in left) + ("_swapped" if left != right else "")
    return Pass(name=name, left=left, right=right, evidence=evidence)
