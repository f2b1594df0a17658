"""Registry files to an index, and changes to an index in force."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import InputError, UsageError
from linkage.ingest import Ingested, in_order, ingest, reading_notes
from linkage.machine.clock import today
from linkage.plan.reading import load_plan
from linkage.registry.apply import write_changes
from linkage.registry.as_of import as_of_notes, of_records
from linkage.registry.build import Progress, build_index
from linkage.registry.contradictions import Contradiction, contradictions, contradictions_within
from linkage.registry.index import Index, open_index
from linkage.registry.persons import PERSONS
from linkage.registry.stated_changes import Stated, check_all_accepted, stated_changes
from linkage.registry.versions import CHANGES, LARGE, building, content_of, link_files
from linkage.schema import CHANGES_OF_REGISTRY, REGISTRY, REJECTED
from linkage.storage.checksums import SUMS, sums_of
from linkage.storage.locks import locked, made_and_locked
from linkage.storage.output_paths import check_folder
from linkage.storage.sealed import sealed
from linkage.storage.summed_folders import check_whole, write_sums
from linkage.storage.versions import MANIFEST, put_in_force, write_json
from linkage.storage.work_folders import new_folder, replacing

_DATES = [column.name for column in REGISTRY.columns if column.is_date]


@dataclass(frozen=True)
class Applied:
    """The index after changes, and what became of the rows: persons new, changed, removed, and removed though they
    were not in the index (as when changes are applied twice); unread: by column, how many values replaced nothing;
    contradictions: by name, how many people are stated to be what cannot be so."""

    index: Index
    unread: Mapping[str, int]
    contradictions: Mapping[str, int]
    new: int
    changed: int
    removed: int
    removed_unknown: int


def build_from_files(
    paths: Sequence[Path],
    out: Path,
    *,
    units: Path | None = None,
    commune_date: str | None = None,
    plan_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    as_of: datetime.date | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
    on_note: Callable[[str], None] = lambda note: None,
    on_contradiction: Callable[[Contradiction], None] = lambda found: None,
) -> Index:
    """Read registry files and build the index in force under ``out``.

    A registry row that cannot be read is a person nobody can be linked with, so rejected rows are told by ``on_note``,
    counted in the manifest, and kept in the folder's queues/rejected.parquet. Dates are judged as of ``as_of``, else
    of the newest date that the files support; later ones are told, as is what cannot be so
    (linkage.registry.contradictions), which ``on_contradiction`` is called with too.
    """
    plan = load_plan(plan_file, for_doses=True)
    check_folder(out, [units], is_index=True)
    with made_and_locked(out):
        on_progress("read", 0, 0)
        ingested = ingest(in_order(paths), REGISTRY, columns=columns, scratch=out)
        for note in reading_notes(ingested, f"'linkage rejects {out}'"):
            on_note(note)
        found = of_records(ingested.accepted, plan, _DATES, as_of)
        for note in as_of_notes(found, as_of, "the registry"):
            on_note(note)
        # Written before the index is in force and in place behind it: a full disk leaves both as they were.
        with _rejected_of(out, ingested):
            index = build_index(
                ingested.accepted,
                plan,
                out,
                units_folder=units,
                commune_date=commune_date,
                inputs=[file.summary() for file in ingested.files],
                as_of=found.date,
                n_threads=n_threads,
                on_progress=on_progress,
            )
        on_progress("contradictions", 0, 0)
        for note in () if units is None else _unit_notes(index, units):
            on_note(note)
        for fault in contradictions_within(index, today()):
            on_note(fault.note("the registry"))
            on_contradiction(fault)
        return index


def _unit_notes(index: Index, units: Path) -> Iterator[str]:
    """Columns of communes of which most codes are none of the units'."""
    for spec in index.plan.fields:
        if spec.kind != "commune" or spec.name not in index.columns or len(spec.right or ()) != 1:
            continue
        stated = sum(len(rows) - rows.column(0).null_count for rows in index.persons.chunks(list(spec.right)))
        n_unread = stated - int(np.count_nonzero(index.columns[spec.name].large))
        if 2 * n_unread > stated:
            yield (
                f"the registry: {spec.right[0]}: {n_unread:,} of {stated:,} codes are none of {units}: give the "
                "units of the registry's date, or correct --commune-date"
            )


@contextmanager
def _rejected_of(out: Path, ingested: Ingested) -> Iterator[None]:
    """The rejected rows of the files that the newest version is read from, as a run keeps its own."""
    path = out / f"{REJECTED.name}.parquet"
    manifest = path.with_name(MANIFEST)
    with new_folder(path.parent), replacing(manifest) as told, replacing(path) as part:
        pq.write_table(ingested.rejected, part, write_page_checksum=True)
        said = {"bytes": part.stat().st_size, "sha256": sums_of(part)[0], "rows": ingested.rejected.num_rows}
        write_json(told, sealed({"outputs": {path.name: said}}))
        yield


