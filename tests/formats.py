"""A table as a file of every ending that is read.

No library writes the two binary forms of Excel: they are put together here, record by record.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

Rows = Sequence[Sequence[str]]  # the header, and records of as many cells

_SECTOR = 512
_FREE, _END, _OF_FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _separated(rows: Rows, separator: str = ",") -> bytes:
    return "".join(f"{separator.join(row)}\n" for row in rows).encode()


def _xlsx(rows: Rows) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return stream.getvalue()


def _ods(rows: Rows) -> bytes:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    lines = "".join(f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>" for row in rows)
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="S">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="x"/></manifest:manifest>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return _zipped({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def _zipped(members: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _xlsb(rows: Rows) -> bytes:
    """MS-XLSB: a record is its kind in one byte or two, its length, and what it holds."""

    def record(kind: int, content: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + bytes([len(content)]) + content

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    bundle = record(156, struct.pack("<II", 0, 1) + text("rId1") + text("S"))
    book = record(131) + record(143) + bundle + record(144) + record(132)
    size = struct.pack("<4I", 0, len(rows) - 1, 0, len(rows[0]) - 1)
    cells = b"".join(
        record(0, struct.pack("<I", number) + bytes(13))
        + b"".join(record(6, struct.pack("<II", place, 0) + text(cell)) for place, cell in enumerate(row))
        for number, row in enumerate(rows)
    )
    sheet = record(129) + record(148, size) + record(145) + cells + record(146) + record(130)
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.bin"/></Relationships>'
    )
    return _zipped({"xl/workbook.bin": book, "xl/_rels/workbook.bin.rels": links, "xl/worksheets/sheet1.bin": sheet})


def _xls(rows: Rows) -> bytes:
    """BIFF8, a stream of a compound file (MS-XLS, MS-CFB) of one sector each for header, FAT and directory."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def beginning(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 1997, 0, 6))

    def label(row: int, column: int, text: str) -> bytes:
        return record(0x204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))

    def book(start: int) -> bytes:
        return beginning(5) + record(0x85, struct.pack("<IHBB", start, 0, 1, 0) + b"S") + record(0x0A)

    cells = b"".join(label(r, c, cell) for r, row in enumerate(rows) for c, cell in enumerate(row))
    stream = book(len(book(0))) + beginning(16) + cells + record(0x0A)
    n = max(8, -(-len(stream) // _SECTOR))  # a shorter stream would lie among the small ones
    stream = stream.ljust(n * _SECTOR, b"\0")

    def entry(name: str, kind: int, child: int, start: int, length: int) -> bytes:
        named = f"{name}\0".encode("utf-16-le")
        siblings = struct.pack("<BBIII", kind, 1, _FREE, _FREE, child)
        return (
            named.ljust(64, b"\0")
            + struct.pack("<H", len(named))
            + siblings
            + bytes(36)
            + struct.pack("<IQ", start, length)
        )

    directory = entry("Root Entry", 5, 1, _END, 0) + entry("Workbook", 2, _FREE, 2, len(stream))
    fat = [_OF_FAT, _END, *range(3, n + 2), _END]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, _END, 0, _END, 0) + struct.pack("<109I", 0, *[_FREE] * 108)
    sectors = struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat))) + directory.ljust(_SECTOR, b"\0")
    return header + sectors + stream


def _parquet(rows: Rows) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))), stream)
    return stream.getvalue()


WRITTEN: dict[str, Callable[[Rows], bytes]] = {
    ".csv": _separated,
    ".tsv": lambda rows: _separated(rows, "\t"),
    ".txt": lambda rows: _separated(rows, ";"),
    ".csv.gz": lambda rows: gzip.compress(_separated(rows)),
    ".tsv.gz": lambda rows: gzip.compress(_separated(rows, "\t")),
    ".txt.gz": lambda rows: gzip.compress(_separated(rows, ";")),
    ".xlsx": _xlsx,
    ".xlsm": _xlsx,
    ".xls": _xls,
    ".xlsb": _xlsb,
    ".ods": _ods,
    ".parquet": _parquet,
    ".pq": _parquet,
}
