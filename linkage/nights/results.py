"""The results of a night: what it publishes, and what it writes into the state."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.machine.stage_clock import Clock
from linkage.nights.deciding import Batch, Night
from linkage.nights.difference import Difference, difference, published_decisions, published_items
from linkage.nights.encoded import encoded_rows
from linkage.nights.figures import figures_of
from linkage.nights.finding import dose_links
from linkage.nights.reasons import reasons_of, with_reasons
from linkage.nights.rows import candidate_rows, candidate_schema, claim_rows, decision_rows, person_links, queue_rows
from linkage.published.claims import with_comparisons
from linkage.published.decisions import PersonIds
from linkage.published.faults import Faults
from linkage.schema import DECISIONS, REVIEW_QUEUE, STATUSES
from linkage.state.folder import State
from linkage.state.rows import rows_in_force
from linkage.state.tables import (
    CLAIMS_OF_PERSONS,
    DECIDED_CLAIMS,
    DOSE_VERSIONS,
    ENCODED_CLAIMS,
    FIGURES,
    ITEM_KEY,
    KEPT_CANDIDATES,
    PUBLISHED_DECISIONS,
    QUEUE_ITEMS,
    QUEUES,
    StateTable,
)
from linkage.training.model_file import Model

DECISION_CHANGES = ("new", "changed", "withdrawn")
_CLAIM_KEY = ("claim",)


@dataclass(frozen=True)
class Results:
    """What came out of a night.

    published : tables by name; tables : rows for the state, by name
    changes : decisions by what became of them; counts : doses in force by status after the night
    n_matched, expected_false_matches : of the doses that the night newly matches, or matches otherwise
    figures : rows of the state's, which are among tables too
    """

    published: Mapping[str, pa.Table]
    tables: Mapping[str, pa.Table]
    changes: dict[str, int]
    items: dict[str, dict[str, int]]
    counts: dict[str, int]
    n_matched: int
    expected_false_matches: float
    figures: pa.Table = field(default_factory=FIGURES.schema.empty_table)


def results_of(night: Night, batch: Batch | None, list_date: datetime.date) -> Results:
    """Hold what was decided against what is in force."""
    state, changes, clock = night.state, night.changes, night.work.clock
    number = len(state.nights) + 1
    made = _Made.none(night.model) if batch is None else _Made.of(batch, list_date, clock)
    with clock.stage("difference"):
        asked = pa.concat_arrays([made.decisions["dose_id"].combine_chunks(), changes.touched]).unique()
        before = rows_in_force(state, PUBLISHED_DECISIONS, asked)
        decisions = difference(before, made.decisions, ("dose_id",))
        reasons = reasons_of(night, batch, decisions, made.claims, before)
        keys = np.union1d(changes.claims, made.claims["claim"].to_numpy())
        claims = difference(rows_in_force(state, DECIDED_CLAIMS, keys), made.claims, _CLAIM_KEY)
        published = {DECISIONS.name: with_reasons(published_decisions(decisions, before), reasons)}
        tables = {
            DOSE_VERSIONS.name: changes.rows,
            PUBLISHED_DECISIONS.name: with_reasons(
                _state_rows(decisions, PUBLISHED_DECISIONS, number, ("dose_id",)), reasons
            ),
            DECIDED_CLAIMS.name: _state_rows(claims, DECIDED_CLAIMS, number, _CLAIM_KEY),
            CLAIMS_OF_PERSONS.name: _links(batch, claims),
            **dose_links(changes.after),
        }
        if (
            batch is not None
            and (rows := encoded_rows(batch.read, changes.claims, batch.index.plan, number)) is not None
        ):
            tables[ENCODED_CLAIMS.name] = rows
        kept = _rows_before(state, KEPT_CANDIDATES, keys, made.candidates.schema)
        candidates = difference(kept, made.candidates, _CLAIM_KEY, ("rank",))
        tables[KEPT_CANDIDATES.name] = _state_rows(candidates, KEPT_CANDIDATES, number, _CLAIM_KEY)
        items = {}
        for table, queue in zip(QUEUE_ITEMS, QUEUES, strict=True):
            rows = made.queues[queue.name]
            found = difference(
                _rows_before(state, table, keys, rows.schema),
                rows,
                ITEM_KEY,
                ("rank",) if queue is REVIEW_QUEUE else (),
            )
            published[queue.name] = published_items(found, before, table.sort)
            tables[table.name] = _state_rows(found, table, number, ITEM_KEY)
            items[queue.name] = _counted(published[queue.name])
    figures = figures_of(changes.after, made.decisions, batch, number)
    tables[FIGURES.name] = figures
    is_models = pc.equal(decisions.written["decided_by"], "model")
    matched = decisions.written.filter(pc.and_(is_models, pc.equal(decisions.written["status"], "matched")))
    expected = pc.sum(pc.subtract(1.0, matched["match_probability"])).as_py() or 0.0
    return Results(
        published,
        {name: rows for name, rows in tables.items() if rows.num_rows},
        {name: rows.num_rows for name, rows in zip(DECISION_CHANGES, _parts(decisions), strict=True)},
        items,
        _counts(state, before, decisions),
        matched.num_rows,
        float(expected),
        figures,
    )


def _parts(found: Difference) -> tuple[pa.Table, pa.Table, pa.Table]:
    return found.added, found.changed, found.removed


@dataclass(frozen=True)
class _Made:
    """The rows of the claims that a night decided."""

    decisions: pa.Table
    claims: pa.Table
    candidates: pa.Table
    queues: Mapping[str, pa.Table]

    @classmethod
    def of(cls, batch: Batch, list_date: datetime.date, clock: Clock) -> _Made:
        doses = batch.doses(clock)
        ids = PersonIds.of_decided(batch.claims.decided, batch.index)
        faults = Faults.of(batch.read, batch.claims.decided, batch.index.plan)
        decisions = decision_rows(batch, doses, ids, faults)
        queues = queue_rows(batch, doses, faults, list_date)
        return cls(decisions, claim_rows(batch, ids), candidate_rows(batch, ids), queues)

    @classmethod
    def none(cls, model: Model) -> _Made:
        kept = [f for f in DECIDED_CLAIMS.schema if f.name not in ("night", "is_gone")]
        claim = pa.field("claim", pa.uint64())
        queues = {q.name: q.arrow() for q in QUEUES} | {
            REVIEW_QUEUE.name: with_comparisons(REVIEW_QUEUE, model.parameters)
        }
        empty = {name: schema.append(claim).empty_table() for name, schema in queues.items()}
        candidates = candidate_schema(model).empty_table()
        return cls(DECISIONS.arrow().empty_table(), pa.schema(kept).empty_table(), candidates, empty)


def _rows_before(state: State, table: StateTable, claims: np.ndarray, schema: pa.Schema) -> pa.Table:
    """The rows of some claims that are in force, with the columns of the plan's comparisons."""
    found = rows_in_force(state, table, claims)
    return found.select(schema.names).cast(schema) if found.num_rows else schema.empty_table()


