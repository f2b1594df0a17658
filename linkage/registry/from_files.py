"""Registry files to an index, and changes to an index in force."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from linkage.ingest import Ingested, in_order, ingest, reading_notes
from linkage.machine.clock import today
from linkage.plan.reading import load_plan
from linkage.registry.as_of import as_of_notes, of_records
from linkage.registry.build import Progress, build_index
from linkage.registry.change_rows import with_statuses
from linkage.registry.changing import DATES, Outcome, Reading, changed_version
from linkage.registry.contradictions import Contradiction, contradictions_within
from linkage.registry.index import Index, open_index
from linkage.registry.versions import building
from linkage.schema import REGISTRY, REJECTED
from linkage.storage.checksums import sums_of
from linkage.storage.locks import locked, made_and_locked
from linkage.storage.output_paths import check_folder
from linkage.storage.sealed import sealed
from linkage.storage.summed_folders import check_whole
from linkage.storage.versions import MANIFEST, put_in_force, write_json
from linkage.storage.work_folders import new_folder, replacing


@dataclass(frozen=True)
class Applied(Outcome):
    """The index in force after changes, and what became of them."""

    index: Index


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
        found = of_records(ingested.accepted, plan, DATES, as_of)
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
                as_kept=with_statuses,
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
    open_index(folder)
    with locked(folder), building(folder) as work:
        version = work / "version"
        reading = Reading(partial, whole, columns, as_of)
        outcome, manifest, _ = changed_version(
            open_index(folder), changes, version, reading, n_threads=n_threads, on_progress=on_progress, on_note=on_note
        )
        if manifest is not None:
            put_in_force(folder, version, manifest)
        return Applied(**vars(outcome), index=open_index(folder))


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
