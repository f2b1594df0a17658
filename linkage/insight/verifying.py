"""Reads all of an index, or of a published run, and holds it against what its manifests say was written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkage.errors import LinkageError, UsageError, VerificationError
from linkage.published.reader import MANIFEST, check_published
from linkage.registry.manifest import FORMAT, check_format
from linkage.registry.sums import open_files
from linkage.registry.versions import manifest_of, version_in_force
from linkage.storage.checksums import CheckedFile
from linkage.storage.versions import versions


@dataclass(frozen=True)
class Verified:
    """What was read and found whole; in_force: of an index, the version in force; not_read: versions of an older
    format, which have no sums to be held against."""

    folder: Path
    kind: str
    files: int
    bytes: int
    in_force: str | None = None
    not_read: tuple[str, ...] = ()


def verify(folder: Path, n_threads: int = 2) -> Verified:
    """Verify an index with all its versions, or a folder that ``run`` or ``link`` published.

    Raises
    ------
    UsageError : the folder is neither
    VerificationError : something is damaged or missing; all of it is named
    LinkageError : this user may not read it
    """
    if (folder / "current").exists() or versions(folder):
        return _verify_index(folder, n_threads)
    if not (folder / MANIFEST).exists():
        raise UsageError(f"{folder}: neither an index nor a published run; name INDEX or RUNS/<run_id>")
    outputs = check_published(folder).get("outputs", {})
    return Verified(folder, "run", len(outputs) + 1, sum(said["bytes"] for said in outputs.values()))


def _verify_index(folder: Path, n_threads: int) -> Verified:
    in_force, manifest = version_in_force(folder)
    check_format(folder, manifest)
    files: dict[tuple[int, int], CheckedFile] = {}
    not_read = []
    damage: list[LinkageError] = []
    for version in versions(folder):
        try:
            manifest = manifest_of(version)
            if manifest.get("format") != FORMAT:
                not_read.append(version.name)
                continue
            for file in open_files(version, manifest).values():
                file.check_size()
                status = file.path.stat()  # versions share the files that did not change
                files.setdefault((status.st_dev, status.st_ino), file)
        except LinkageError as error:
            damage.append(error)
    with ThreadPoolExecutor(n_threads) as pool:
        damage += [found for found in pool.map(_damage_of, files.values()) if found is not None]
    kept = folder / "queues"
    if (kept / MANIFEST).exists():
        damage += [found for found in [_damage_of_rejected(kept)] if found is not None]
    _tell(damage)
    n_bytes = sum(file.n_bytes for file in files.values())
    return Verified(folder, "index", len(files), n_bytes, in_force.name, tuple(not_read))


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
