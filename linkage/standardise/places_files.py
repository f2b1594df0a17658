"""The files of a units folder, checked: the communes of February 2021 and what became of them on 1 July 2025.

Two files are required. ``legacy_units_2021-02-03.csv`` has one row per commune of 2021 (and one per district without
communes, its commune code empty, which is left out); ``crosswalk_2021-02_to_2025-07.csv`` one row per commune of 2021
and commune of 2025 that took of it, the latter empty where it could not be traced. ``crosswalk_2025-07-01.csv``, where
present, adds communes of 2025 that no traced commune of 2021 leads to, and the names of the provinces of 2025.
"""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from linkage.errors import InputError
from linkage.standardise.digits import distinct
from linkage.storage.edited_files import read_bytes

UNITS_2021 = "legacy_units_2021-02-03.csv"
CROSSWALK = "crosswalk_2021-02_to_2025-07.csv"
OFFICIAL_2025 = "crosswalk_2025-07-01.csv"

UNITS_COLUMNS = (
    "province_code",
    "province_name",
    "district_code",
    "district_name",
    "commune_code",
    "commune_name",
)
_CROSSWALK_COLUMNS = (
    "commune_code_2021",
    "commune_code_2025_06",
    "new_commune_code",
    "new_commune_name",
    "new_province_code",
    "transfer",
)
_OFFICIAL_COLUMNS = (
    "new_province_code",
    "new_province_name",
    "new_commune_code",
    "new_commune_name",
    "old_district_code",
)

# Figures of the codes that GSO gives; 0 for what is none.
_N_FIGURES = {
    **dict.fromkeys(("province_code", "new_province_code"), 2),
    **dict.fromkeys(("district_code", "old_district_code"), 3),
    **dict.fromkeys(("commune_code", "commune_code_2021", "commune_code_2025_06", "new_commune_code"), 5),
}

# Land without people: the commune's residents are not among those of the commune that took it.
LAND_ONLY = "part_area"


class Unit(NamedTuple):
    """A commune of one date; ``district`` is empty for 2025, when districts were gone."""

    code: str
    name: str
    district_code: str
    district_name: str
    province_code: str
    province_name: str


@dataclass(frozen=True)
class UnitFiles:
    """What the folder says: communes of both dates by code, and how they hang together.

    ``taken_by``: code of 2021 to (code of 2025, transfer) in the order of the file, nothing for a commune not traced;
    ``later_code``: code first given between the two dates to the one commune of 2021 that got it;
    ``districts_2025``: code of 2025 to the districts of 2021 that it took of.
    """

    communes_2021: dict[str, Unit]
    communes_2025: dict[str, Unit]
    taken_by: dict[str, list[tuple[str, str]]]
    later_code: dict[str, str]
    districts_2025: dict[str, set[str]]


