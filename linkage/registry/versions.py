"""The versions of an index, see linkage.storage.versions, and their arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, LinkageError
from linkage.machine.scratch import reserve
from linkage.storage import versions as stored
from linkage.storage.checksums import CheckedFile
from linkage.storage.versions import versions

CHANGES = "changes"  # the folder of what changed since a version's large part was built
LARGE = "large"  # in a manifest with changes, the manifest without them
_NPY_HEADER = 128
_INDEX = stored.Kind(
    "registry index",
    "index",
    "make one with 'linkage index build'",
    "restore the folder from a copy, or build the index again",
    "build the index on another disk",
)


@contextmanager
def building(index: Path) -> Iterator[Path]:
    """A folder in which a version is built, see `linkage.storage.versions.building`."""
    with stored.building(index, _INDEX) as work:
        yield work


def point_to(index: Path, version: Path) -> None:
    """Put a version that is there in force, at once for those who read the index."""
    stored.point_to(index, version, _INDEX)


def version_in_force(index: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the version in force, and its manifest; errors as of `linkage.storage.versions`."""
    return stored.version_in_force(index, _INDEX)


def version_with(index: Path, content: str) -> tuple[Path, dict[str, Any]]:
    """The newest version of that content, and its manifest; InputError when there is none, VerificationError when it
    may be one that is damaged."""
    damage: LinkageError | None = None
    for version in versions(index):
        try:
            manifest = manifest_of(version)
        except LinkageError as error:
            damage = error
            continue
        if manifest.get("content") == content:
            return version, manifest
    if damage is not None:
        raise damage
    raise InputError(f"{index}: no version of the index is the one that was linked with; put the old one back")


def manifest_of(version: Path) -> dict[str, Any]:
    """The manifest of a version; of an older format as it is."""
    return stored.manifest_of(version, _INDEX)


def link_files(paths: Iterable[str], version: Path, built: Path) -> None:
    """Give files of a version another name in the one that is built; LinkageError where the disk cannot."""
    stored.link_files(paths, version, built, _INDEX)


def content_of(files: Mapping[str, str]) -> str:
    """SHA-256 over the names and checksums of files."""
    return hashlib.sha256("".join(f"{path} {files[path]}\n" for path in sorted(files)).encode()).hexdigest()


def new_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A mapped .npy file of zeros, to be written slice by slice."""
    if 0 in shape:
        np.save(path, np.zeros(shape, dtype), allow_pickle=False)
        return np.zeros(shape, dtype)
    array: NDArray[Any] = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with path.open("r+b") as file:
        reserve(file, path.stat().st_size)
    return array


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def map_arrays(files: Mapping[str, CheckedFile], folder: str) -> dict[str, NDArray[Any]]:
    """The .npy files of a folder of a version ("" for its own) by their name, mapped, the headers checked; as plain
    arrays, which a kernel is called with in a third of the time that a memmap takes."""
    arrays = {}
    for name in sorted(files):
        path = Path(name)
        if path.suffix == ".npy" and str(path.parent) == (folder or "."):
            files[name].check(0, _NPY_HEADER)
            arrays[path.stem] = np.asarray(np.load(files[name].path, mmap_mode="r", allow_pickle=False))
    return arrays


def read_json(file: CheckedFile) -> dict[str, Any]:
    """A file of ``write_json``, checked."""
    file.check()
    content: dict[str, Any] = msgspec.json.decode(file.path.read_bytes())
    return content
