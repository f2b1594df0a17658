"""Links any two files with a plan of their own, or a file with itself: labelled sets, censuses, lists."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.as_of import of_tables
from linkage.comparing import Batch, prepare_batch
from linkage.copies import Copies
from linkage.encode import encode
from linkage.entities import entities_of
from linkage.errors import InputError, UsageError
from linkage.field_notes import field_notes
from linkage.file_pairs import Decided, IdList, decide, pairs_of, pairs_table
from linkage.gates import check_accept
from linkage.ingest import Ingested, file_notes, for_manifest, in_order, ingest
from linkage.ingest.records import Records
from linkage.memory import AnonymousPeak
from linkage.model_file import Model
from linkage.output_paths import check_folder
from linkage.plan import POSITION, Plan
from linkage.plan_kinds import DATES
from linkage.publish import Stage, staged
from linkage.reconcile import Clock, Progress
from linkage.registry import Index
from linkage.registry_build import build_index
from linkage.run_manifest import peak_rss_bytes
from linkage.schema import CANDIDATES, ENTITIES, LINKS, Column, TableSchema
from linkage.sealed import sealed
from linkage.train import train
from linkage.training_checks import refusal_of, training_problems
from linkage.version import code_version
from linkage.work_folders import work_folder
from models.identifiability import Problem


@dataclass(frozen=True)
class LinkSummary:
    """What ``link --json`` prints, and notes for the user; refusal: why no link was made, None where nothing stood
    against it."""

    folder: Path
    left: int
    right: int
    links: int
    match_threshold: float
    expected_false_match_rate: float
    notes: tuple[str, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True)
class _Linked:
    """The tables of a linkage, and what was decided."""

    tables: dict[str, pa.Table]
    model: Model
    decided: Decided
    problems: tuple[Problem, ...]
    refusal: str | None


def link_files(
    left: Sequence[Path],
    right: Sequence[Path],
    plan: Plan,
    out: Path,
    *,
    model: Model | None = None,
    accept: str | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> LinkSummary:
    """Link the left file with the right; writes links.parquet, candidates.parquet, model.json and manifest.json into
    ``out``.

    Links are the pairs that the plan's thresholds decide without a person: one per left record, with
    ``matches_per_record = "one_to_one"`` one per right record too, or with ``"any"`` every pair by itself. Candidates
    are all pairs with at least the plan's ``lowest_review_probability``, the links among them. A file linked with
    itself gives each pair once, and entities.parquet, the groups that the links make. Rejected rows stand in
    rejected_left.parquet and rejected_right.parquet.

    Where the training contradicts that its matches are matches (see models.identifiability) no link is made:
    links.parquet is empty, candidates.parquet is there for people to look at, and the summary says why.

    Parameters
    ----------
    model : links with its parameters, its plan being the plan; None trains on the files
    accept : why links are to be made even so, in a person's words, which the manifest keeps

    Raises
    ------
    InputError, UsageError : a file, the plan or the model cannot be used; nothing is written
    """
    if model is not None and model.plan.digest() != plan.digest():
        raise UsageError(f"the model is of plan {model.plan.name!r}, which differs from the one given; train it again")
    check_accept(accept)
    check_folder(out)
    left, right = in_order(left), in_order(right)
    is_self = [*map(os.path.realpath, left)] == [*map(os.path.realpath, right)]
    _check_plan(plan, is_self=is_self)
    clock, keys = Clock(on_progress), {"left": plan.left_id, "right": plan.right_id}
    with AnonymousPeak() as memory, staged(out.parent, out.name) as stage:
        with clock.stage("ingest"):
            sides = {"left": read_side(left, plan, "left"), "right": read_side(right, plan, "right")}
        with work_folder(out.parent) as scratch:
            with clock.stage("index"):
                tables = {side: with_id(sides[side], key).sort_by(key) for side, key in keys.items()}
                lists = _lists(tables, plan, is_self=is_self)
                kept = {side: tables[side].take(pa.array(lists[side].copies.kept)) for side in tables}
                as_of = of_tables(plan, tables)
                index = build_index(Records.of(kept["right"]), plan, scratch / "index", as_of=as_of)
                batch = _batch(kept["left"].combine_chunks(), index, is_self=is_self)
                notes = [*_reject_notes(sides), *_field_notes(kept, batch, index)]
            with clock.stage("train"):
                model = _trained(batch, index, n_threads) if model is None else model
            linked = _linked(batch, index, lists, model, accept, n_threads, clock)
        told = [problem for problem in linked.problems if linked.refusal is None or not problem.is_grave]
        notes += [*(problem.text for problem in told), *_open_notes(linked, plan)]
        with clock.stage("publish"):
            _write(stage, linked, sides)
        manifest = {
            **_entries(linked, sides, accept, notes),
            "as_of": as_of.isoformat(),
            "seconds": clock.seconds,
            "peak_rss_bytes": peak_rss_bytes(),
            "peak_anonymous_bytes": memory.bytes,
        }
        stage.write_manifest(manifest)
        folder = stage.commit()
    n_left, n_right, n_links = tables["left"].num_rows, tables["right"].num_rows, linked.tables[LINKS.name].num_rows
    rates = linked.decided.threshold, linked.decided.expected_false_match_rate
    return LinkSummary(folder, n_left, n_right, n_links, *rates, tuple(notes), linked.refusal)


def _check_plan(plan: Plan, *, is_self: bool) -> None:
    """A file linked with itself needs a plan for it."""
    if is_self and plan.decision.matches_per_record != "any":
        raise UsageError('a file linked with itself needs decision.matches_per_record = "any" in the plan')
    one_sided = [comparison.name for comparison in plan.comparisons if comparison.absent_level]
    if is_self and one_sided:
        raise UsageError(
            f"comparison {one_sided[0]!r}: absent_level tells left from right, which a file linked with itself does "
            "not; take it out of the plan"
        )


def _batch(records: pa.Table, index: Index, *, is_self: bool) -> Batch:
    """The left records, ready; of a file linked with itself, each with the row it has on the right."""
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(records, index.plan, "left", dictionaries), dictionaries, index)
    if not is_self:
        return batch
    return replace(batch, own_rows=index.rows_of(records.column(index.plan.left_id)))


def _trained(batch: Batch, index: Index, n_threads: int) -> Model:
    """A model of the files themselves."""
    parameters, training = train(batch, index, n_threads)
    return Model(parameters, index.plan, training.to_dict())


def _lists(tables: Mapping[str, pa.Table], plan: Plan, *, is_self: bool) -> dict[str, IdList]:
    """Both sides with their copies; where a record has one match at most, copies on the right stay rivals of it."""
    if is_self:
        columns = list(dict.fromkeys([*plan.columns("left"), *plan.columns("right")]))
        both = IdList(tables["left"].column(plan.left_id), Copies.of(tables["left"], columns))
        return {"left": both, "right": both}
    left = Copies.of(tables["left"], plan.columns("left"))
    are_rivals = plan.decision.has_rivals
    n_right = tables["right"].num_rows
    right = Copies.none(n_right) if are_rivals else Copies.of(tables["right"], plan.columns("right"))
    ids = {side: tables[side].column(getattr(plan, f"{side}_id")) for side in tables}
    return {"left": IdList(ids["left"], left), "right": IdList(ids["right"], right)}


def _linked(
    batch: Batch,
    index: Index,
    lists: Mapping[str, IdList],
    model: Model,
    accept: str | None,
    n_threads: int,
    clock: Clock,
) -> _Linked:
    """Pairs, links and entities, unless the model's training stands against links and nobody answers for them."""
    left, right, is_self = lists["left"], lists["right"], batch.own_rows is not None
    with clock.stage("link"):
        found = pairs_of(batch, index, left, right, model.parameters, n_threads)
        problems = training_problems(model)
        refusal = refusal_of(problems) if accept is None else None
        is_refused = refusal is not None
        decided = decide(found, left, right, index.plan.decision, is_self=is_self, is_refused=is_refused)
        tables = {
            LINKS.name: pairs_table(decided.links, left, right, LINKS, is_self=is_self),
            CANDIDATES.name: pairs_table(found.best, left, right, CANDIDATES, is_self=is_self),
        }
        if is_self:
            tables[ENTITIES.name] = entities_of(left.ids, tables[LINKS.name])
    return _Linked(tables, model, decided, problems, refusal)


