"""The sheets of a workbook as the parser has them, with merged cells filled in and blank rows left out."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import python_calamine

from linkage.workbooks.open_document import Place, merged_cells

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta

FREE_CELLS = 1_000_000
CELLS_A_BYTE = 4  # of the unpacked file; a cell that a program wrote takes some ten bytes


class StrayCellsError(ValueError):
    """A sheet spans more cells than the size of its file can mean."""


@dataclass(frozen=True)
class Sheet:
    """A worksheet: rows of cells that are not blank, as a person sees them.

    rows : those of merged cells have the value of the merge in its first column
    head : the first rows, with the value of a merge in all its columns: headings over several columns
    numbers : of the rows in the sheet, from 1
    first_column : the column of the sheet, from 1, that the rows begin with
    """

    name: str
    is_visible: bool
    rows: list[list[Cell]]
    head: list[list[Cell]]
    numbers: list[int]
    first_column: int = 1


def read_sheets(path: str, n_head: int, most_cells: int, n_bytes: int) -> list[Sheet]:
    """Every worksheet.

    n_head : rows of the head; most_cells : of all sheets; n_bytes : what the file unpacks to

    Raises StrayCellsError when the sheets span more than ``most_cells``, or a million and more than such a file holds.
    """
    sheets = []
    n_cells, most = 0, min(most_cells, max(FREE_CELLS, CELLS_A_BYTE * n_bytes))
    spans = merged_cells(path) if path.lower().endswith(".ods") else {}
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        for number, about in enumerate(book.sheets_metadata):
            if about.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_index(number)
            n_cells += sheet.height * sheet.width
            if n_cells > most:
                raise StrayCellsError(f"sheet {about.name} spans {sheet.height} rows and {sheet.width} columns")
            is_visible = about.visible == python_calamine.SheetVisibleEnum.Visible
            sheets.append(
                Sheet(
                    about.name,
                    is_visible,
                    *_filled(sheet, spans.get(about.name, []), n_head),
                    1 + (sheet.start or (0, 0))[1],
                )
            )
    return sheets


def _filled(
    sheet: python_calamine.CalamineSheet, merged: list[tuple[Place, Place]], n_head: int
) -> tuple[list[list[Cell]], list[list[Cell]], list[int]]:
    """Rows, head and numbers of a sheet; merged: what the parser does not tell."""
    rows: list[list[Cell]] = sheet.to_python()
    stated = [number for number, row in enumerate(rows) if any(cell != "" for cell in row)]
    heads = {number: list(rows[number]) for number in stated[:n_head]}
    first_row, first_column = sheet.start or (0, 0)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or merged:
        top, bottom, left, right = top - first_row, bottom - first_row, left - first_column, right - first_column
        if not (0 <= top < len(rows) and 0 <= left < len(rows[top])) or rows[top][left] == "":
            continue
        value = rows[top][left]
        for number in range(top, min(bottom + 1, len(rows))):
            rows[number][left] = value
            if number in heads:
                heads[number][left : right + 1] = [value] * len(heads[number][left : right + 1])
    numbers = [first_row + number + 1 for number in stated]
    return [rows[number] for number in stated], list(heads.values()), numbers
