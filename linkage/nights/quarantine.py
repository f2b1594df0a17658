"""Files that nights set aside: kept in mind until they are read, and not read again as they are unless released.

What a night set aside, and of which earlier files it is done with, stands with it in the state, so a night taken back
takes its part back. What an operator releases stands beside the nights.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linkage.errors import InputError, UsageError, machine_fault
from linkage.ingest import SetAside, set_aside_entries
from linkage.ingest.paths import file_names, sha256_of
from linkage.nights.configuration import Configuration
from linkage.state.folder import REMEDY, State, open_state
from linkage.storage import versions as stored
from linkage.storage.locks import made_and_locked
from linkage.storage.sealed import read_sealed, sealed
from linkage.storage.work_folders import replacing

_RELEASED = "released.json"  # beside the nights, ids of files
_SHOWN = 10
_NO_TEXT = re.compile(rb"\\x([89a-f][0-9a-f])")  # as _name writes a byte
WAITS, IS_MENDED, IS_RELEASED, IS_GONE = "waits", "mended", "released", "gone"


@dataclass(frozen=True)
class Held:
    """A file in quarantine.

    id : of the file as that night found it
    kind : what it was to hold, see configuration.Sources; path : from the folder of night.toml on
    sha256 : of what it held; None where that could not be read
    night_id, date : of the night that set it aside
    """

    id: str
    kind: str
    path: str
    sha256: str | None
    reason: str
    night_id: str
    date: str


@dataclass(frozen=True)
class Chosen:
    """What a night reads where some files are in quarantine.

    files : by kind, in the order in which they are read: those mended or released since another night first
    again : files in quarantine that are among these, and paths : where; waiting : those that are not
    gone : those that are there no more and are released, which ends it
    unchanged : files of the patterns that are left out, for they hold what is in quarantine
    """

    files: Mapping[str, tuple[Path, ...]]
    again: tuple[Held, ...]
    paths: frozenset[Path]
    waiting: tuple[Held, ...]
    gone: tuple[Held, ...]
    unchanged: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should know, before the night."""
        notes = [f"read from quarantine: {held.path}, set aside by {held.night_id}" for held in self.again[:_SHOWN]]
        notes += [f"not read, for it holds what is in quarantine: {path}" for path in self.unchanged[:_SHOWN]]
        if self.waiting:
            names = ", ".join(held.path for held in self.waiting[:3]) + (", …" if len(self.waiting) > 3 else "")
            notes.append(
                f"files in quarantine: {len(self.waiting):,} ({names}); mend them, or see 'linkage quarantine list'"
            )
        return tuple(notes)


def waiting_files(state: State) -> list[Held]:
    """The files that nights set aside and that no later one is done with, the first one first."""
    found: dict[str, Held] = {}
    for night in state.nights:
        said = night.get("quarantine", {"closed": (), "added": ()})
        for one in said["closed"]:
            found.pop(one, None)
        found |= {entry["id"]: Held(**entry) for entry in said["added"]}
    return list(found.values())


def chosen_files(
    configuration: Configuration,
    state: State,
    named: Mapping[str, Collection[Path]],
    sums: Mapping[Path, str | None],
) -> Chosen:
    """Which files a night reads: those that its patterns name, without those that hold what is in quarantine and was
    not released, and before them what is in quarantine elsewhere and was mended or released.

    named : files by kind; sums : SHA-256 of each, None of what cannot be read
    """
    waiting, released = waiting_files(state), _released(configuration)
    files, unchanged = dict[str, tuple[Path, ...]](), list[str]()
    again, gone, read = dict[str, Held](), list[Held](), set[Path]()
    for kind, paths in named.items():
        of_kind = [held for held in waiting if held.kind == kind]
        kept = []
        for path in paths:
            name = _name(configuration, path)
            same = _holding(of_kind, name, sums[path])
            if same and not any(held.id in released for held in same):
                unchanged.append(name)
                continue
            kept.append(path)
            found = {held.id: held for held in of_kind if held in same or held.path == name}
            again |= found
            read |= {path} if found else set()
        names = {_name(configuration, path) for path in paths}
        others = []
        for held in of_kind:
            standing = _standing(configuration, held, released)
            if held.path in names or held.id in again:
                continue
            if standing in (IS_MENDED, IS_RELEASED):
                again[held.id] = held
                others.append(_path(configuration, held))
                read.add(others[-1])
            elif standing == IS_GONE and held.id in released:
                gone.append(held)
        files[kind] = (*dict.fromkeys(others), *kept)
    done = {*again, *(held.id for held in gone)}
    rest = tuple(held for held in waiting if held.id not in done)
    return Chosen(files, tuple(again.values()), frozenset(read), rest, tuple(gone), tuple(unchanged))