def _reject_notes(sides: Mapping[str, Ingested]) -> list[str]:
    told = [note for ingested in sides.values() for note in (*file_notes(ingested.files), *ingested.notes)]
    return list(dict.fromkeys(told)) + [
        f"records of the {side} side rejected: {ingested.rejected.num_rows:,}; see rejected_{side}.parquet"
        for side, ingested in sides.items()
        if ingested.rejected.num_rows
    ]


def _field_notes(kept: Mapping[str, pa.Table], batch: Batch, index: Index) -> list[str]:
    """What is odd about the fields of both sides; of a file linked with itself the left side says it."""
    notes = field_notes(kept["left"], batch.columns, index.plan, "left")
    if batch.own_rows is None:
        columns = {name: column.large for name, column in index.columns.items()}
        notes += field_notes(kept["right"], columns, index.plan, "right")
    return notes


def _open_notes(linked: _Linked, plan: Plan) -> list[str]:
    """That no pair was sure enough for the rate that the plan promises, though some are for its lowest probability."""
    chances = linked.tables[CANDIDATES.name].column("match_probability")
    best = pc.max(chances).as_py() or 0.0
    rule = plan.decision
    if linked.refusal is not None or linked.tables[LINKS.name].num_rows or best < rule.lowest_match_probability:
        return []
    return [
        f"no pair is sure enough for highest_false_match_rate = {rule.highest_false_match_rate:g}: the best candidate "
        f"has {best:.6f}; look at candidates.parquet, or compare more fields"
    ]