def _state_rows(found: Difference, table: StateTable, number: int, key: tuple[str, ...]) -> pa.Table:
    """Rows of the state: what is new, and marks of what is gone."""
    written = found.written
    schema = pa.unify_schemas([table.schema, written.schema], promote_options="permissive")
    gone = found.removed.group_by(list(key)).aggregate([])

    def rows(of: pa.Table, is_gone: bool) -> pa.Table:
        added = {
            "night": pa.repeat(pa.scalar(number, pa.int32()), of.num_rows),
            "is_gone": pa.repeat(pa.scalar(is_gone), of.num_rows),
        }
        columns = {}
        for name in schema.names:
            if name in added:
                columns[name] = added[name]
            elif name in of.column_names:
                columns[name] = of[name]
            else:
                columns[name] = pa.nulls(of.num_rows, schema.field(name).type)
        return pa.table(columns)

    parts = [rows(written, False), rows(gone, True)]
    nullable = pa.schema([field.with_nullable(True) for field in parts[0].schema])
    return pa.concat_tables([part.cast(nullable) for part in parts])


def _links(batch: Batch | None, claims: Difference) -> pa.Table:
    if batch is None:
        return CLAIMS_OF_PERSONS.schema.empty_table()
    return person_links(batch, claims.written["claim"].to_numpy())


def _counted(published: pa.Table) -> dict[str, int]:
    """Items by what became of them, rows of one item counted once."""
    items = published.group_by(["claim_id", "change"]).aggregate([])["change"]
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(items).to_pylist()}
    return {change: counts.get(change, 0) for change in ("opened", "changed", "closed")}


def _counts(state: State, before: pa.Table, decisions: Difference) -> dict[str, int]:
    """Doses in force by status, counted on from the night before."""
    counts = {status: int(state.manifest["counts"].get(status, 0)) for status in STATUSES}
    moved = pc.is_in(before["dose_id"], decisions.written["dose_id"].combine_chunks())
    gone = pc.is_in(before["dose_id"], decisions.removed["dose_id"].combine_chunks())
    for rows, sign in ((before.filter(pc.or_(moved, gone)), -1), (decisions.written, 1)):
        for entry in pc.value_counts(rows["status"]).to_pylist():
            counts[entry["values"]] += sign * entry["counts"]
    return counts
