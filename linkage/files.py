"""Links any two files with a plan of their own, or a file with itself: labelled sets, censuses, lists."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.comparing import Batch, prepare_batch
from linkage.encode import encode
from linkage.entities import entities_of
from linkage.errors import InputError, UsageError
from linkage.ingest import Ingested, ingest
from linkage.ingest.records import Records
from linkage.link import link_batch, run_tiles
from linkage.model_file import Model
from linkage.plan import POSITION, Plan
from linkage.publish import staged
from linkage.registry import Index
from linkage.registry_build import build_index
from linkage.schema import CANDIDATES, LINKS, Column, TableSchema
from linkage.scoring import Scorer
from linkage.train import train
from linkage.version import code_version
from models.parameters import Parameters
from models.posterior import match_threshold, pair_probability, posterior


@dataclass(frozen=True)
class LinkSummary:
    """What ``link --json`` prints."""

    folder: Path
    left: int
    right: int
    links: int
    match_threshold: float
    expected_false_match_rate: float


@dataclass(frozen=True)
class _Pairs:
    """Pairs of left record and right row with their probability and weight; is_open where the pair may be a link."""

    left: NDArray[np.int64]
    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_open: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(*(getattr(self, name)[chosen] for name in _PAIR_COLUMNS))


_PAIR_COLUMNS = ("left", "rows", "probabilities", "weights", "is_open")


def link_files(
    left: Sequence[Path],
    right: Sequence[Path],
    plan: Plan,
    out: Path,
    *,
    model: Model | None = None,
    n_threads: int = 2,
) -> LinkSummary:
    """Link the left file with the right; writes links.parquet, candidates.parquet, model.json and manifest.json into
    ``out``.

    Links are the pairs that the plan's thresholds decide without a person: one per left record, or with
    ``matches_per_record = "any"`` every pair by itself. Candidates are all pairs with at least the plan's
    ``lowest_review_probability``, the links among them. A file linked with itself gives each pair once, and
    entities.parquet, the groups that the links make. Rejected rows stand in rejected_left.parquet and
    rejected_right.parquet.

    Parameters
    ----------
    model : links with its parameters, its plan being the plan; None trains on the files

    Raises
    ------
    InputError, UsageError : a file, the plan or the model cannot be used; nothing is written
    """
    if model is not None and model.plan.digest() != plan.digest():
        raise UsageError(f"the model is of plan {model.plan.name!r}, which differs from the one given; train it again")
    is_self = [path.resolve() for path in left] == [path.resolve() for path in right]
    if is_self and plan.decision.matches_per_record != "any":
        raise UsageError('a file linked with itself needs decision.matches_per_record = "any" in the plan')
    one_sided = [comparison.name for comparison in plan.comparisons if comparison.absent_level]
    if is_self and one_sided:
        raise UsageError(
            f"comparison {one_sided[0]!r}: absent_level tells left from right, which a file linked with itself does "
            "not; take it out of the plan"
        )
    sides = {"left": read_side(left, plan, "left"), "right": read_side(right, plan, "right")}
    tables = {side: with_id(ingested, getattr(plan, f"{side}_id")) for side, ingested in sides.items()}
    with staged(out.parent, out.name) as stage, tempfile.TemporaryDirectory(prefix="linkage-") as scratch:
        index = build_index(Records.of(tables["right"]), plan, Path(scratch) / "index")
        records = tables["left"].sort_by(plan.left_id).combine_chunks()
        batch = _batch(records, index, is_self=is_self)
        if model is None:
            parameters, training = train(batch, index, n_threads)
            model = Model(parameters, plan, training.to_dict())
        find = _ranked_pairs if plan.decision.matches_per_record == "one" else _all_pairs
        candidates = find(batch, index, model.parameters, n_threads)
        rule = plan.decision
        pairs = candidates.where(candidates.is_open)
        threshold = match_threshold(pairs.probabilities, rule.highest_false_match_rate, rule.lowest_match_probability)
        pairs = pairs.where(pairs.probabilities >= threshold)
        expected = float(np.mean(1.0 - pairs.probabilities)) if pairs.left.size else 0.0
        links = _pairs_table(pairs, records.column(plan.left_id), index, LINKS)
        stage.write_table(LINKS.name, links)
        stage.write_table(CANDIDATES.name, _pairs_table(candidates, records.column(plan.left_id), index, CANDIDATES))
        if is_self:
            stage.write_table("entities", entities_of(records.column(plan.left_id), links))
        for side, ingested in sides.items():
            stage.write_table(f"rejected_{side}", ingested.rejected)
        stage.write_json("model", model.to_dict())
        manifest = {
            "code_version": code_version(),
            "plan": plan.digest(),
            "inputs": {side: [f.summary() for f in found.files] for side, found in sides.items()},
            "links": links.num_rows,
            "match_threshold": threshold,
            "expected_false_match_rate": expected,
        }
        stage.write_json("manifest", manifest | {"outputs": stage.outputs})
        folder = stage.commit()
    return LinkSummary(folder, batch.n_subjects, index.n_persons, links.num_rows, threshold, expected)


def _batch(records: pa.Table, index: Index, *, is_self: bool) -> Batch:
    """The left records, ready; of a file linked with itself, each with the row it has on the right."""
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(records, index.plan, "left", dictionaries), dictionaries, index)
    if not is_self:
        return batch
    return replace(batch, own_rows=index.rows_of(records.column(index.plan.left_id)))


def _ranked_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> _Pairs:
    """The best candidates of every record, each with its posterior among all rivals; only the first may be a link."""
    rule = index.plan.decision
    ranked = link_batch(batch, index, parameters, n_threads).ranked
    chances = posterior(ranked.weights, ranked.sums, parameters, index.n_persons).candidates
    left, place = np.nonzero((ranked.rows >= 0) & (chances >= rule.lowest_review_probability))
    return _Pairs(
        left, ranked.rows[left, place].astype(np.int64), chances[left, place], ranked.weights[left, place], place == 0
    )


def _all_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> _Pairs:
    """Every pair worth a look, judged by itself; of a file linked with itself each pair once."""
    scorer = Scorer(batch, index, parameters)

    def work(part: slice) -> _Pairs:
        scored, _ = scorer.link(part)
        left = np.repeat(np.arange(part.start, part.stop), np.diff(scored.candidates.offsets))
        rows = scored.candidates.rows.astype(np.int64)
        weights = scored.weights
        chances = pair_probability(weights, parameters, index.n_persons)
        pairs = _Pairs(left, rows, chances, weights, np.ones(rows.size, np.bool_))
        is_wanted = pairs.probabilities >= index.plan.decision.lowest_review_probability
        return pairs.where(is_wanted)

    tiles = [pairs for _, pairs in run_tiles(work, batch.n_subjects, n_threads)]
    found = _Pairs(*(np.concatenate([getattr(tile, name) for tile in tiles]) for name in _PAIR_COLUMNS))
    return found if batch.own_rows is None else _once(found, batch.own_rows)


def _once(pairs: _Pairs, own_rows: NDArray[np.int64]) -> _Pairs:
    """Each pair of a file linked with itself once, the better of both ways: a pass may find it one way only."""
    left_of_row = np.argsort(own_rows)
    low, high = np.minimum(own_rows[pairs.left], pairs.rows), np.maximum(own_rows[pairs.left], pairs.rows)
    order = np.lexsort((-pairs.weights, high, low))
    is_first = np.append(True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0))[: order.size]
    kept = order[is_first]
    best = replace(pairs, left=left_of_row[low], rows=high)
    return _Pairs(*(getattr(best, name)[kept] for name in _PAIR_COLUMNS))


def _pairs_table(pairs: _Pairs, left_ids: pa.ChunkedArray, index: Index, table: TableSchema) -> pa.Table:
    """links.parquet or candidates.parquet, sorted by left and right id."""
    columns = [
        left_ids.take(pa.array(pairs.left)),
        index.take(pairs.rows, [index.plan.right_id]).column(0),
        pa.array(pairs.probabilities),
        pa.array(pairs.weights),
    ]
    return pa.table(columns, schema=table.arrow()).sort_by([("left_id", "ascending"), ("right_id", "ascending")])


def read_side(paths: Sequence[Path], plan: Plan, side: str) -> Ingested:
    """Read the files of one side ("left" or "right"); InputError when no record of them is accepted."""
    ingested = ingest(paths, _table_of(plan, side))
    if ingested.accepted.num_rows == 0:
        raise InputError(f"{ingested.files[0].file}: no record was accepted for the {side} side; see the rejected rows")
    return ingested


def _table_of(plan: Plan, side: str) -> TableSchema:
    """The table that a side of the plan reads: its id and the columns of its fields."""
    key = plan.left_id if side == "left" else plan.right_id
    names = [name for name in plan.columns(side) if name != key]
    columns = [] if key == POSITION else [Column(key, pa.string(), "the record", key=True)]
    columns += [Column(name, pa.string(), "read by the plan", "not stated") for name in names]
    return TableSchema(side, tuple(columns), remedy="give its name in the plan")


def with_id(ingested: Ingested, name: str) -> pa.Table:
    """The accepted records with their id column."""
    records = ingested.accepted.read()
    if name in records.column_names:
        return records
    return records.append_column(name, pa.array(ingested.positions()).cast(pa.string()))
