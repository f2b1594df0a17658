"""The pairs of two linked files: which are worth a look, with what probability, and which are links."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.deciding.doubtful import are_doubtful
from linkage.encode.columns import has_value
from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.schema import TableSchema
from linkage.scoring.batch import Batch
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import link_batch, run_tiles
from linkage.two_files.copies import MOST_KEPT, Copies, join, places_in_runs, spread
from linkage.two_files.lists import Compared, Lists
from linkage.two_files.thinning import Ready
from models.parameters import Parameters
from models.posterior import match_threshold, pair_probability, posterior


@dataclass(frozen=True)
class FilePairs:
    """Pairs with their probability and weight; is_open where the pair may be a link.

    left, right: int64[n], as they are found the claim of the batch and the row of the index, then the groups of
    copies of both sides; passes: uint16[n] bits of the passes that found each.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    passes: NDArray[np.uint16]

    @classmethod
    def none(cls) -> FilePairs:
        numbers, shares = np.empty(0, np.int64), np.empty(0)
        return cls(numbers, numbers, shares, shares, np.empty(0, np.bool_), np.empty(0, np.uint16))

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> FilePairs:
        return FilePairs(*(getattr(self, name)[chosen] for name in _PAIR_COLUMNS))


# What is rare among matches is known from few: in a large crowd some share of it would outweigh that it is rare.
MOST_TIMES_LIKELIER = 100.0
FEWEST_OWN = 2  # fields of their own in which no two people of one household are all equal

_PAIR_COLUMNS = ("left", "right", "probabilities", "weights", "is_open", "passes")


@dataclass(frozen=True)
class Found:
    """Pairs of groups of copies of one kind each.

    pairs: of the records that stand for all; copies: of a record's copies again that no relatives explain, see
    `_n_own_fields`; crowds: of groups of a crowd, on the left, with others, see `linkage.two_files.crowds`
    """

    pairs: FilePairs
    copies: FilePairs
    crowds: FilePairs

    def where(self, is_wanted: Callable[[FilePairs], NDArray[np.bool_]]) -> Found:
        return Found(*(pairs.where(is_wanted(pairs)) for pairs in (self.pairs, self.copies, self.crowds)))


def pairs_of(ready: Ready, parameters: Parameters, n_threads: int) -> Found:
    """All pairs of groups of copies with at least the plan's ``lowest_review_probability``, each once."""
    compared, lists = ready.compared, ready.lists
    batch, index = compared.batch, compared.index
    find = _ranked_pairs if index.plan.decision.has_rivals else _all_pairs
    found = find(batch, index, parameters, n_threads)
    left, right = compared.claims[found.left], compared.persons[found.right]
    groups = lists.left.copies.groups[left], lists.right.copies.groups[right]
    if not lists.is_self:
        return Found(_once(replace(found, left=groups[0], right=groups[1])), FilePairs.none(), FilePairs.none())
    pairs = _once(replace(found, left=np.minimum(*groups), right=np.maximum(*groups)))
    copies = _copies_apart(ready.everybody, lists.left.copies, parameters, n_threads)
    return _with_crowds(Found(pairs, copies, FilePairs.none()), ready, parameters, n_threads)


def _with_crowds(found: Found, ready: Ready, parameters: Parameters, n_threads: int) -> Found:
    """The pairs found, those within crowds by themselves, and those of records of crowds that were left out: of each
    its best with the records that stand for all; of those that have none among these, with everybody."""
    lists, copies, rule = ready.lists, ready.lists.left.copies, ready.lists.plan.decision
    if np.all(ready.crowds < 0):
        return found

    def pairs_of_left_out(compared: Compared) -> FilePairs:
        pairs = _all_pairs(compared.batch, compared.index, parameters, n_threads)
        left, right = copies.groups[compared.claims[pairs.left]], copies.groups[compared.persons[pairs.right]]
        return _once(replace(pairs, left=left, right=right).where(left != right))

    is_within = (ready.crowds[found.pairs.left] >= 0) & (found.pairs.left != found.pairs.right)
    is_within &= ready.crowds[found.pairs.left] == ready.crowds[found.pairs.right]
    within = found.pairs.where(is_within)
    others = copies.left_out()
    near = pairs_of_left_out(lists.with_subjects(ready.compared, others))
    near = _once(_joined([near, within, replace(within, left=within.right, right=within.left)]))
    times = _times_likelier(near, ready, parameters)
    near = _with_odds(near, times[ready.crowds[near.right]])
    sure = near.left[near.is_open & (near.probabilities >= rule.lowest_match_probability)]
    alone = ready.everybody.some(copies.few(np.setdiff1d(copies.groups[others], sure)))
    found_alone = pairs_of_left_out(alone)
    found_alone = _with_odds(found_alone, times[ready.crowds[found_alone.right]])
    crowds = best_of_each(_once(_joined([near, found_alone])), MOST_KEPT)
    return Found(found.pairs.where(~is_within), found.copies, crowds)


