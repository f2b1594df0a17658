"""A form as a workbook that prints as the offices send it: head, table, signatures, landscape and one page wide."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from linkage.exports.lists import A4, CREATED, DATE_FORMAT, print_setup, write_text
from linkage.reports.form import Cell, Report
from linkage.reports.form_lines import Line, head, signatures
from linkage.wording.cell_text import sheet_name, sheet_text

# Thousands with a comma, and nothing where nothing was found: an empty cell of the form means zero.
COUNT_FORMAT = "#,##0;-#,##0;"
_FONT = {"font_name": "Times New Roman"}
_SPACE_TO_SIGN = 4  # lines


def write_xlsx(report: Report, out: Path) -> None:
    """The head, the headings, which are repeated on every printed page, the rows, the sums, the signatures."""
    content = io.BytesIO()
    # In memory: a report is small, and a workbook that cannot be written would leave its temporary files behind.
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": sheet_text(report.title), "created": CREATED})
        sheet = book.add_worksheet(sheet_name(report.form))
        for place, column in enumerate(report.columns):
            sheet.set_column(place, place, column.width)
        number = _write_lines(book, sheet, 0, head(report), report)
        print_setup(sheet, A4, number)
        number = _write_table(book, sheet, number, report)
        number = _write_lines(book, sheet, number, signatures(), report)
        sheet.print_area(0, 0, number + _SPACE_TO_SIGN, len(report.columns) - 1)
    out.write_bytes(content.getvalue())


def _write_lines(
    book: xlsxwriter.Workbook, sheet: Worksheet, number: int, lines: Sequence[Line], report: Report
) -> int:
    """Write lines from a row on, each over the whole width or both its halves; the row after them."""
    last = len(report.columns) - 1
    middle = _middle([column.width for column in report.columns])
    for row, line in enumerate(lines, start=number):
        look = {**_FONT, "bold": line.bold, "italic": line.italic, "font_size": line.size, "align": "center"}
        style = book.add_format(look | {"valign": "vcenter", "text_wrap": line.right is None and line.bold})
        if line.right is None:
            _write_across(sheet, row, 0, last, line.left, style)
        else:
            _write_across(sheet, row, 0, middle, line.left, style)
            _write_across(sheet, row, middle + 1, last, line.right, style)
    return number + len(lines)


def _middle(widths: Sequence[int]) -> int:
    """The last column of the left half."""
    total, so_far = sum(widths), 0
    for place, width in enumerate(widths[:-1]):
        so_far += width
        if 2 * so_far >= 0.8 * total:
            return place
    return len(widths) - 2


def _write_across(sheet: Worksheet, row: int, first: int, last: int, text: str, style: Format) -> None:
    if last > first:
        sheet.merge_range(row, first, row, last, "", style)
    write_text(sheet, row, first, text, style)


def _write_table(book: xlsxwriter.Workbook, sheet: Worksheet, number: int, report: Report) -> int:
    """Write headings, rows and sums from a row on; the row after them."""
    frame: dict[str, Any] = {**_FONT, "border": 1}
    heading = book.add_format(
        {**frame, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True, "bg_color": "#EDEDED"}
    )
    styles = [_Styles(book, frame), _Styles(book, {**frame, "bold": True})]
    sheet.set_row(number, 48)
    for place, column in enumerate(report.columns):
        write_text(sheet, number, place, column.heading, heading)
    for line, cells in enumerate((*report.rows, report.total), start=1):
        of_line = styles[line > len(report.rows)]
        for place, cell in enumerate(cells):
            of_line.write(sheet, number + line, place, cell)
    return number + len(report.rows) + 2


class _Styles:
    """The formats of a row, by kind of cell."""

    def __init__(self, book: xlsxwriter.Workbook, frame: dict[str, Any]) -> None:
        self._text = book.add_format(frame)
        self._count = book.add_format({**frame, "num_format": COUNT_FORMAT})
        self._date = book.add_format({**frame, "num_format": DATE_FORMAT, "align": "left"})

    def write(self, sheet: Worksheet, row: int, place: int, cell: Cell) -> None:
        if cell is None:
            sheet.write_blank(row, place, None, self._text)
        elif isinstance(cell, int):
            sheet.write_number(row, place, cell, self._count)
        elif isinstance(cell, datetime.date):
            sheet.write_datetime(row, place, cell, self._date)
        else:
            write_text(sheet, row, place, cell, self._text)
