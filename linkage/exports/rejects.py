"""What a station is told of its rejected records: counted, and written as columns and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import UsageError
from linkage.exports.lists import Cell, ListColumn, Written, write_csv, write_workbook
from linkage.exports.parts import part_paths
from linkage.exports.reject_words import HEADINGS, TITLES, faulty_column, words_of
from linkage.exports.rejected_records import Record, read_rejected, records
from linkage.ingest.cleaning import normal_name
from linkage.schema import DOSES, REGISTRY
from linkage.storage.output_paths import check_file
from linkage.storage.work_folders import replacing

FORMATS = ("xlsx", "csv")
BY = ("facility", "file")
_COUNTED_AT_ONCE = 1 << 16
_FACILITY = "facility_code"
_WIDTHS = (22, 14, 14, 8, 22, 40, 32, 44)
_UNKNOWN = {"vi": "khong-ro-co-so", "en": "facility-not-known"}


def list_rejects(path: Path) -> pa.Table:
    """Counts the rejected records of a run.

    Parameters: ``path`` of ``rejected.parquet``. Returns file (string), reason (string), records (int64), sorted; a
    record with two reasons counts under both. Raises InputError when the file is no table of rejected records.
    """
    rejected = read_rejected(path)
    counts: Counter[tuple[str, str]] = Counter()
    for part in rejected.select(["file", "reasons"]).to_batches(max_chunksize=_COUNTED_AT_ONCE):
        reasons = part["reasons"]
        pairs = pa.table(
            {"file": part["file"].take(pc.list_parent_indices(reasons)), "reason": pc.list_flatten(reasons)}
        )
        found = pairs.group_by(["file", "reason"]).aggregate([([], "count_all")])
        names = zip(found["file"].to_pylist(), found["reason"].to_pylist(), strict=True)
        counts.update(dict(zip(names, found["count_all"].to_pylist(), strict=True)))
    rows = [(*pair, n) for pair, n in sorted(counts.items())]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    types = (pa.string(), pa.string(), pa.int64())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["file", "reason", "records"])


def export_rejects(
    path: Path,
    out: Path,
    *,
    by: str | None = None,
    language: str = "vi",
    columns: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write rejected records for the people who mend them: file, sheet, line, record, column, value, reason and what to
    do, one row a reason.

    Parameters
    ----------
    path : ``rejected.parquet`` of a run
    out : a file that ends in .csv or .xlsx; or with ``by`` a folder, or a name to be completed by each part
    by : "facility" (the one that keyed the record in, where that can be read) or "file": one file for each
    columns : schema names by the files' column names, as the run read them

    Returns
    -------
    The files written.

    Raises
    ------
    UsageError : another extension, or another ``by``
    LinkageError : a file cannot be written
    """
    fmt = out.suffix.lower().removeprefix(".") or (FORMATS[0] if by else "")
    if fmt not in FORMATS:
        raise UsageError(f"{out.name}: cannot export to {out.suffix or 'no extension'}: use .csv or .xlsx")
    if by is not None and by not in BY:
        raise UsageError(f"--by {by}: unknown; use {' or '.join(BY)}")
    rejected = read_rejected(path)
    if by is None:
        check_file(out)
        with replacing(out) as part:
            write_rejects(rejected, language, fmt, part, columns)
        return [out]
    part_of = _part_of(by, language, columns or {})
    rows: dict[str, list[int]] = {}
    for number, record in enumerate(records(rejected)):
        rows.setdefault(part_of(record), []).append(number)
    paths = part_paths(out, list(rows), f".{fmt}")
    for name, target in paths.items():
        with replacing(target) as part:
            write_rejects(rejected.take(rows[name]), language, fmt, part, columns)
    return list(paths.values())


def write_rejects(
    rejected: pa.Table, language: str, fmt: str, out: Path, columns: Mapping[str, str] | None = None
) -> Written:
    """Write a table of rejected records in words."""
    titles = [ListColumn(title, width) for title, width in zip(TITLES[language], _WIDTHS, strict=True)]
    rows = _rows(records(rejected), language, columns or {})
    if fmt == "csv":
        return write_csv(titles, rows, out)
    return write_workbook(titles, rows, out, "rejected", HEADINGS[language])


def _rows(chosen: Iterable[Record], language: str, columns: Mapping[str, str]) -> Iterator[tuple[Cell, ...]]:
    for record in chosen:
        for code in record.reasons:
            words = words_of(code, language)
            column, value = faulty_column(record, code, _key_column(record, columns))
            where = record.file, record.sheet, record.line, record.position
            yield *where, column, value, words.reason, words.remedy


def _key_column(record: Record, columns: Mapping[str, str]) -> str:
    """What the file calls the key of its records."""
    for table in (DOSES, REGISTRY):
        name = _named(record, str(table.key), columns)
        if name:
            return name
    return ""


def _named(record: Record, target: str, columns: Mapping[str, str]) -> str:
    """What the file of a record calls a column of the schema; empty where it has none."""
    known = {normal_name(name) for name, meaning in columns.items() if meaning == target} | {normal_name(target)}
    return next((name for name in record.names if normal_name(name) in known), "")


def _part_of(by: str, language: str, columns: Mapping[str, str]) -> Callable[[Record], str]:
    if by == "file":
        return lambda record: record.file
    return lambda record: record.value(_named(record, _FACILITY, columns)).strip() or _UNKNOWN[language]
