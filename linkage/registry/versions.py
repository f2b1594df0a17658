"""The folder of an index on disk: versions that are built aside and put in force whole, and their arrays.

A version is named ``v000012-3f2a9c01``: its number, and the first digits of the digest of its manifest. So the pointer
to the version in force cannot name another one by a flipped bit, nor a manifest stand in another's place.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, LinkageError, VerificationError, disk_reason
from linkage.machine.scratch import reserve
from linkage.storage.checksums import CheckedFile, unreadable
from linkage.storage.sealed import DIGEST, read_sealed, sealed
from linkage.storage.work_folders import abandoned, flush_all, put_in_place, undivided, work_folder

MANIFEST, _CURRENT = "manifest.json", "current"
CHANGES = "changes"  # the folder of what changed since a version's large part was built
LARGE = "large"  # in a manifest with changes, the manifest without them
_VERSION = re.compile(r"v(\d{6,})(?:-([0-9a-f]{8}))?")  # older formats have no digest there
_LONGEST_NAME = 60
_NPY_HEADER = 128
_REMEDY = "restore the folder from a copy, or build the index again"


@contextmanager
def building(index: Path) -> Iterator[Path]:
    """A folder in which a version is built, gone at the end; what a build that was cut off left goes first, the version
    that it did not come to put in force too."""
    index.mkdir(parents=True, exist_ok=True)
    with abandoned(index) as left:
        for folder in left:
            # It would have been moved to put the version in force.
            if (folder / _CURRENT).is_file() and (version := _pointed_to(folder / _CURRENT, index)) is not None:
                shutil.rmtree(version, ignore_errors=True)
    try:
        with work_folder(index) as folder:
            yield folder
    except OSError as error:
        reason = disk_reason(error)
        raise LinkageError(f"{index}: the index cannot be written ({reason}); free space or rights there") from error


def put_in_force(index: Path, built: Path, manifest: Mapping[str, Any]) -> None:
    """Make a finished version folder with this manifest, built in a work folder, the newest version, and that the one
    in force, at once for those who read the index."""
    work, whole = built.parent, sealed(manifest)
    write_json(built / MANIFEST, whole)
    numbers = [int(found[1]) for path in index.glob("v*") if (found := _VERSION.fullmatch(path.name))]
    version = index / f"v{max(numbers, default=0) + 1:06d}-{whole[DIGEST][:8]}"
    (work / _CURRENT).write_text(version.name + "\n", "ascii")
    flush_all(work)
    with undivided():
        put_in_place(built, version)
        put_in_place(work / _CURRENT, index / _CURRENT)


def point_to(index: Path, version: Path) -> None:
    """Put a version that is there in force, at once for those who read the index."""
    with building(index) as work:
        # Not by the name that says of a build cut off that its version was not finished.
        pointer = work / "pointer"
        pointer.write_text(version.name + "\n", "ascii")
        put_in_place(pointer, index / _CURRENT)


def version_in_force(index: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the version in force, and its manifest.

    Raises
    ------
    InputError : the folder is no index
    VerificationError : the pointer or the manifest is damaged
    LinkageError : this user may not read them
    """
    path = index / _CURRENT
    try:
        version = _pointed_to(path, index)
    except (FileNotFoundError, NotADirectoryError) as error:
        why = "there is no such folder"
        if index.exists():
            why = "it has no file 'current'" if index.is_dir() else "it is no folder"
        raise InputError(f"{index}: not a registry index ({why}); make one with 'linkage index build'") from error
    except OSError as error:
        raise unreadable(path, error, _REMEDY) from error
    if version is None or not version.is_dir():
        raise VerificationError(f"{path}: is damaged (it names no version that is there); {_REMEDY}")
    return version, manifest_of(version)


def _pointed_to(pointer: Path, index: Path) -> Path | None:
    """The version that a pointer names; None where it names none, as where it was cut off."""
    name = pointer.read_bytes()[:_LONGEST_NAME].decode("ascii", "replace").strip()
    return index / name if _VERSION.fullmatch(name) else None


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


def versions(index: Path) -> list[Path]:
    """The version folders of an index, the newest first."""
    found = [(int(name[1]), path) for path in index.glob("v*") if (name := _VERSION.fullmatch(path.name))]
    return [path for _, path in sorted(found, reverse=True)]


def manifest_of(version: Path) -> dict[str, Any]:
    """The manifest of a version, whose digest its name has the beginning of; of an older format as it is."""
    path = version / MANIFEST
    manifest = read_sealed(path, _REMEDY)
    name = _VERSION.fullmatch(version.name)
    digits = None if name is None else name[2]
    if digits is not None and not str(manifest.get(DIGEST)).startswith(digits):
        raise VerificationError(f"{path}: is damaged, or of another version; {_REMEDY}")
    return manifest


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


def write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))


def read_json(file: CheckedFile) -> dict[str, Any]:
    """A file of ``write_json``, checked."""
    file.check()
    content: dict[str, Any] = msgspec.json.decode(file.path.read_bytes())
    return content
