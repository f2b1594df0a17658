"""The process that parses workbooks for its parent: a parser that hangs, panics or asks for any amount ends here.

It reads requests from its standard input, a line of JSON each, and answers each by a pickle behind its length: a list
of sheets as dictionaries, or a text that says why there are none. It imports little, so that it starts at once.
"""

from __future__ import annotations

import json
import pickle
import resource
import struct
import sys
from typing import Any, BinaryIO

import python_calamine

LENGTH = struct.Struct("<Q")


def main() -> None:
    """Answer requests until the parent closes the input."""
    answers = sys.stdout.buffer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _limit(request["cpu_seconds"], request["address_bytes"])
        try:
            answer: list[dict[str, Any]] | str = _sheets(request["path"], request["most_cells"])
        except BaseException as error:
            # The parser is compiled code: on some damaged files it panics, and a panic is not an Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            answer = " ".join(str(error).split())[:200] or type(error).__name__
        _send(answers, answer)


def _limit(cpu_seconds: int, address_bytes: int) -> None:
    """Let the process end when this request takes more: the system does it, whatever the parser is at."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _sheets(path: str, most_cells: int) -> list[dict[str, Any]]:
    """Name, visibility, rows of cells, place of the first cell, and merged ranges of every worksheet."""
    sheets = []
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        for number, about in enumerate(book.sheets_metadata):
            if about.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_index(number)
            most_cells -= sheet.height * sheet.width
            if most_cells < 0:
                raise ValueError(
                    f"sheet {about.name} spans {sheet.height} rows and {sheet.width} columns: delete stray cells"
                )
            sheets.append(
                {
                    "name": about.name,
                    "is_visible": about.visible == python_calamine.SheetVisibleEnum.Visible,
                    "rows": sheet.to_python(),
                    "start": sheet.start or (0, 0),
                    "merged": sheet.merged_cell_ranges or [],
                }
            )
    return sheets


def _send(answers: BinaryIO, answer: object) -> None:
    content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    answers.write(LENGTH.pack(len(content)))
    answers.write(content)
    answers.flush()


if __name__ == "__main__":
    main()
