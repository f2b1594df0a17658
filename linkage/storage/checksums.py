"""Sums of the chunks of a file, so that damage is told before what is damaged is used, and only what is used is read.

Each 64 KiB have a CRC-32: one flipped bit, or any error within 32 bits, always changes it, anything else but for one in
four thousand million. zlib's runs at 4 GB/s and lets the other threads run. The sums lie in a file of their own, which
a manifest names by its SHA-256; what says so must be checked itself (linkage.storage.sealed).
"""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.errors import LinkageError, VerificationError, disk_reason

SUMS = "sums"  # of a folder, the file of them: uint32 of all chunks of all files, in the order of their names
CHUNK_BYTES = 1 << 16
_AT_ONCE = 16  # chunks that are read in one piece
SUM_TYPE = np.dtype("<u4")

Sums = NDArray[np.uint32]


def unreadable(path: Path, error: OSError, remedy: str) -> LinkageError:
    """What to raise where a file cannot be read: one that may not be read is not damaged."""
    if isinstance(error, PermissionError):
        return LinkageError(f"{path}: may not be read by this user; ask for the right to read it")
    reason = "it is missing" if isinstance(error, FileNotFoundError) else disk_reason(error)
    return VerificationError(f"{path}: cannot be read ({reason}); {remedy}")


def n_chunks(n_bytes: int) -> int:
    """How many chunks a file of so many bytes has."""
    return -(-n_bytes // CHUNK_BYTES)


def sums_of(path: Path) -> tuple[str, Sums]:
    """SHA-256 and the sums of the chunks, uint32[n_chunks], of a file."""
    digest, sums = hashlib.sha256(), []
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE * CHUNK_BYTES):
            digest.update(block)
            sums += _chunk_sums(memoryview(block))
    return digest.hexdigest(), np.array(sums, SUM_TYPE)


class ChunkSums:
    """The sums of what is written piece by piece."""

    def __init__(self) -> None:
        self._whole: list[int] = []
        self._last, self._n_bytes = 0, 0  # of the chunk that is not full

    def update(self, block: bytes | memoryview[Any]) -> None:
        """What is written next."""
        left = memoryview(block)
        while len(left):
            part, left = left[: CHUNK_BYTES - self._n_bytes], left[CHUNK_BYTES - self._n_bytes :]
            self._last, self._n_bytes = zlib.crc32(part, self._last), self._n_bytes + len(part)
            if self._n_bytes == CHUNK_BYTES:
                self._whole.append(self._last)
                self._last, self._n_bytes = 0, 0

    def sums(self) -> Sums:
        """Of all that was written: uint32[n_chunks]."""
        return np.array([*self._whole, *([self._last] if self._n_bytes else [])], SUM_TYPE)


