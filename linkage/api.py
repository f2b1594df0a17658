"""Linking tables from Python: anything with an Arrow stream in (pyarrow, pandas, polars, DuckDB), Arrow tables out.

What ``linkage plan init`` and ``linkage link`` do with files, without files of one's own; the results are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import UsageError
from linkage.ingest.parquet_file import text_values
from linkage.plan.reading import load_plan, plan_from
from linkage.plan.sections import Plan
from linkage.planning.proposal import Proposal, propose
from linkage.planning.writing import plan_toml
from linkage.schema import ENTITIES, LINKS, PAIRS
from linkage.storage.edited_files import parse_toml
from linkage.storage.work_folders import work_folder
from linkage.training.model_file import Model
from linkage.two_files.link import link_files


class ArrowStream(Protocol):
    """A table that can be read as a stream of Arrow batches: the PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True)
class LinkResult:
    """What a linkage made.

    links, candidates: left_id, right_id, match_probability, match_weight; entities: record_id, entity_id of a table
    linked with itself, else None. model: to be saved and given again. notes: what to know of the data and the training.
    refusal: why no link was made, None where nothing stood against it.
    """

    links: pa.Table
    candidates: pa.Table
    entities: pa.Table | None
    model: Model
    match_threshold: float
    expected_false_match_rate: float
    notes: tuple[str, ...]
    refusal: str | None


@dataclass(frozen=True)
class ProposedPlan:
    """A plan, the same as TOML with the counts that speak for it, and what to know of it."""

    plan: Plan
    toml: str
    notes: tuple[str, ...]


def propose_plan(left: ArrowStream, right: ArrowStream | None = None, *, name: str = "proposed") -> ProposedPlan:
    """Propose a plan for two tables; without the right one for the duplicates in the left one.

    Raises InputError where no column of one says what a column of the other says.
    """
    found: Proposal = propose(_texts(left, "left"), None if right is None else _texts(right, "right"), name=name)
    return ProposedPlan(found.plan, plan_toml(found), found.notes)


def link_tables(
    left: ArrowStream,
    right: ArrowStream | None = None,
    plan: Plan | Path | str | Mapping[str, Any] | None = None,
    *,
    model: Model | None = None,
    accept: str | None = None,
    n_threads: int = 2,
) -> LinkResult:
    """Link two tables; without the right one find the duplicates in the left one.

    Parameters
    ----------
    left, right : anything with ``__arrow_c_stream__``; ids and values of any simple type are read as text
    plan : a plan, the path of one, its TOML as text or its content; None takes the model's, or else the proposed one
    model : links with its parameters; None trains on the tables
    accept : why to link although the training is doubtful, see ``linkage link --accept``
    n_threads : the result does not depend on it

    Raises
    ------
    UsageError, InputError : the plan or a table cannot be used
    """
    tables = {"left": _texts(left, "left")} | ({} if right is None else {"right": _texts(right, "right")})
    used = _plan(plan, model, tables)
    with work_folder(Path(tempfile.gettempdir())) as folder:
        paths = {side: folder / f"{side}.parquet" for side in tables}
        for side, table in tables.items():
            pq.write_table(table, paths[side])
        others = paths.get("right", paths["left"])
        out = folder / "made" / "linked"
        made = link_files([paths["left"]], [others], used, out, model=model, accept=accept, n_threads=n_threads)
        entities = pq.read_table(out / f"{ENTITIES.name}.parquet") if right is None else None
        return LinkResult(
            links=pq.read_table(out / f"{LINKS.name}.parquet"),
            candidates=pq.read_table(out / f"{PAIRS.name}.parquet"),
            entities=entities,
            model=Model.load(out / "model.json"),
            match_threshold=made.match_threshold,
            expected_false_match_rate=made.expected_false_match_rate,
            notes=made.notes,
            refusal=made.refusal,
        )


def _plan(
    plan: Plan | Path | str | Mapping[str, Any] | None, model: Model | None, tables: Mapping[str, pa.Table]
) -> Plan:
    """The plan that is meant, in whatever form it is given."""
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, Path):
        return load_plan(plan)
    if isinstance(plan, str):
        where = "the plan given"
        return plan_from(parse_toml(plan, where, "a path is given as pathlib.Path"), where)
    if plan is not None:
        return plan_from(dict(plan), "the plan given")
    return model.plan if model is not None else propose(tables["left"], tables.get("right")).plan


def _texts(table: ArrowStream, side: str) -> pa.Table:
    """A table as texts, null for empty; UsageError where it is none."""
    if not hasattr(table, "__arrow_c_stream__"):
        raise UsageError(
            f"{side}: {type(table).__name__} is no table that Arrow can read; give one of pyarrow, pandas, polars or "
            "DuckDB"
        )
    read = pa.table(table).combine_chunks()
    columns = [
        text_values(column.combine_chunks(), name, side)
        for name, column in zip(read.column_names, read.columns, strict=True)
    ]
    return pa.table(dict(zip(read.column_names, columns, strict=True)))
