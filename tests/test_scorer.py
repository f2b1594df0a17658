"""The scorer leaves out pairs early; what it gives is what scoring all of them would have given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from linkage.comparing import Batch, prepare_batch
from linkage.encode import encode
from linkage.link import Ranked, Scored, Scorer, link_batch
from linkage.registry import Index
from linkage.registry_files import build_from_files
from linkage.simulate import simulate
from linkage.train import train
from models.parameters import Parameters
from models.score import weigh
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
    whole = slice(0, trained.batch.n_subjects)
    return scorer, scorer.score(whole, scorer.candidates(whole)[0])


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
        everything.weights.tolist(),
        everything.candidates.rows.tolist(),
        scorer.floor,
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
    shares = {
        kind: np.prod([getattr(c, kind)[levels[:, i]] for i, c in enumerate(p.comparisons)], axis=0)
        for kind in ("m", "u", "household")
    }
    is_shared = np.any([np.isin(levels[:, i], c.shared_levels) for i, c in enumerate(p.comparisons)], axis=0)
    relatives = p.household_rate / trained.index.n_persons * shares["household"] * is_shared
    non_match = shares["u"] * scored.ratios + relatives
    assert np.allclose(scored.weights, np.log2(shares["m"] / non_match), rtol=0, atol=1e-6)
    # Both corrections matter here: without relatives, and without term frequencies, some weights are others.
    assert np.abs(scored.weights - np.log2(shares["m"] / shares["u"] / scored.ratios)).max() > 1
    assert np.abs(scored.weights - np.log2(shares["m"] / (shares["u"] + relatives))).max() > 1


def test_threads_and_tiles_make_no_difference(trained: Trained) -> None:
    scorer = Scorer(trained.batch, trained.index, trained.parameters)
    one, three = link_batch(scorer, 1), link_batch(scorer, 3)
    assert_same(one.ranked, three.ranked)
    assert one.patterns == three.patterns
    whole = slice(0, trained.batch.n_subjects)
    n_kept = trained.index.plan.decision.candidates_kept
    assert_same(one.ranked, scorer.rank(scorer.score(whole, scorer.candidates(whole)[0]), n_kept))


def test_the_bound_holds_for_every_candidate(trained: Trained) -> None:
    """A pair's bound, from its first comparisons alone, is never under the weight it ends with."""
    _, everything = scored_with(trained, -np.inf)
    scorer = Scorer(trained.batch, trained.index, trained.parameters)
    rarest = [c.rarest() for c in scorer.bound]
    assert any((ratios < 1).any() for ratios in rarest)
    for n_first in range(len(scorer.bound)):
        bound = trained.parameters.bound_table(scorer.space, n_first, rarest)
        weights = np.empty(everything.codes.size)
        tables = (
            trained.parameters.match_weight_table(scorer.space),
            trained.parameters.household_table(scorer.space, trained.index.n_persons),
        )
        weigh(everything.codes, everything.ratios, *tables, weights)
        assert np.array_equal(weights, everything.weights)
        assert (weights <= bound[everything.codes % np.uint32(bound.size)]).all()
