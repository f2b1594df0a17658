"""Takes nights back: state, index and published folders are as they were before, and the night can be done again.

What is to be done is written down first, in a file beside the nights; from then on it is done, by this start or, where
it is killed, by the next (linkage.nights.unfinished). Readers of the state see it before or after, for its pointer
moves once.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkage.errors import UsageError
from linkage.nights.configuration import Configuration
from linkage.nights.named import number_of
from linkage.nights.pruning import n_pruned
from linkage.nights.registry import check_is_of_state
from linkage.nights.unfinished import INTENT, complete, finish
from linkage.registry.index import open_index, verify_index
from linkage.registry.index import open_version as open_index_version
from linkage.registry.versions import manifest_of
from linkage.state.folder import KIND, open_state, open_version
from linkage.storage import versions as stored
from linkage.storage.locks import locked, made_and_locked
from linkage.storage.sealed import sealed
from linkage.storage.summed_folders import check_whole
from linkage.storage.work_folders import replacing


@dataclass(frozen=True)
class TakenBack:
    """nights: ids of those taken back, the last one first; state, index: the versions in force since, None where no
    night is left."""

    nights: list[str]
    state: str | None
    index: str


def take_back(configuration: Configuration, named: str) -> TakenBack:
    """Take back a night, by its id, date or number, and all after it.

    Raises
    ------
    UsageError : there is no such night, or what it stood on was pruned, or the index is not that of the state
    VerificationError : what would be in force is damaged; everything stays as it is
    TryLaterError : a night or a change of the index is at work
    """
    with ExitStack() as held:
        held.enter_context(made_and_locked(configuration.state))
        held.enter_context(made_and_locked(configuration.nights))
        finish(configuration)
        held.enter_context(locked(configuration.index))
        state = open_state(configuration.state)
        check_is_of_state(configuration.index, open_index(configuration.index), state)
        number = number_of(state, named)
        gone = state.nights[number - 1 :]
        ids = [str(night["night_id"]) for night in reversed(gone)]
        if number <= n_pruned(configuration):
            raise UsageError(_pruned(gone[0], configuration.nights / ids[-1]))
        target = _version_before(configuration.state, gone)
        index = configuration.index / str(gone[0]["index_before"])
        if not index.is_dir():
            raise UsageError(_pruned(gone[0], index))
        verify_index(open_index_version(index, manifest_of(index)))
        if target is not None:
            check_whole(open_version(target).files.values())
        intent = {
            "nights": ids,
            "state": None if target is None else target.name,
            "index": index.name,
            "index_versions": sorted({str(night["index_version"]) for night in gone} - {index.name}),
        }
        with replacing(configuration.nights / INTENT) as path:
            stored.write_json(path, sealed(intent))
        complete(configuration)
    return TakenBack(ids, None if target is None else target.name, index.name)


def _version_before(place: Path, gone: list[dict[str, Any]]) -> Path | None:
    """The version of a state before the first of some nights; None before the very first."""
    name: str | None = stored.version_in_force(place, KIND)[0].name
    for night in reversed(gone):
        assert name is not None
        if not (place / name).is_dir():
            raise UsageError(_pruned(night, place / name))
        name = stored.manifest_of(place / name, KIND)["previous"]
    if name is None:
        return None
    if not (place / name).is_dir():
        raise UsageError(_pruned(gone[0], place / name))
    return place / name


def _pruned(night: dict[str, Any], missing: Path) -> str:
    return (
        f"night {night['night_id']} cannot be taken back: {missing} was pruned; take back a later one ('linkage nights "
        "list'), or restore that folder from a copy"
    )
