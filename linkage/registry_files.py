"""Registry files to an index, and changes to an index in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError, UsageError
from linkage.ingest import ingest
from linkage.plan import load_plan
from linkage.publish import locked
from linkage.registry import Index, build_index, open_index
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
) -> Index:
    """Read registry files and build the index in force under ``out``.

    A registry row that cannot be read is a person nobody can be linked with, so rejected rows are counted in the
    manifest.
    """
    ingested = ingest(paths, REGISTRY, columns=columns)
    plan = load_plan(plan_file)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; name a folder for the index")
    is_new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with locked(out):
            return build_index(
                ingested.accepted.read(),
                plan,
                out,
                units_folder=units,
                commune_date=commune_date,
                inputs=[file.summary() for file in ingested.files],
            )
    finally:
        if is_new and not any(out.iterdir()):
            out.rmdir()


def apply_changes(changes: Path, folder: Path, *, columns: Mapping[str, str] | None = None) -> Applied:
    """A new version of the index with changed rows replaced, new ones added and removed ones left out.

    Changes have the columns of the registry; a row replaces the person of its person_id as a whole, and status
    "removed" takes him out. The result is that of a fresh build from the changed registry.

    Raises
    ------
    InputError : the file cannot be used, or a row was rejected: half a set of changes is no registry
    """
    open_index(folder)
    with locked(folder):
        return _apply(changes, folder, columns)


def _apply(changes: Path, folder: Path, columns: Mapping[str, str] | None) -> Applied:
    """Changes to an index that nobody else changes meanwhile."""
    index = open_index(folder)
    ingested = ingest([changes], REGISTRY, columns=columns)
    if ingested.rejected.num_rows:
        reasons = ingested.rejected.column("reasons")[0].as_py()
        raise InputError(
            f"{changes.name}: {ingested.rejected.num_rows} rows cannot be used (the first: record "
            f"{ingested.rejected.column('position')[0]}, {', '.join(reasons)}); mend them, nothing was applied"
        )
    key = index.plan.right_id
    accepted = ingested.accepted.read()
    ids = accepted.column(key)
    status = pc.utf8_trim_whitespace(pc.fill_null(accepted.column("status"), ""))
    is_removed = pc.equal(pc.utf8_lower(status), REMOVED)
    is_known = pc.is_in(ids, index.persons.column(key).combine_chunks())
    kept = index.persons.filter(pc.invert(pc.is_in(index.persons.column(key), ids.combine_chunks())))
    persons = pa.concat_tables([kept, accepted.filter(pc.invert(is_removed))])
    units = index.folder / "units"
    built = build_index(
        persons,
        index.plan,
        folder,
        units_folder=units if units.is_dir() else None,
        commune_date=index.manifest["commune_date"],
        inputs=[*index.manifest["inputs"], *(file.summary() for file in ingested.files)],
    )
    counts = (
        pc.sum(pc.and_(is_known if known else pc.invert(is_known), is_removed if removed else pc.invert(is_removed)))
        for removed, known in ((False, False), (False, True), (True, True), (True, False))
    )
    return Applied(built, *(n.as_py() or 0 for n in counts))
