"""Registry files to an index, and changes to an index in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError, UsageError
from linkage.ingest import ingest
from linkage.ingest.records import RecordsWriter
from linkage.plan import load_plan
from linkage.publish import locked
from linkage.registry import Index, open_index
from linkage.registry_build import Progress, build_index
from linkage.schema import REGISTRY

REMOVED = "removed"  # the status of a change that takes a person out of the registry


@dataclass(frozen=True)
class Applied:
    """The index after changes, and what became of the rows: persons new, changed, removed, and removed though they
    were not in the index (as when changes are applied twice)."""

    index: Index
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
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> Index:
    """Read registry files and build the index in force under ``out``.

    A registry row that cannot be read is a person nobody can be linked with, so rejected rows are counted in the
    manifest.
    """
    plan = load_plan(plan_file)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; name a folder for the index")
    is_new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with locked(out):
            on_progress("read", 0, 0)
            ingested = ingest(paths, REGISTRY, columns=columns, scratch=out)
            return build_index(
                ingested.accepted,
                plan,
                out,
                units_folder=units,
                commune_date=commune_date,
                inputs=[file.summary() for file in ingested.files],
                n_threads=n_threads,
                on_progress=on_progress,
            )
    finally:
        if is_new and not any(out.iterdir()):
            out.rmdir()


def apply_changes(
    changes: Path,
    folder: Path,
    *,
    columns: Mapping[str, str] | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> Applied:
    """A new version of the index with changed rows replaced, new ones added and removed ones left out.

    Changes have the columns of the registry; a row replaces the person of its person_id as a whole, and status
    "removed" takes him out. The result is that of a fresh build from the changed registry.

    Raises
    ------
    InputError : the file cannot be used, or a row was rejected: half a set of changes is no registry
    """
    open_index(folder)
    with locked(folder):
        return _apply(changes, folder, columns, n_threads, on_progress)


def _apply(
    changes: Path, folder: Path, columns: Mapping[str, str] | None, n_threads: int, on_progress: Progress
) -> Applied:
    """Changes to an index that nobody else changes meanwhile."""
    index = open_index(folder)
    ingested = ingest([changes], REGISTRY, columns=columns, scratch=folder)
    if ingested.rejected.num_rows:
        reasons = ingested.rejected.column("reasons")[0].as_py()
        raise InputError(
            f"{changes.name}: {ingested.rejected.num_rows} rows cannot be used (the first: record "
            f"{ingested.rejected.column('position')[0]}, {', '.join(reasons)}); mend them, nothing was applied"
        )
    accepted = ingested.accepted.read()
    rows = index.rows_of(accepted.column(index.plan.right_id))
    is_known = rows >= 0
    status = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(accepted.column("status"), "")))
    is_removed = pc.equal(status, REMOVED).to_numpy()
    with RecordsWriter(index.persons.schema, folder) as writer:
        for chunk in index.persons.without(np.sort(rows[is_known])).chunks():
            writer.append(chunk)
        writer.append(accepted.filter(pa.array(~is_removed)))
        persons = writer.finish()
    units = index.folder / "units"
    built = build_index(
        persons,
        index.plan,
        folder,
        units_folder=units if units.is_dir() else None,
        commune_date=index.manifest["commune_date"],
        inputs=[*index.manifest["inputs"], *(file.summary() for file in ingested.files)],
        n_threads=n_threads,
        on_progress=on_progress,
    )
    counts = (~is_known & ~is_removed, is_known & ~is_removed, is_known & is_removed, ~is_known & is_removed)
    return Applied(built, *(int(np.count_nonzero(which)) for which in counts))