def _times_likelier(pairs: FilePairs, ready: Ready, parameters: Parameters) -> NDArray[np.float64]:
    """By crowd how many times likelier a record is one of it than one of two records that stand for themselves, before
    they are compared: who was typed a thousand times was once more. float64[n_groups + 1], the last, 1, of no crowd.

    pairs: of the groups of crowds, on the left
    """
    best = best_of_each(pairs, 1)
    n_records = best.probabilities * ready.lists.left.copies.sizes(best.left)
    n_of_crowd = np.bincount(ready.crowds[best.right] + 1, weights=n_records, minlength=ready.crowds.size + 1)[1:]
    return np.append(np.clip(n_of_crowd / parameters.share_in_registry, 1.0, MOST_TIMES_LIKELIER), 1.0)


def _with_odds(pairs: FilePairs, times: NDArray[np.float64]) -> FilePairs:
    odds = pairs.probabilities * times
    return replace(pairs, probabilities=odds / (1.0 - pairs.probabilities + odds))


def best_of_each(pairs: FilePairs, n: int) -> FilePairs:
    """The n best pairs of each left group."""
    ranked = pairs.where(np.lexsort((pairs.right, -pairs.weights, -pairs.probabilities, pairs.left)))
    return ranked.where(places_in_runs(ranked.left) < n)


def _copies_apart(compared: Compared, copies: Copies, parameters: Parameters, n_threads: int) -> FilePairs:
    """Of a file linked with itself each record that has copies with one of them, as if nobody had relatives; of those
    that state enough for it, see `_n_own_fields`."""
    batch, index = compared.batch, compared.index
    groups, n_records = np.unique(copies.groups[compared.claims], return_counts=True)
    order = np.argsort(copies.groups[compared.claims], kind="stable")
    starts, groups = (np.cumsum(n_records) - n_records)[n_records > 1], groups[n_records > 1]
    first, second = order[starts], order[starts + 1]
    states_enough = (_n_own_fields(batch, index.plan) >= FEWEST_OWN)[first]
    if batch.own_rows is None or not states_enough.any():
        return FilePairs.none()
    groups, claims, rows = groups[states_enough], first[states_enough], batch.own_rows[second[states_enough]]
    scorer = Scorer(batch, index, replace(parameters, household_rate=0.0, twin_rate=0.0))

    def work(part: slice) -> NDArray[np.float64]:
        n = part.stop - part.start
        pairs = Candidates(np.arange(n + 1), rows[part].astype(np.uint32), np.zeros(n, np.uint16))
        return scorer.score_pairs(claims[part], pairs).weights

    weights = np.concatenate([found for _, found in run_tiles(work, claims.size, n_threads)])
    chances = pair_probability(weights, parameters)
    is_open, passes = np.ones(groups.size, np.bool_), np.zeros(groups.size, np.uint16)
    pairs = FilePairs(groups, groups, chances, weights, is_open, passes)
    return pairs.where(chances >= index.plan.decision.lowest_review_probability)


def _n_own_fields(batch: Batch, plan: Plan) -> NDArray[np.int64]:
    """How many comparisons of what is a person's own, not the household's, have a value to compare: int64[n_claims].

    Two people of one household are never equal in two of these or more and in all: nobody gives twins one name. So of
    copies that state so much relatives are no explanation.
    """
    n_own = np.zeros(batch.n_claims, np.int64)
    for comparison in plan.comparisons:
        if not comparison.is_of_household:
            n_own += has_value(batch.columns, comparison.left[0])
    return n_own


