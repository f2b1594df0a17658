"""Tables as wide as the terminal: no word of a heading or value is ever cut.

Where a table is too wide, its widest columns go on in a second line, at blanks. Where even its longest words do not fit
beside each other, each row is written as lines of heading and value.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkage.wording.cell_text import visible

HOLDING_BLANK = "\u00a0"  # as between the ends of an interval
_WIDE = 1000  # characters, in a file or a pipe
_GAPS = (2, 1)  # characters between columns: the second where the first is too much


def print_fitted(content: RenderableType) -> None:
    """Print tables, texts and groups of both on standard output."""
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else _WIDE
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    for line in _lines(content, width, "-" if console.options.ascii_only else "─"):
        console.print(line, soft_wrap=True)


def _lines(content: RenderableType, width: int, dash: str) -> Iterator[Text]:
    if isinstance(content, Group):
        for part in content.renderables:
            yield from _lines(part, width, dash)
    elif isinstance(content, Table):
        yield from _table_lines(content, width, dash)
    elif isinstance(content, Text) and content.no_wrap:
        yield Text(visible(content.plain), content.style)  # a command or path to be copied
    else:
        style = content.style if isinstance(content, Text) else ""
        yield from (Text(line, style) for line in wrapped(visible(str(content)), width))


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken at blanks only, and not at those that hold together."""
    lines = [textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n")]
    return [part.replace(HOLDING_BLANK, " ") for parts in lines for part in parts or [""]]


def _table_lines(table: Table, width: int, dash: str) -> Iterator[Text]:
    headings = [visible(str(column.header)) for column in table.columns]
    rows = list(zip(*([visible(str(cell)) for cell in column.cells] for column in table.columns), strict=True))
    if table.title is not None:
        yield from (Text(line, "bold") for line in wrapped(visible(str(table.title)), width))
    fitting = ((gap, _widths([headings, *rows], width, gap)) for gap in _GAPS)
    gap, widths = next(((gap, widths) for gap, widths in fitting if widths), (_GAPS[0], []))
    if not widths:
        yield from _records(headings, rows, width)
        return
    are_right = [column.justify == "right" for column in table.columns]
    yield from _row(headings, widths, are_right, gap)
    yield Text((" " * gap).join(dash * w for w in widths))
    for row, cells in zip(table.rows, rows, strict=True):
        yield from _row(cells, widths, are_right, gap)
        if row.end_section:
            yield Text()
    yield Text()


def _widths(rows: Sequence[Sequence[str]], width: int, gap: int) -> list[int]:
    """A width for each column: what its texts need, the widest made narrower until all fit; none where they cannot."""
    columns = list(zip(*rows, strict=True))
    least = [max((cell_len(word) for text in texts for word in text.split(" ")), default=0) for texts in columns]
    widths = [max(cell_len(text) for text in texts) for texts in columns]
    room = width - gap * (len(columns) - 1)
    if sum(least) > room:
        return []
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[widest] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], are_right: Sequence[bool], gap: int) -> Iterator[Text]:
    """A row in as many lines as its longest cell needs."""
    for parts in zip_longest(*(wrapped(cell, w) for cell, w in zip(cells, widths, strict=True)), fillvalue=""):
        padded = []
        for part, width, is_right in zip(parts, widths, are_right, strict=True):
            room = " " * (width - cell_len(part))
            padded.append(room + part if is_right else part + room)
        yield Text((" " * gap).join(padded).rstrip())


def _records(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Text]:
    """Each row as lines of heading and value; what is empty is left out."""
    margin = max(map(cell_len, headings)) + _GAPS[0]
    for row in rows:
        for heading, value in zip(headings, row, strict=True):
            start = heading + " " * (margin - cell_len(heading))
            for line in wrapped(value, max(width - margin, 1)) if value else ():
                yield Text(start + line)
                start = " " * margin
        yield Text()
