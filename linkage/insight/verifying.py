"""Reads all of an index, a state or a published run, and holds it against what its manifests say was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkage.errors import LinkageError, TryLaterError, UsageError, VerificationError
from linkage.insight.verifying_nights import damage_of_nights, damage_of_tables
from linkage.nights.configuration import Configuration, read_configuration
from linkage.nights.pruning import PRUNED
from linkage.nights.status import note_verified
from linkage.nights.unfinished import INTENT
from linkage.published.reader import MANIFEST, check_published
from linkage.registry.manifest import FORMAT, check_format
from linkage.registry.sums import open_files
from linkage.registry.versions import manifest_of, version_in_force
from linkage.state.folder import REMEDY, State, has_format, is_state, open_state, open_version
from linkage.storage.checksums import CheckedFile
from linkage.storage.locks import holder_of
from linkage.storage.versions import CURRENT, versions


@dataclass(frozen=True)
class Verified:
    """What was read and found whole; in_force: of an index or a state, the version in force; not_read: versions of an
    older format, which have no sums to be held against."""

    folder: Path
    kind: str
    files: int
    bytes: int
    in_force: str | None = None
    not_read: tuple[str, ...] = ()


def verify(place: Path, n_threads: int = 2) -> Verified:
    """Verify an index or a state with all versions, a folder that ``run`` or ``link`` published, or all that a
    night.toml names.

    Raises
    ------
    UsageError : the place is none of these
    VerificationError : something is damaged or missing, or does not agree; all of it is named
    TryLaterError : so it looks, while a command is or was at work there
    LinkageError : this user may not read it
    """
    if place.is_file():
        return verify_nights(read_configuration(place), n_threads)
    if (place / CURRENT).exists() or versions(place):
        with _undisturbed(place):
            return (
                _verify_state(place, open_state(place), n_threads)
                if is_state(place)
                else _verify_index(place, n_threads)
            )
    if not (place / MANIFEST).exists():
        raise UsageError(
            f"{place}: neither an index, a state nor a published run; name INDEX, STATE, RUNS/<run_id> or night.toml"
        )
    outputs = check_published(place).get("outputs", {})
    return Verified(place, "run", len(outputs) + 1, sum(said["bytes"] for said in outputs.values()))


def verify_nights(configuration: Configuration, n_threads: int = 2) -> Verified:
    """Verify index, state and nights of a configuration, and note that it was done; raises as `verify`."""
    with _undisturbed(configuration.index, configuration.state, configuration.nights):
        return _verify_nights(configuration, n_threads)


@contextmanager
def _undisturbed(*places: Path) -> Iterator[None]:
    """Tells of damage only where nobody was at work in some folders: no lock is taken, for a check of hours would turn
    away the night, and what a night does beside it, such as to put its index in force before its state, looks like
    damage. Raises TryLaterError then."""
    before = _moment(places)
    try:
        yield
    except VerificationError as error:
        if _moment(places) == before and not any(map(holder_of, places)):
            raise
        raise TryLaterError(f"a command was at work there meanwhile; verify again when it has ended ({error})") from (
            error
        )


def _moment(places: Sequence[Path]) -> list[bytes | None]:
    """What tells whether something was put in force, taken back or pruned."""
    files = [place / name for place in places for name in (CURRENT, PRUNED, INTENT)]
    return [path.read_bytes() if path.is_file() else None for path in files]


def _verify_nights(configuration: Configuration, n_threads: int) -> Verified:
    index = _verify_index(configuration.index, n_threads)
    opened = open_state(configuration.state)
    state = _verify_state(configuration.state, opened, n_threads)
    if opened.nights and opened.nights[-1]["index"] != version_in_force(configuration.index)[1]["content"]:
        raise VerificationError(
            f"{configuration.index}: is not the index that the last night was linked with; {REMEDY}"
        )
    _tell([*damage_of_nights(configuration, opened)])
    nights = [p for p in configuration.nights.rglob("*") if p.is_file()]
    n_bytes = index.bytes + state.bytes + sum(path.stat().st_size for path in nights)
    note_verified(configuration, opened)
    n_files = index.files + state.files + len(nights)
    return Verified(configuration.file, "nights", n_files, n_bytes, state.in_force, index.not_read + state.not_read)


def _verify_state(folder: Path, state: State, n_threads: int) -> Verified:
    def files_of(version: Path) -> dict[str, CheckedFile] | None:
        opened = open_version(version) if has_format(version) else None
        return None if opened is None else dict(opened.files)

    files, not_read, damage = _files_of_versions(folder, files_of)
    _tell(damage + _damage_of_files(files, n_threads))
    _tell([*damage_of_tables(state)])
    return Verified(folder, "state", len(files), sum(file.n_bytes for file in files), state.name, not_read)


def _verify_index(folder: Path, n_threads: int) -> Verified:
    def files_of(version: Path) -> dict[str, CheckedFile] | None:
        manifest = manifest_of(version)
        return open_files(version, manifest) if manifest.get("format") == FORMAT else None

    in_force, manifest = version_in_force(folder)
    check_format(folder, manifest)
    files, not_read, damage = _files_of_versions(folder, files_of)
    damage += _damage_of_files(files, n_threads)
    kept = folder / "queues"
    if (kept / MANIFEST).exists():
        damage += [found for found in [_damage_of_rejected(kept)] if found is not None]
    _tell(damage)
    n_bytes = sum(file.n_bytes for file in files)
    return Verified(folder, "index", len(files), n_bytes, in_force.name, not_read)


def _files_of_versions(
    folder: Path, files_of: Callable[[Path], Mapping[str, CheckedFile] | None]
) -> tuple[list[CheckedFile], tuple[str, ...], list[LinkageError]]:
    """The files of all versions of a folder, which share those that did not change; the versions of another format;
    and what is damaged or missing at first sight."""
    files: dict[tuple[int, int], CheckedFile] = {}
    not_read = []
    damage: list[LinkageError] = []
    for version in versions(folder):
        try:
            found = files_of(version)
            if found is None:
                not_read.append(version.name)
                continue
            for file in found.values():
                file.check_size()
                status = file.path.stat()
                files.setdefault((status.st_dev, status.st_ino), file)
        except LinkageError as error:
            damage.append(error)
    return list(files.values()), tuple(not_read), damage


def _damage_of_files(files: Sequence[CheckedFile], n_threads: int) -> list[LinkageError]:
    with ThreadPoolExecutor(n_threads) as pool:
        return [found for found in pool.map(_damage_of, files) if found is not None]


def _damage_of(file: CheckedFile) -> LinkageError | None:
    try:
        file.check()
    except LinkageError as error:
        return error
    return None


def _damage_of_rejected(kept: Path) -> LinkageError | None:
    try:
        check_published(kept)
    except LinkageError as error:
        return error
    return None


def _tell(damage: list[LinkageError]) -> None:
    """One line for all that is damaged; what may not be read only where nothing is."""
    broken = [error for error in damage if isinstance(error, VerificationError)]
    if broken:
        others: list[Any] = [str(error).partition(":")[0] for error in broken[1:]]
        also = f"; damaged too: {', '.join(others)}" if others else ""
        raise VerificationError(f"{broken[0]}{also}")
    if damage:
        raise damage[0]
