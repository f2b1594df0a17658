"""The scorer leaves out pairs early; what it gives is what scoring all of them would have given."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from blocking.candidates import Candidates
from blocking.parts import PartedColumn
from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.reading import plan_from
from linkage.registry.build import build_index
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index
from linkage.registry.persons_by_id import PERSON_KEY
from linkage.scoring.batch import Batch, Pairs, prepare_batch, take
from linkage.scoring.ranking import Ranked
from linkage.scoring.scorer import Scored, Scorer
from linkage.scoring.tiles import TILE_SUBJECTS, LinkedBatch, link_batch, run_tiles
from linkage.simulate import simulate
from linkage.training.train import starting_parameters, train
from models.parameters import Parameters
from tests import naive

# Without the kernel mark (pytest.mark.kernel): this takes minutes without the JIT, and every kernel met has a twin.


@dataclass(frozen=True)
class Trained:
    batch: Batch
    index: Index
    parameters: Parameters


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(4000, 1500, 3, folder, area="bao-lam")
    index = build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    dictionaries = index.dictionaries.copy()
    doses = pq.read_table(folder / "doses.parquet").sort_by("dose_id").combine_chunks()
    batch = prepare_batch(encode(doses, index.plan, "left", dictionaries), dictionaries, index)
    parameters, _ = train(batch, index, n_threads=2)
    return Trained(batch, index, parameters)


def scored_with(trained: Trained, floor_log2: float | None) -> tuple[Scorer, Scored]:
    scorer = Scorer(trained.batch, trained.index, trained.parameters, floor_log2=floor_log2)
    return scorer, scorer.link(slice(0, trained.batch.n_claims))[0]


def pairs(scored: Scored, floor: float) -> dict[str, NDArray[np.generic]]:
    """All there is to a pair, of the pairs at or over a floor."""
    kept = scored.weights >= floor
    subjects = np.repeat(np.arange(scored.candidates.offsets.size - 1), np.diff(scored.candidates.offsets))
    found = {
        "subject": subjects,
        "row": scored.candidates.rows,
        "passes": scored.candidates.passes,
        "code": scored.codes,
        "ratio": scored.ratios,
        "weight": scored.weights,
    }
    return {name: values[kept] for name, values in found.items()}


def test_leaving_pairs_out_early_changes_nothing_over_the_floor(trained: Trained) -> None:
    scorer, usual = scored_with(trained, None)
    _, everything = scored_with(trained, -np.inf)
    n_all = everything.weights.size
    assert n_all == everything.n_candidates.sum()
    assert np.array_equal(usual.n_candidates, everything.n_candidates)
    found, expected = pairs(usual, scorer.floor), pairs(everything, scorer.floor)
    assert 1000 < expected["weight"].size < n_all / 2
    assert usual.weights.size < n_all
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name
    assert_same(scorer.rank(usual, 5), scorer.rank(everything, 5))


def assert_same(one: Ranked, other: Ranked) -> None:
    for name, values in vars(one).items():
        assert np.array_equal(values, getattr(other, name)), name


def test_ranked_candidates_are_those_of_a_sort_over_all_pairs(trained: Trained) -> None:
    scorer, usual = scored_with(trained, None)
    _, everything = scored_with(trained, -np.inf)
    best, sums = naive.rank(
        everything.candidates.offsets.tolist(),
        everything.factors.tolist(),
        scorer.index.person_keys[everything.candidates.rows].tolist(),
        scorer.least_factor,
        3,
    )
    ranked = scorer.rank(usual, 3)
    positions = np.array(best)
    expected = np.where(positions >= 0, everything.candidates.rows[positions].astype(np.int64), -1)
    assert np.array_equal(ranked.rows, expected)
    assert np.array_equal(ranked.codes[positions >= 0], everything.codes[positions[positions >= 0]])
    assert ranked.sums.tolist() == pytest.approx(sums, rel=1e-12)


def test_a_weight_is_the_sum_of_its_comparisons(trained: Trained) -> None:
    """From the pattern's levels and the model, without any table."""
    scorer, scored = scored_with(trained, None)
    levels = scorer.space.levels_of(scored.codes)
    p = trained.parameters
    kinds = ("m", "u", "among_neighbours", "household", "among_twins", "among_namesakes")
    # As they are used: raised where a closer level has more, see models.parameters.
    shares = {
        kind: np.prod([(c.over_m(getattr(c, kind)) * c.m)[levels[:, i]] for i, c in enumerate(p.comparisons)], axis=0)
        for kind in kinds
    }
    # Relatives bear a value at least as often as chance makes "same".
    household = shares["household"].copy()
    for i, chances in scored.chances.items():
        c, at = p.comparisons[i], levels[:, i]
        as_learnt, by_chance = c.over_m(c.household)[at], chances.astype(np.float64) * c.u_over_m[1]
        is_raised = (at > 0) & (at < c.n_compared) & (by_chance > as_learnt)
        household *= np.where(is_raised, by_chance / as_learnt, 1.0)
    assert 0 < np.count_nonzero(household > shares["household"]) < household.size
    shares["household"] = household
    rates = np.array([p.household_rate, p.twin_rate, p.namesake_rate]) / trained.index.n_persons
    relatives = rates @ np.stack([shares[kind] for kind in kinds[3:]])
    strangers = shares["u"] + p.neighbour_share * shares["among_neighbours"]
    non_match = strangers * scored.ratios + relatives
    assert np.allclose(scored.weights, np.log2(shares["m"] / non_match), rtol=0, atol=1e-6)
    # Both corrections matter here: without relatives, and without term frequencies, some weights are others.
    assert np.abs(scored.weights - np.log2(shares["m"] / shares["u"] / scored.ratios)).max() > 1
    assert np.abs(scored.weights - np.log2(shares["m"] / (shares["u"] + relatives))).max() > 1


