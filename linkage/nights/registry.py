"""The registry of a night: the index with the changes of the night, made aside and in force together with the state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.errors import TryLaterError, UsageError, VerificationError
from linkage.ingest.paths import sha256_of
from linkage.machine.stage_clock import Clock
from linkage.registry.changing import Reading, changed_version
from linkage.registry.index import Index, open_version
from linkage.registry.versions import building, version_in_force
from linkage.state.folder import State
from linkage.storage.locks import locked
from linkage.storage.versions import finish, let_count, prepared, put_aside


@dataclass(frozen=True)
class Aside:
    """A version of the index that is finished and not there yet. place: the folder of the index; built: where it lies;
    version: where it will."""

    place: Path
    built: Path
    version: Path


@dataclass(frozen=True)
class Registry:
    """The registry before and after the changes of a night.

    persons : ids of who is new, changed or gone, each once
    files : what the manifest of the night says of the files of changes
    aside : None where nothing changed
    """

    before: Index
    after: Index
    persons: pa.Array
    files: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    aside: Aside | None

    @property
    def version(self) -> str:
        """The name of the version that is in force after the night."""
        return self.before.folder.name if self.aside is None else self.aside.version.name

    @property
    def counts(self) -> dict[str, int]:
        """Persons new, changed and removed, added up over the files."""
        return {what: sum(file[what] for file in self.files) for what in ("new", "changed", "removed")}

    @contextmanager
    def appearing(self) -> Iterator[None]:
        """Let the version appear before what is done in the context; it goes again where that fails."""
        if self.aside is None:
            yield
            return
        put_aside(self.aside.built, self.aside.version)
        try:
            yield
        except BaseException:
            shutil.rmtree(self.aside.version, ignore_errors=True)
            raise

    def put_in_force(self) -> None:
        """Let the version that has appeared count."""
        if self.aside is not None:
            let_count(self.aside.place, self.aside.built)


def unchanged(index: Index) -> Registry:
    """The registry of a night without changes of it."""
    return Registry(index, index, pa.array([], pa.string()), (), (), None)


@contextmanager
def changed_registry(
    place: Path, in_force: Index, files: Sequence[Path], n_threads: int, clock: Clock
) -> Iterator[Registry]:
    """The registry with the changes of some files, one after the other; what is not in force at the end is gone.

    Raises
    ------
    InputError : a file cannot be used, or one of its rows; nothing is applied
    TryLaterError : the index is being changed
    """
    if not files:
        yield unchanged(in_force)
        return
    with locked(place), building(place) as work:
        check_is_in_force(place, in_force)
        now, ids, told, notes, manifest = in_force, [], [], list[str](), None
        with clock.stage("registry"):
            for number, path in enumerate(files):
                built = work / f"version{number}"
                outcome, made, changed = changed_version(
                    now, path, built, Reading(), n_threads=n_threads, on_note=notes.append
                )
                counts = {what: getattr(outcome, what) for what in ("new", "changed", "removed", "removed_unknown")}
                told.append({"file": path.name, "sha256": sha256_of(path), **counts})
                ids.append(changed.cast(pa.string()))
                if made is None:
                    notes.append(f"nothing to do: {path.name} changes nobody in the index")
                    continue
                now, manifest = open_version(built, made), made
        aside = None
        if manifest is not None:
            aside = Aside(place, now.folder, prepared(place, now.folder, manifest))
        yield Registry(in_force, now, pa.concat_arrays(ids).unique(), tuple(told), tuple(notes), aside)


def check_is_in_force(place: Path, index: Index) -> None:
    """TryLaterError where another version is in force by now."""
    version, _ = version_in_force(place)
    if version.name != index.folder.name:
        raise TryLaterError(f"{place}: was changed meanwhile; start again")


def check_is_of_state(place: Path, index: Index, state: State) -> None:
    """UsageError where the index in force is not the one that the state stands on."""
    if not state.nights:
        return
    last = state.nights[-1]
    if index.manifest["content"] != last["index"]:
        raise UsageError(
            f"{place}: is not the index that the nights so far were linked with, which is {last['index_version']}: put "
            f"it in force again ('linkage index rollback --index {place} --to {last['index_version']}'), and give what "
            "was applied beside nights to the next one, as registry_changes"
        )


def finish_index(place: Path, before: str, after: str) -> None:
    """Put the version in force that a published night made, where the night was killed before it could."""
    with locked(place):
        version, _ = version_in_force(place)
        if version.name == after:
            return
        if version.name != before or not (place / after).is_dir():
            raise VerificationError(
                f"{place}: a night that was published made its version {after}, and {version.name} is in force; "
                "restore the index from a copy"
            )
        finish(place, place / after)
