"""Checks a zipped workbook before a parser allocates anything for it, and finds in it what the parser does not tell.

The parser reads error cells (#N/A) and formulas without a stored value as empty cells, and makes room for the whole
rectangle that the cell references span, so a small file with one cell in the last row and column would ask for hundreds
of gigabytes. All three show in the XML of the sheets.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import InputError

MAX_CELLS = 100_000_000
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
# The record of the properties of a binary workbook, of which the first bit says so (MS-XLSB 2.4.822).
_EPOCH_1904_BINARY = re.compile(rb"\x99\x01[\x08-\x7f][" + b"".join(b"\\x%02x" % n for n in range(1, 256, 2)) + rb"]")
_NULL_DATE_1904 = re.compile(rb"null-date\s[^<>]{0,200}?date-value=[\"']1904-01-01")
_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_HEAD_BYTES = 512
_BEGINNINGS = {
    _OLD_FORMAT: "this is a file of the old format, or protected by a password",
    b"<": "this is a web page or XML",
    b"PAR1": "this is a Parquet file",
    b"%PDF": "this is a PDF",
    b"\x1f\x8b": "this is a gzip archive",
    b"7z\xbc\xaf": "this is a 7-Zip archive",
    b"Rar!": "this is a RAR archive",
}
_REMEDY = "open it and save it as .xlsx, without a password"
# The record DATEMODE of the old format: its number, its length, and 1 for days from 1904 (MS-XLS 2.4.77).
_DATEMODE_1904 = b"\x22\x00\x02\x00\x01\x00"
_TELL_EPOCH = {
    "xl/workbook.xml": (_EPOCH_1904,),
    "xl/workbook.bin": (_EPOCH_1904_BINARY,),
    "content.xml": (_NULL_DATE_1904,),
}


@dataclass(frozen=True)
class Findings:
    """Cells of all sheets of a workbook that read as empty although they hold something, and whether its days count
    from 1904 and not from 1900."""

    n_errors: int = 0
    n_bare_formulas: int = 0
    columns: frozenset[int] = frozenset()  # of such cells, as far as the sheets tell, from 1
    has_epoch_1904: bool = False


def check_archive(path: Path, file: str) -> Findings:
    """Checks a zipped workbook (.xlsx, .xlsm, .xlsb, .ods) from its directory, then by unpacking it piece by piece.

    Raises InputError when it is no zip archive, is damaged, unpacks to more than the limits of this module, or spans
    more than ``MAX_CELLS`` cells.
    """
    with _damage(path, file), zipfile.ZipFile(path) as archive:
        findings = [_check_member(archive, member, file) for member in archive.infolist()]
    return Findings(
        sum(f.n_errors for f in findings),
        sum(f.n_bare_formulas for f in findings),
        frozenset[int]().union(*(f.columns for f in findings)),
        any(f.has_epoch_1904 for f in findings),
    )


def check_old_format(path: Path, file: str) -> Findings:
    """What the parser does not tell of a workbook of the old format (.xls); InputError when it is none."""
    with path.open("rb") as stream:
        if stream.read(len(_OLD_FORMAT)) != _OLD_FORMAT:
            raise InputError(f"{file}: {_what_it_is(path)}, not a workbook of the old format: {_REMEDY}")
        return Findings(has_epoch_1904=_DATEMODE_1904 in stream.read())


def unpacked_bytes(path: Path, file: str) -> int:
    """What a zipped workbook unpacks to, as its directory says.

    Raises InputError when it is none, or more than the limits of this module.
    """
    with _damage(path, file), zipfile.ZipFile(path) as archive:
        return _declared(archive, path.stat().st_size, file)


@contextmanager
def _damage(path: Path, file: str) -> Iterator[None]:
    """Turns what is raised on a damaged archive, and on what is none, into one line."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        what = _what_it_is(path)
        if what is not None:
            raise InputError(f"{file}: {what}, not a workbook: {_REMEDY}") from error
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: not a sound workbook ({reason}): save it again, without a password") from error


def _what_it_is(path: Path) -> str | None:
    """What a file is that is no zip archive, by its first bytes; None where they do not tell."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(b"PK"):
        return None
    found = next(
        (what for begin, what in _BEGINNINGS.items() if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(begin)), None
    )
    if found is None and b"\0" not in head:
        return "this is text, as CSV is"
    return found


def _declared(archive: zipfile.ZipFile, n_of_file: int, file: str) -> int:
    members = archive.infolist()
    n_bytes = sum(member.file_size for member in members)
    # Members may overlap: together they are packed in no more bytes than the file has.
    n_packed = max(min(sum(member.compress_size for member in members), n_of_file), 1)
    if n_bytes > MAX_BYTES or (n_bytes > RATIO_FREE_BYTES and n_bytes > MAX_RATIO * n_packed):
        raise InputError(
            f"{file}: unpacks to {n_bytes} bytes from {n_packed}: refused as a zip bomb: save it as CSV or Parquet"
        )
    return n_bytes


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> Findings:
    """Unpacks a member (zipfile stops at the declared size and checks the sum) and searches it if it is a sheet."""
    name = member.filename.lower()
    is_sheet = "worksheets/" in name and name.endswith(".xml")
    tells_epoch = _TELL_EPOCH.get(name, ())
    n_errors = n_bare = n_rows = 0
    has_epoch = False
    wide, lost = set[bytes](), set[int]()
    tail = b""
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE_BYTES):
            window = tail + piece
            if is_sheet:
                errors, bare = (_new(patterns, window, len(tail)) for patterns in (_ERROR_CELLS, _BARE_FORMULAS))
                n_errors, n_bare = n_errors + len(errors), n_bare + len(bare)
                lost |= {_column_before(window, match.end()) for match in (*errors, *bare)}
                cells = [match for pattern in _WIDE_CELLS for match in pattern.findall(window)]
                numbers = [*_ROW.findall(window), *(number for _, number in cells)]
                n_rows = max([n_rows, *(int(number) for number in numbers)])
                wide.update(letters for letters, _ in cells)
            if tells_epoch:
                has_epoch |= any(pattern.search(window) for pattern in tells_epoch)
            tail = window[-_OVERLAP:]
    n_columns = max((_column_number(letters) for letters in wide), default=_NARROW_COLUMNS)
    if n_rows * n_columns > MAX_CELLS:
        raise InputError(
            f"{file}: {member.filename} spans {n_rows} rows and {n_columns} columns: delete stray cells, or save as CSV"
        )
    return Findings(n_errors, n_bare, frozenset(lost - {0}), has_epoch)


def _new(patterns: tuple[re.Pattern[bytes], ...], window: bytes, n_seen: int) -> list[re.Match[bytes]]:
    """Matches in a window, without those that end in its first ``n_seen`` bytes: the piece before counted them."""
    return [match for pattern in patterns for match in pattern.finditer(window) if match.end() > n_seen]


def _column_before(window: bytes, end: int) -> int:
    """The column, from 1, of the cell that ends there; 0 where its name is too far before."""
    place = window.rfind(b' r="', max(end - _OVERLAP, 0), end)
    letters = re.match(rb"[A-Z]{1,3}", window[place + 4 : place + 7])
    return _column_number(letters.group()) if place >= 0 and letters else 0


def _column_number(letters: bytes) -> int:
    """Column A is 1, column AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