def n_standing(pairs: FilePairs, lists: Lists) -> NDArray[np.int64]:
    """How many pairs of records each pair of groups of copies counts for: int64[n]."""
    n_left, n_right = lists.left.copies.n_standing(pairs.left), lists.right.copies.n_standing(pairs.right)
    return np.where(lists.is_self & (pairs.left == pairs.right), n_left * (n_left - 1) // 2, n_left * n_right)


@dataclass(frozen=True)
class Decided:
    """The links among pairs, the thresholds that each kind of pairs reaches, and the share of the links that is
    expected to be wrong."""

    links: Found
    threshold: float
    copies_threshold: float
    crowds_threshold: float
    expected_false_match_rate: float


def decide(found: Found, lists: Lists, *, is_refused: bool) -> Decided:
    """Decide without a person, unless that is refused.

    Copies that no relatives explain, and records of crowds, are decided by themselves, and make no more room for
    doubtful pairs than the probability that relatives leave copies. Copies err together, so no more of them count than
    stand for all; of a record of a crowd what joins it counts, the best pair.
    """
    rule = lists.plan.decision

    def threshold_of(chances: NDArray[np.float64]) -> float:
        return match_threshold(chances, rule.highest_false_match_rate, rule.lowest_match_probability)

    def counted(pairs: FilePairs) -> NDArray[np.float64]:
        return np.repeat(pairs.probabilities, n_standing(pairs, lists))

    possible = found.where(lambda pairs: pairs.is_open & (not is_refused))
    joins = best_of_each(possible.crowds, 1)
    chances = counted(possible.pairs), counted(possible.copies), joins.probabilities
    thresholds = [threshold_of(kind) for kind in chances]
    links = Found(
        *(
            pairs.where(pairs.probabilities >= least)
            for pairs, least in zip((possible.pairs, possible.copies, possible.crowds), thresholds, strict=True)
        )
    )
    links = replace(links, pairs=_once(_joined([links.pairs, links.copies])), copies=FilePairs.none())
    accepted = np.concatenate([counted(links.pairs), joins.probabilities[joins.probabilities >= thresholds[2]]])
    expected = float((1.0 - accepted).mean()) if accepted.size else 0.0
    return Decided(links, thresholds[0], thresholds[1], thresholds[2], expected)


def _ranked_pairs(batch: Batch, index: Index, parameters: Parameters, n_threads: int) -> FilePairs:
    """The best candidates of every record, each with its posterior among all rivals; only the first may be a link."""
    rule = index.plan.decision
    ranked = link_batch(batch, index, parameters, n_threads).ranked
    chances = posterior(ranked.weights, ranked.sums, ranked.outside, parameters).candidates
    left, place = np.nonzero((ranked.rows >= 0) & (chances >= rule.lowest_review_probability))
    rows, weights = ranked.rows[left, place].astype(np.int64), ranked.weights[left, place]
    is_open = (place == 0) & ~are_doubtful(ranked.codes[left, place], index.plan)
    pairs = FilePairs(left, rows, chances[left, place], weights, is_open, ranked.passes[left, place])
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
        chances = pair_probability(weights, parameters)
        is_open = ~are_doubtful(scored.codes, index.plan)
        pairs = FilePairs(left, rows, chances, weights, is_open, scored.candidates.passes)
        is_wanted = pairs.probabilities >= index.plan.decision.lowest_review_probability
        return pairs.where(is_wanted)

    tiles = [pairs for _, pairs in run_tiles(work, batch.n_claims, n_threads)]
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


def pairs_table(found: Found, lists: Lists, table: TableSchema) -> pa.Table:
    """links.parquet or candidates.parquet, sorted by left and right id."""
    left, right = lists.left, lists.right
    pairs = _once(_joined([found.pairs, found.copies]))
    spread_pairs = spread(left.copies, pairs.left, right.copies, pairs.right, is_self=lists.is_self)
    of_crowds = join(left.copies, found.crowds.left, found.crowds.right)
    place = np.concatenate([spread_pairs[0], pairs.left.size + of_crowds[0]])
    of_left, of_right = (np.concatenate([spread_pairs[side], of_crowds[side]]) for side in (1, 2))
    all_pairs = _joined([pairs, found.crowds])
    if lists.is_self and found.crowds.left.size:
        # Two records of crowds may be the best of each other.
        ends = np.minimum(of_left, of_right) * left.copies.groups.size + np.maximum(of_left, of_right)
        _, once = np.unique(ends, return_index=True)
        place, of_left, of_right = place[once], of_left[once], of_right[once]
    columns = [
        left.ids.take(pa.array(of_left)),
        right.ids.take(pa.array(of_right)),
        pa.array(all_pairs.probabilities[place]),
        pa.array(all_pairs.weights[place]),
    ]
    return pa.table(columns, schema=table.arrow()).sort_by([("left_id", "ascending"), ("right_id", "ascending")])
