"""Puts an earlier version of an index in force again: what was applied or compacted since no longer counts."""

from __future__ import annotations

from pathlib import Path

from linkage.errors import UsageError
from linkage.registry.index import Index, open_version, verify_index
from linkage.registry.versions import manifest_of, point_to, version_in_force
from linkage.storage.locks import locked
from linkage.storage.versions import versions


def roll_back(folder: Path, version: str | None = None) -> Index:
    """Put a version in force again, once all its files are found to be what was written.

    No version is taken away: to roll forward again, name the newer one. The next change makes a version with a number
    of its own, from the one in force.

    Parameters
    ----------
    version : its name, as ``index info`` lists them; None is the one before that in force

    Raises
    ------
    UsageError : there is no such version, none before, or it is of another format
    InputError : the folder is no index
    VerificationError : the version is damaged; the one in force stays
    TryLaterError : the index is being changed
    """
    version_in_force(folder)
    with locked(folder):
        current, _ = version_in_force(folder)
        target = _earlier(folder, current) if version is None else _named(folder, version)
        index = open_version(target, manifest_of(target))
        verify_index(index)
        point_to(folder, target)
        return index


def _earlier(folder: Path, current: Path) -> Path:
    """The version before the one in force."""
    older = [path for path in versions(folder) if path.name < current.name]
    if not older:
        raise UsageError(f"{folder}: has no version before {current.name}; build the index from the files wanted")
    return older[0]


def _named(folder: Path, version: str) -> Path:
    known = {path.name: path for path in versions(folder)}
    if version not in known:
        raise UsageError(f"{folder}: has no version {version!r}; it has {', '.join(known)}")
    return known[version]
