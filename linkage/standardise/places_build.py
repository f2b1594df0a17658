"""Tables behind linkage.standardise.places: communes by id, lists of ids by id, and one side per registry date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError
from linkage.standardise.places_files import LAND_ONLY, Unit, UnitFiles, province_successors

UInt16s = npt.NDArray[np.uint16]
Pairs = Iterable[tuple[int, int]]

CODE_WIDTH = 5


def read_codes(values: pa.StringArray) -> pa.StringArray:
    """Commune codes as typed, without blanks and a trailing ".0", numbers filled up to five digits; null stays null."""
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(values), r"^(\d+)\.0$", r"\1")
    numeric = pc.ascii_is_decimal(text)
    return pc.if_else(numeric, pc.utf8_lpad(text, width=CODE_WIDTH, padding="0"), text)


@dataclass(frozen=True)
class Communes:
    """Communes by id. Every array is [n + 1], position 0 for no commune (null, province 0).

    ``province``: uint16, the province's GSO code as a number; 0 not known.
    """

    code: pa.StringArray
    name: pa.StringArray
    district_code: pa.StringArray
    district_name: pa.StringArray
    province_name: pa.StringArray
    province: UInt16s

    @classmethod
    def of_units(cls, units: Sequence[Unit]) -> Communes:
        """Ids in the order given, from 1."""
        if len(units) > np.iinfo(np.uint16).max:
            raise InputError(f"{len(units)} communes are more than the 65,535 that ids can tell apart; check the list")
        return cls(
            code=pa.array([None, *(u.code or None for u in units)], pa.string()),
            name=pa.array([None, *(u.name or None for u in units)], pa.string()),
            district_code=pa.array([None, *(u.district_code or None for u in units)], pa.string()),
            district_name=pa.array([None, *(u.district_name or None for u in units)], pa.string()),
            province_name=pa.array([None, *(u.province_name or None for u in units)], pa.string()),
            province=np.array([0, *(int(u.province_code or 0) for u in units)], dtype=np.uint16),
        )

    def __len__(self) -> int:
        return len(self.code) - 1

    def numbered(self, first: int, last: int) -> Communes:
        """Those with the ids first to last, numbered from 1."""
        kept = pa.array([0, *range(first, last + 1)])
        return Communes(
            self.code.take(kept),
            self.name.take(kept),
            self.district_code.take(kept),
            self.district_name.take(kept),
            self.province_name.take(kept),
            self.province[kept.to_numpy()],
        )

    def ids(self, codes: pa.StringArray) -> npt.NDArray[np.int64]:
        """The id of each code (see read_codes), 0 for one that no commune has."""
        position = pc.index_in(codes, value_set=self.code, skip_nulls=True)
        found: npt.NDArray[np.int64] = pc.fill_null(position, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return found


@dataclass(frozen=True)
class Lists:
    """A list of ids per id: those of ``i`` are ``members[offsets[i]:offsets[i + 1]]``, ascending.

    ``offsets``: int64[n + 2] for ids 0 … n, the list of 0 being empty; ``members``: uint16.
    """

    offsets: npt.NDArray[np.int64]
    members: UInt16s

    @classmethod
    def of_pairs(cls, pairs: Pairs, n: int) -> Lists:
        """Lists from pairs of id and member in any order; repeated pairs count once."""
        both = np.array([*pairs], np.int64).reshape(-1, 2)
        return cls.of_arrays(both[:, 0], both[:, 1], n)

    @classmethod
    def of_arrays(cls, ids: npt.NDArray[np.integer[Any]], members: npt.NDArray[np.integer[Any]], n: int) -> Lists:
        """The same of two arrays."""
        flat = np.unique(ids.astype(np.int64) << 16 | members)
        counts = np.bincount(flat >> 16, minlength=n + 1)
        return cls(np.concatenate(([0], np.cumsum(counts))), (flat & 0xFFFF).astype(np.uint16))

    @classmethod
    def identity(cls, n: int) -> Lists:
        """Each id's list is itself alone."""
        ids = np.arange(1, n + 1)
        return cls.of_arrays(ids, ids, n)

    def take(self, ids: UInt16s) -> tuple[npt.NDArray[np.intp], UInt16s]:
        """The members of the lists of several ids: position in ``ids`` and member, in order."""
        counts = (self.offsets[1:] - self.offsets[:-1])[ids]
        position = np.repeat(np.arange(len(ids)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.members[np.repeat(self.offsets[ids], counts) + within]

    def only_member(self) -> UInt16s:
        """Per id the member of its list where that has exactly one, else 0; uint16[n + 1]."""
        counts = self.offsets[1:] - self.offsets[:-1]
        single = np.flatnonzero(counts == 1)
        result = np.zeros(len(counts), dtype=np.uint16)
        result[single] = self.members[self.offsets[single]]
        return result


@dataclass(frozen=True)
class Side:
    """What dose places mean for a registry of one date.

    ``communes``: the registry's; ``linked``: per dose place the registry communes that took of it; ``targets``:
    these, and for a commune that could not be traced all that took of its district; ``successor``: uint16 per dose
    place, the one registry commune its people are in, 0 when several or not known; ``dose_province``: uint16 per dose
    place, the province in the registry's terms; ``districts``: per registry commune the districts of 2021 that it took
    of.
    """

    communes: Communes
    linked: Lists
    targets: Lists
    successor: UInt16s
    dose_province: UInt16s
    districts: Lists


def identity_side(communes: Communes) -> Side:
    """The side of communes of which nothing but the code is known: each is its own only target."""
    n = len(communes)
    same = Lists.identity(n)
    return Side(communes, same, same, same.only_member(), communes.province, Lists.of_pairs((), n))


@dataclass(frozen=True)
class UnitTables:
    """A units folder by ids: dose places are the communes of 2021, then those of 2025."""

    doses: Communes
    n_2021: int
    dose_districts: Lists
    sides: dict[str, Side]


def build_tables(files: UnitFiles) -> UnitTables:
    """Number the units of a folder and relate them, for a registry of either date."""
    old = [files.communes_2021[code] for code in sorted(files.communes_2021)]
    new = [files.communes_2025[code] for code in sorted(files.communes_2025)]
    n_old, n_new = len(old), len(new)
    id_old = {unit.code: i for i, unit in enumerate(old, start=1)}
    id_new = {unit.code: i for i, unit in enumerate(new, start=1)}
    district = {code: i for i, code in enumerate(sorted({unit.district_code for unit in old}), start=1)}
    links = [(id_old[a], id_new[b], transfer) for a, taken in files.taken_by.items() for b, transfer in taken]
    taken = [(a, b) for a, b, _ in links]
    settled = _settled(links)

    # Dose places of 2025 follow those of 2021.
    in_old = [(i, district[unit.district_code]) for i, unit in enumerate(old, start=1)]
    in_new = [(id_new[c], district[d]) for c, codes in files.districts_2025.items() for d in codes if d in district]
    self_old = [(i, i) for i in range(1, n_old + 1)]
    self_new = [(n_old + j, j) for j in range(1, n_new + 1)]
    back = [(n_old + b, a) for a, b in taken]
    untraced = [(a, b) for a, d in in_old if old[a - 1].code not in files.taken_by for b, e in in_new if d == e]

    doses = Communes.of_units(old + new)
    communes_2021, communes_2025 = doses.numbered(1, n_old), doses.numbered(n_old + 1, n_old + n_new)
    dose_districts = Lists.of_pairs(in_old + [(n_old + j, d) for j, d in in_new], len(doses))

    linked_2021 = Lists.of_pairs(self_old + back, len(doses))
    linked_2025 = Lists.of_pairs(taken + self_new, len(doses))
    sides = {
        "2021": Side(
            communes_2021,
            linked_2021,
            linked_2021,
            linked_2021.only_member(),
            _old_province(old, dose_districts),
            Lists.of_pairs(in_old, n_old),
        ),
        "2025": Side(
            communes_2025,
            linked_2025,
            Lists.of_pairs([*taken, *self_new, *untraced], len(doses)),
            Lists.of_pairs(settled + self_new, len(doses)).only_member(),
            _new_province(files, old, communes_2025),
            Lists.of_pairs(in_new, n_new),
        ),
    }
    return UnitTables(doses, n_old, dose_districts, sides)


def _settled(links: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """The links that carried people; those of land only count where a commune has no other."""
    with_people = {a for a, _, transfer in links if transfer != LAND_ONLY}
    return [(a, b) for a, b, transfer in links if transfer != LAND_ONLY or a not in with_people]


def _old_province(old: Sequence[Unit], dose_districts: Lists) -> UInt16s:
    """The province of 2021 per dose place; 0 for a commune of 2025 that took of several."""
    of_district = np.zeros(1 << 16, np.uint16)
    of_district[dose_districts.members[: len(old)]] = [int(unit.province_code) for unit in old]
    place, district = dose_districts.take(np.arange(len(dose_districts.offsets) - 1, dtype=np.uint16))
    found = Lists.of_arrays(place, of_district[district], len(dose_districts.offsets) - 2)
    return found.only_member()


def _new_province(files: UnitFiles, old: Sequence[Unit], communes_2025: Communes) -> UInt16s:
    """The province of 2025 per dose place."""
    successor = province_successors(files)
    of_old = [int(successor.get(unit.province_code, 0)) for unit in old]
    return np.concatenate(([0], of_old, communes_2025.province[1:])).astype(np.uint16)
