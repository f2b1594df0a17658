"""Writes a report as Excel, CSV, JSON or HTML: the same report, the same bytes."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from linkage.exports.lists import csv_value
from linkage.reports.form import Cell, Report
from linkage.reports.form_page import write_html
from linkage.reports.workbook import write_xlsx
from linkage.storage.work_folders import replacing
from linkage.wording.cell_text import json_text


def write_whole(report: Report, fmt: str, out: Path) -> None:
    """Write a report, so that no half a report ever stands under the name.

    Raises
    ------
    UsageError
        ``out`` is a folder.
    LinkageError
        The file cannot be written.
    """
    with replacing(out) as part:
        WRITERS[fmt](report, part)


def write_csv(report: Report, out: Path) -> None:
    """UTF-8 with the byte order mark that Excel needs to see the diacritics; counts without separators."""
    with out.open("w", encoding="utf-8-sig", newline="") as sink:
        writer = csv.writer(sink)
        for line in _lines(report):
            writer.writerow([csv_value(cell) for cell in line])


def write_json(report: Report, out: Path) -> None:
    """An object with form, title, office, day, rows and total, cells by the keys of the columns, dates in ISO form."""
    keys = [column.key for column in report.columns]
    value = {
        "form": report.form,
        "title": report.title,
        "office": report.office.name,
        "as_of": report.as_of,
        "rows": [dict(zip(keys, row, strict=True)) for row in report.rows],
        "total": dict(zip(keys, report.total, strict=True)),
    }
    text = json.dumps(value, ensure_ascii=False, indent=1, default=datetime.date.isoformat)
    out.write_text(json_text(text) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Report, Path], None]] = {
    "xlsx": write_xlsx,
    "csv": write_csv,
    "json": write_json,
    "html": write_html,
}


def _lines(report: Report) -> Iterator[tuple[Cell, ...]]:
    """Headings, rows, sums."""
    yield tuple(column.heading for column in report.columns)
    yield from report.rows
    yield report.total
