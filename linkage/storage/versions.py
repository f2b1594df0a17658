"""A folder of versions that are built aside and put in force whole, as of an index or of the state of the nights.

A version is named ``v000012-3f2a9c01``: its number, and the first digits of the digest of its manifest. So the pointer
to the version in force cannot name another one by a flipped bit, nor a manifest stand in another's place.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from linkage.errors import InputError, LinkageError, VerificationError, disk_reason
from linkage.storage.checksums import unreadable
from linkage.storage.sealed import DIGEST, read_sealed, sealed
from linkage.storage.work_folders import abandoned, flush_all, put_in_place, replacing, undivided, work_folder

MANIFEST, CURRENT = "manifest.json", "current"
_VERSION = re.compile(r"v(\d{6,})(?:-([0-9a-f]{8}))?")  # older formats have no digest there
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Kind:
    """What the versions of a folder are, in messages: "registry index", "index"; how one is made; and what helps where
    one is damaged, or where its disk cannot hold it."""

    what: str
    noun: str
    make: str
    remedy: str
    other_disk: str


@contextmanager
def building(place: Path, kind: Kind) -> Iterator[Path]:
    """A folder in which a version is built, gone at the end; what a build that was cut off left goes first."""
    place.mkdir(parents=True, exist_ok=True)
    clear(place)
    try:
        with work_folder(place) as folder:
            yield folder
    except OSError as error:
        reason = disk_reason(error)
        raise LinkageError(f"{place}: the {kind.noun} cannot be written ({reason}); free space or rights there") from (
            error
        )


def clear(place: Path) -> None:
    """Remove what builds that were cut off left in a folder, and the versions that they did not put in force."""
    with abandoned(place) as left:
        in_force = _pointed_to(place / CURRENT, place) if (place / CURRENT).is_file() else None
        for folder in left:
            # It would have been moved to put the version in force; a loss of power may leave it where it was too.
            pointer = folder / CURRENT
            if pointer.is_file() and (version := _pointed_to(pointer, place)) not in (None, in_force):
                shutil.rmtree(version, ignore_errors=True)


def version_name(place: Path, manifest: Mapping[str, Any]) -> str:
    """What the next version of a folder is called, with this manifest."""
    numbers = [int(found[1]) for path in place.glob("v*") if (found := _VERSION.fullmatch(path.name))]
    return f"v{max(numbers, default=0) + 1:06d}-{sealed(manifest)[DIGEST][:8]}"


def put_in_force(
    place: Path,
    built: Path,
    manifest: Mapping[str, Any],
    publish: Callable[[], object] = lambda: None,
    then: Callable[[], object] = lambda: None,
) -> None:
    """Make a finished version folder with this manifest, built in a work folder, the newest version, and that the one
    in force, at once for those who read there.

    publish : done when the version is on the disk and before it counts; where it fails the version goes again
    then : done after that and before it counts; what fails here does not take back what was published
    """
    version = prepared(place, built, manifest)
    with undivided():
        put_aside(built, version)
        try:
            publish()
        except BaseException:
            shutil.rmtree(version, ignore_errors=True)
            raise
        then()
        let_count(place, built)


def prepared(place: Path, built: Path, manifest: Mapping[str, Any]) -> Path:
    """Bring a finished version folder, built in a work folder, to the disk, with its manifest, and beside it a pointer
    to what it will be; returns that."""
    work, version = built.parent, place / version_name(place, manifest)
    write_json(built / MANIFEST, sealed(manifest))
    (work / CURRENT).write_text(version.name + "\n", "ascii")
    flush_all(work)
    return version


def put_aside(built: Path, version: Path) -> None:
    """Let a prepared version appear, which is not in force yet."""
    put_in_place(built, version)


def let_count(place: Path, built: Path) -> None:
    """Put a version that has appeared in force; built: where it was before."""
    put_in_place(built.parent / CURRENT, place / CURRENT)


def finish(place: Path, version: Path) -> None:
    """Put a version in force that has appeared and that a kill kept from counting; `building` would take it away."""
    with replacing(place / CURRENT) as pointer:
        pointer.write_text(version.name + "\n", "ascii")


def point_to(place: Path, version: Path, kind: Kind) -> None:
    """Put a version that is there in force, at once for those who read there."""
    with building(place, kind) as work:
        # Not by the name that says of a build cut off that its version was not finished.
        pointer = work / "pointer"
        pointer.write_text(version.name + "\n", "ascii")
        put_in_place(pointer, place / CURRENT)


def version_in_force(place: Path, kind: Kind) -> tuple[Path, dict[str, Any]]:
    """The folder of the version in force, and its manifest.

    Raises
    ------
    InputError : the folder has no versions
    VerificationError : the pointer or the manifest is damaged
    LinkageError : this user may not read them
    """
    path = place / CURRENT
    try:
        version = _pointed_to(path, place)
    except (FileNotFoundError, NotADirectoryError) as error:
        why = "there is no such folder"
        if place.exists():
            why = f"it has no file '{CURRENT}'" if place.is_dir() else "it is no folder"
        raise InputError(f"{place}: not a {kind.what} ({why}); {kind.make}") from error
    except OSError as error:
        raise unreadable(path, error, kind.remedy) from error
    if version is None or not version.is_dir():
        raise VerificationError(f"{path}: is damaged (it names no version that is there); {kind.remedy}")
    return version, manifest_of(version, kind)


def _pointed_to(pointer: Path, place: Path) -> Path | None:
    """The version that a pointer names; None where it names none, as where it was cut off."""
    name = pointer.read_bytes()[:_LONGEST_NAME].decode("ascii", "replace").strip()
    return place / name if _VERSION.fullmatch(name) else None


def versions(place: Path) -> list[Path]:
    """The version folders of a folder, the newest first."""
    found = [(int(name[1]), path) for path in place.glob("v*") if (name := _VERSION.fullmatch(path.name))]
    return [path for _, path in sorted(found, reverse=True)]


def manifest_of(version: Path, kind: Kind) -> dict[str, Any]:
    """The manifest of a version, whose digest its name has the beginning of; of an older format as it is."""
    path = version / MANIFEST
    manifest = read_sealed(path, kind.remedy)
    name = _VERSION.fullmatch(version.name)
    digits = None if name is None else name[2]
    if digits is not None and not str(manifest.get(DIGEST)).startswith(digits):
        raise VerificationError(f"{path}: is damaged, or of another version; {kind.remedy}")
    return manifest


def link_files(paths: Iterable[str], version: Path, built: Path, kind: Kind) -> None:
    """Give files of a version another name in the one that is built: they are on the disk once.

    Raises
    ------
    LinkageError : the disk gives a file one name only
    """
    for path in paths:
        target = built / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(version / path)
        except OSError as error:
            raise LinkageError(
                f"{version.parent}: its disk cannot link files ({error.strerror}); {kind.other_disk}"
            ) from error


def link_or_copy(source: Path, target: Path) -> None:
    """Give an immutable file another name, or where that is on another disk a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))
