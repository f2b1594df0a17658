"""The communes of a run by the unit that they are in: a commune, a district or a province."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError, UsageError
from linkage.published.reader import read_manifest, read_table
from linkage.schema import COMMUNES

_CODES = ("commune_code", "commune_code_now", "district_code", "province_code", "province_code_now")


def has_communes(run_dir: Path) -> bool:
    """Whether a run says where its communes lie; older ones do not."""
    return f"{COMMUNES.name}.parquet" in read_manifest(run_dir).get("outputs", {})


def communes_of(run_dir: Path, unit: str | None = None) -> pa.Table:
    """The communes of a run, of a unit alone where its code is given; see schema.COMMUNES.

    Raises InputError for a run that does not say where they lie, and UsageError for a code that none of them has.
    """
    if not has_communes(run_dir):
        raise InputError(f"{run_dir}: does not say where its communes lie; link again with this version")
    communes = read_table(run_dir, COMMUNES.name, COMMUNES.names)
    return communes_with(communes, unit, "this run", "communes.parquet lists them")


def communes_with(communes: pa.Table, unit: str | None, of: str, listed: str) -> pa.Table:
    """Of some communes those of a unit, all where None is given; of, listed: for who is told that there is no such
    unit."""
    if unit is None:
        return communes
    is_in = pa.array([False] * communes.num_rows)
    for code in _CODES:
        is_in = pc.or_(is_in, pc.fill_null(pc.equal(communes.column(code), unit), False))
    chosen = communes.filter(is_in)
    if not chosen.num_rows:
        raise UsageError(f"--unit {unit}: no commune, district or province of {of} has the code; {listed}")
    return chosen


def commune_keys(rows: pa.Table) -> pa.ChunkedArray:
    """A commune by its code and what it is now: one code alone may be that of two, of 2021 and of 2025."""
    code, now = (pc.fill_null(rows.column(name), "") for name in ("commune_code", "commune_code_now"))
    return pc.binary_join_element_wise(code, now, "|")


def of_communes(rows: pa.Table, communes: pa.Table) -> pa.Table:
    """The rows that are of some communes."""
    return rows.filter(pc.is_in(commune_keys(rows), value_set=commune_keys(communes).combine_chunks()))