class CheckedFile:
    """A file and the sums of its chunks. What is asked for is read and compared once; several threads may ask.

    remedy : what to do where it is damaged, for the message

    All checks raise VerificationError where the file is damaged or cannot be read, LinkageError where it may not be.
    """

    def __init__(self, path: Path, n_bytes: int, sums: Sums, remedy: str) -> None:
        self.path, self.n_bytes, self.sums, self.remedy = path, n_bytes, sums, remedy
        self._is_checked = np.zeros(sums.size, np.bool_)

    def check_size(self) -> None:
        """Whether it is as long as it was, at the price of no look into it."""
        with self._readable():
            found = self.path.stat().st_size
        if found != self.n_bytes:
            raise self._damaged(f"{found:,} bytes, {self.n_bytes:,} were written")

    def check(self, start: int = 0, stop: int | None = None) -> None:
        """The bytes from start to stop, all of them when not given."""
        end = self.n_bytes if stop is None else min(stop, self.n_bytes)
        self.check_chunks(np.arange(max(0, start) // CHUNK_BYTES, n_chunks(end)))

    def check_spans(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> None:
        """The bytes of many spans, int64[n] each, of any length and in any order; an empty span asks for nothing."""
        first, last = starts // CHUNK_BYTES, (stops - 1) // CHUNK_BYTES
        inner = [np.arange(low, high) for low, high in zip(first, last, strict=True) if high - low > 1]
        self.check_chunks(np.unique(np.concatenate([first[stops > starts], last[stops > starts], *inner])))

    def check_chunks(self, chunks: NDArray[np.int64], *, is_sparing: bool = False) -> None:
        """Chunks by number, ascending; is_sparing: leave the system's cache as it is."""
        if chunks.size and (chunks[0] < 0 or chunks[-1] >= self.sums.size):
            raise self._damaged("something points behind its end")
        missing = chunks[~self._is_checked[chunks]]
        if not missing.size:
            return
        with self._readable():
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                buffer = memoryview(bytearray(min(missing.size, _AT_ONCE) * CHUNK_BYTES))
                for first, n in _runs(missing):
                    self._compare(descriptor, first, buffer[: n * CHUNK_BYTES], is_sparing)
            finally:
                os.close(descriptor)
        self._is_checked[missing] = True

    def _compare(self, descriptor: int, first: int, buffer: memoryview, is_sparing: bool) -> None:
        """Neighbouring chunks, as many as the buffer holds."""
        read = _read_sparing if is_sparing else _read
        content = buffer[: read(descriptor, buffer, first * CHUNK_BYTES)]
        found = np.array(_chunk_sums(content), SUM_TYPE)
        expected = self.sums[first : first + len(buffer) // CHUNK_BYTES]
        if not np.array_equal(found, expected):
            n = min(found.size, expected.size)
            differing = np.append(np.flatnonzero(found[:n] != expected[:n]), n)
            place = (first + int(differing[0])) * CHUNK_BYTES
            raise self._damaged(f"not what was written, somewhere in the {CHUNK_BYTES:,} bytes from {place:,} on")

    def _damaged(self, what: str) -> VerificationError:
        return VerificationError(f"{self.path}: is damaged ({what}); {self.remedy}")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unreadable(self.path, error, self.remedy) from error


class CheckedReader(io.RawIOBase):
    """A file to read from at any place, of which nothing is handed out unchecked."""

    def __init__(self, file: CheckedFile) -> None:
        file.check_size()
        self._file, self._place = file, 0
        with file._readable():
            self._descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._file.n_bytes}
        self._place = starts[whence] + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._file.n_bytes if size < 0 else min(self._place + size, self._file.n_bytes)
        self._file.check(self._place, end)
        with self._file._readable():
            content = os.pread(self._descriptor, max(0, end - self._place), self._place)
        self._place += len(content)
        return content

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _chunk_sums(content: memoryview[Any]) -> list[int]:
    return [zlib.crc32(content[start : start + CHUNK_BYTES]) for start in range(0, len(content), CHUNK_BYTES)]


def _runs(chunks: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, how many) of neighbours among ascending numbers, at most _AT_ONCE."""
    ends = np.append(np.flatnonzero(np.diff(chunks) > 1) + 1, chunks.size)
    start = 0
    for end in ends.tolist():
        for place in range(start, end, _AT_ONCE):
            yield int(chunks[place]), min(_AT_ONCE, end - place)
        start = end


def _read(descriptor: int, buffer: memoryview, offset: int) -> int:
    """Fill the buffer from a file as far as it goes; the number of bytes."""
    n = 0
    while n < len(buffer) and (more := os.preadv(descriptor, [buffer[n:]], offset + n)):
        n += more
    return n


def _read_sparing(descriptor: int, buffer: memoryview, offset: int) -> int:
    """The same; what was not in the system's cache is not kept in it, lest it push out what is needed."""
    with suppress(OSError):  # it is not there, or this file system does not say so
        n = os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)
        if n == len(buffer):
            return n
    n = _read(descriptor, buffer, offset)
    os.posix_fadvise(descriptor, offset, n, os.POSIX_FADV_DONTNEED)
    return n