def test_a_column_gathered_for_some_spans_is_gathered_again_for_others() -> None:
    """Two comparisons may look at one column of the registry, each for the subjects that state its own value."""
    rows, values = np.arange(5, -1, -1, dtype=np.uint32), np.arange(10, 16, dtype=np.uint16)
    offsets = np.array([0, 2, 3, 6])
    at = {0: [15, 14], 1: [13], 2: [12, 11, 10]}
    for column in (PartedColumn(values), PartedColumn(values[:3], values[3:])):
        pairs = Pairs.listed(offsets, rows)
        for wanted in ([0], [0], [2], [0, 1], [0, 1, 2]):
            found = pairs.right(column, np.isin(np.arange(3), wanted))
            assert {span: found[offsets[span] : offsets[span + 1]].tolist() for span in wanted} == {
                span: at[span] for span in wanted
            }
        assert Pairs.listed(offsets, rows).right(column).tolist() == [15, 14, 13, 12, 11, 10]


def linked(trained: Trained, n_threads: int) -> LinkedBatch:
    return link_batch(trained.batch, trained.index, trained.parameters, n_threads)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 500, 4 * TILE_SUBJECTS, 4 * TILE_SUBJECTS + 1, 100_000])
def test_every_thread_has_as_much_to_do(n: int, n_threads: int) -> None:
    """Each subject once, no tile over the largest size, and of many subjects as many tiles for each thread."""
    sizes = [part.stop - part.start for part, _ in run_tiles(lambda part: None, n, n_threads)]
    assert sum(sizes) == n
    assert max(sizes) <= TILE_SUBJECTS
    if n >= 4 * TILE_SUBJECTS:
        assert len(sizes) % n_threads == 0
        assert max(sizes) - min(sizes) <= len(sizes)


