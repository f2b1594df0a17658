"""The parts of blocking keys: ``birth_date.year``, ``commune.province`` and the like, from encoded columns.

A part is uint64[n], or uint64[n, w] where a record has alternatives: a commune of 2021 that was split over several, the
numbers one slip away from a stated one. 0 is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys, block_keys, mix
from blocking.neighbours import NumberFilter, neighbours_in
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.texts import postcode_area
from linkage.errors import UsageError
from linkage.plan.kinds import MOST_ALTERNATIVES
from linkage.plan.sections import Pass, Plan
from linkage.standardise import dates
from models.comparators.digits import PERSONAL_DIGITS

_PREFIX_LETTERS = 3
_LEFT_OUT = {"sector": 2, "district": 3}  # characters of a postal code, at its end
_PLACES = frozenset(str(place + 1) for place in range(MOST_ALTERNATIVES))


@dataclass(frozen=True)
class KeyParts:
    """The parts of the keys of some records of one side, each made once, for most passes share some.

    known: the numbers of the registry by its column; a number that is surely nobody's is no alternative.
    """

    side: str
    columns: Columns
    plan: Plan
    dictionaries: Dictionaries
    known: Mapping[str, NumberFilter] = field(default_factory=dict)
    _made: dict[tuple[str, str], Keys] = field(default_factory=dict, repr=False, compare=False)

    def keys(self, rule: Pass) -> Keys:
        """Keys in one pass: uint64[n, number of alternatives]."""
        parts = [self.part(part, met) for part, met in zip(getattr(rule, self.side), rule.right, strict=True)]
        return block_keys(parts, None if rule.narrow is None else self.part(rule.narrow))

    def part(self, name: str, met: str = "") -> Keys:
        """One part of a key; met: the column of the registry that it meets."""
        made = name, met if met in self.known else ""
        if made not in self._made:
            self._made[made] = key_part(
                name, self.side, self.columns, self.plan, self.dictionaries, self.known.get(met)
            )
        return self._made[made]


def pass_keys(rule: Pass, side: str, columns: Columns, plan: Plan, dictionaries: Dictionaries) -> Keys:
    """Keys of one side in one pass: uint64[n, number of alternatives]."""
    return KeyParts(side, columns, plan, dictionaries).keys(rule)


def key_part(
    part: str,
    side: str,
    columns: Columns,
    plan: Plan,
    dictionaries: Dictionaries,
    known: NumberFilter | None = None,
) -> Keys:
    """One part of a key; known: the numbers of the registry, None where any may be."""
    name, _, aspect = part.partition(".")
    kind = next(field.kind for field in plan.fields if field.name == name)
    if kind in ("date", "birth_date"):
        return _date_part(columns[name].astype(np.uint32), aspect, part)
    if kind == "commune" and aspect in ("", "province"):
        return _place_part(columns[name].astype(np.uint16), aspect, side, dictionaries)
    if kind in ("text", "category") and aspect in ("", "prefix"):
        # Word ids differ from field to field; their content does not, so a key may compare two fields.
        return dictionaries.word_hashes(name, columns[name], _PREFIX_LETTERS if aspect else None)
    if kind == "postcode" and aspect in _LEFT_OUT:
        return postcode_area(columns[name].astype(np.uint64), _LEFT_OUT[aspect])
    if kind == "alternatives" and (aspect == "" or aspect in _PLACES):
        return _listed_part(dictionaries, name, columns[name], aspect, side)
    if kind == "name_pair" and aspect in ("first", "second"):
        return dictionaries.word_hashes(name, columns[part])
    if kind == "person_number" and aspect == "neighbours":
        everybody = known or NumberFilter.everybody()
        return neighbours_in(columns[name].astype(np.uint64), PERSONAL_DIGITS, everybody)
    if part in columns and columns[part].ndim == 1:
        return whole_values(columns[part])
    raise UsageError(f"key part {part!r}: a field of kind {kind!r} has no such part")


def whole_values(column: NDArray[np.generic]) -> Keys:
    """The values of an encoded column as whole numbers, uint64[n], 0 where there is none; equal ones are the same. Of
    numbers with a point it is the next after their bits."""
    if column.dtype.kind != "f":
        return column.astype(np.uint64)
    bits = (column.astype(np.float64) + 0.0).view(np.uint64)  # of minus zero, those of zero
    return np.where(np.isnan(column), np.uint64(0), bits + np.uint64(1))


def _listed_part(dictionaries: Dictionaries, name: str, listed: NDArray[np.generic], aspect: str, side: str) -> Keys:
    """Values of a list: the one at a place, from 1 on; or, on the left, all of them, and on the right the first."""
    hashes = np.stack([dictionaries.word_hashes(name, values) for values in listed.T], axis=1)
    if aspect:
        return np.ascontiguousarray(hashes[:, int(aspect) - 1])
    return hashes if side == "left" else np.ascontiguousarray(hashes[:, 0])


def _date_part(packed: NDArray[np.uint32], aspect: str, part: str) -> Keys:
    """year; birthday (day and month, 01/01 left out); complete (a whole date, 01/01 left out); nothing: as it is."""
    month, day = dates.month_of(packed), dates.day_of(packed)
    is_vague = (month == 0) | (day == 0) | ((month == 1) & (day == 1))
    if aspect == "year":
        return dates.year_of(packed).astype(np.uint64)
    if aspect == "birthday":
        return np.where(is_vague, 0, month.astype(np.uint64) << np.uint64(5) | day.astype(np.uint64))
    if aspect == "complete":
        return np.where(is_vague, 0, packed).astype(np.uint64)
    if aspect == "":
        return packed.astype(np.uint64)
    raise UsageError(f"key part {part!r}: a date has the parts year, birthday and complete")


def _place_part(ids: NDArray[np.uint16], aspect: str, side: str, dictionaries: Dictionaries) -> Keys:
    """A commune or province in the registry's units; a stated commune may lead to several of the registry's."""
    units, as_of = dictionaries.units, dictionaries.commune_date
    if aspect == "province":
        province_of = units.province_of_doses if side == "left" else units.province_of_registry
        return province_of(ids, as_of).astype(np.uint64)
    if side == "right":
        return ids.astype(np.uint64)
    targets = units.registry_targets(as_of)
    first, last = targets.offsets[ids], targets.offsets[ids.astype(np.int64) + 1]
    wide = np.zeros((ids.size, max(1, int((last - first).max(initial=1)))), np.uint64)
    for place in range(wide.shape[1]):
        has = first + place < last
        wide[has, place] = targets.members[first[has] + place]
    return wide


def record_key(columns: Columns, names: list[str], salt: int) -> NDArray[np.uint64]:
    """A 64-bit hash of the named columns of each record, for finding equal records."""
    total = np.zeros(next(iter(columns.values())).shape[0], np.uint64)
    for name in names:
        column = columns[name]
        flat = column[:, None] if column.ndim == 1 else column
        for place in range(flat.shape[1]):
            values = flat[:, place]
            whole = values.view(np.uint64) if values.dtype.kind == "f" else values.astype(np.uint64)
            total = mix(total ^ mix(whole, salt), salt)
    return total