def set_aside_again(paths: Sequence[Path], again: Collection[Path], error: InputError) -> tuple[SetAside, ...]:
    """Files of one sort, none of which can be used: they go back where they came from, if that is quarantine, for what
    was released by mistake stops no night. Raises the error where one is another, or where the machine is at fault."""
    if machine_fault(error) or not set(paths) <= set(again):
        raise error
    return tuple(
        SetAside(name, path, str(error), sha256_of(path)) for name, path in zip(file_names(paths), paths, strict=True)
    )


def quarantine_entries(
    configuration: Configuration, chosen: Chosen, set_aside: Iterable[SetAside], night_id: str, date: str
) -> dict[str, Any]:
    """What the state says of a night: files that it set aside, and ids of those before that it is done with."""
    kind_of = {path: kind for kind, paths in chosen.files.items() for path in paths}
    aside = list(set_aside)
    added = [
        asdict(_held(kind_of[file.path], _name(configuration, file.path), entry, night_id, date))
        for file, entry in zip(aside, set_aside_entries(aside), strict=True)
    ]
    return {"added": added, "closed": [held.id for held in (*chosen.again, *chosen.gone)]}


def list_quarantine(configuration: Configuration) -> list[dict[str, Any]]:
    """The files in quarantine, the first one first, each with what the next night does with it in ``standing``: waits,
    mended or released (the next night reads it), gone (it waits for a file, or is forgotten when it is released).

    Raises VerificationError where the state is damaged.
    """
    released = _released(configuration)
    return [
        {**asdict(held), "standing": _standing(configuration, held, released)}
        for held in waiting_files(open_state(configuration.state))
    ]


def release(configuration: Configuration, named: str) -> dict[str, Any]:
    """Let the next night read a file in quarantine as it is; one that is gone is forgotten. What was released before
    stays so.

    Parameters
    ----------
    named : its id, its path as listed or as it is from here, or its name where no other one in quarantine has it

    Returns
    -------
    What `list_quarantine` says of it now.

    Raises
    ------
    UsageError : none is meant, or several
    TryLaterError : a night is at work
    """
    with made_and_locked(configuration.nights):
        found = _meant(configuration, waiting_files(open_state(configuration.state)), named)
        released = {*_released(configuration), found.id}
        with replacing(configuration.nights / _RELEASED) as path:
            stored.write_json(path, sealed({"files": sorted(released)}))
    return {**asdict(found), "standing": _standing(configuration, found, released)}


def _meant(configuration: Configuration, waiting: list[Held], named: str) -> Held:
    """The file that an operator names."""
    here = os.path.realpath(named)
    tests: tuple[tuple[str, Iterator[bool]], ...] = (
        ("id", (held.id == named for held in waiting)),
        ("path", (named == held.path or here == os.path.realpath(_path(configuration, held)) for held in waiting)),
        ("name", (Path(held.path).name == named for held in waiting)),
    )
    for what, meets in tests:
        found = [held for held, is_meant in zip(waiting, meets, strict=True) if is_meant]
        if len(found) > 1:
            ids = ", ".join(held.id for held in found)
            raise UsageError(f"{named}: several files in quarantine have this {what}: name one by its id ({ids})")
        if found:
            return found[0]
    raise UsageError(f"{named}: no file in quarantine has this id, path or name; see 'linkage quarantine list'")


def _held(kind: str, path: str, entry: Mapping[str, Any], night_id: str, date: str) -> Held:
    """An entry of the quarantine; entry: what a manifest says of a file set aside."""
    known = f"{night_id}/{kind}/{path}/{entry['sha256']}"
    short = hashlib.sha256(known.encode()).hexdigest()[:12]
    return Held(short, kind, path, entry["sha256"], entry["reason"], night_id, date)


def _holding(waiting: Iterable[Held], name: str, digest: str | None) -> list[Held]:
    """What is in quarantine with the same content: at this path, or else at any."""
    same = [held for held in waiting if held.sha256 == digest]
    here = [held for held in same if held.path == name]
    return here if here or digest is None else same


def _standing(configuration: Configuration, held: Held, released: Collection[str]) -> str:
    """What the next night does with a file in quarantine."""
    path = _path(configuration, held)
    if not path.is_file():
        return IS_GONE
    if sha256_of(path) != held.sha256:
        return IS_MENDED
    return IS_RELEASED if held.id in released else WAITS


def _released(configuration: Configuration) -> frozenset[str]:
    path = configuration.nights / _RELEASED
    return frozenset(read_sealed(path, REMEDY)["files"]) if path.exists() else frozenset()


def _path(configuration: Configuration, held: Held) -> Path:
    """Where a file in quarantine is, or was, by its name there."""
    here = configuration.file.absolute().parent
    if (here / held.path).exists():
        return here / held.path
    written = _NO_TEXT.sub(lambda found: bytes.fromhex(found[1].decode()), held.path.encode())
    return here / os.fsdecode(written)


def _name(configuration: Configuration, path: Path) -> str:
    """A path from the folder of night.toml on, so that all can be moved together; bytes that are no text as \\xNN."""
    relative = os.path.relpath(path, configuration.file.absolute().parent)
    return os.fsencode(relative).decode("utf-8", "backslashreplace")