def apply_changes(
    changes: Path,
    folder: Path,
    *,
    partial: bool = False,
    whole: bool = False,
    columns: Mapping[str, str] | None = None,
    as_of: datetime.date | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Applied:
    """A new version of the index with changed rows replaced, new ones added and removed ones left out; the index as it
    is where the file changes nothing.

    Changes have the columns of the registry; a row replaces the person of its person_id as a whole, and status
    "removed" takes it out. A file that lacks a column in which a person it changes has a value is refused, unless
    ``partial`` (what a row does not state stays as it is) or ``whole`` (it is empty from then on) says what is meant.
    A stated value that cannot be read never replaces one that can (linkage.registry.kept_values), which is told, as is
    what cannot be so (linkage.registry.contradictions).
    The files of the version in force are part of the new one as they are; what changed since they were built lies
    beside them (linkage.registry.changes). The index answers as a fresh build from the changed registry, but for dates
    of birth of unchanged rows that lay in the future when they were built.

    Raises
    ------
    InputError : the file cannot be used, or a row was rejected: half a set of changes is no registry; or nobody is left
    UsageError : both partial and whole
    """
    if partial and whole:
        raise UsageError("--partial and --whole: give one of them")
    open_index(folder)
    with locked(folder):
        on_progress("read", 0, 0)
        ingested = ingest([changes], CHANGES_OF_REGISTRY, columns=columns, scratch=folder)
        check_all_accepted(changes, ingested)
        in_force = open_index(folder)
        known = in_force.dictionaries.latest_date
        found = of_records(ingested.accepted, in_force.plan, _DATES, as_of, known, _births(in_force))
        for note in as_of_notes(found, as_of, changes.name, known):
            on_note(note)
        on_progress("find", 0, 0)
        judged = replace(in_force, dictionaries=replace(in_force.dictionaries, latest_date=found.date))
        stated = stated_changes(ingested, judged, partial, whole)
        for kept in stated.kept:
            on_note(kept.note(changes.name))
        is_there = stated.numbers >= 0
        faults = list(
            contradictions(
                stated.staying, stated.numbers[~stated.is_removed], stated.numbers[is_there], judged, today()
            )
        )
        for fault in faults:
            on_note(fault.note(changes.name))
        applied = _apply(in_force, stated, ingested, folder, found.date, n_threads, on_progress)
        return replace(applied, contradictions={fault.name: fault.n for fault in faults})


def compact_index(
    folder: Path, *, n_threads: int = 2, on_progress: Progress = lambda stage, done, total: None
) -> Index:
    """A new version of the index, built afresh from the persons of the one in force, who are checked as they are
    read; as of the same day."""
    open_index(folder)
    with locked(folder):
        index = open_index(folder)
        check_whole(file for name, file in index.files.items() if name.startswith("units/"))
        units = index.folder / "units"
        return build_index(
            index.persons,
            index.plan,
            folder,
            units_folder=units if units.is_dir() else None,
            commune_date=index.manifest["commune_date"],
            inputs=index.manifest["inputs"],
            as_of=index.dictionaries.latest_date,
            n_threads=n_threads,
            on_progress=on_progress,
        )


def _births(index: Index) -> list[NDArray[np.uint32]]:
    """The dates of birth of an index, packed."""
    names = [spec.name for spec in index.plan.fields if spec.kind == "birth_date" and spec.name in index.columns]
    return [part for name in names for part in index.columns[name].parts]


def _apply(
    index: Index,
    stated: Stated,
    ingested: Ingested,
    folder: Path,
    as_of: datetime.date,
    n_threads: int,
    on_progress: Progress,
) -> Applied:
    """Changes to an index that nobody else changes meanwhile."""
    rows, is_known = stated.numbers, stated.numbers >= 0
    counts = (~is_known & ~stated.is_removed, is_known & ~stated.is_removed, is_known & stated.is_removed)
    applied = (*(int(np.count_nonzero(which)) for which in counts), stated.n_unknown)
    kept = {found.column: found.n for found in stated.kept}
    if not rows.size:
        return Applied(index, kept, {}, *applied)
    persons = pa.concat_tables([_changed_before(index, rows), stated.staying])
    large = index.large or index
    # Persons are checked as they are read; the rest, which the changes are worked out from, at once.
    check_whole((file for name, file in index.files.items() if name != PERSONS), n_threads)
    removed = np.union1d(index.removed.rows, rows[is_known & (rows < large.n_persons)]).astype(np.uint32)
    n_persons = large.n_persons - removed.size + persons.num_rows
    if n_persons == 0:
        raise InputError("registry: no row was accepted; there is nobody to link with")
    on_progress("index", 0, 0)
    told = [file.summary() | ({"unread_values_not_applied": kept} if kept else {}) for file in ingested.files]
    manifest = large.manifest | {"inputs": [*index.manifest["inputs"], *told]}
    with building(folder) as work:
        version = work / "version"
        link_files([*large.manifest["files"], SUMS], index.folder, version)
        if removed.size or persons.num_rows:
            manifest["term_frequencies"] = write_changes(large, removed, persons, as_of, version / CHANGES, n_threads)
            manifest |= _manifest_with_changes(large, version / CHANGES, n_persons, as_of)
        put_in_force(folder, version, manifest)
    return Applied(open_index(folder), kept, {}, *applied)


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
