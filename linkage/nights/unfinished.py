"""A night that was killed between its publication and its state, or while it was taken back: the next start goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from linkage.errors import TryLaterError, VerificationError
from linkage.nights.configuration import Configuration
from linkage.nights.prepared import clear_prepared
from linkage.nights.registry import finish_index
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import published_runs, read_manifest
from linkage.registry.versions import point_to
from linkage.state.folder import KIND, REMEDY
from linkage.storage import versions as stored
from linkage.storage.locks import locked
from linkage.storage.sealed import read_sealed
from linkage.storage.versions import CURRENT, clear
from linkage.storage.work_folders import flush, moved_away, sweep, work_folder

INTENT = "rollback.json"  # beside the nights, what is being taken back


def finish(configuration: Configuration) -> None:
    """Take back the nights that were being taken back, and put index and state in force on which the last night
    published stands, where it was killed before it could; then remove what killed commands left beside them."""
    if (configuration.nights / INTENT).exists():
        with locked(configuration.index):
            complete(configuration)
    place, in_force, known = configuration.state, None, list[dict[str, Any]]()
    if (place / CURRENT).exists():
        version, manifest = stored.version_in_force(place, KIND)
        in_force, known = version.name, manifest["nights"]
    waiting = waiting_nights(configuration, known)
    if len(waiting) == 1:
        _finish_one(waiting[0], configuration, in_force)
    elif waiting:
        why = "does not know them" if in_force else "has no file 'current'" if stored.versions(place) else "is gone"
        raise VerificationError(
            f"{configuration.nights}: has {len(waiting)} nights, the last one {waiting[-1].name}, and the state "
            f"{place} {why}; {REMEDY}"
        )
    sweep(configuration.nights)
    clear_prepared(place, {night["night_id"] for night in known} | {night.name for night in waiting})
    clear(place)
    if configuration.index.is_dir():
        with suppress(TryLaterError), locked(configuration.index):
            clear(configuration.index)


def waiting_nights(configuration: Configuration, known: Collection[Mapping[str, Any]]) -> list[Path]:
    """The folders of nights that were published and that a state does not know; by their names, not by when they were
    written, for a copy may have other times. known: what the state says of its nights."""
    names = {night["night_id"] for night in known}
    return [night for night in published_runs(configuration.nights) if night.name not in names]


def _finish_one(night: Path, configuration: Configuration, in_force: str | None) -> None:
    """Finish a night that the state in force does not know."""
    names = ("state_before", "state_after", "index_before", "index_after")
    said: dict[str, Any] = read_manifest(night, *names, like=PublishedManifest)
    version = configuration.state / str(said["state_after"])
    if said["state_before"] != in_force or not version.is_dir():
        raise VerificationError(
            f"{night}: was published, and the state {version} that it made is not there, or not the next one; {REMEDY}"
        )
    if said["index_after"] != said["index_before"]:
        finish_index(configuration.index, str(said["index_before"]), str(said["index_after"]))
    stored.finish(configuration.state, version)


def complete(configuration: Configuration) -> None:
    """Do what was written down; each step may have been done before. State, nights and index are locked."""
    path = configuration.nights / INTENT
    intent = read_sealed(path, REMEDY)
    _put_state(configuration.state, intent["state"])
    _put_index(configuration.index, intent["index"], intent["index_versions"])
    with work_folder(configuration.nights) as work:
        for name in intent["nights"]:
            moved_away(configuration.nights / name, work)
    path.unlink()
    flush(configuration.nights)


def _put_state(place: Path, name: str | None) -> None:
    """Let a version of the state be in force, None for none, and remove those after it."""
    if name is None:
        (place / stored.CURRENT).unlink(missing_ok=True)
        flush(place)
    else:
        stored.point_to(place, place / name, KIND)
    remove(place, [version.name for version in stored.versions(place) if name is None or version.name[:7] > name[:7]])


def _put_index(place: Path, name: str, made: list[str]) -> None:
    """Let a version of the index be in force, and remove those that the nights made."""
    if made:
        point_to(place, place / name)
        remove(place, made)


def remove(place: Path, names: Collection[str]) -> int:
    """Remove versions of a folder by their names; returns how many were there."""
    found = [version for version in stored.versions(place) if version.name in names]
    if found:
        with work_folder(place) as work:
            for version in found:
                moved_away(version, work)
        flush(place)
    return len(found)
