"""A file that is hashed and summed as it is written: what was meant is known without reading it back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from linkage.storage.checksums import ChunkSums


@dataclass
class HashedFile:
    """The few methods of a file that Arrow's writers call, with hash and sums of all that passed, and the rows
    in it."""

    raw: BinaryIO
    sha256: Any = field(default_factory=hashlib.sha256)
    chunks: ChunkSums = field(default_factory=ChunkSums)
    size: int = 0
    rows: int = 0
    closed: bool = False

    def write(self, block: bytes) -> int:
        self.raw.write(block)
        self.sha256.update(block)
        self.chunks.update(block)
        self.size += len(block)
        return len(block)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self.raw.flush()
