"""Finds the header of a file and tells which of its columns is which column of the schema."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linkage.errors import InputError, UsageError
from linkage.schema import TableSchema

SEARCHED_ROWS = 20


@dataclass(frozen=True)
class Header:
    """A header row of a file, matched with a schema.

    ``index`` has, for every column of the schema in order, its place in the file, or -1 when the file lacks it.
    """

    names: tuple[str, ...]
    index: tuple[int, ...]
    ignored: tuple[str, ...]

    def name_of(self, table: TableSchema, column: str | None) -> str | None:
        """What the file calls a column of the schema; None for None."""
        return None if column is None else self.names[self.index[table.names.index(column)]]


def normal_name(name: str) -> str:
    """A column name as it is compared: composed Unicode, no space around it, no case."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def match_header(names: Sequence[str], table: TableSchema, columns: Mapping[str, str] | None, file: str) -> Header:
    """Matches the names of a header row with the schema.

    Parameters: ``names`` as in the file; ``columns`` from column names of the file to those of the schema.
    Returns the header. Raises InputError when a required column is missing or a column occurs twice, UsageError when
    the mapping names a column that the schema does not have.
    """
    targets = _targets(table, columns)
    found: dict[str, int] = {}
    ignored = []
    for place, name in enumerate(names):
        target = targets.get(normal_name(name))
        if target is None:
            if name.strip():
                ignored.append(" ".join(name.split()))
        elif target in found:
            raise InputError(
                f"{file}: column {target} occurs twice, as column {found[target] + 1} and {place + 1}: keep one"
            )
        else:
            found[target] = place
    missing = [column.name for column in table.columns if column.required and column.name not in found]
    if missing:
        raise InputError(_missing_message(file, missing, names, targets, table.remedy))
    return Header(tuple(names), tuple(found.get(name, -1) for name in table.names), tuple(ignored))


def find_header(
    rows: Sequence[Sequence[str]], table: TableSchema, columns: Mapping[str, str] | None, file: str
) -> tuple[int, Header]:
    """The first of ``rows`` that has all required columns, and the header it makes.

    Raises InputError that names the missing columns of the row that comes closest.
    """
    targets = _targets(table, columns)
    required = {column.name for column in table.columns if column.required}
    known = [{targets[normal_name(name)] for name in row if normal_name(name) in targets} for row in rows]
    for number, names in enumerate(known):
        if required <= names:
            return number, match_header(rows[number], table, columns, file)
    closest = max(range(len(rows)), key=lambda number: len(known[number]), default=None)
    if closest is None or not known[closest]:
        wanted = ", ".join(sorted(required))
        raise InputError(
            f"{file}: no header with the columns {wanted} in the first {SEARCHED_ROWS} rows: "
            f"name the columns in one row, or {table.remedy}"
        )
    missing = [name for name in table.names if name in required - known[closest]]
    raise InputError(_missing_message(file, missing, rows[closest], targets, table.remedy))


def n_known(names: Sequence[str], table: TableSchema, columns: Mapping[str, str] | None) -> int:
    """How many of the names are columns of the schema."""
    return len({normal_name(name) for name in names} & _targets(table, columns).keys())


def header_notes(header: Header, n_titles: int) -> list[str]:
    """What of the file was passed over, for the report on it."""
    notes = []
    if n_titles:
        notes.append(f"title rows above the header skipped: {n_titles}")
    if header.ignored:
        notes.append("columns ignored: " + ", ".join(header.ignored))
    return notes


def _targets(table: TableSchema, columns: Mapping[str, str] | None) -> dict[str, str]:
    """Schema names by compared name: the schema's own, and those of the mapping, which go first."""
    targets = {normal_name(name): name for name in table.names}
    for source, target in (columns or {}).items():
        if target not in table.names:
            raise UsageError(
                f"column mapping {source} = {target}: {table.name} has no column {target}: correct the mapping"
            )
        targets[normal_name(source)] = target
    return targets


def _missing_message(
    file: str, missing: Sequence[str], names: Sequence[str], targets: Mapping[str, str], remedy: str
) -> str:
    """What is missing, beside what is there. Unknown names are counted, not shown: the row may be no header but
    data."""
    known = [" ".join(name.split()) for name in names if normal_name(name) in targets]
    others = sum(bool(name.strip()) for name in names) - len(known)
    found = ", ".join([*known, f"{others} unknown"] if others else known)
    word = "column" if len(missing) == 1 else "columns"
    return f"{file}: {word} {', '.join(missing)} missing (found: {found}): add it, or {remedy}"
