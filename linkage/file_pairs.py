"""The pairs of two linked files: which are worth a look, with what probability, and which are links."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.comparing import Batch
from linkage.link import link_batch, run_tiles
from linkage.plan import Decision
from linkage.registry import Index
from linkage.schema import TableSchema
from linkage.scoring import Scorer
from models.parameters import Parameters
from models.posterior import match_threshold, pair_probability, posterior


@dataclass(frozen=True)
class FilePairs:
    """Pairs of left record and right row with their probability and weight; is_open where the pair may be a link."""

    left: NDArray[np.int64]
    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_open: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> FilePairs:
        return FilePairs(*(getattr(self, name)[chosen] for name in _PAIR_COLUMNS))


_PAIR_COLUMNS = ("left", "rows", "probabilities", "weights", "is_open")


def pairs_of(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """All pairs with at least the plan's ``lowest_review_probability``."""
    find = _ranked_pairs if index.plan.decision.matches_per_record == "one" else _all_pairs
    return find(batch, index, parameters, n_threads)


def decided(pairs: FilePairs, rule: Decision, *, is_refused: bool) -> tuple[FilePairs, float]:
    """The pairs that are links without a person, and the threshold that they reach; none, and 1, where links are
    refused."""
    is_candidate = pairs.is_open & (not is_refused)
    chances = pairs.probabilities[is_candidate]
    threshold = match_threshold(chances, rule.highest_false_match_rate, rule.lowest_match_probability)
    return pairs.where(is_candidate & (pairs.probabilities >= threshold)), threshold


def _ranked_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """The best candidates of every record, each with its posterior among all rivals; only the first may be a link."""
    rule = index.plan.decision
    ranked = link_batch(batch, index, parameters, n_threads).ranked
    chances = posterior(ranked.weights, ranked.sums, parameters, index.n_persons).candidates
    left, place = np.nonzero((ranked.rows >= 0) & (chances >= rule.lowest_review_probability))
    return FilePairs(
        left, ranked.rows[left, place].astype(np.int64), chances[left, place], ranked.weights[left, place], place == 0
    )


def _all_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """Every pair worth a look, judged by itself; of a file linked with itself each pair once."""
    scorer = Scorer(batch, index, parameters)

    def work(part: slice) -> FilePairs:
        scored, _ = scorer.link(part)
        left = np.repeat(np.arange(part.start, part.stop), np.diff(scored.candidates.offsets))
        rows = scored.candidates.rows.astype(np.int64)
        weights = scored.weights
        chances = pair_probability(weights, parameters, index.n_persons)
        pairs = FilePairs(left, rows, chances, weights, np.ones(rows.size, np.bool_))
        is_wanted = pairs.probabilities >= index.plan.decision.lowest_review_probability
        return pairs.where(is_wanted)

    tiles = [pairs for _, pairs in run_tiles(work, batch.n_subjects, n_threads)]
    found = FilePairs(*(np.concatenate([getattr(tile, name) for tile in tiles]) for name in _PAIR_COLUMNS))
    return found if batch.own_rows is None else _once(found, batch.own_rows)


def _once(pairs: FilePairs, own_rows: NDArray[np.int64]) -> FilePairs:
    """Each pair of a file linked with itself once, the better of both ways: a pass may find it one way only."""
    left_of_row = np.argsort(own_rows)
    low, high = np.minimum(own_rows[pairs.left], pairs.rows), np.maximum(own_rows[pairs.left], pairs.rows)
    order = np.lexsort((-pairs.weights, high, low))
    is_first = np.append(True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0))[: order.size]
    kept = order[is_first]
    best = replace(pairs, left=left_of_row[low], rows=high)
    return FilePairs(*(getattr(best, name)[kept] for name in _PAIR_COLUMNS))


def pairs_table(pairs: FilePairs, left_ids: pa.ChunkedArray, index: Index, table: TableSchema) -> pa.Table:
    """links.parquet or candidates.parquet, sorted by left and right id."""
    columns = [
        left_ids.take(pa.array(pairs.left)),
        index.take(pairs.rows, [index.plan.right_id]).column(0),
        pa.array(pairs.probabilities),
        pa.array(pairs.weights),
    ]
    return pa.table(columns, schema=table.arrow()).sort_by([("left_id", "ascending"), ("right_id", "ascending")])
