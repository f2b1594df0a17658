"""A version of an index with the changes of a file, made aside: whoever makes it puts it in force."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.errors import InputError, UsageError
from linkage.ingest import Ingested, ingest, reading_notes
from linkage.machine.clock import today
from linkage.registry.apply import write_changes
from linkage.registry.as_of import as_of_notes, of_records
from linkage.registry.build import Progress
from linkage.registry.contradictions import contradictions
from linkage.registry.index import Index
from linkage.registry.persons import PERSONS
from linkage.registry.stated_changes import Stated, check_all_accepted, stated_changes
from linkage.registry.versions import CHANGES, LARGE, content_of, link_files
from linkage.schema import CHANGES_OF_REGISTRY, REGISTRY
from linkage.storage.checksums import SUMS
from linkage.storage.summed_folders import check_whole, write_sums

DATES = [column.name for column in REGISTRY.columns if column.is_date]
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """How a file of changes is read, see `linkage.registry.from_files.apply_changes`."""

    partial: bool = False
    whole: bool = False
    columns: Mapping[str, str] | None = None
    as_of: datetime.date | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of the rows of a file: persons new, changed, removed, and removed though they were not in the index
    (as when changes are applied twice); unread: by column, how many values could not be read; contradictions: by name,
    how many people are stated to be what cannot be so."""

    unread: Mapping[str, int]
    contradictions: Mapping[str, int]
    new: int
    changed: int
    removed: int
    removed_unknown: int


def changed_version(
    index: Index,
    changes: Path,
    version: Path,
    reading: Reading,
    *,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> tuple[Outcome, Manifest | None, pa.Array]:
    """Write the index that a file of changes makes of an index, which nobody changes meanwhile.

    Parameters
    ----------
    version : the folder to write, in a work folder on the disk of the index; not made where the file changes nothing

    Returns
    -------
    What became of the rows; the manifest of the version, None where the file changes nothing; ids of the persons who
    are new, changed or gone.

    Raises
    ------
    InputError : the file cannot be used, or a row was rejected: half a set of changes is no registry; or nobody is left
    UsageError : both partial and whole
    """
    if reading.partial and reading.whole:
        raise UsageError("--partial and --whole: give one of them")
    on_progress("read", 0, 0)
    ingested = ingest([changes], CHANGES_OF_REGISTRY, columns=reading.columns, scratch=version.parent)
    check_all_accepted(changes, ingested)
    known = index.dictionaries.latest_date
    found = of_records(ingested.accepted, index.plan, DATES, reading.as_of, known, _births(index))
    for note in as_of_notes(found, reading.as_of, changes.name, known):
        on_note(note)
    for note in reading_notes(ingested, changes.name):
        on_note(note)
    on_progress("find", 0, 0)
    judged = replace(index, dictionaries=replace(index.dictionaries, latest_date=found.date))
    stated = stated_changes(ingested, judged, reading.partial, reading.whole)
    for kept in stated.kept:
        on_note(kept.note(changes.name))
    is_there = stated.numbers >= 0
    faults = list(
        contradictions(stated.staying, stated.numbers[~stated.is_removed], stated.numbers[is_there], judged, today())
    )
    for fault in faults:
        on_note(fault.note(changes.name))
    outcome = _outcome(stated, {fault.name: fault.n for fault in faults})
    ids = stated.rows.column(index.plan.right_id).combine_chunks()
    if not stated.numbers.size:
        return outcome, None, ids
    on_progress("index", 0, 0)
    told = {
        "unread_values_not_applied": outcome.unread,
        "contradictions": outcome.contradictions,
    }
    manifest = _write(index, stated, ingested, version, found.date, n_threads)
    manifest["inputs"][-1] |= {name: counts for name, counts in told.items() if counts}
    return outcome, manifest, ids


def _outcome(stated: Stated, faults: Mapping[str, int]) -> Outcome:
    is_known = stated.numbers >= 0
    counts = (~is_known & ~stated.is_removed, is_known & ~stated.is_removed, is_known & stated.is_removed)
    new, changed, removed = (int(np.count_nonzero(which)) for which in counts)
    unread: Counter[str] = Counter()
    for kept in stated.kept:
        unread[kept.column] += kept.n
    return Outcome(dict(unread), faults, new, changed, removed, stated.n_unknown)


def _births(index: Index) -> list[NDArray[np.uint32]]:
    """The dates of birth of an index, packed."""
    names = [spec.name for spec in index.plan.fields if spec.kind == "birth_date" and spec.name in index.columns]
    return [part for name in names for part in index.columns[name].parts]


def _write(
    index: Index, stated: Stated, ingested: Ingested, version: Path, as_of: datetime.date, n_threads: int
) -> Manifest:
    """Write the version, and return its manifest."""
    rows, is_known = stated.numbers, stated.numbers >= 0
    persons = pa.concat_tables([_changed_before(index, rows), stated.staying])
    large = index.large or index
    # Persons are checked as they are read; the rest, which the changes are worked out from, at once.
    check_whole((file for name, file in index.files.items() if name != PERSONS), n_threads)
    removed = np.union1d(index.removed.rows, rows[is_known & (rows < large.n_persons)]).astype(np.uint32)
    n_persons = large.n_persons - removed.size + persons.num_rows
    if n_persons == 0:
        raise InputError("registry: no row was accepted; there is nobody to link with")
    read = [file.summary() for file in ingested.files]
    manifest = large.manifest | {"inputs": [*index.manifest["inputs"], *read]}
    link_files([*large.manifest["files"], SUMS], index.folder, version)
    if removed.size or persons.num_rows:
        manifest["term_frequencies"] = write_changes(large, removed, persons, as_of, version / CHANGES, n_threads)
        manifest |= _manifest_with_changes(large, version / CHANGES, n_persons, as_of)
    return manifest


def _manifest_with_changes(large: Index, changes: Path, n_persons: int, as_of: datetime.date) -> dict[str, Any]:
    """What a manifest says otherwise than that of the large part alone."""
    changed, sums = write_sums(changes)
    files = large.manifest["files"] | {f"{CHANGES}/{name}": digest for name, digest in changed.items()}
    return {
        "persons": n_persons,
        "latest_date": as_of.isoformat(),
        "files": files,
        "content": content_of(files),
        "changes_sums": sums,
        LARGE: large.manifest,
    }


def _changed_before(index: Index, rows: NDArray[np.int64]) -> pa.Table:
    """The persons of the changes so far that the rows given, which are changed now, are not of."""
    if index.changes is None:
        return index.persons.schema.empty_table()
    n_large = index.changes.n_large
    return index.changes.persons.without(np.sort(rows[rows >= n_large]) - n_large).read()
