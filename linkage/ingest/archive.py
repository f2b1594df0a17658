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
from linkage.ingest.workbook import MAX_CELLS

MAX_BYTES = 4 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 100_000_000

_PIECE_BYTES = 1 << 22
_OVERLAP = 512
# Every expression begins with literal bytes, which the search for them skips to, and every repetition in it is bounded:
# a member that is made of such beginnings is searched in linear time.
_ROW = re.compile(rb"row\s[^<>]{0,200}?\br=[\"'](\d{1,20})[\"']")
_WIDE_CELLS = (re.compile(rb'r="([A-Za-z]{2,7})(\d{1,20})"'), re.compile(rb"r='([A-Za-z]{2,7})(\d{1,20})'"))
_NARROW_COLUMNS = 26
_ERROR_CELLS = (re.compile(rb't="e"[^<>]{0,200}>'), re.compile(rb"t='e'[^<>]{0,200}>"))
_BARE_FORMULAS = (
    re.compile(rb"</(?:\w{1,9}:)?f>(?:<v></v>|<v\s{0,9}/>)?</(?:\w{1,9}:)?c>"),
    re.compile(rb"<f\s[^<>]{0,200}/>(?:<v></v>|<v\s{0,9}/>)?</c>"),
)
_EPOCH_1904 = re.compile(rb"""workbookPr\s[^<>]{0,400}?date1904\s?=\s?["'](?:1|true|on)["']""")
_NULL_DATE_1904 = re.compile(rb"null-date\s[^<>]{0,200}?date-value=[\"']1904-01-01")
# The record DATEMODE of the old format: its number, its length, and 1 for days from 1904 (MS-XLS 2.4.77).
_DATEMODE_1904 = b"\x22\x00\x02\x00\x01\x00"


@dataclass(frozen=True)
class Findings:
    """Cells of all sheets of a workbook that read as empty although they hold something, and whether its days count
    from 1904 and not from 1900."""

    n_errors: int = 0
    n_bare_formulas: int = 0
    has_epoch_1904: bool = False


def check_archive(path: Path, file: str) -> Findings:
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
    return Findings(
        sum(f.n_errors for f in findings),
        sum(f.n_bare_formulas for f in findings),
        any(f.has_epoch_1904 for f in findings),
    )


def check_old_format(path: Path, file: str) -> Findings:
    """What the parser does not tell of a workbook of the old format (.xls)."""
    return Findings(has_epoch_1904=_DATEMODE_1904 in path.read_bytes())


def _check_declared(archive: zipfile.ZipFile, file: str) -> None:
    members = archive.infolist()
    n_bytes = sum(member.file_size for member in members)
    n_packed = max(sum(member.compress_size for member in members), 1)
    if n_bytes > MAX_BYTES or (n_bytes > RATIO_FREE_BYTES and n_bytes > MAX_RATIO * n_packed):
        raise InputError(
            f"{file}: unpacks to {n_bytes} bytes from {n_packed}: refused as a zip bomb: save it as CSV or Parquet"
        )


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> Findings:
    """Unpacks a member (zipfile stops at the declared size and checks the sum) and searches it if it is a sheet."""
    name = member.filename.lower()
    is_sheet = "worksheets/" in name and name.endswith(".xml")
    tells_epoch = name in ("xl/workbook.xml", "content.xml")
    n_errors = n_bare = n_rows = 0
    has_epoch = False
    wide: set[bytes] = set()
    tail = b""
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE_BYTES):
            window = tail + piece
            if is_sheet:
                n_errors += _count_new(_ERROR_CELLS, window, len(tail))
                n_bare += _count_new(_BARE_FORMULAS, window, len(tail))
                cells = [match for pattern in _WIDE_CELLS for match in pattern.findall(window)]
                numbers = [*_ROW.findall(window), *(number for _, number in cells)]
                n_rows = max([n_rows, *(int(number) for number in numbers)])
                wide.update(letters for letters, _ in cells)
            if tells_epoch:
                has_epoch |= any(pattern.search(window) for pattern in (_EPOCH_1904, _NULL_DATE_1904))
            tail = window[-_OVERLAP:]
    n_columns = max((_column_number(letters) for letters in wide), default=_NARROW_COLUMNS)
    if n_rows * n_columns > MAX_CELLS:
        raise InputError(
            f"{file}: {member.filename} spans {n_rows} rows and {n_columns} columns: delete stray cells, or save as CSV"
        )
    return Findings(n_errors, n_bare, has_epoch)


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
