"""The pairs of two linked files: which are worth a look, with what probability, and which are links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.comparing import Batch
from linkage.copies import Copies, spread
from linkage.doubtful import are_doubtful
from linkage.encode import has_value
from linkage.link import link_batch, run_tiles
from linkage.plan import Decision, Plan
from linkage.registry import Index
from linkage.schema import TableSchema
from linkage.scoring import Scorer
from models.parameters import Parameters
from models.posterior import match_threshold, pair_probability, posterior


@dataclass(frozen=True)
class FilePairs:
    """Pairs with their probability and weight; is_open where the pair may be a link.

    left, right: int64[n], as they are found the subject of the batch and the row of the index, then the groups of
    copies of both sides.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_open: NDArray[np.bool_]

    @classmethod
    def none(cls) -> FilePairs:
        numbers, shares = np.empty(0, np.int64), np.empty(0)
        return cls(numbers, numbers, shares, shares, np.empty(0, np.bool_))

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> FilePairs:
        return FilePairs(*(getattr(self, name)[chosen] for name in _PAIR_COLUMNS))


FEWEST_OWN = 2  # fields of their own in which no two people of one household are all equal

_PAIR_COLUMNS = ("left", "right", "probabilities", "weights", "is_open")


@dataclass(frozen=True)
class IdList:
    """The records of one side of a linkage and the copies among them; ids: string[n], ascending."""

    ids: pa.ChunkedArray
    copies: Copies


@dataclass(frozen=True)
class Found:
    """Pairs of groups of copies, and of copies of a record again that no relatives explain, see `_n_own_fields`."""

    pairs: FilePairs
    copies: FilePairs

    @property
    def best(self) -> FilePairs:
        """Each pair once, the copies without relatives."""
        return _once(_joined([self.pairs, self.copies]))


def pairs_of(batch: Batch, index: Index, left: IdList, right: IdList, parameters: Parameters, n_threads: int) -> Found:
    """All pairs of groups of copies with at least the plan's ``lowest_review_probability``, each once."""
    find = _ranked_pairs if index.plan.decision.has_rivals else _all_pairs
    kept = right.copies.kept
    record_of_row = np.empty(kept.size, np.int64)
    record_of_row[index.rows_of(right.ids.take(pa.array(kept)))] = kept

    found = find(batch, index, parameters, n_threads)
    groups = left.copies.groups[left.copies.kept[found.left]], right.copies.groups[record_of_row[found.right]]
    if batch.own_rows is not None:
        groups = np.minimum(*groups), np.maximum(*groups)
    pairs = _once(replace(found, left=groups[0], right=groups[1]))
    return Found(pairs, _copies_apart(batch, index, left.copies, parameters, n_threads))


def _copies_apart(batch: Batch, index: Index, copies: Copies, parameters: Parameters, n_threads: int) -> FilePairs:
    """Of a file linked with itself each record that has copies with one of them, as if nobody had relatives; of those
    that state enough for it, see `_n_own_fields`."""
    groups = np.flatnonzero(np.diff(copies.starts) > 1)
    first, second = (
        np.searchsorted(copies.kept, copies.members(groups, np.full(groups.size, place))) for place in (0, 1)
    )
    states_enough = (_n_own_fields(batch, index.plan) >= FEWEST_OWN)[first]
    if batch.own_rows is None or not states_enough.any():
        return FilePairs.none()
    groups, subjects, rows = groups[states_enough], first[states_enough], batch.own_rows[second[states_enough]]
    scorer = Scorer(batch, index, replace(parameters, household_rate=0.0, twin_rate=0.0))

    def work(part: slice) -> NDArray[np.float64]:
        n = part.stop - part.start
        pairs = Candidates(np.arange(n + 1), rows[part].astype(np.uint32), np.zeros(n, np.uint16))
        return scorer.score_pairs(subjects[part], pairs).weights

    weights = np.concatenate([found for _, found in run_tiles(work, subjects.size, n_threads)])
    chances = pair_probability(weights, parameters, index.n_persons)
    pairs = FilePairs(groups, groups, chances, weights, np.ones(groups.size, np.bool_))
    return pairs.where(chances >= index.plan.decision.lowest_review_probability)


def _n_own_fields(batch: Batch, plan: Plan) -> NDArray[np.int64]:
    """How many comparisons of what is a person's own, not the household's, have a value to compare: int64[n_subjects].

    Two people of one household are never equal in two of these or more and in all: nobody gives twins one name. So of
    copies that state so much relatives are no explanation.
    """
    n_own = np.zeros(batch.n_subjects, np.int64)
    for comparison in plan.comparisons:
        if not comparison.is_of_household:
            n_own += has_value(batch.columns, comparison.left[0])
    return n_own


@dataclass(frozen=True)
class Decided:
    """The links among pairs, the thresholds that pairs, and copies that no relatives explain, reach, and the share of
    the links that is expected to be wrong."""

    links: FilePairs
    threshold: float
    copies_threshold: float
    expected_false_match_rate: float


