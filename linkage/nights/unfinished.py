"""A night that was killed between its publication and its state: the next start puts index and state in force."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from linkage.errors import TryLaterError, VerificationError
from linkage.nights.configuration import Configuration
from linkage.nights.registry import finish_index
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import published_runs, read_manifest
from linkage.state.folder import KIND, REMEDY
from linkage.storage import versions as stored
from linkage.storage.locks import locked
from linkage.storage.versions import CURRENT, clear
from linkage.storage.work_folders import sweep


def finish(configuration: Configuration) -> None:
    """Put index and state in force on which the last night published stands, where it was killed before it could; then
    remove what killed commands left beside them."""
    place, published = configuration.state, published_runs(configuration.nights)
    in_force, known = None, set[str]()
    if (place / CURRENT).exists():
        version, manifest = stored.version_in_force(place, KIND)
        in_force, known = version.name, {night["night_id"] for night in manifest["nights"]}
    # By what the state knows, not by when they were written: a copy may have other times.
    waiting = [night for night in published if night.name not in known]
    if len(waiting) == 1:
        _finish_one(waiting[0], configuration, in_force)
    elif waiting:
        why = "does not know them" if in_force else "has no file 'current'" if stored.versions(place) else "is gone"
        raise VerificationError(
            f"{configuration.nights}: has {len(waiting)} nights, the last one {waiting[-1].name}, and the state "
            f"{place} {why}; {REMEDY}"
        )
    sweep(configuration.nights)
    clear(place)
    if configuration.index.is_dir():
        with suppress(TryLaterError), locked(configuration.index):
            clear(configuration.index)


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