def _write(stage: Stage, linked: _Linked, sides: Mapping[str, Ingested]) -> None:
    """Write the tables and the model."""
    for name, table in linked.tables.items():
        stage.write_table(name, table)
    for side, ingested in sides.items():
        stage.write_table(f"rejected_{side}", ingested.rejected)
    stage.write_json("model", sealed(linked.model.to_dict()))


def _entries(
    linked: _Linked, sides: Mapping[str, Ingested], accept: str | None, notes: Sequence[str]
) -> dict[str, Any]:
    """What the manifest says about what went in and came out."""
    model = linked.model
    return {
        "code_version": code_version(),
        "inputs": {
            side: [file.summary() | {"path": str(file.path.resolve())} for file in ingested.files]
            for side, ingested in sides.items()
        },
        "plan": model.plan.digest(),
        "model": model.digest(),
        "training": {name: value for name, value in model.training.items() if name != "term_frequencies"},
        "links": linked.tables[LINKS.name].num_rows,
        "candidates": linked.tables[CANDIDATES.name].num_rows,
        "match_threshold": linked.decided.threshold,
        "copies_match_threshold": linked.decided.copies_threshold,
        "expected_false_match_rate": linked.decided.expected_false_match_rate,
        "notes": [for_manifest(note) for note in notes],
        "refused": linked.refusal,
        "accepted": accept,
    }


def read_side(paths: Sequence[Path], plan: Plan, side: str, *, also: Sequence[str] = ()) -> Ingested:
    """Read the files of one side ("left" or "right"), further columns too; InputError when no record is accepted."""
    ingested = ingest(paths, _table_of(plan, side, also))
    if ingested.accepted.num_rows == 0:
        raise InputError(f"{ingested.files[0].file}: no record was accepted for the {side} side; see the rejected rows")
    return ingested


def _table_of(plan: Plan, side: str, also: Sequence[str]) -> TableSchema:
    """The table that a side of the plan reads: its id, the columns of its fields, and others."""
    key = plan.left_id if side == "left" else plan.right_id
    names = [name for name in dict.fromkeys([*plan.columns(side), *also]) if name != key]
    columns = [] if key == POSITION else [Column(key, pa.string(), "the record", key=True)]
    dates = {name for field in plan.fields if field.kind in DATES for name in getattr(field, side)}
    columns += [Column(name, pa.string(), "read by the plan", "not stated", is_date=name in dates) for name in names]
    return TableSchema(side, tuple(columns), remedy="give its name in the plan")


def with_id(ingested: Ingested, name: str) -> pa.Table:
    """The accepted records with their id column."""
    records = ingested.accepted.read()
    if name in records.column_names:
        return records
    return records.append_column(name, pa.array(ingested.positions()).cast(pa.string()))
