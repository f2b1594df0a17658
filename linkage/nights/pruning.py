"""Removes what old nights left: their folders, and the versions of state and index that only they need.

What is in force and the history of every dose stay. A night whose folder is gone can no longer be taken back.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from linkage.errors import UsageError
from linkage.nights.configuration import Configuration
from linkage.nights.unfinished import finish, remove
from linkage.registry.versions import version_in_force
from linkage.state.folder import KIND, REMEDY, State, open_state
from linkage.storage import versions as stored
from linkage.storage.locks import locked, made_and_locked
from linkage.storage.sealed import read_sealed, sealed
from linkage.storage.work_folders import moved_away, replacing, work_folder

PRUNED = "pruned.json"  # beside the nights, how many of them, from the first one on, are gone


@dataclass(frozen=True)
class Pruned:
    """nights: ids of those whose folders went; versions: of state and index that went; kept: nights left."""

    nights: list[str]
    versions: int
    kept: int


def prune(configuration: Configuration, keep: int | None = None, before: datetime.date | None = None) -> Pruned:
    """Remove all nights but the last ones, or those before a date; without either, as the configuration says.

    Raises
    ------
    UsageError : nothing says how many are kept, or two things do
    TryLaterError : a night or a change of the index is at work
    """
    if keep is not None and before is not None:
        raise UsageError("--keep and --before: give one of them")
    keep = keep if keep is not None or before is not None else configuration.retention.nights
    if keep is None and before is None:
        raise UsageError(
            f"{configuration.file}: nothing says how many nights are kept; give --keep or --before, or write nights = "
            "400 below [retention]"
        )
    with made_and_locked(configuration.state), made_and_locked(configuration.nights):
        finish(configuration)
        state = open_state(configuration.state)
        n_old = len(state.nights) - keep if keep is not None else n_before(state, before)
        return prune_first(configuration, state, max(0, n_old))


def n_before(state: State, date: datetime.date | None) -> int:
    """How many nights, from the first one on, are of days before a date; one at least is kept."""
    n_nights = 0
    while n_nights + 1 < len(state.nights) and date and state.nights[n_nights]["date"] < date.isoformat():
        n_nights += 1
    return n_nights


def n_pruned(configuration: Configuration) -> int:
    """How many nights, from the first one on, are gone."""
    path = configuration.nights / PRUNED
    return int(read_sealed(path, REMEDY)["nights"]) if path.exists() else 0


def prune_first(configuration: Configuration, state: State, n_old: int) -> Pruned:
    """Remove the first nights of a state; the folders of state and nights are locked."""
    n_old = max(n_old, n_pruned(configuration))
    if not n_old:
        return Pruned([], 0, len(state.nights))
    # Written down first: what a kill leaves is removed the next time.
    with replacing(configuration.nights / PRUNED) as path:
        stored.write_json(path, sealed({"nights": n_old}))
    old, kept = state.nights[:n_old], state.nights[n_old:]
    gone = [night["night_id"] for night in old if (configuration.nights / night["night_id"]).exists()]
    with work_folder(configuration.nights) as work:
        for name in gone:
            moved_away(configuration.nights / name, work)
    n_removed = remove(configuration.state, _states_before(configuration, state, n_old))
    needed = {name for night in kept for name in (night["index_before"], night["index_version"])}
    unneeded = {name for night in old for name in (night["index_before"], night["index_version"])} - needed
    unneeded -= {version_in_force(configuration.index)[0].name}
    if unneeded:
        with locked(configuration.index):
            n_removed += remove(configuration.index, unneeded)
    return Pruned(gone, n_removed, len(kept))


def _states_before(configuration: Configuration, state: State, n_old: int) -> set[str]:
    """The versions of the state that stand before the night after the first ones was done, but the last of these."""
    needed, name = set[str](), state.name
    for _ in range(len(state.nights) - n_old + 1):
        if name is None or not (configuration.state / name).is_dir():
            break
        needed.add(name)
        name = stored.manifest_of(configuration.state / name, KIND)["previous"]
    return {version.name for version in stored.versions(configuration.state)} - needed
