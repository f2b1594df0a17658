"""Communes: where people live, under which 2021 code, and what became of each code on 1 July 2025."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linkage.errors import InputError
from linkage.simulate.randomness import Chance, Floats, Int32s
from linkage.simulate.tables import read_csv
from linkage.standardise.places_files import CROSSWALK, UNITS_2021, UNITS_COLUMNS
from linkage.storage.work_folders import make_folder

LEGACY_COLUMNS = ("as_of", *UNITS_COLUMNS, "level")
CROSSWALK_COLUMNS = (
    "commune_code_2021",
    "commune_name",
    "district_code",
    "district_name",
    "province_code",
    "province_name",
    "commune_code_2025_06",
    "name_2025_06",
    "how",
    "new_commune_code",
    "new_commune_name",
    "new_province_code",
    "transfer",
)

# Sizes of the 10,603 communes of 2021: quantiles of the published estimate, rounded.
_SIZE_SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1)
_SIZES = (15, 470, 1350, 2500, 4600, 7400, 11_400, 17_000, 22_300, 44_000, 90_000, 146_000)
_SIZE_SPREAD = 0.6  # of their logarithms within a province; with it provinces keep their people within some 5 %

Row = dict[str, str]


@dataclass(frozen=True)
class Communes:
    """The communes of 2021 of one simulation by province, district and code; arrays have one entry per commune."""

    codes: list[str]
    names: list[str]
    district_codes: list[str]
    district_names: list[str]
    province_codes: list[str]
    province_names: list[str]
    weights: Floats  # expected share of the people, any sum
    kinh_shares: Floats  # nan: as in the province
    new_codes: list[list[str]]  # codes of 2025, the first one the main successor
    legacy_rows: list[Row]
    crosswalk_rows: list[Row]

    def __len__(self) -> int:
        return len(self.codes)

    def district_index(self) -> Int32s:
        """Number of the district of each commune, 0 ..., in order of the codes."""
        keys = [p + d for p, d in zip(self.province_codes, self.district_codes, strict=True)]
        return np.unique(keys, return_inverse=True)[1].astype(np.int32)

    def province_index(self) -> Int32s:
        """Number of the province of each commune in the table of provinces."""
        number = {row["code"]: i for i, row in enumerate(read_csv("provinces.csv"))}
        return np.array([number[code] for code in self.province_codes], np.int32)


def communes_from(
    legacy: list[Row],
    crosswalk: list[Row],
    weights: Floats,
    kinh_shares: Floats | None = None,
    all_legacy: list[Row] | None = None,
) -> Communes:
    """Communes from rows in the form of the two files; ``all_legacy`` is what is written when it is more."""
    targets: dict[str, list[str]] = {}
    for row in crosswalk:
        if row["new_commune_code"]:
            targets.setdefault(row["commune_code_2021"], []).append(row["new_commune_code"])
    codes = [row["commune_code"] for row in legacy]
    return Communes(
        codes=codes,
        names=[row["commune_name"] for row in legacy],
        district_codes=[row["district_code"] for row in legacy],
        district_names=[row["district_name"] for row in legacy],
        province_codes=[row["province_code"] for row in legacy],
        province_names=[row["province_name"] for row in legacy],
        weights=weights,
        kinh_shares=np.full(len(codes), np.nan) if kinh_shares is None else kinh_shares,
        # An unresolved commune keeps its code: that is what a registry does until someone decides.
        new_codes=[targets.get(code, [code]) for code in codes],
        legacy_rows=legacy if all_legacy is None else all_legacy,
        crosswalk_rows=crosswalk,
    )


def draw_weights(rng: np.random.Generator, n: int) -> Floats:
    """Relative sizes of communes: lognormal, median 7,400, 90th percentile 17,000, at most 146,000."""
    sizes: Floats = np.minimum(7400 * np.exp(rng.normal(0, np.log(17000 / 7400) / 1.2816, n)), 146_000)
    return sizes


def published_sizes(rng: np.random.Generator, crowding: Floats) -> Floats:
    """People of each commune: exactly the published distribution, the larger ones where communes are crowded.

    Parameters
    ----------
    crowding : float array, shape (communes,), people a commune of its province has on average, any unit
    """
    n = len(crowding)
    sizes = np.exp(np.interp(np.linspace(0, 1, n), _SIZE_SHARES, np.log(_SIZES)))
    weights = np.empty(n)
    weights[np.argsort(np.log(crowding) + _SIZE_SPREAD * rng.standard_normal(n))] = sizes
    return weights


def bao_lam() -> Communes:
    """The 14 communes of Bảo Lâm district with their real codes, names and successors."""
    rows = read_csv("bao_lam.csv")
    place = {
        "district_code": "680",
        "district_name": "Huyện Bảo Lâm",
        "province_code": "68",
        "province_name": "Tỉnh Lâm Đồng",
    }
    legacy = [legacy_row(place, row["code"], row["name"]) for row in rows]
    crosswalk = [
        crosswalk_row(old, row["code_2025"], row["name_2025"], "68", "whole")
        for old, row in zip(legacy, rows, strict=True)
    ]
    weights = np.array([float(row["people"]) for row in rows])
    return communes_from(legacy, crosswalk, weights, np.array([float(row["kinh_share"]) for row in rows]))


def legacy_row(place: Row, code: str, name: str) -> Row:
    """A row of the 2021 list; ``place`` holds the columns of district and province."""
    level = next((kind for kind in ("Thị trấn", "Phường", "Xã") if name.startswith(kind)), "Huyện")
    return {"as_of": "2021-02-03", **place, "commune_code": code, "commune_name": name, "level": level}


def crosswalk_row(old: Row, new_code: str, new_name: str, new_province: str, transfer: str) -> Row:
    """A row of the crosswalk for a commune that kept its code until June 2025."""
    return {
        **{
            column: old[column]
            for column in ("commune_name", "district_code", "district_name", "province_code", "province_name")
        },
        "commune_code_2021": old["commune_code"],
        "commune_code_2025_06": old["commune_code"],
        "name_2025_06": old["commune_name"],
        "how": "same_code",
        "new_commune_code": new_code,
        "new_commune_name": new_name,
        "new_province_code": new_province,
        "transfer": transfer,
    }


def read_units(folder: Path, persons: int, chance: Chance, *, published: bool = False) -> Communes:
    """Communes of a folder in the form of the official lists.

    Whole districts are drawn until there are about 9,400 people to a commune; everything when there are people enough.
    The chosen communes and all rows of the folder are kept: names in a country are ambiguous, also for a few people.
    ``published``: their sizes follow the published distribution exactly, instead of being drawn like it.

    Raises
    ------
    InputError
        The folder lacks a file, a file lacks a column, or there is no commune.
    """
    legacy = _read_rows(folder / UNITS_2021, LEGACY_COLUMNS)
    crosswalk = _read_rows(folder / CROSSWALK, CROSSWALK_COLUMNS)
    rng = chance.stream("units")
    districts: dict[str, list[Row]] = {}
    for row in legacy:
        districts.setdefault(row["province_code"] + row["district_code"], []).append(row)
    chosen: list[Row] = []
    for key in rng.permutation(sorted(districts)):
        chosen += districts[key]
        if len(chosen) >= persons / 9400 and len({row["province_code"] for row in chosen}) >= min(2, persons // 9400):
            break
    chosen.sort(key=lambda row: (row["province_code"], row["district_code"], row["commune_code"]))
    weights = published_sizes(rng, _crowding(chosen)) if published else draw_weights(rng, len(chosen))
    return communes_from(chosen, crosswalk, weights, all_legacy=legacy)


def _crowding(rows: list[Row]) -> Floats:
    """People per commune of the province of each row, in thousands."""
    people = {row["code"]: float(row["people_thousand"]) for row in read_csv("provinces.csv")}
    n_communes = Counter(row["province_code"] for row in rows)
    return np.array([people[row["province_code"]] / n_communes[row["province_code"]] for row in rows])


def _read_rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; a units folder holds {UNITS_2021} and {CROSSWALK}")
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}: column {missing[0]} is missing; expected {', '.join(columns)}")
        rows = list(reader)
    if not rows:
        raise InputError(f"{path}: holds no rows; give the full list of communes")
    return rows


def write_units(communes: Communes, folder: Path) -> None:
    """Write the two files in exactly the form they are read."""
    make_folder(folder)
    for name, columns, rows in (
        (UNITS_2021, LEGACY_COLUMNS, communes.legacy_rows),
        (CROSSWALK, CROSSWALK_COLUMNS, communes.crosswalk_rows),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as sink:
            writer = csv.DictWriter(sink, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows({column: row[column] for column in columns} for row in rows)
