"""What is checked of a version of an index, and when.

Every open: that all files are there and as long as they were, the smallest files whole, as many as make 64 MiB, and of
the others what says how they are read. Rows of persons: when they are read (linkage.registry.persons). What decides the
match itself is read at random, by kernels, all over the index: a share of all of it every night
(linkage.registry.rolling_check), and all at once by ``verify`` and before anything is made from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.errors import VerificationError
from linkage.machine.threads import in_order
from linkage.registry.versions import CHANGES, LARGE, MANIFEST
from linkage.storage.checksums import SUM_TYPE, SUMS, CheckedFile, n_chunks, sums_of, unreadable

OPEN_BYTES = 64 << 20  # of the smallest files of an index, checked whole at every open in some 20 ms
REMEDY = "build the index again, or restore it from a copy"
CHANGES_REMEDY = "build the index again and apply the changes again, or restore it from a copy"
_THREADS = 2

CheckedFiles = Mapping[str, CheckedFile]


def write_sums(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Read every file of a folder that is finished and write their sums into it.

    Returns the SHA-256 of the files by their path in it, and what a manifest says of the sums, for ``open_files``.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, SUMS))
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(in_order((partial(sums_of, path) for path in paths), pool, _THREADS))
    names = [str(path.relative_to(folder)) for path in paths]
    sums = np.concatenate([sums for _, sums in found]).astype(SUM_TYPE).tobytes()
    (folder / SUMS).write_bytes(sums)
    sizes = {name: path.stat().st_size for name, path in zip(names, paths, strict=True)}
    files = {name: digest for name, (digest, _) in zip(names, found, strict=True)}
    return files, {"sha256": hashlib.sha256(sums).hexdigest(), "bytes": sizes}


def open_files(version: Path, manifest: Mapping[str, Any]) -> dict[str, CheckedFile]:
    """The files of a version by their path in it; reads their sums.

    Raises VerificationError or LinkageError where the sums are damaged or cannot be read.
    """
    files = _files_of(version, "", manifest.get(LARGE, manifest)["sums"], REMEDY)
    if LARGE in manifest:
        files |= _files_of(version / CHANGES, f"{CHANGES}/", manifest["changes_sums"], CHANGES_REMEDY)
    return files


def _files_of(folder: Path, prefix: str, said: Mapping[str, Any], remedy: str) -> dict[str, CheckedFile]:
    path = folder / SUMS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error, remedy) from error
    if hashlib.sha256(content).hexdigest() != said["sha256"]:
        raise VerificationError(f"{path}: is damaged (its SHA-256 is not the manifest's); {remedy}")
    sums, files, place = np.frombuffer(content, SUM_TYPE), {}, 0
    for name in sorted(said["bytes"], key=Path):
        n_bytes = said["bytes"][name]
        n = n_chunks(n_bytes)
        files[prefix + name] = CheckedFile(folder / name, n_bytes, sums[place : place + n], remedy)
        place += n
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


def check_whole(files: Iterable[CheckedFile], n_threads: int = _THREADS) -> None:
    """All of some files, or what of them was not checked yet; the first that is damaged is told."""
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in in_order((file.check for file in files), pool, n_threads):
            pass


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
