"""A list on its way to a reader, columns with titles and rows of cells, as CSV or as a workbook that prints.

Text stays text in every program: linkage.wording.cell_text guards each cell. The same list gives the same bytes.
"""

from __future__ import annotations

import csv
import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from linkage.wording.cell_text import csv_cell, fits, sheet_name, sheet_text

Cell = str | int | float | bool | datetime.date | None

SHEET_ROWS = 1_048_576  # of a sheet, the title row among them
_LINE_POINTS, _MOST_LINES = 15, 20
_A4_WIDTH = 180  # characters across that can still be read
DATE_FORMAT = "dd/mm/yyyy"
A4, A3 = 9, 8  # as workbooks number papers
# A workbook holds the time it was made; a fixed one keeps equal lists equal.
CREATED = datetime.datetime(2000, 1, 1)


@dataclass(frozen=True)
class ListColumn:
    """A column: its title, its width in characters, the form in which a workbook shows its numbers, and whether it is
    printed; those that are not stand behind the others."""

    title: str
    width: int = 14
    number_format: str = ""
    is_printed: bool = True


@dataclass(frozen=True)
class Written:
    """What was written: rows, the sheets that they fill, and the texts that were longer than a cell and are cut."""

    rows: int
    sheets: int = 1
    cut: int = 0


def write_csv(columns: Sequence[ListColumn], rows: Iterable[Sequence[Cell]], out: Path) -> Written:
    """UTF-8 with the byte order mark that Excel needs to see the diacritics."""
    n_rows = 0
    with out.open("w", encoding="utf-8-sig", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow([csv_cell(column.title) for column in columns])
        for row in rows:
            writer.writerow([csv_value(cell) for cell in row])
            n_rows += 1
    return Written(n_rows)


def csv_value(cell: Cell) -> Cell:
    """A cell of a CSV: texts guarded, dates as offices write them."""
    if isinstance(cell, str):
        return csv_cell(cell)
    return f"{cell:%d/%m/%Y}" if isinstance(cell, datetime.date) else cell


def write_workbook(
    columns: Sequence[ListColumn], rows: Iterable[Sequence[Cell]], out: Path, name: str, heading: str = ""
) -> Written:
    """One sheet, or as many as the rows fill, each under the titles, which stand still and are printed on every page.

    heading : over every printed page. The folder of ``out`` holds work files meanwhile. Raises OSError when it cannot
    be written.
    """
    left = iter(rows)
    n_rows = n_cut = n_sheets = 0
    n_printed = sum(column.is_printed for column in columns)
    with workbook(out, name) as book:
        styles = _Styles.of(book, columns)
        while True:
            part = list(islice(left, 1))
            if not part and n_sheets:
                break
            n_sheets += 1
            title = name if n_sheets == 1 else f"{sheet_name(name)[:26]} ({n_sheets})"
            sheet = book.add_worksheet(sheet_name(title))
            _write_titles(sheet, columns, styles)
            sheet.set_header(f"&C&B{heading.replace('&', '&&')}" if heading else "")
            for row in islice(chain(part, left), SHEET_ROWS - 1):
                n_cut += _write_row(sheet, n_rows % (SHEET_ROWS - 1) + 1, row, columns, styles)
                n_rows += 1
            sheet.print_area(0, 0, n_rows - (n_sheets - 1) * (SHEET_ROWS - 1), n_printed - 1)
            if n_rows < n_sheets * (SHEET_ROWS - 1):
                break
    return Written(n_rows, n_sheets, n_cut)


class workbook:  # noqa: N801 (a context, used as a function)
    """A workbook that keeps little in memory, its work files beside it; what goes wrong is an OSError."""

    def __init__(self, out: Path, title: str) -> None:
        options = {"constant_memory": True, "tmpdir": str(out.parent), "strings_to_formulas": False}
        self._book = xlsxwriter.Workbook(str(out), options)
        self._book.set_properties({"title": sheet_text(title), "created": CREATED})

    def __enter__(self) -> xlsxwriter.Workbook:
        return self._book

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is not None:
            return
        try:
            self._book.close()
        except XlsxWriterException as failed:
            raise OSError(str(failed)) from failed


def print_setup(sheet: Worksheet, paper: int, first_row: int, last_row: int | None = None) -> None:
    """Landscape, one page wide, the rows of titles on every page, its number under it."""
    sheet.set_landscape()
    sheet.set_paper(paper)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(first_row, first_row if last_row is None else last_row)
    sheet.set_footer("&CTrang &P/&N")
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
    sheet.center_horizontally()


def write_text(sheet: Worksheet, row: int, place: int, text: str, style: Format) -> bool:
    """Write a text cell, whatever the text looks like; whether it had to be cut."""
    sheet.write_string(row, place, sheet_text(text), style)
    return not fits(text)


@dataclass(frozen=True)
class _Styles:
    title: Format
    text: Format
    date: Format
    numbers: list[Format]  # by column

    @classmethod
    def of(cls, book: xlsxwriter.Workbook, columns: Sequence[ListColumn]) -> _Styles:
        frame: dict[str, Any] = {"border": 1, "valign": "top"}
        title = {"border": 1, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True}
        by_format = {
            form: book.add_format({**frame, "num_format": form}) for form in {c.number_format: 0 for c in columns}
        }
        return cls(
            book.add_format(title),
            book.add_format({**frame, "num_format": "@", "text_wrap": True}),
            book.add_format({**frame, "num_format": DATE_FORMAT, "align": "left"}),
            [by_format[column.number_format] for column in columns],
        )


def _write_titles(sheet: Worksheet, columns: Sequence[ListColumn], styles: _Styles) -> None:
    width = sum(column.width for column in columns if column.is_printed)
    print_setup(sheet, A4 if width <= _A4_WIDTH else A3, 0)
    sheet.freeze_panes(1, 0)
    sheet.set_row(0, _LINE_POINTS * max(lines_of(column.title, column.width) for column in columns))
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
        write_text(sheet, 0, place, column.title, styles.title)


def lines_of(text: str, width: int) -> int:
    """About how many lines a text takes in a column, at most _MOST_LINES."""
    if "\n" not in text and len(text) < width:
        return 1
    n_lines = sum(-(-max(1, len(line)) // max(1, width - 1)) for line in text[: _MOST_LINES * width].split("\n"))
    return min(n_lines, _MOST_LINES)


def _write_row(
    sheet: Worksheet, number: int, row: Sequence[Cell], columns: Sequence[ListColumn], styles: _Styles
) -> int:
    """Write the cells of a row; how many of them had to be cut."""
    n_cut = 0
    texts = zip(row, columns, strict=True)
    n_lines = max((lines_of(cell, column.width) for cell, column in texts if isinstance(cell, str)), default=1)
    if n_lines > 1:
        sheet.set_row(number, _LINE_POINTS * n_lines)  # a program that opens the workbook need not find it itself
    for place, cell in enumerate(row):
        if cell is None:
            sheet.write_blank(number, place, None, styles.text)
        elif isinstance(cell, str):
            n_cut += write_text(sheet, number, place, cell, styles.text)
        elif isinstance(cell, float) and not math.isfinite(cell):
            write_text(sheet, number, place, str(cell), styles.text)
        elif isinstance(cell, datetime.date):
            sheet.write_datetime(number, place, cell, styles.date)
        else:
            sheet.write_number(number, place, cell, styles.numbers[place])
    return n_cut
