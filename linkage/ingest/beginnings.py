"""Names that a text may begin with, as the kernel that looks for them wants them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.ingest.cleaning import normal_name
from linkage.ingest.name_kernels import begin_with_names

_BEYOND_ASCII = 0x80


def _in_both_cases(byte: int) -> list[int]:
    """The bytes that a letter may begin with; one beyond ASCII has any of these in its other case."""
    return list(range(_BEYOND_ASCII, 256)) if byte >= _BEYOND_ASCII else [byte, ord(chr(byte).upper())]


@dataclass(frozen=True)
class Beginnings:
    """names: uint8[n_bytes], normal names end to end; offsets: int32[n_names + 1]; may_begin: bool[256, 256]."""

    names: NDArray[np.uint8]
    offsets: NDArray[np.int32]
    may_begin: NDArray[np.bool_]

    @classmethod
    def of(cls, names: Iterable[str]) -> Beginnings:
        """Of names of two letters at least."""
        encoded = [name.encode() for name in sorted({normal_name(name) for name in names}) if len(name) > 1]
        may_begin = np.zeros((256, 256), np.bool_)
        for name in encoded:
            may_begin[np.ix_(*(_in_both_cases(byte) for byte in name[:2]))] = True
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets, may_begin)

    def are_at(
        self, text: NDArray[np.uint8], starts: NDArray[np.integer], ends: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Whether one of the names seems to stand at the start of each text: bool[n]."""
        found = np.empty(starts.size, np.bool_)
        begin_with_names(text, starts, ends, self.names, self.offsets, self.may_begin, found)
        return found
