"""The merged cells of an OpenDocument workbook, which the parser does not tell."""

from __future__ import annotations

import zipfile
from xml.parsers import expat

_PIECE_BYTES = 1 << 20

Place = tuple[int, int]  # row and column, from 0
Spans = dict[str, list[tuple[Place, Place]]]


def merged_cells(path: str) -> Spans:
    """First and last cell of each merge, by sheet. Goes through the content once, piece by piece."""
    found = _Spans()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = found.start, found.end
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
        while piece := stream.read(_PIECE_BYTES):
            parser.Parse(piece)
    return found.spans


class _Spans:
    """What was found so far, and the place of the cell that comes."""

    def __init__(self) -> None:
        self.spans: Spans = {}
        self._of_sheet: list[tuple[Place, Place]] = []
        self._row = self._column = self._n_rows = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._of_sheet = self.spans.setdefault(attributes.get("table:name", ""), [])
            self._row = 0
        elif name == "table:table-row":
            self._column, self._n_rows = 0, int(attributes.get("table:number-rows-repeated", 1))
        elif name in ("table:table-cell", "table:covered-table-cell"):
            n_rows, n_columns = (int(attributes.get(f"table:number-{of}-spanned", 1)) for of in ("rows", "columns"))
            if n_rows > 1 or n_columns > 1:
                last = self._row + n_rows - 1, self._column + n_columns - 1
                self._of_sheet.append(((self._row, self._column), last))
            self._column += int(attributes.get("table:number-columns-repeated", 1))

    def end(self, name: str) -> None:
        if name == "table:table-row":
            self._row += self._n_rows
