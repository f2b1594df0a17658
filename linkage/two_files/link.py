"""Links any two files with a plan of their own, or a file with itself: labelled sets, censuses, lists."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.deciding.gates import check_accept
from linkage.errors import InputError, UsageError
from linkage.ingest import Ingested, file_notes, for_manifest, in_order, ingest
from linkage.machine.memory import AnonymousPeak, peak_rss_bytes
from linkage.machine.stage_clock import Clock, Progress
from linkage.machine.version import code_version
from linkage.plan.kinds import DATES
from linkage.plan.sections import POSITION, Plan
from linkage.published.folders import Stage, staged
from linkage.schema import ENTITIES, LINKS, PAIRS, Column, TableSchema
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import work_folder
from linkage.training.checks import refusal_of, training_problems
from linkage.training.model_file import Model
from linkage.training.train import train
from linkage.two_files.entities import entities_of
from linkage.two_files.field_notes import field_notes
from linkage.two_files.lists import Compared, Lists
from linkage.two_files.pairs import Decided, decide, pairs_of, pairs_table
from linkage.two_files.share_found import ShareFound, share_found
from linkage.two_files.thinning import Ready, without_crowds
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
    found: ShareFound | None
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
    _check_model(model, plan)
    check_accept(accept)
    check_folder(out, is_new=True)
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
                ready = without_crowds(Lists.of(tables, plan, is_self=is_self), scratch, n_threads)
                notes = [*_reject_notes(sides), *_field_notes(ready.lists, ready.compared)]
            with clock.stage("train"):
                model = _trained(ready.compared, n_threads) if model is None else model
            with clock.stage("link"):
                linked = _linked(ready, model, accept, n_threads)
        notes += [*_training_notes(linked), *_open_notes(linked, plan)]
        with clock.stage("publish"):
            _write(stage, linked, sides)
        peaks = {"peak_rss_bytes": peak_rss_bytes(), "peak_anonymous_bytes": memory.bytes}
        entries = _entries(linked, sides, accept, notes) | {"as_of": ready.lists.as_of.isoformat()}
        stage.write_manifest(entries | {"seconds": clock.seconds} | peaks)
        folder = stage.commit()
    return LinkSummary(folder, *_counts(tables, linked), tuple(notes), linked.refusal)


def _check_model(model: Model | None, plan: Plan) -> None:
    """A given model is of the plan given."""
    if model is not None and model.plan.digest() != plan.digest():
        raise UsageError(f"the model is of plan {model.plan.name!r}, which differs from the one given; train it again")


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


def _trained(compared: Compared, n_threads: int) -> Model:
    """A model of the files themselves."""
    parameters, training = train(compared.batch, compared.index, n_threads)
    return Model(parameters, compared.index.plan, training.to_dict())


def _linked(ready: Ready, model: Model, accept: str | None, n_threads: int) -> _Linked:
    """Pairs, links and entities, unless the model's training stands against links and nobody answers for them."""
    lists = ready.lists
    found = pairs_of(ready, model.for_persons(ready.compared.index.n_persons).parameters, n_threads)
    problems = training_problems(model)
    refusal = refusal_of(problems) if accept is None else None
    decided = decide(found, lists, is_refused=refusal is not None)
    share = share_found(found, decided, lists) if lists.is_self else None
    tables = {LINKS.name: pairs_table(decided.links, lists, LINKS)}
    tables[PAIRS.name] = pairs_table(found, lists, PAIRS)
    if lists.is_self:
        tables[ENTITIES.name] = entities_of(lists.left.ids, tables[LINKS.name])
    return _Linked(tables, model, decided, share, problems, refusal)


def _reject_notes(sides: Mapping[str, Ingested]) -> list[str]:
    told = [note for ingested in sides.values() for note in (*file_notes(ingested.files), *ingested.notes)]
    return list(dict.fromkeys(told)) + [
        f"records of the {side} side rejected: {ingested.rejected.num_rows:,}; see rejected_{side}.parquet"
        for side, ingested in sides.items()
        if ingested.rejected.num_rows
    ]


def _field_notes(lists: Lists, compared: Compared) -> list[str]:
    """What is odd about the fields of both sides; of a file linked with itself the left side says it."""
    notes = field_notes(lists.kept("left"), compared.batch.columns, lists.plan, "left")
    if not lists.is_self:
        columns = {name: column.large for name, column in compared.index.columns.items()}
        notes += field_notes(lists.kept("right"), columns, lists.plan, "right")
    return notes


def _counts(sides: Mapping[str, pa.Table], linked: _Linked) -> tuple[int, int, int, float, float]:
    """Records of both sides, links, the threshold of a match, and the rate of false matches expected at it."""
    n_left, n_right, n_links = (table.num_rows for table in (sides["left"], sides["right"], linked.tables[LINKS.name]))
    return n_left, n_right, n_links, linked.decided.threshold, linked.decided.expected_false_match_rate


def _training_notes(linked: _Linked) -> list[str]:
    """What is doubtful of the training; of a refusal the summary tells already."""
    return [problem.text for problem in linked.problems if linked.refusal is None or not problem.is_grave]


def _open_notes(linked: _Linked, plan: Plan) -> list[str]:
    """That few matches, or none, are sure enough for the rate that the plan promises."""
    if linked.refusal is None and linked.found is not None and linked.found.is_told:
        return [linked.found.text(plan)]
    chances = linked.tables[PAIRS.name].column("match_probability")
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
    stage.write_json("model", linked.model.document())


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
        "candidates": linked.tables[PAIRS.name].num_rows,
        "match_threshold": linked.decided.threshold,
        "copies_match_threshold": linked.decided.copies_threshold,
        "crowds_match_threshold": linked.decided.crowds_threshold,
        "expected_false_match_rate": linked.decided.expected_false_match_rate,
        "share_found": None if linked.found is None else asdict(linked.found),
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
