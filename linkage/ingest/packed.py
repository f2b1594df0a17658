"""Text files packed by gzip: unpacked into a work file, as long as they unpack to what a text of records may be."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from linkage.errors import InputError
from linkage.machine.scratch import scratch_array

PACKED = ".gz"
_PIECE_BYTES = 1 << 20
# Records of doses pack to a tenth; a text that packs to less than a part in so many, beyond the first bytes, says
# nothing, and may be of any size.
_MOST_TIMES, _ANYWAY_BYTES = 200, 1 << 24


def unpack(path: Path, file: str, scratch: Path | None) -> np.ndarray:
    """What a packed file holds: uint8[n_bytes]; in the folder ``scratch``, None = in memory.

    Raises InputError when it is no gzip archive, is damaged or cut off, or unpacks to far more than records would.
    """
    most = path.stat().st_size * _MOST_TIMES + _ANYWAY_BYTES
    n_bytes = 0
    for piece in _pieces(path, file):
        n_bytes += len(piece)
        if n_bytes > most:
            raise InputError(
                f"{file}: unpacks to over {_MOST_TIMES} times its size, as no file of records does: "
                "unpack it, and look at what it holds"
            )
    content = scratch_array(scratch, n_bytes, np.uint8)
    start = 0
    for piece in _pieces(path, file):
        content[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        start += len(piece)
    return content


def _pieces(path: Path, file: str) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{file}: is no whole gzip archive ({error}): pack it again, or send it unpacked") from error