def read_unit_files(folder: Path) -> UnitFiles:
    """Read a units folder.

    Raises
    ------
    InputError
        The folder or a required file is absent or unreadable, lacks a column, repeats a commune of 2021, or names in
        the crosswalk a commune that the list of 2021 does not have.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder of administrative units; give one with {UNITS_2021} and {CROSSWALK}"
        )
    communes_2021 = _read_communes_2021(folder / UNITS_2021)
    province_names = {unit.province_code: unit.province_name for unit in communes_2021.values()}
    official = _read_rows(folder / OFFICIAL_2025, _OFFICIAL_COLUMNS) if (folder / OFFICIAL_2025).exists() else []
    province_names |= {row["new_province_code"]: row["new_province_name"] for row in official}

    communes_2025: dict[str, Unit] = {}
    districts_2025: defaultdict[str, set[str]] = defaultdict(set)
    path = folder / OFFICIAL_2025
    for number, row in enumerate(official, start=2):
        _check_province(path, number, "new_province_code", row["new_province_code"])
        _add_2025(communes_2025, row, province_names)
        districts_2025[row["new_commune_code"]].add(row["old_district_code"])

    taken_by: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    codes_2025_06: defaultdict[str, set[str]] = defaultdict(set)
    path = folder / CROSSWALK
    for number, row in enumerate(_read_rows(path, _CROSSWALK_COLUMNS), start=2):
        old, new = row["commune_code_2021"], row["new_commune_code"]
        if old not in communes_2021:
            raise InputError(
                f"{path}: row {number}: commune_code_2021 {old!r} is not in {UNITS_2021};"
                " take both files from the same release"
            )
        codes_2025_06[row["commune_code_2025_06"]].add(old)
        if new:
            _check_province(path, number, "new_province_code", row["new_province_code"])
            _add_2025(communes_2025, row, province_names)
            districts_2025[new].add(communes_2021[old].district_code)
            taken_by[old].append((new, row["transfer"]))
    later = {code: old.pop() for code, old in codes_2025_06.items() if code not in communes_2021 and len(old) == 1}
    later.pop("", None)
    return UnitFiles(communes_2021, communes_2025, dict(taken_by), later, dict(districts_2025))


def _read_communes_2021(path: Path) -> dict[str, Unit]:
    """The communes of 2021 by code."""
    communes: dict[str, Unit] = {}
    for number, row in enumerate(_read_rows(path, UNITS_COLUMNS), start=2):
        code = row["commune_code"]
        if not code:
            continue
        if code in communes:
            raise InputError(
                f"{path}: row {number}: commune_code {code!r} stands there twice; keep one row per commune"
            )
        _check_province(path, number, "province_code", row["province_code"])
        for column in UNITS_COLUMNS:
            if not row[column]:
                raise InputError(f"{path}: row {number}: {column} of commune {code!r} is empty; fill it in")
        names = (row["commune_name"], row["district_code"], row["district_name"], row["province_code"])
        communes[code] = Unit(code, *names, row["province_name"])
    if not communes:
        raise InputError(f"{path}: no commune in the file; give the list of communes of 2021")
    return communes


def _add_2025(communes: dict[str, Unit], row: dict[str, str], province_names: dict[str, str]) -> None:
    code, province = row["new_commune_code"], row["new_province_code"]
    if code not in communes:
        communes[code] = Unit(code, row["new_commune_name"], "", "", province, province_names.get(province, ""))


def _check_province(path: Path, number: int, column: str, code: str) -> None:
    if not (code.isdecimal() and 0 < int(code) < 1000):
        raise InputError(f"{path}: row {number}: {column} {code!r} is not a number from 1 to 999; correct it")


def _read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file, the given columns only, all values as text without outer or doubled blanks."""
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), include_columns=columns, strings_can_be_null=False
    )
    remedy = f"a units folder needs {UNITS_2021} and {CROSSWALK}, CSV files in UTF-8"
    try:
        content = _utf8(read_bytes(path, remedy, InputError))
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputError(f"{path}: no such file; {remedy}") from None
        raise
    head = content.partition(b"\n")[0]
    # A spreadsheet saves with the separator of the country that its computer is set to, in ours the semicolon.
    delimiter = max(",;\t", key=lambda separator: head.count(separator.encode()))
    parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        table = pa.csv.read_csv(pa.BufferReader(content), convert_options=options, parse_options=parse)
    except KeyError as missing:
        raise InputError(f"{path}: {missing.args[0]}; the columns needed are {', '.join(columns)}") from None
    except pa.ArrowInvalid as problem:
        reason = str(problem).partition("\n")[0]
        raise InputError(f"{path}: cannot be read as CSV in UTF-8 ({reason}); save it again in that form") from problem
    texts = [_texts(table.column(name), _N_FIGURES.get(name, 0)) for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)]


def _utf8(content: bytes) -> bytes:
    """Text of a spreadsheet, which saves "Unicode text" as UTF-16 with its mark; what is no such stays as it is."""
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content
    return content.decode("utf-16", "replace").encode()


def _texts(column: pa.ChunkedArray, n_figures: int) -> list[str]:
    """Texts without outer or doubled blanks, codes with the zeros that a spreadsheet takes from them, made once per
    distinct one: a batch of a few doses waits for them."""
    stated = distinct(column)
    texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(stated.values, r"\s+", " ")).to_pylist()
    texts = [text.zfill(n_figures) if text.isdecimal() else text for text in texts]
    return [texts[row] for row in stated.rows.tolist()]


def province_successors(files: UnitFiles) -> dict[str, str]:
    """Province code of 2021 to that of 2025 which took most of its communes."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for old, targets in files.taken_by.items():
        for new, _ in targets:
            votes[files.communes_2021[old].province_code][files.communes_2025[new].province_code] += 1
    return {old: min(count, key=lambda code: (-count[code], code)) for old, count in votes.items()}
