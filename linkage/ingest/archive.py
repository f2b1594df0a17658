"""Checks a zipped workbook before a parser allocates anything for it, and finds in it what the parser does not tell.

The parser reads error cells (#N/A) and formulas without a stored value as empty cells, and makes room for the whole
rectangle that the cell references span, so a small file with one cell in the last row and column would ask for hundreds
of gigabytes. All three show in the XML of the sheets.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import InputError

MAX_BYTES = 4 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 100_000_000
MAX_CELLS = 100_000_000

_PIECE_BYTES = 1 << 22
_OVERLAP = 256
# Every expression begins with literal bytes, which the search for them skips to.
_ROW = re.compile(rb"row\s[^>]*?\br=[\"'](\d+)[\"']")
_WIDE_CELLS = (re.compile(rb'r="([A-Za-z]{2,7})\d+"'), re.compile(rb"r='([A-Za-z]{2,7})\d+'"))
_NARROW_COLUMNS = 26
_ERROR_CELLS = (re.compile(rb't="e"[^>]*>'), re.compile(rb"t='e'[^>]*>"))
_BARE_FORMULAS = (
    re.compile(rb"</(?:\w+:)?f>(?:<v></v>|<v\s*/>)?</(?:\w+:)?c>"),
    re.compile(rb"<f\s[^>]*/>(?:<v></v>|<v\s*/>)?</c>"),
)


@dataclass(frozen=True)
class SheetFindings:
    """Cells of all sheets of a workbook that read as empty although they hold something."""

    n_errors: int
    n_bare_formulas: int


def check_archive(path: Path, file: str) -> SheetFindings:
    """Checks a zipped workbook (.xlsx, .xlsm, .xlsb, .ods) from its directory, then by unpacking it piece by piece.

    Raises InputError when it is no zip archive, is damaged, unpacks to more than the limits of this module, or spans
    more than ``MAX_CELLS`` cells.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_declared(archive, file)
            findings = [_check_member(archive, member, file) for member in archive.infolist()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise InputError(
            f"{file}: not a sound workbook ({_one_line(error)}): save it again, without a password"
        ) from error
    return SheetFindings(sum(f.n_errors for f in findings), sum(f.n_bare_formulas for f in findings))


def _check_declared(archive: zipfile.ZipFile, file: str) -> None:
    members = archive.infolist()
    n_bytes = sum(member.file_size for member in members)
    n_packed = max(sum(member.compress_size for member in members), 1)
    if n_bytes > MAX_BYTES or (n_bytes > RATIO_FREE_BYTES and n_bytes > MAX_RATIO * n_packed):
        raise InputError(
            f"{file}: unpacks to {n_bytes} bytes from {n_packed}: refused as a zip bomb: save it as CSV or Parquet"
        )


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> SheetFindings:
    """Unpacks a member (zipfile stops at the declared size and checks the sum) and searches it if it is a sheet."""
    is_sheet = "worksheets/" in member.filename.lower() and member.filename.lower().endswith(".xml")
    n_errors = n_bare = n_rows = 0
    wide: set[bytes] = set()
    tail = b""
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE_BYTES):
            if not is_sheet:
                continue
            window = tail + piece
            n_errors += _count_new(_ERROR_CELLS, window, len(tail))
            n_bare += _count_new(_BARE_FORMULAS, window, len(tail))
            n_rows = max([n_rows, *(int(number) for number in _ROW.findall(window))])
            wide.update(letters for pattern in _WIDE_CELLS for letters in pattern.findall(window))
            tail = window[-_OVERLAP:]
    n_columns = max((_column_number(letters) for letters in wide), default=_NARROW_COLUMNS)
    if n_rows * n_columns > MAX_CELLS:
        raise InputError(
            f"{file}: {member.filename} spans {n_rows} rows and {n_columns} columns: delete stray cells, or save as CSV"
        )
    return SheetFindings(n_errors, n_bare)


def _count_new(patterns: tuple[re.Pattern[bytes], ...], window: bytes, n_seen: int) -> int:
    """Matches in a window, without those that end in its first ``n_seen`` bytes: the piece before counted them."""
    return sum(match.end() > n_seen for pattern in patterns for match in pattern.finditer(window))


def _column_number(letters: bytes) -> int:
    """Column A is 1, column AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
