"""The folder of an index on disk: versions that are built aside and put in force whole, arrays, and checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, LinkageError
from linkage.threads import in_order

_BUILDING = ".building"
_MANIFEST = "manifest.json"
_CHECKSUM_THREADS = 2


@contextmanager
def building(index: Path) -> Iterator[Path]:
    """A folder in which a version is built; what a build that was cut off left in it goes first, and all at the
    end."""
    folder = index / _BUILDING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_force(index: Path, built: Path) -> None:
    """Make a finished version folder the newest version, and that the one in force, atomically."""
    _flush(built)
    numbers = [int(path.name[1:]) for path in index.glob("v*") if path.name[1:].isdigit()]
    version = index / f"v{max(numbers, default=0) + 1:06d}"
    built.rename(version)
    _flush_one(index)
    pointer = index / "current.new"
    pointer.write_text(version.name + "\n", "ascii")
    _flush_one(pointer)
    pointer.rename(index / "current")
    _flush_one(index)


def version_in_force(index: Path) -> Path:
    return index / (index / "current").read_text("ascii").strip()


def version_with(index: Path, content: str) -> Path:
    """The newest version of that content; InputError when there is none."""
    for path in sorted(index.glob(f"v*/{_MANIFEST}"), reverse=True):
        if read_json(path)["content"] == content:
            return path.parent
    raise InputError(f"{index}: no version of the index is the one that was linked with; put the old one back")


def checksums(version: Path) -> dict[str, str]:
    """SHA-256 of every file of a version but the manifest, by its path in the folder."""
    paths = sorted(path for path in version.rglob("*") if path.is_file() and path.name != _MANIFEST)
    with ThreadPoolExecutor(_CHECKSUM_THREADS) as pool:
        hashes = in_order((partial(_sha256, path) for path in paths), pool, _CHECKSUM_THREADS)
        return {str(path.relative_to(version)): digest for path, digest in zip(paths, hashes, strict=True)}


def link_files(paths: Iterable[str], version: Path, built: Path) -> None:
    """Give files of a version another name in the one that is built: they are on the disk once.

    Raises
    ------
    LinkageError : the disk of the index gives a file one name only
    """
    for path in paths:
        target = built / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(version / path)
        except OSError as error:
            raise LinkageError(
                f"{version.parent}: its disk cannot link files ({error.strerror}); build the index on another disk"
            ) from error


def content_of(files: Mapping[str, str]) -> str:
    """SHA-256 over the names and checksums of files."""
    return hashlib.sha256("".join(f"{path} {files[path]}\n" for path in sorted(files)).encode()).hexdigest()


def new_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A mapped .npy file of zeros, to be written slice by slice."""
    if 0 in shape:
        np.save(path, np.zeros(shape, dtype), allow_pickle=False)
        return np.zeros(shape, dtype)
    array: NDArray[Any] = np.lib.format.open_memmap(path, "w+", dtype, shape)
    return array


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def map_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Every .npy file of a folder by its name, mapped; as plain arrays, which a kernel is called with in a third of the
    time that a memmap takes."""
    paths = sorted(folder.glob("*.npy"))
    return {path.stem: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)) for path in paths}


def write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(version: Path) -> None:
    """Bring every file and folder of a version to the disk, so that the pointer never names what a power cut took."""
    for path in [*version.rglob("*"), version, version.parent]:
        _flush_one(path)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
