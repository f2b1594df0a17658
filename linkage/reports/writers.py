"""Writes a report as Excel, CSV, JSON or HTML: the same report, the same bytes."""

from __future__ import annotations

import csv
import datetime
import html
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from linkage.cell_text import TEXT_CELL, TEXT_STYLE, csv_cell, json_text, sheet_text, visible
from linkage.reports.form import Cell, Report
from linkage.work_folders import replacing

# Thousands with a comma, and nothing where nothing was found: an empty cell of the form means zero.
COUNT_FORMAT = "#,##0;-#,##0;"
# A workbook holds the time it was made; a fixed one keeps equal reports equal.
_CREATED = datetime.datetime(2000, 1, 1)


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


def write_xlsx(report: Report, out: Path) -> None:
    """Row 1 the headings, repeated on every printed page under the title; the last row the sums; text as text."""
    content = io.BytesIO()
    # In memory: a report is small, and a workbook that cannot be written would leave its temporary files behind.
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        book.set_properties({"title": report.title, "created": _CREATED})
        sheet = book.add_worksheet(report.form)
        heading = book.add_format(
            {"bold": True, "border": 1, "align": "center", "valign": "vcenter", "text_wrap": True}
        )
        body = {True: book.add_format({"border": 1, "num_format": COUNT_FORMAT}), False: book.add_format({"border": 1})}
        last = {
            True: book.add_format({"border": 1, "bold": True, "num_format": COUNT_FORMAT}),
            False: book.add_format({"border": 1, "bold": True}),
        }
        sheet.set_header(f"&C&B{report.title}")
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(report.columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, column.heading, heading)
        for line, cells in enumerate((*report.rows, report.total), start=1):
            formats = last if line > len(report.rows) else body
            for place, (cell, column) in enumerate(zip(cells, report.columns, strict=True)):
                _write_cell(sheet, line, place, cell, formats[column.is_count])
    out.write_bytes(content.getvalue())


def write_csv(report: Report, out: Path) -> None:
    """UTF-8 with the byte order mark that Excel needs to see the diacritics; counts without separators."""
    with out.open("w", encoding="utf-8-sig", newline="") as sink:
        writer = csv.writer(sink)
        for line in _lines(report):
            writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in line])


def write_json(report: Report, out: Path) -> None:
    """An object with form, title, rows and total, the cells by the keys of the columns."""
    keys = [column.key for column in report.columns]
    value = {
        "form": report.form,
        "title": report.title,
        "rows": [dict(zip(keys, row, strict=True)) for row in report.rows],
        "total": dict(zip(keys, report.total, strict=True)),
    }
    out.write_text(json_text(json.dumps(value, ensure_ascii=False, indent=1)) + "\n", encoding="utf-8")


def write_html(report: Report, out: Path) -> None:
    """One page that needs no other file."""
    tags = ["th", *["td"] * len(report.rows), "th"]
    lines = "\n".join(
        f"<tr>{''.join(_html_cell(tag, cell) for cell in line)}</tr>"
        for tag, line in zip(tags, _lines(report), strict=True)
    )
    title = html.escape(visible(report.title))
    style = "table{border-collapse:collapse}td,th{border:1px solid;padding:.3em .6em}" + TEXT_STYLE
    out.write_text(
        f'<!doctype html>\n<html lang="vi"><head><meta charset="utf-8"><title>{title}</title>\n<style>{style}</style>'
        f"</head><body>\n<h1>{title}</h1>\n<table>\n{lines}\n</table>\n</body></html>\n",
        encoding="utf-8",
    )


WRITERS: dict[str, Callable[[Report, Path], None]] = {
    "xlsx": write_xlsx,
    "csv": write_csv,
    "json": write_json,
    "html": write_html,
}


def _write_cell(sheet: Worksheet, line: int, place: int, cell: Cell, style: Format) -> None:
    if cell is None:
        sheet.write_blank(line, place, None, style)
    elif isinstance(cell, int):
        sheet.write_number(line, place, cell, style)
    else:
        sheet.write_string(line, place, sheet_text(cell), style)  # write() would take =1 or {=1} for a formula


def _lines(report: Report) -> Iterator[tuple[Cell, ...]]:
    """Headings, rows, sums."""
    yield tuple(column.heading for column in report.columns)
    yield from report.rows
    yield report.total


def _html_cell(tag: str, cell: Cell) -> str:
    kind = f" {TEXT_CELL}" if isinstance(cell, str) else ""
    return f"<{tag}{kind}>{html.escape(visible(_shown(cell)))}</{tag}>"


def _shown(cell: Cell) -> str:
    if isinstance(cell, int):
        return f"{cell:,}" if cell else ""
    return cell or ""
