"""Administrative units by date: which commune a dose or a person belongs to, and how the communes of two dates relate.

A commune code is not a territory: 3,316 of the 3,321 codes of July 2025 are codes of communes of 2021 that were merged
into a larger one. So a code is only ever read together with a date, "2021" or "2025", and becomes a uint16 id, 0 for
unknown. There are two kinds of id:

- a *dose place*: 1 … n of 2021, sorted by code, followed by the communes of 2025, as doses from 1 July 2025 on carry
  the new codes and a commune of 2025 cannot be traced back to one of 2021;
- a *registry commune*: 1 … n of the set of the registry's date.

What a dose place means for the registry (targets, relation, province) is asked with the registry's date ``as_of``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import UsageError
from linkage.machine.text_hashes import content_hashes
from linkage.standardise.dates import UInt32s, pack_date
from linkage.standardise.digits import Distinct, Strings, distinct
from linkage.standardise.places_build import Communes, Lists, Side, UnitTables, build_tables, identity_side, read_codes
from linkage.standardise.places_files import Unit, read_unit_files
from linkage.standardise.places_gazetteer import Gazetteer, build_gazetteer
from models.comparators.place import SAME_COMMUNE, SAME_DISTRICT, SAME_PROVINCE

UInt16s = npt.NDArray[np.uint16]
UInt8s = npt.NDArray[np.uint8]

AS_OF = ("2021", "2025")
FIRST_DAY_2025 = int(pack_date(2025, 7, 1))
# A registry has the codes of 2025 when nearly all its rows fit that set: one of 2021 does in a third of them.
_SHARE_OF_2025 = 0.98


@dataclass(frozen=True)
class Coverage:
    """How many of the rows with a code carry one that each set has."""

    n_rows: int
    n_in_2021: int
    n_in_2025: int

    @property
    def as_of(self) -> str:
        """The date whose set the codes belong to."""
        n_known = max(self.n_in_2021, self.n_in_2025)
        return "2025" if n_known and self.n_in_2025 >= _SHARE_OF_2025 * n_known else "2021"


@dataclass(frozen=True)
class Units:
    """The administrative units of 2021 and 2025; made by ``load`` or, without a units folder, by ``none``.

    has_names: whether communes are known by name too, and by date.
    """

    tables: UnitTables
    later_code: dict[str, int]
    has_names: bool

    @classmethod
    def load(cls, folder: Path | str) -> Units:
        """Read a units folder (see linkage.standardise.places_files); raises InputError when it is malformed."""
        files = read_unit_files(Path(folder))
        tables = build_tables(files)
        later = list(files.later_code)
        ids = tables.sides["2021"].communes.ids(pa.array([files.later_code[code] for code in later], pa.string()))
        return cls(tables, dict(zip(later, ids.tolist(), strict=True)), has_names=True)

    @classmethod
    def none(cls, codes: Strings | Sequence[str]) -> Units:
        """Units without a folder: the codes given are the communes, whatever the date, and only equality is known."""
        values = distinct(
            codes if isinstance(codes, pa.Array | pa.ChunkedArray) else pa.array(codes, pa.string())
        ).values
        known = sorted(set(read_codes(values).to_pylist()) - {""})
        communes = Communes.of_units([Unit(code, "", "", "", "", "") for code in known])
        side = identity_side(communes)
        nowhere = Lists.of_pairs((), len(communes))
        return cls(UnitTables(communes, len(communes), nowhere, dict.fromkeys(AS_OF, side)), {}, has_names=False)

    @property
    def doses(self) -> Communes:
        """The dose places by id, for reports: code, name, district and province."""
        return self.tables.doses

    @cached_property
    def dose_code_hashes(self) -> npt.NDArray[np.uint64]:
        """A content hash of the code of each dose place: uint64 by id, 0 where there is none."""
        return content_hashes(_texts(self.doses.code))

    @cached_property
    def gazetteer_2021(self) -> Gazetteer:
        """The communes of 2021 by name; made when a name is looked up first, for it takes as long as all else."""
        return _gazetteer_2021(self.tables)

    @cached_property
    def gazetteer_2025(self) -> Gazetteer:
        """The communes of 2025 by name, likewise."""
        return _gazetteer_2025(self.tables)

    def registry(self, as_of: str) -> Communes:
        """The registry communes by id, for reports."""
        return self._side(as_of).communes

    def _side(self, as_of: str) -> Side:
        if as_of not in self.tables.sides:
            raise UsageError(f"registry date {as_of!r} is not known; give one of {', '.join(AS_OF)}")
        return self.tables.sides[as_of]

    def resolve_doses(
        self, commune_code: Strings, province: Strings, district: Strings, commune: Strings, dose_date: UInt32s
    ) -> UInt16s:
        """The dose place of each dose: by its code where that is valid at the date, else by the typed names.

        Parameters
        ----------
        commune_code, province, district, commune : string arrays [n] as typed, null where not stated.
        dose_date : uint32[n], packed dates; 0 (unknown) is taken as before July 2025.

        Returns
        -------
        uint16[n]
            Dose places; 0 when neither the code nor the names lead to exactly one commune.
        """
        is_2025 = (dose_date >= FIRST_DAY_2025) & self.has_names
        by_code = distinct(commune_code)
        places = np.where(
            is_2025, by_code.spread(self._places_2025(by_code)), by_code.spread(self._places_2021(by_code))
        )
        open_rows = np.flatnonzero(places == 0)
        if len(open_rows) and self.has_names:
            names = [distinct(pc.take(column, pa.array(open_rows))) for column in (province, district, commune)]
            places[open_rows] = self._places_by_name(names, is_2025[open_rows])
        return places.astype(np.uint16)

    def _places_2021(self, codes: Distinct) -> npt.NDArray[np.int64]:
        """Dose places of distinct codes written before July 2025; codes first given after February 2021 included."""
        texts = read_codes(codes.values)
        places = self.tables.sides["2021"].communes.ids(texts)
        for row in np.flatnonzero(places == 0) if self.later_code else ():
            places[row] = self.later_code.get(texts[row].as_py(), 0)
        return places

    def _places_2025(self, codes: Distinct) -> npt.NDArray[np.int64]:
        """Dose places of distinct codes written since July 2025; an abolished code still means the commune of 2021."""
        places = self.tables.sides["2025"].communes.ids(read_codes(codes.values))
        return np.where(places > 0, places + self.tables.n_2021, self._places_2021(codes))

    def _places_by_name(self, columns: Sequence[Distinct], is_2025: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Dose places of typed provinces, districts and communes, one search per distinct combination."""
        keys = is_2025.astype(np.int64)
        for column in columns:
            keys = np.unique(keys * (len(column.values) + 1) + column.rows, return_inverse=True)[1].ravel()
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        texts = [[*column.values.to_pylist(), ""] for column in columns]
        found: npt.NDArray[np.int64] = np.zeros(len(first), dtype=np.int64)
        for i, row in enumerate(first.tolist()):
            names = [text[column.rows[row]] for text, column in zip(texts, columns, strict=True)]
            number = (self.gazetteer_2025 if is_2025[row] else self.gazetteer_2021).find(*names)
            found[i] = number + self.tables.n_2021 if number and is_2025[row] else number
        return found[inverse.ravel()]

    def resolve_registry(self, codes: Strings, as_of: str) -> UInt16s:
        """The registry commune of each code, uint16[n]; 0 for a code that the set of that date does not have."""
        column = distinct(codes)
        return column.spread(self._side(as_of).communes.ids(read_codes(column.values)).astype(np.uint16))

    def coverage(self, codes: Strings) -> Coverage:
        """How the codes of a registry fit the sets of both dates; null and blank codes are left out."""
        column = distinct(codes)
        texts = read_codes(column.values)
        stated = column.spread(pc.not_equal(texts, "").to_numpy(zero_copy_only=False).astype(np.uint8))
        known = (column.spread(side.communes.ids(texts)) > 0 for side in self.tables.sides.values())
        return Coverage(int(stated.sum()), *(int(rows.sum()) for rows in known))

    def registry_targets(self, as_of: str) -> Lists:
        """Per dose place the registry communes in which its people may now be registered; see Lists for the form."""
        return self._side(as_of).targets

    def relation(self, dose_ids: UInt16s, registry_ids: UInt16s, as_of: str) -> UInt8s:
        """How near each dose place is to each registry commune.

        Parameters
        ----------
        dose_ids : uint16[k], dose places.
        registry_ids : uint16[m], registry communes of the set of ``as_of``.

        Returns
        -------
        uint8[k, m]
            3 same commune (one took of the other), 2 same district of 2021, 1 same province at the registry's date, 0
            other or not known.
        """
        side = self._side(as_of)
        dose_province = self.province_of_doses(dose_ids, as_of)[:, None]
        in_province = (dose_province == self.province_of_registry(registry_ids, as_of)) & (dose_province > 0)
        levels: UInt8s = in_province * np.uint8(SAME_PROVINCE)
        _raise_levels(levels, dose_ids, self.tables.dose_districts, registry_ids, side.districts, SAME_DISTRICT)
        themselves = Lists.identity(len(side.communes))
        _raise_levels(levels, dose_ids, side.linked, registry_ids, themselves, SAME_COMMUNE)
        return levels

    def province_of_doses(self, dose_ids: UInt16s, as_of: str) -> UInt16s:
        """The GSO code of the province of dose places in the registry's terms, uint16[n]; 0 when not known."""
        return self._side(as_of).dose_province[dose_ids]

    def province_of_registry(self, registry_ids: UInt16s, as_of: str) -> UInt16s:
        """The GSO code of the province of registry communes, uint16[n]; 0 when not known."""
        return self._side(as_of).communes.province[registry_ids]

    def code_now(self, dose_ids: UInt16s, as_of: str) -> pa.StringArray:
        """The code in the registry's set of the commune that dose places became; null when split or not known."""
        side = self._side(as_of)
        return side.communes.code.take(pa.array(side.successor[dose_ids]))


