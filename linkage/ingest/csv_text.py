"""Reads a text file and brings it to UTF-8, so that every record can be given back as the bytes it had.

The bytes are copied once into a work file, and that is mapped: what is hashed, parsed and quoted in ``rejected`` is the
same, even when another program writes the file meanwhile (a map of a file that shrinks would end the process).
"""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.errors import InputError
from linkage.ingest.code_pages import MIXED, older_encoding, repaired_line
from linkage.ingest.csv_kernels import number_lines
from linkage.ingest.packed import PACKED, unpack
from linkage.ingest.paths import sha256_of
from linkage.machine.scratch import scratch_array

# The lone byte at the end of a UTF-16 file of odd length stands in the UTF-8 text as this byte, which no UTF-8 has: the
# record it ends is rejected.
DANGLING = 0xFF
_PIECE_BYTES = 1 << 25
_HEAD_BYTES = 512
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or Excel workbook",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old format",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True)
class Text:
    """A text file: ``content`` as in the file, ``utf8`` without byte order mark, both uint8[n_bytes]."""

    content: np.ndarray
    utf8: np.ndarray
    encoding: str  # of the file itself
    last_byte: bytes  # the dangling byte of a UTF-16 file of odd length, else empty
    # Of a mixed file the starts of its lines and its end, int64[n_lines + 1]: in ``utf8``, and in ``content``.
    lines: tuple[np.ndarray, np.ndarray] | None = None
    packed_sha256: str | None = None  # the hash of a file that was unpacked

    def raw(self, start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` of the UTF-8 text as they stood in the file."""
        if self.lines is not None:
            return self.content[self._place(start, False) : self._place(end, True)].tobytes()
        piece = self.utf8[start:end].tobytes()
        if self.encoding == "utf-8":
            return piece
        tail = b""
        if self.last_byte and end == self.utf8.size and start < end:
            piece, tail = piece[:-1], self.last_byte
        return piece.decode("utf-8", "surrogatepass").encode(self.encoding, _errors(self.encoding)) + tail

    def _place(self, place: int, is_end: bool) -> int:
        """Where a place of the UTF-8 text of a mixed file is in the file; records begin and end with lines, but for
        their ends, which are the same in both."""
        assert self.lines is not None
        of_utf8, of_content = self.lines
        line = int(np.searchsorted(of_utf8, place, side="left" if is_end else "right")) - (0 if is_end else 1)
        return int(of_content[line] + place - of_utf8[line])

    def sha256(self) -> str:
        """The hash of the file; lets other threads run."""
        return self.packed_sha256 or hashlib.sha256(self.content.data).hexdigest()

    @cached_property
    def is_clean(self) -> bool:
        """Whether the whole text is valid UTF-8 without NUL."""
        if self.utf8.size == 0 or self.utf8.min() == 0:
            return self.utf8.size == 0
        offsets = pa.py_buffer(np.array([0, self.utf8.size], np.int64))
        whole = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(self.utf8)])
        try:
            whole.validate(full=True)
        except pa.ArrowInvalid:
            return False
        return True


class Lines:
    """Numbers the lines of a text for places that come in ascending order."""

    def __init__(self, utf8: np.ndarray) -> None:
        self._utf8, self._position, self._line = utf8, 0, 1

    def of(self, starts: np.ndarray) -> list[int]:
        """The line, from 1, of each of some starts of lines: int64[n] ascending, none before those asked for last."""
        lines = np.empty(starts.size, np.int64)
        number_lines(self._utf8, self._position, self._line, starts, lines)
        if starts.size:
            self._position, self._line = int(starts[-1]), int(lines[-1])
        return lines.tolist()


def read_text(path: Path, file: str, scratch: Path | None) -> Text:
    """Reads a text file; its copy is in the folder ``scratch``, None = in memory.

    Raises InputError when it is empty, is of another format, or of an encoding that is not supported (UTF-8 and UTF-16
    are, with or without byte order mark, and what linkage.ingest.code_pages tells).
    """
    if path.suffix.lower() == PACKED:
        return replace(_read(unpack(path, file, scratch), file, scratch), packed_sha256=sha256_of(path))
    return _read(_copy(path, scratch), file, scratch)


def _read(content: np.ndarray, file: str, scratch: Path | None) -> Text:
    head = content[:_HEAD_BYTES].tobytes()
    if not head:
        raise InputError(f"{file}: the file is empty (0 bytes): send it again")
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(f"{file}: this is {kind}, not CSV: give the file its right extension, or unpack it")
    encoding, n_mark = _detect(head, file)
    if encoding == "utf-8":
        text = Text(content, content[n_mark:], encoding, b"")
        older = None if text.is_clean else older_encoding(content, file)
        if older == MIXED:
            return _repaired(content, n_mark, scratch)
        older = None if n_mark else older
        return text if older is None else Text(content, _transcode(content, older, False, scratch), older, b"")
    n_even = content.size - (content.size - n_mark) % 2
    last = content[n_even:].tobytes()
    utf8 = _transcode(content[n_mark:n_even], encoding, bool(last), scratch)
    return Text(content, utf8, encoding, last)


def _repaired(content: np.ndarray, n_mark: int, scratch: Path | None) -> Text:
    """A file of which some lines are UTF-8 and others Windows-1258."""
    utf8, end, start = scratch_array(scratch, content.size * 3 + 1, np.uint8), 0, n_mark
    of_utf8, of_content = [np.zeros(1, np.int64)], [np.full(1, n_mark, np.int64)]
    while start < content.size:
        piece = content[start : start + _PIECE_BYTES].tobytes()
        if start + len(piece) < content.size and b"\n" in piece:
            piece = piece[: piece.rfind(b"\n") + 1]
        lines = piece.splitlines(keepends=True)
        repaired = [repaired_line(line) for line in lines]
        of_content.append(start + np.cumsum([len(line) for line in lines]))
        of_utf8.append(end + np.cumsum([len(line) for line in repaired]))
        start, first, end = int(of_content[-1][-1]), end, int(of_utf8[-1][-1])
        utf8[first:end] = np.frombuffer(b"".join(repaired), np.uint8)
    return Text(content, utf8[:end], "utf-8", b"", (np.concatenate(of_utf8), np.concatenate(of_content)))


def _detect(head: bytes, file: str) -> tuple[str, int]:
    """Encoding and length of the byte order mark."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise InputError(f"{file}: the encoding UTF-32 is not supported: save the file as UTF-8")
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if head.startswith(mark):
            return encoding, len(mark)
    # Without a mark: column names are ASCII, so in UTF-16 every other byte of the head is NUL.
    even, odd = head[0::2], head[1::2]
    even_share, odd_share = even.count(0) / len(even), odd.count(0) / max(len(odd), 1)
    if odd_share >= 0.4 and even_share < 0.05:
        return "utf-16-le", 0
    if even_share >= 0.4 and odd_share < 0.05:
        return "utf-16-be", 0
    return "utf-8", 0


def _errors(encoding: str) -> str:
    """How bytes that cannot be decoded are kept."""
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def _copy(path: Path, scratch: Path | None) -> np.ndarray:
    """The bytes of a file."""
    with path.open("rb", buffering=0) as stream:
        content = scratch_array(scratch, path.stat().st_size, np.uint8)
        n_read = 0
        while n_new := stream.readinto(content.data[n_read:]):
            n_read += n_new
    return content[:n_read]


def _transcode(content: np.ndarray, encoding: str, dangling: bool, scratch: Path | None) -> np.ndarray:
    """Another encoding to UTF-8 piece by piece; an unpaired surrogate, and a byte that the encoding does not have,
    become three bytes that no valid UTF-8 has."""
    decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
    # Two bytes of UTF-16 become three at most, one of another encoding too.
    n_units = content.size // 2 if encoding.startswith("utf-16") else content.size
    utf8 = scratch_array(scratch, n_units * 3 + 1, np.uint8)
    end = 0
    for start in range(0, content.size, _PIECE_BYTES):
        piece = content[start : start + _PIECE_BYTES].tobytes()
        text = decoder.decode(piece, start + _PIECE_BYTES >= content.size).encode("utf-8", "surrogatepass")
        utf8[end : end + len(text)] = np.frombuffer(text, np.uint8)
        end += len(text)
    if dangling:
        utf8[end] = DANGLING
        end += 1
    return utf8[:end]
