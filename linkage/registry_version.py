"""The folder of an index on disk: versions that are built aside and put in force whole, arrays, and checksums."""

from __future__ import annotations

import hashlib
import re
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

from linkage import edited_files
from linkage.errors import InputError, LinkageError
from linkage.threads import in_order
from linkage.work_folders import abandoned, flush_all, put_in_place, work_folder

_MANIFEST, _CURRENT = "manifest.json", "current"
_CHECKSUM_THREADS = 2
_VERSION, _LONGEST_NAME = re.compile(r"v\d{6,}"), 60


@contextmanager
def building(index: Path) -> Iterator[Path]:
    """A folder in which a version is built, gone at the end; what a build that was cut off left goes first, the version
    that it did not come to put in force too."""
    index.mkdir(parents=True, exist_ok=True)
    with abandoned(index) as left:
        for folder in left:
            if (folder / _CURRENT).is_file():  # it would have been moved to put the version in force
                shutil.rmtree(_pointed_to(folder / _CURRENT, index), ignore_errors=True)
    with work_folder(index) as folder:
        yield folder


def put_in_force(index: Path, built: Path) -> None:
    """Make a finished version folder, built in a work folder, the newest version, and that the one in force, at once
    for those who read the index."""
    work = built.parent
    numbers = [int(path.name[1:]) for path in index.glob("v*") if path.name[1:].isdigit()]
    version = index / f"v{max(numbers, default=0) + 1:06d}"
    (work / _CURRENT).write_text(version.name + "\n", "ascii")
    flush_all(work)
    put_in_place(built, version)
    put_in_place(work / _CURRENT, index / _CURRENT)


def version_in_force(index: Path) -> Path:
    return _pointed_to(index / _CURRENT, index)


def _pointed_to(pointer: Path, index: Path) -> Path:
    """The version folder that a pointer names; InputError where it names something else."""
    name = pointer.read_bytes()[:_LONGEST_NAME].decode("ascii", "replace").strip()
    if not _VERSION.fullmatch(name):
        raise InputError(f"{pointer}: {name!r} names no version of the index; write the newest, as v000001")
    return index / name


def version_with(index: Path, content: str) -> Path:
    """The newest version of that content; InputError when there is none."""
    for path in sorted(index.glob(f"v*/{_MANIFEST}"), reverse=True):
        if edited_files.read_json(path, "build the index again").get("content") == content:
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
