"""Values that records of several people have in common, and records that repeat one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import JaroWinkler

from blocking.keys import Keys, block_keys
from linkage.plan.sections import Pass
from linkage.planning.agreement import Values
from linkage.planning.fields import Planned
from linkage.planning.roles import NAMED, OWN, PERSONAL, Role
from linkage.planning.sure import LARGEST_BLOCK, meeting, telling_pairs, whole_part

_LENT = 0.015  # of the pairs with a number in common, from which on it is seen with others than its owner
_BY_CHANCE = 0.1  # records that two fields have in common with another of their side, for each record
_ALIKE = 0.8  # Jaro-Winkler similarity of two texts of a person's own that may be one
_PLACES = {Role.POSTCODE, Role.TOWN}  # of one street's name there are many
# Parts that relatives hardly have in common, and matches have but for the coarsest slip.
_COARSE = {"category": ".prefix", "date": ".year", "birth_date": ".year", "vietnamese_name": ".given"}


class Files(Protocol):
    """Both files: their keys in a pass, uint64[n_left] and uint64[n_right], and the values of a field as compared."""

    def of(self, rule: Pass) -> tuple[Keys, Keys]: ...

    def values(self, planned: Planned) -> Values: ...


def relatives_a_record(planned: Sequence[Planned], rows: tuple[int, int], files: Files, *, is_self: bool) -> float:
    """About how many right records of its home a left record meets that are not its match."""
    # Neighbours have a postcode in common.
    homes = [p for p in planned if p.comparison.shared_number and p.pair.role is not Role.POSTCODE]
    found = [np.empty(0, np.int64)]
    for home in homes:
        left, right, is_other = _with_value_in_common(home, planned, files, is_self=is_self)
        found.append((left * rows[1] + right)[is_other])
    return np.unique(np.concatenate(found)).size / max(1, rows[0])


def with_lent(planned: Sequence[Planned], files: Files, *, is_self: bool) -> list[Planned]:
    """The same, numbers of people marked as shared that are seen with others too, as those lent to a relative are."""
    roles = {p.pair.role for p in planned}
    if not roles & PERSONAL or Role.COMPANY in roles:  # the people of a company's record come and go
        return list(planned)
    marked = []
    for p in planned:
        is_lent = False
        if p.pair.role is Role.IDENTIFIER:
            _, _, is_other = _with_value_in_common(p, planned, files, is_self=is_self)
            is_lent = bool(np.count_nonzero(is_other) > _LENT * is_other.size)
        comparison = msgspec.structs.replace(p.comparison, shared_number=True) if is_lent else p.comparison
        marked.append(replace(p, comparison=comparison))
    return marked


def _with_value_in_common(
    field: Planned, planned: Sequence[Planned], files: Files, *, is_self: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of both sides that are equal in a field, int64[n] each, and which of these pairs are of two people: they
    differ in all of a person's own that both state, even coarsely, and not in the place."""
    part = whole_part(field)
    left, right = meeting(*files.of(Pass(name="shared", left=[part], right=[part])))
    left, right = (left[left < right], right[left < right]) if is_self else (left, right)
    n_stated = np.zeros(left.size, np.int64)
    is_other = np.ones(left.size, np.bool_)
    own = [p for p in planned if p is not field and p.pair.role in OWN]
    for p in own:
        is_stated, is_like = _alike(p, files, left, right)
        n_stated += is_stated
        is_other &= ~is_like
    for p in planned:
        if p is not field and p.pair.role in _PLACES:
            is_stated, is_like = _alike(p, files, left, right)
            is_other &= is_like | ~is_stated
    return left, right, is_other & (n_stated >= max(1, min(2, len(own))))


def _alike(
    planned: Planned, files: Files, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs of rows both state a field, and which of these are alike in it, even coarsely: bool[n] each. Of texts
    those that begin with one letter, "W." and "William", are."""
    if planned.field.kind == "text":
        texts = [values[rows] for values, rows in zip(files.values(planned), (left, right), strict=True)]
        is_stated = (texts[0] != "") & (texts[1] != "")
        alike = [a[:1] == b[:1] or JaroWinkler.similarity(a, b) >= _ALIKE for a, b in zip(*texts, strict=True)]
        return is_stated, is_stated & np.array(alike, np.bool_)
    coarse = planned.field.name + _COARSE.get(planned.field.kind, "")
    of_left, of_right = files.of(Pass(name="own", left=[coarse], right=[coarse]))
    is_stated = (of_left[left] != 0) & (of_right[right] != 0)
    return is_stated, is_stated & (of_left[left] == of_right[right])


def repeated_share(planned: Sequence[Planned], side: str, keys: Mapping[str, Keys]) -> float:
    """Records of a side that another one of it repeats, as a share of all: those equal in two fields that seldom agree
    by chance, and in most of the other fields that both state; the most that any two fields show.

    The branches of a firm have its name and its tax number in common, and hardly anything else; twins have all but the
    given name.

    keys : uint64[n] of each field, the whole value
    """
    most = 0.0
    for p, q, _ in telling_pairs(planned, 0):
        names = (p.field.name, q.field.name)
        n = keys[names[0]].size
        by_chance = n * float(np.prod([getattr(x.pair, side)[0].collision for x in (p, q)]))
        if by_chance < _BY_CHANCE:
            both = block_keys([keys[name] for name in names], None)[:, 0]
            left, right = meeting(both, both)
            left, right = left[left < right], right[left < right]
            named = [keys[x.field.name] for x in planned if x.pair.role in NAMED and x.field.name in keys]
            is_other = np.logical_or.reduce(
                [np.zeros(left.size, np.bool_), *((of[left] != of[right]) & (of[left] != 0) for of in named)]
            )
            left, right = left[~is_other], right[~is_other]
            balance = np.zeros(left.size, np.int64)  # other fields that are equal, less those that differ
            is_told = np.zeros(left.size, np.bool_)
            for of in (keys[name] for name in keys if name not in names):
                is_told |= (of[left] != 0) & (of[right] != 0)
                balance += np.where((of[left] != 0) & (of[right] != 0), np.where(of[left] == of[right], 1, -1), 0)
            _, sizes = np.unique(both[both != 0], return_counts=True)
            n_repeated = np.count_nonzero((balance > 0) | ~is_told) + int(sizes[sizes > LARGEST_BLOCK].sum())
            most = max(most, n_repeated / max(1, n) - by_chance)
    return most