def _raise_levels(
    levels: UInt8s, dose_ids: UInt16s, of_dose: Lists, registry_ids: UInt16s, of_registry: Lists, level: int
) -> None:
    """Set ``level`` where the lists of a dose place and a registry commune share a member."""
    dose_row, dose_member = of_dose.take(dose_ids)
    registry_column, registry_member = of_registry.take(registry_ids)
    order = np.argsort(registry_member, kind="stable")
    registry_column, registry_member = registry_column[order], registry_member[order]
    start, stop = (np.searchsorted(registry_member, dose_member, side=side) for side in ("left", "right"))
    counts = stop - start
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    levels[np.repeat(dose_row, counts), registry_column[np.repeat(start, counts) + within]] = level


def _gazetteer_2021(tables: UnitTables) -> Gazetteer:
    """Names of 2021, by district."""
    communes = tables.sides["2021"].communes
    district_of = tables.dose_districts.only_member()[: tables.n_2021 + 1].astype(np.intp)
    _, first = np.unique(district_of, return_index=True)
    return build_gazetteer(
        _texts(communes.name),
        district_of.tolist(),
        _texts(communes.district_name.take(pa.array(first))),
        _texts(communes.province_name.take(pa.array(first))),
    )


def _gazetteer_2025(tables: UnitTables) -> Gazetteer:
    """Names of 2025, by province alone: it stands in for the district."""
    communes = tables.sides["2025"].communes
    _, first, province_of = np.unique(communes.province, return_index=True, return_inverse=True)
    provinces = _texts(communes.province_name.take(pa.array(first)))
    return build_gazetteer(_texts(communes.name), province_of.ravel().tolist(), [""] * len(first), provinces)


def _texts(strings: pa.StringArray) -> list[str]:
    return [text or "" for text in strings.to_pylist()]
