"""The sums of all files of a folder, in a file beside them: written once, and read whenever the folder is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from linkage.errors import VerificationError
from linkage.machine.threads import in_order
from linkage.storage.checksums import SUM_TYPE, SUMS, CheckedFile, n_chunks, sums_of, unreadable
from linkage.storage.versions import MANIFEST

_THREADS = 2


def write_sums(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Read every file of a folder that is finished and write their sums into it.

    Returns the SHA-256 of the files by their path in it, and what a manifest says of the sums, for ``files_of``.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, SUMS))
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(in_order((partial(sums_of, path) for path in paths), pool, _THREADS))
    names = [str(path.relative_to(folder)) for path in paths]
    sums = np.concatenate([np.zeros(0, SUM_TYPE), *(sums for _, sums in found)]).astype(SUM_TYPE).tobytes()
    (folder / SUMS).write_bytes(sums)
    sizes = {name: path.stat().st_size for name, path in zip(names, paths, strict=True)}
    files = {name: digest for name, (digest, _) in zip(names, found, strict=True)}
    return files, {"sha256": hashlib.sha256(sums).hexdigest(), "bytes": sizes}


def files_of(folder: Path, prefix: str, said: Mapping[str, Any], remedy: str) -> dict[str, CheckedFile]:
    """The files of a folder by their path in it, behind a prefix; reads their sums.

    Raises VerificationError or LinkageError where the sums are damaged or cannot be read.
    """
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


def check_whole(files: Iterable[CheckedFile], n_threads: int = _THREADS) -> None:
    """All of some files, or what of them was not checked yet; the first that is damaged is told."""
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in in_order((file.check for file in files), pool, n_threads):
            pass
