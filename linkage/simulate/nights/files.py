"""The files of a night, in the forms in which senders have them, and those that cannot be used."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import xlsxwriter

from linkage.schema import UPDATED_AT, VERDICTS
from linkage.simulate import wording
from linkage.simulate.claims import Rows
from linkage.simulate.dose_table import SIMULATED
from linkage.simulate.randomness import Chance, below
from linkage.simulate.simulation import table_writer

PARQUET, CSV, WORKBOOK = "parquet", "csv", "xlsx"
VERDICT_COLUMNS = tuple(name for name in VERDICTS.names if name != "claim_id")
WITHDRAWAL_COLUMNS = ("dose_id", "reason")
_CSV_STYLES = ((",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"))
# A workbook holds the time it was made; a fixed one keeps the bytes the same.
_CREATED = datetime.datetime(2000, 1, 1)
# Seconds after midnight between which doses are keyed in, and later the same day mended.
_WORK_DAY, _EVENING = (6 * 3600, 17 * 3600), (18 * 3600, 22 * 3600)
_KEPT_SHARE = 0.6  # of a workbook whose transfer stopped
_STOCK_LIST = "Mã kho;Tên kho;Số lượng tồn\nK01;Kho tỉnh;1200\nK02;Kho huyện;340\n"
TRUNCATED, EMPTY, OTHER_HEADER = "file_truncated", "file_empty", "file_of_other_header"
BAD_KINDS = {
    TRUNCATED: "the transfer of the workbook stopped before its end",
    EMPTY: "has no byte",
    OTHER_HEADER: "a list of stocks, not of doses",
}


@dataclass(frozen=True)
class Sent:
    """A file of doses: its name, which doses, what is typed of them, and the kind of event that each is.

    is_later: it comes after all others of its night.
    """

    name: str
    doses: Rows
    rows: pa.Table
    kinds: list[str]
    is_later: bool = False


def write_doses(folder: Path, date: str, sent: Sequence[Sent], chance: Chance) -> None:
    """Write the files of a night; Parquet ones state when each row was updated."""
    n_lists = 0
    for file in sent:
        path, form = folder / file.name, file.name.rpartition(".")[2]
        if form == PARQUET:
            write_parquet(path, file.rows.append_column(UPDATED_AT, _moments(date, file, chance)))
        elif form == CSV:
            separator, encoding = _CSV_STYLES[n_lists % len(_CSV_STYLES)]
            n_lists += 1
            write_csv(path, SIMULATED.names, _as_rows(file.rows), separator, encoding)
        else:
            path.write_bytes(workbook(file.rows))


def _moments(date: str, file: Sent, chance: Chance) -> wording.Texts:
    first, last = _EVENING if file.is_later else _WORK_DAY
    seconds = first + below(chance.keys(f"moments {date}", file.doses), last - first)
    moments = np.datetime64(date, "s") + seconds.astype("timedelta64[s]")
    return pa.array(np.datetime_as_string(moments), pa.string())


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table whole."""
    with table_writer(path, table.schema) as writer:
        writer.write_table(table)


def write_csv(
    path: Path, names: Sequence[str], rows: Iterable[Sequence[str]], separator: str = ",", encoding: str = "utf-8"
) -> None:
    """Write rows under their names."""
    with path.open("w", encoding=encoding, newline="") as sink:
        writer = csv.writer(sink, delimiter=separator, lineterminator="\r\n")
        writer.writerow(names)
        writer.writerows(rows)


def _as_rows(table: pa.Table) -> Iterable[tuple[str, ...]]:
    return zip(*([text or "" for text in column.to_pylist()] for column in table.columns), strict=True)


def workbook(table: pa.Table) -> bytes:
    """A workbook of one sheet, every cell a text."""
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    book.set_properties({"created": _CREATED})
    sheet = book.add_worksheet("Danh sách")
    for place, name in enumerate(table.column_names):
        sheet.write_string(0, place, name)
    for number, row in enumerate(_as_rows(table), start=1):
        for place, text in enumerate(row):
            if text:
                sheet.write_string(number, place, text)
    book.close()
    return sink.getvalue()


def write_bad_file(folder: Path, date: str, kind: str, doses: pa.Table) -> str:
    """Write a file that cannot be used and holds nothing that does not come otherwise; returns its name.

    doses : of that night, of which a workbook is cut off
    """
    if kind == TRUNCATED:
        name, content = f"upload_{date}.{WORKBOOK}", workbook(doses)
        content = content[: int(len(content) * _KEPT_SHARE)]
    elif kind == EMPTY:
        name, content = f"list_{date}.{CSV}", b""
    else:
        name, content = f"stocks_{date}.{CSV}", _STOCK_LIST.encode("utf-8-sig")
    (folder / name).write_bytes(content)
    return name
