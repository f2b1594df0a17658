"""Published tables written out for people and for other programs, the rows of one commune, district or province where
asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from linkage.errors import UsageError, VerificationError
from linkage.exports.formats import format_of
from linkage.exports.list_dates import list_date_of
from linkage.exports.lists import SHEET_ROWS, Written, write_csv, write_workbook
from linkage.exports.units import commune_keys, communes_of, of_communes
from linkage.exports.views import View, json_value
from linkage.exports.words import AS_OF, LISTS
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import MANIFEST, published_dataset, read_manifest
from linkage.schema import REJECTED
from linkage.storage.work_folders import replacing
from linkage.wording.cell_text import json_text

FORMATS = ("xlsx", "csv", "json", "parquet")
FOR_PEOPLE = ("xlsx", "csv")  # formats with titles and words in a language
_BATCH_ROWS = 1 << 16
_NAMES = ("commune_name", "district_name", "province_name")
# How the rows of a queue are worked through.
_ORDER = ("commune_code_now", "commune_code", "priority", "claim_id", "rank")


@dataclass(frozen=True)
class Exported:
    """What was written, and what to tell of it."""

    table: str
    format: str
    rows: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Source:
    """The rows of a published table that are asked for, in parts."""

    run_dir: Path
    table: str
    schema: pa.Schema
    batches: Iterator[pa.Table]


def export_table(
    source: Path,
    out: Path,
    *,
    table: str | None = None,
    fmt: str | None = None,
    unit: str | None = None,
    language: str | None = None,
) -> Exported:
    """Write a published table to ``out``, whole or not at all.

    Parameters
    ----------
    source : folder of a run or of link, with ``table`` "decisions", "queues/review" and so on, or the file of a table
    fmt : one of FORMATS; that of the name of ``out`` when None, xlsx where this says none
    unit : code of a commune, a district or a province, whose rows alone are written
    language : of titles and words in FOR_PEOPLE, "vi" or "en", Vietnamese when None; JSON and Parquet hold
        the table as it is

    Raises
    ------
    UsageError : the table, the format or the unit is not known
    VerificationError : the table is damaged
    LinkageError : the file cannot be written
    """
    fmt = format_of(out, fmt, FORMATS)
    if language is not None and fmt not in FOR_PEOPLE:
        raise UsageError(f"--lang {language}: belongs to {' and '.join(FOR_PEOPLE)}; {fmt} holds the table as it is")
    run_dir, name = _find(source, table)
    found = _source(run_dir, name, unit)
    with replacing(out) as part:
        written = _write(found, fmt, language or "vi", part)
    return Exported(name, fmt, written.rows, tuple(_notes(written, fmt)))


def _find(source: Path, table: str | None) -> tuple[Path, str]:
    """The folder of a run and the name of a table in it."""
    if source.suffix == ".parquet":
        if table is not None:
            raise UsageError(f"{source}: is a table already; leave --table out, or name the folder of the run")
        run_dir = next((folder for folder in source.parents if (folder / MANIFEST).is_file()), source.parent)
        source, table = run_dir, str(source.relative_to(run_dir).with_suffix(""))
    outputs = read_manifest(source, like=PublishedManifest).get("outputs", {})
    known = sorted(name.removesuffix(".parquet") for name in outputs if name.endswith(".parquet"))
    if table is None or table.removesuffix(".parquet") not in known:
        raise UsageError(f"--table {table or '(none)'}: {source} has {', '.join(known)}")
    return source, table.removesuffix(".parquet")


def _source(run_dir: Path, name: str, unit: str | None) -> _Source:
    """The rows, with the names of their communes in a queue, which is in the order of work."""
    dataset = published_dataset(run_dir, name)
    if unit is not None and not {"commune_code", "commune_code_now"} <= set(dataset.schema.names):
        raise UsageError(f"--unit {unit}: {name} has no communes; leave it out")
    wanted = None if unit is None else communes_of(run_dir, unit)
    batches = _read(dataset, wanted, run_dir / f"{name}.parquet")
    if not name.startswith("queues/") or "commune_code" not in dataset.schema.names:
        return _Source(run_dir, name, dataset.schema, batches)
    rows = pa.concat_tables([dataset.schema.empty_table(), *batches])
    by = [(column, "ascending") for column in _ORDER if column in rows.column_names]
    return _Source(run_dir, name, dataset.schema, iter([rows.sort_by(by)]))


def _read(dataset: pyarrow.dataset.Dataset, wanted: pa.Table | None, path: Path) -> Iterator[pa.Table]:
    try:
        for batch in dataset.to_batches(batch_size=_BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            yield rows if wanted is None else of_communes(rows, wanted)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise VerificationError(f"{path}: cannot be read ({reason}); restore the run from a copy") from error


def _with_names(run_dir: Path, rows: pa.Table) -> pa.Table:
    """Rows with the names of their communes, districts and provinces."""
    communes = communes_of(run_dir)
    place = pc.index_in(commune_keys(rows), value_set=commune_keys(communes).combine_chunks())
    for name in _NAMES:
        rows = rows.append_column(name, communes.column(name).combine_chunks().take(place.combine_chunks()))
    return rows


def _write(source: _Source, fmt: str, language: str, out: Path) -> Written:
    if fmt == "parquet":
        return _write_parquet(source, out)
    if fmt == "json":
        return _write_json(source, out)
    if source.schema.names == REJECTED.names:
        # They are words to a station, not codes.
        from linkage.exports.rejects import write_rejects

        return write_rejects(pa.concat_tables(source.batches), language, fmt, out)
    batches, schema = source.batches, source.schema
    if language == "vi" and source.table.startswith("queues/") and "commune_code" in schema.names:
        batches = (_with_names(source.run_dir, rows) for rows in batches)
        for name in _NAMES:
            schema = schema.append(pa.field(name, pa.string()))
    view = View.of(source.table, schema.names, language)
    rows = chain.from_iterable(view.rows(batch) for batch in batches)
    if fmt == "csv":
        return write_csv(view.columns(), rows, out)
    heading = _heading(source) if language == "vi" else source.table
    return write_workbook(view.columns(), rows, out, source.table.rpartition("/")[2], heading)


def _heading(source: _Source) -> str:
    """What a list is called, and of which day it is."""
    date = list_date_of(source.run_dir, read_manifest(source.run_dir, like=PublishedManifest))
    day = "" if date is None else f" ({AS_OF} {date:%d/%m/%Y})"
    return f"{LISTS.get(source.table, source.table)}{day}"


def _write_parquet(source: _Source, out: Path) -> Written:
    n_rows = 0
    with pq.ParquetWriter(out, source.schema, compression="zstd", write_page_checksum=True) as writer:
        for rows in source.batches:
            writer.write_table(rows)
            n_rows += rows.num_rows
    return Written(n_rows)


def _write_json(source: _Source, out: Path) -> Written:
    """A list of objects, one a line; dates in ISO form."""
    n_rows = 0
    with out.open("w", encoding="utf-8") as sink:
        sink.write("[")
        for rows in source.batches:
            for row in rows.to_pylist():
                sink.write(("\n" if n_rows == 0 else ",\n") + json_text(_json_line(row)))
                n_rows += 1
        sink.write("\n]\n")
    return Written(n_rows)


def _json_line(row: dict[str, Any]) -> str:
    return json.dumps({name: json_value(value) for name, value in row.items()}, ensure_ascii=False, allow_nan=False)


def _notes(written: Written, fmt: str) -> Iterator[str]:
    if written.sheets > 1:
        yield f"{written.rows:,} rows are more than a sheet holds: they fill {written.sheets} sheets"
    if written.cut:
        yield f"{written.cut:,} texts are longer than a cell of a workbook and end in …; json has them whole"
    if fmt == "csv" and written.rows >= SHEET_ROWS:
        yield f"{written.rows:,} rows are more than Excel opens of a CSV ({SHEET_ROWS - 1:,}); take xlsx, or --unit"
