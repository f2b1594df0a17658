"""What is checked of a version of an index, and when.

Every open: that all files are there and as long as they were, the smallest files whole, as many as make 64 MiB, and of
the others what says how they are read. Rows of persons: when they are read (linkage.registry.persons). What decides the
match itself is read at random, by kernels, all over the index: a share of all of it every night
(linkage.registry.rolling_check), and all at once by ``verify`` and before anything is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.registry.versions import CHANGES, LARGE
from linkage.storage.checksums import CheckedFile
from linkage.storage.summed_folders import files_of

OPEN_BYTES = 64 << 20  # of the smallest files of an index, checked whole at every open in some 20 ms
REMEDY = "build the index again, or restore it from a copy"
CHANGES_REMEDY = "build the index again and apply the changes again, or restore it from a copy"

CheckedFiles = Mapping[str, CheckedFile]


def open_files(version: Path, manifest: Mapping[str, Any]) -> dict[str, CheckedFile]:
    """The files of a version by their path in it; reads their sums.

    Raises VerificationError or LinkageError where the sums are damaged or cannot be read.
    """
    files = files_of(version, "", manifest.get(LARGE, manifest)["sums"], REMEDY)
    if LARGE in manifest:
        files |= files_of(version / CHANGES, f"{CHANGES}/", manifest["changes_sums"], CHANGES_REMEDY)
    return files


def check_at_open(files: CheckedFiles) -> None:
    """What every open checks: lengths, and the smallest files whole."""
    for file in files.values():
        file.check_size()
    left = OPEN_BYTES
    for file in sorted(files.values(), key=lambda file: file.n_bytes):
        left -= file.n_bytes
        if left < 0:
            break
        file.check()


def share(files: CheckedFiles, number: int, of: int) -> list[tuple[CheckedFile, NDArray[np.int64]]]:
    """The chunks of a share of all files, ``of`` equal ones that follow each other: by file, in the order of names."""
    ends = np.cumsum([files[name].sums.size for name in sorted(files)])
    total = int(ends[-1]) if ends.size else 0
    low, high = total * number // of, total * (number + 1) // of
    chosen = []
    for name, end in zip(sorted(files), ends.tolist(), strict=True):
        start = end - files[name].sums.size
        chunks = np.arange(max(low, start), min(high, end)) - start
        if chunks.size:
            chosen.append((files[name], chunks))
    return chosen