def decide(found: Found, left: IdList, right: IdList, rule: Decision, *, is_self: bool, is_refused: bool) -> Decided:
    """Decide without a person, unless that is refused.

    Copies that no relatives explain are decided by themselves, and make no more room for doubtful pairs than the
    probability that relatives leave them. They err together, so no more of them count than stand for all.
    """

    def threshold_of(pairs: FilePairs) -> float:
        chances = np.repeat(pairs.probabilities, counts(pairs))
        return match_threshold(chances, rule.highest_false_match_rate, rule.lowest_match_probability)

    def counts(pairs: FilePairs) -> NDArray[np.int64]:
        n_left, n_right = left.copies.n_kept(pairs.left), right.copies.n_kept(pairs.right)
        return np.where(is_self & (pairs.left == pairs.right), n_left * (n_left - 1) // 2, n_left * n_right)

    possible, copies = (pairs.where(pairs.is_open & (not is_refused)) for pairs in (found.pairs, found.copies))
    threshold, copies_threshold = threshold_of(possible), threshold_of(copies)
    links = Found(
        possible.where(possible.probabilities >= threshold), copies.where(copies.probabilities >= copies_threshold)
    ).best
    expected = np.average(1.0 - links.probabilities, weights=counts(links)) if links.left.size else 0.0
    return Decided(links, threshold, copies_threshold, float(expected))


def _ranked_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """The best candidates of every record, each with its posterior among all rivals; only the first may be a link."""
    rule = index.plan.decision
    ranked = link_batch(batch, index, parameters, n_threads).ranked
    chances = posterior(ranked.weights, ranked.sums, parameters, index.n_persons).candidates
    left, place = np.nonzero((ranked.rows >= 0) & (chances >= rule.lowest_review_probability))
    rows, weights = ranked.rows[left, place].astype(np.int64), ranked.weights[left, place]
    is_open = (place == 0) & ~are_doubtful(ranked.codes[left, place], index.plan)
    pairs = FilePairs(left, rows, chances[left, place], weights, is_open)
    if rule.matches_per_record != "one_to_one":
        return pairs
    pairs = replace(pairs, probabilities=_among_left_rivals(pairs))
    return pairs.where(pairs.probabilities >= rule.lowest_review_probability)


def _among_left_rivals(pairs: FilePairs) -> NDArray[np.float64]:
    """Probabilities where a right record has one match at most as well, float64[n].

    The left records that may be a right one's match are rivals of each other and of none, as its candidates are of a
    left record: with the odds o of each pair among its left record's candidates, o_i / (1 + sum o_j).
    """
    odds = pairs.probabilities / np.maximum(1.0 - pairs.probabilities, np.finfo(np.float64).eps)
    rows, of_row = np.unique(pairs.right, return_inverse=True)
    return np.asarray(odds / (1.0 + np.bincount(of_row, odds, minlength=rows.size))[of_row])


def _all_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """Every pair worth a look, judged by itself."""
    scorer = Scorer(batch, index, parameters)

    def work(part: slice) -> FilePairs:
        scored, _ = scorer.link(part)
        left = np.repeat(np.arange(part.start, part.stop), np.diff(scored.candidates.offsets))
        rows = scored.candidates.rows.astype(np.int64)
        weights = scored.weights
        chances = pair_probability(weights, parameters, index.n_persons)
        pairs = FilePairs(left, rows, chances, weights, ~are_doubtful(scored.codes, index.plan))
        is_wanted = pairs.probabilities >= index.plan.decision.lowest_review_probability
        return pairs.where(is_wanted)

    tiles = [pairs for _, pairs in run_tiles(work, batch.n_subjects, n_threads)]
    return _joined(tiles)


def _joined(parts: Sequence[FilePairs]) -> FilePairs:
    return FilePairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _PAIR_COLUMNS))


def _once(pairs: FilePairs) -> FilePairs:
    """Each pair once, the better where it was found more than once: of a file linked with itself a pass may find one
    way only, and copies may be found by different ones."""
    order = np.lexsort((-pairs.weights, pairs.right, pairs.left))
    left, right = pairs.left[order], pairs.right[order]
    is_first = np.append(True, (np.diff(left) != 0) | (np.diff(right) != 0))[: order.size]
    return pairs.where(order[is_first])


def pairs_table(pairs: FilePairs, left: IdList, right: IdList, table: TableSchema, *, is_self: bool) -> pa.Table:
    """links.parquet or candidates.parquet, sorted by left and right id."""
    place, of_left, of_right = spread(left.copies, pairs.left, right.copies, pairs.right, is_self=is_self)
    columns = [
        left.ids.take(pa.array(of_left)),
        right.ids.take(pa.array(of_right)),
        pa.array(pairs.probabilities[place]),
        pa.array(pairs.weights[place]),
    ]
    return pa.table(columns, schema=table.arrow()).sort_by([("left_id", "ascending"), ("right_id", "ascending")])