def test_threads_and_tiles_make_no_difference(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = linked(trained, 1)
    assert usual.patterns
    monkeypatch.setattr("linkage.scoring.tiles.TILE_SUBJECTS", 100)
    monkeypatch.setattr("linkage.scoring.tiles._FEW_COUNTS", 50)
    monkeypatch.setattr("linkage.scoring.scorer._PAIRS_AT_ONCE", 37)
    other = linked(trained, 3)
    assert_same(usual.ranked, other.ranked)
    assert usual.n_pairs == other.n_pairs == scored_with(trained, None)[1].n_candidates.sum()
    assert usual.patterns == other.patterns
    assert np.array_equal(usual.counts.pairs, other.counts.pairs)
    scorer, whole = scored_with(trained, None)
    assert_same(usual.ranked, scorer.rank(whole, trained.index.plan.decision.candidates_kept))
    expected = {}
    above = whole.weights >= scorer.floor
    for code, passes in zip(whole.codes[above].tolist(), whole.candidates.passes[above].tolist(), strict=True):
        for bit in range(16):
            if passes >> bit & 1:
                expected[bit, code] = expected.get((bit, code), 0) + 1
    assert usual.patterns == expected


def test_the_order_of_subjects_and_of_candidates_makes_no_difference(trained: Trained) -> None:
    rng = np.random.default_rng(4)
    order = rng.permutation(trained.batch.n_claims)
    usual = linked(trained, 2).ranked
    turned = link_batch(take(trained.batch, order), trained.index, trained.parameters, 2).ranked
    for name, values in vars(usual).items():
        assert np.array_equal(values[order], getattr(turned, name)), name
    some = order[:700]
    chosen = link_batch(trained.batch, trained.index, trained.parameters, 2, claims=some).ranked
    for name, values in vars(usual).items():
        assert np.array_equal(values[some], getattr(chosen, name)), name
    scorer, scored = scored_with(trained, None)
    offsets = scored.candidates.offsets
    subject = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    shuffled = np.lexsort((rng.random(subject.size), subject))
    candidates = Candidates(offsets, scored.candidates.rows[shuffled], scored.candidates.passes[shuffled])
    again = scorer.score_pairs(slice(0, trained.batch.n_claims), candidates)
    found, expected = scorer.rank(again, 5), scorer.rank(scored, 5)
    assert_same(found, expected)


def test_ties_go_by_a_key_of_the_person_that_is_no_row(trained: Trained) -> None:
    scorer, scored = Scorer(trained.batch, trained.index, trained.parameters), scored_with(trained, None)[1]
    same = replace(scored, factors=np.full_like(scored.factors, 2.0**30))
    rows = np.split(same.candidates.rows.astype(np.int64), same.candidates.offsets[1:-1])
    ids = trained.index.take(np.arange(trained.index.n_persons), [trained.index.plan.right_id]).column(0).to_pylist()
    keys = naive.hash_texts([person.encode() for person in ids])
    lowest = [min(part.tolist(), key=keys.__getitem__, default=-1) for part in rows]
    assert scorer.rank(same, 1).rows[:, 0].tolist() == lowest


@pytest.mark.parametrize("n_keys", [1, 3, 400])
def test_persons_with_one_key_stand_by_their_ids(trained: Trained, n_keys: int) -> None:
    """In any order of the candidates, and in whatever rows the persons stand."""
    scorer, scored = Scorer(trained.batch, trained.index, trained.parameters), scored_with(trained, None)[1]
    keys = 1 + trained.index.person_keys[np.arange(trained.index.n_persons)] % np.uint64(n_keys)
    ids = trained.index.take(np.arange(trained.index.n_persons), [trained.index.plan.right_id]).column(0).to_pylist()
    columns = trained.index.columns | {PERSON_KEY: PartedColumn(keys)}
    scorer.index = replace(trained.index, columns=columns)
    factors = np.exp2(np.random.default_rng(2).integers(20, 23, scored.factors.size))
    rows, bounds = scored.candidates.rows.astype(np.int64), itertools.pairwise(scored.candidates.offsets.tolist())
    expected = [
        sorted(range(start, stop), key=lambda k: (-factors[k], keys[rows[k]], ids[rows[k]]))[:5]
        for start, stop in bounds
    ]
    found = scorer.rank(replace(scored, factors=factors), 5).rows
    assert [[row for row in of_claim if row >= 0] for of_claim in found.tolist()] == [
        rows[e].tolist() for e in expected
    ]
    order = np.random.default_rng(3).permutation(trained.index.n_persons)[:500]
    by_id = sorted(range(order.size), key=lambda k: (keys[order[k]], ids[order[k]]))
    assert scorer.index.in_order(order).tolist() == by_id


def test_candidates_whose_weights_changed_go_in_another_order(trained: Trained) -> None:
    usual = linked(trained, 2).ranked
    some = np.flatnonzero((usual.rows >= 0).all(axis=1))[:50]
    lists = usual.at(some).wider(6)
    assert (lists.rows[:, 5] == -1).all()
    assert np.isneginf(lists.weights[:, 5]).all()
    lists.rows[:, 5], lists.weights[:, 5] = 7, usual.weights[some, 0]  # as good as the best, which stood first
    lists.weights[:, 2] = 1000.0
    found, kept = lists.reordered(5), (2, 0, 5, 1, 3)
    assert np.array_equal(found.rows, lists.rows[:, kept])
    assert np.array_equal(found.codes, lists.codes[:, kept])
    assert (found.sums >= 2.0**1000).all()  # they held less than this one alone
    assert np.array_equal(lists.sums, usual.sums[some])
    changed = linked(trained, 1).ranked
    changed.put(some, found)
    assert_same(changed.at(some), found)
    others = np.setdiff1d(np.arange(trained.batch.n_claims), some)
    assert_same(changed.at(others), usual.at(others))
    assert_same(changed.best.at(some), found.best)


def test_own_rows_are_no_candidates(trained: Trained) -> None:
    usual = linked(trained, 2).ranked
    own = np.where(np.arange(trained.batch.n_claims) % 2, usual.rows[:, 0], -1).astype(np.int64)
    with_own = replace(trained.batch, own_rows=own)
    without = link_batch(with_own, trained.index, trained.parameters, 2).ranked
    assert not (without.rows == own[:, None])[own >= 0].any()
    assert np.array_equal(without.rows[own < 0], usual.rows[own < 0])
    assert np.array_equal(without.rows[own >= 0][:, :-1], usual.rows[own >= 0][:, 1:])
    everyone = slice(0, trained.batch.n_claims)
    scored = [Scorer(batch, trained.index, trained.parameters).link(everyone)[0] for batch in (trained.batch, with_own)]
    assert np.array_equal(scored[0].n_candidates - scored[1].n_candidates, own >= 0)


@pytest.mark.parametrize("most_groups", [64, 1])
def test_the_bound_holds_for_every_candidate(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, most_groups: int
) -> None:
    """The most a pair may reach, from its first comparisons and the names' signatures, is never under its weight."""
    monkeypatch.setattr("linkage.scoring.upper_bounds._MOST_GROUPS", most_groups)
    _, everything = scored_with(trained, -np.inf)
    scorer = Scorer(trained.batch, trained.index, trained.parameters, floor_log2=0.0)
    tile = scorer.tile(slice(0, trained.batch.n_claims))
    pairs = Pairs.listed(everything.candidates.offsets, everything.candidates.rows)
    best = scorer.bound[-1].best_levels(tile.columns, pairs)
    first_weights, groups = scorer.upper_bounds.first_tables
    first = everything.codes % np.uint32(first_weights.size)
    subject = np.repeat(pairs.claims, np.diff(pairs.offsets))
    most = first_weights[first] + tile.gains[subject, groups[first]]
    slack = most - tile.needed[subject, best] - everything.weights
    assert (slack >= 0).all()
    assert np.median(slack) < (0.5 if most_groups > 1 else 10)


def test_with_a_looser_bound_the_result_is_the_same(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = linked(trained, 2)
    monkeypatch.setattr("linkage.scoring.upper_bounds._MOST_GROUPS", 1)
    loose = linked(trained, 2)
    assert_same(usual.ranked, loose.ranked)
    assert usual.patterns == loose.patterns


TEXTS = {
    "format": 1,
    "name": "texts",
    "left": "a",
    "right": "b",
    "left_id": "id",
    "right_id": "id",
    "field": [
        {"name": "block", "kind": "category", "left": ["block"], "right": ["block"]},
        {"name": "name", "kind": "text", "left": ["name"], "right": ["name"]},
    ],
    "pass": [{"name": "block", "left": ["block"], "right": ["block"]}],
    "comparison": [
        {"name": "block", "kind": "category", "left": ["block"], "right": ["block"], "m": [0.9, 0.1]},
        {
            "name": "name",
            "kind": "text",
            "left": ["name"],
            "right": ["name"],
            "measure": "jaro_winkler",
            "thresholds": [0.92, 0.8],
            "term_frequency": True,
            "m": [0.8, 0.1, 0.05, 0.05],
        },
    ],
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Names of few letters, many of them alike, some missing, one too long for masks and signatures."""
    rng = np.random.default_rng(5)
    names = ["".join(rng.choice(list("abcde"), n)) for n in rng.integers(3, 9, 300)]
    names += [None, "ab" * 40, *(name[:-1] + "f" for name in names[:100])]
    table = pa.table(
        {
            "id": [f"{i:05}" for i in range(2000)],
            "block": [str(i % 3) for i in range(2000)],
            "name": [names[i] for i in rng.integers(0, len(names), 2000)],
        }
    )
    plan = plan_from(TEXTS, "texts")
    index = build_index(Records.of(table), plan, tmp_path_factory.mktemp("texts") / "index")
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(table.slice(0, 500), plan, "left", dictionaries), dictionaries, index)
    return Trained(batch, index, starting_parameters(plan, index.n_persons))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("world", ["trained", "texts"])
def test_the_bound_holds_for_any_model(request: pytest.FixtureRequest, world: str, seed: int) -> None:
    """Also where less agreement weighs more: nothing over the floor is left out."""
    known: Trained = request.getfixturevalue(world)
    rng, last = np.random.default_rng(seed), known.parameters.comparisons[-1]
    m = np.append(1.0, rng.dirichlet(np.full(last.m.size - 1, 0.3)) + 1e-6)
    uneven = replace(known.parameters, comparisons=(*known.parameters.comparisons[:-1], replace(last, m=m)))
    any_model = replace(known, parameters=uneven)
    _, everything = scored_with(any_model, -np.inf)
    floor = float(np.quantile(everything.weights, 0.9))
    found, expected = pairs(scored_with(any_model, floor)[1], floor), pairs(everything, floor)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name
