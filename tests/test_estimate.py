"""EM and u against simulated pairs whose parameters are known.

A simulated subject meets all n_persons of a small registry, so nothing is left out: one match at most, relatives in
Poisson numbers, and random people. That is the model's own world, in which its estimates must come out right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import estimate, relatives
from models.comparators.date import CLOSER as DATES
from models.estimate import (
    PRIOR_MATCHES,
    PRIOR_RELATIVES,
    TOLERANCE,
    estimate_m,
    in_order,
)
from models.estimate_outside import numberless_shares, outside_by_sort
from models.estimate_u import LEAST_ABSENT, estimate_u, normalised
from models.order import chain
from models.parameters import NOT_ASKED, NUMBERLESS, STATED, ComparisonParameters, Parameters
from models.patterns import PatternSpace
from models.residual_correlation import residual_correlation
from models.training_sample import Settled, TrainingSample
from tests import naive

Vector = NDArray[np.float64]

N_PERSONS = 40
MISSING = 0.1  # of each comparison, whoever the pair is

#             m                         u                          household
TRUTH = {
    "sex": ([0.98, 0.02], [0.5, 0.5], [0.5, 0.5]),
    "date": ([0.9, 0.05, 0.03, 0.02], [0.002, 0.01, 0.088, 0.9], [0.01, 0.04, 0.15, 0.8]),
    "number": ([0.85, 0.05, 0.1], [0.0005, 0.0025, 0.997], [0.3, 0.1, 0.6]),
    "phone": ([0.75, 0.05, 0.2], [0.001, 0.004, 0.995], [0.8, 0.05, 0.15]),
    "name": ([0.85, 0.08, 0.05, 0.02], [0.01, 0.02, 0.17, 0.8], [0.005, 0.005, 0.49, 0.5]),
    # What relatives are met by. Everybody has it here, so it says nothing and leaves no relative out.
    "met": ([1 - 1e-6, 1e-6], [1 - 1e-6, 1e-6], [1 - 1e-6, 1e-6]),
}
NUMBER, PHONE, MET = 2, 3, 5


def with_missing(shares: list[float] | Vector) -> Vector:
    return np.array([1.0, *shares])


def true_parameters(share: float, recall: float = 1.0, rate: float = 0.6, n_persons: int = N_PERSONS) -> Parameters:
    comparisons = [
        ComparisonParameters(name, ("missing", *("abcd"[: len(m)])), *map(with_missing, (m, u, h)))
        for name, (m, u, h) in TRUTH.items()
    ]
    comparisons[MET] = replace(comparisons[MET], shared_levels=(1,))
    return Parameters(tuple(comparisons), share, recall, rate, n_persons)


def starting(truth: Parameters, share: float = 0.8, rate: float = 0.3) -> Parameters:
    """Starting values as a plan would have them: the right shape, wrong figures; u is known."""
    comparisons = []
    for c in truth.comparisons:
        n = c.m.size - 1
        falling = normalised(with_missing(0.5 ** np.arange(n)))
        first = replace(c, m=falling, household=normalised(with_missing(np.ones(n) + falling[1:])))
        comparisons.append(c if c.name == "met" else first)
    return replace(truth, comparisons=tuple(comparisons), share_in_registry=share, household_rate=rate)


@dataclass(frozen=True)
class World:
    sample: TrainingSample
    n_matches: int
    n_relatives: int
    n_claims: int
    levels_of_relatives: NDArray[np.uint8]  # [n met, n_comparisons]
    has_match: NDArray[np.bool_]


def missing_of(c: ComparisonParameters) -> float:
    return 0.0 if c.name == "met" else MISSING


def draw_levels(rng: np.random.Generator, distribution: Vector, missing: float, n: int) -> NDArray[np.uint8]:
    levels = 1 + rng.choice(distribution.size - 1, n, p=distribution[1:] / distribution[1:].sum())
    return np.where(rng.random(n) < missing, 0, levels).astype(np.uint8)


def simulate(
    truth: Parameters,
    n_claims: int,
    seed: int,
    name_shares: Vector | None = None,
    rate_of_matched: float | None = None,
    in_registry: NDArray[np.bool_] | None = None,
) -> World:
    """Candidates of subjects. A relative is met when his pattern has a level that is shared in households.

    name_shares: shares of the names, on which two random people agree by chance; the last comparison's "same" then has
    a term frequency. rate_of_matched: relatives per subject with a match, where it differs from that of the others.
    in_registry: bool[n_claims], whose person is there; drawn where it is None.
    """
    rng = np.random.default_rng(seed)
    if in_registry is None:
        has_match = rng.random(n_claims) < truth.share_in_registry * truth.blocking_recall
    else:
        has_match = in_registry & (rng.random(n_claims) < truth.blocking_recall)
    rate = truth.household_rate
    n_relatives = rng.poisson(np.where(has_match, rate if rate_of_matched is None else rate_of_matched, rate))
    sizes = N_PERSONS + n_relatives
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    is_match = (place == 0) & np.repeat(has_match, sizes)
    is_relative = place >= N_PERSONS
    columns = []
    for c in truth.comparisons:
        by_kind = [draw_levels(rng, shares, missing_of(c), place.size) for shares in (c.u, c.household, c.m)]
        columns.append(np.choose(is_relative + 2 * is_match, by_kind))
    is_shared = np.any([np.isin(x, c.shared_levels) for x, c in zip(columns, truth.comparisons, strict=True)], axis=0)
    met = ~is_relative | is_shared
    ratios = np.ones(place.size, np.float64)
    if name_shares is not None:
        borne = np.repeat(rng.choice(name_shares.size, n_claims, p=name_shares), sizes)
        columns[-1], ratios = with_names(rng, truth, columns[-1], name_shares[borne], is_match | is_relative)
    of_subject = np.bincount(np.repeat(np.arange(n_claims), sizes)[met], minlength=n_claims)
    levels, patterns = np.unique(np.stack(columns, axis=1)[met], axis=0, return_inverse=True)
    offsets = np.concatenate([[0], np.cumsum(of_subject)]).astype(np.int64)
    sample = TrainingSample(offsets, levels, patterns.ravel().astype(np.uint32), ratios[met])
    levels_of_relatives = np.stack(columns, axis=1)[met & is_relative]
    return World(sample, int(has_match.sum()), int(n_relatives.sum()), n_claims, levels_of_relatives, has_match)


def with_names(
    rng: np.random.Generator, truth: Parameters, levels: NDArray[np.uint8], share: Vector, is_kin: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Random people bear the subject's name with its share; the ratio is that share over the mean one, u."""
    u_same = truth.comparisons[-1].u[1]
    others = np.where((levels == 1) & ~is_kin, levels.max(), levels)
    drawn = np.where(~is_kin & (levels > 0) & (rng.random(levels.size) < share), 1, others).astype(np.uint8)
    return drawn, np.where(drawn == 1, share / u_same, 1.0).astype(np.float64)


def z_scores(estimated: Vector, true: Vector, start: Vector, n: float, n_prior: float) -> Vector:
    """How many standard deviations of n complete observations the estimate is off what shrinking to the prior gives."""
    expected = (n * true + n_prior * start) / (n + n_prior)
    return np.asarray((estimated - expected)[1:] / np.sqrt(true * (1 - true) / n)[1:])


def check_recovered(truth: Parameters, worlds: list[World], fits: list[Parameters], start: Parameters) -> None:
    """m within 4.5 standard deviations of complete observations, household probabilities within twice as many,
    because relatives are told from random people less surely; their means over the worlds as well."""
    for kind, n_prior, widened in (("m", PRIOR_MATCHES, 1.0), ("household", PRIOR_RELATIVES, 2.0)):
        if kind == "household" and truth.household_rate == 0:
            continue
        scores = []
        for world, fit in zip(worlds, fits, strict=True):
            n = (world.n_matches if kind == "m" else world.n_relatives) * (1 - MISSING)
            by_comparison = zip(fit.comparisons, truth.comparisons, start.comparisons, strict=True)
            shares = [[getattr(c, kind) for c in comparisons] for comparisons in by_comparison]
            scores.append(np.concatenate([z_scores(*three, n, n_prior) for three in shares]))
        assert np.abs(scores).max() < 4.5 * widened
        assert np.abs(np.mean(scores, axis=0)).max() < 4.0 * widened / np.sqrt(len(worlds)) + 0.3
    for world, fit in zip(worlds, fits, strict=True):
        in_registry = world.n_matches / world.n_claims / truth.blocking_recall
        assert fit.share_in_registry == pytest.approx(in_registry, abs=4.5 * np.sqrt(0.25 / world.n_claims))
        per_subject = world.n_relatives / world.n_claims
        assert fit.household_rate == pytest.approx(per_subject, abs=6 * np.sqrt(per_subject / world.n_claims) + 0.001)


@pytest.mark.parametrize(
    ("share", "recall", "rate"), [(0.9, 1.0, 0.6), (0.5, 1.0, 0.6), (0.8, 0.9, 0.6), (0.1, 1.0, 0.3), (0.9, 1.0, 0.0)]
)
def test_em_recovers_what_the_pairs_were_made_with(share: float, recall: float, rate: float) -> None:
    truth = true_parameters(share, recall, rate)
    start = starting(truth)
    worlds = [simulate(truth, 3000, seed) for seed in range(4)]
    results = [estimate_m(start, world.sample, N_PERSONS, household=rate > 0) for world in worlds]
    assert all(convergence.converged for _, convergence in results)
    check_recovered(truth, worlds, [fit for fit, _ in results], start)


def without_settled(world: World) -> TrainingSample:
    """The sample without the subjects whose match agrees in date, number and name, who are settled. A subject's match
    is the first of his pairs."""
    sample, n_pairs = world.sample, np.diff(world.sample.offsets)
    of_match = sample.levels[sample.patterns[sample.offsets[:-1]]]
    agrees = world.has_match & (of_match[:, [1, NUMBER, 4]] == 1).all(axis=1)
    stays = np.repeat(~agrees, n_pairs)
    offsets = np.concatenate([[0], np.cumsum(n_pairs[~agrees])]).astype(np.int64)
    levels, counts = np.unique(of_match[agrees], axis=0, return_counts=True)
    settled = Settled(levels, counts.astype(np.float64))
    return TrainingSample(offsets, sample.levels, sample.patterns[stays], sample.ratios[stays], settled=settled)


def test_what_exact_agreement_settled_teaches_what_matches_are_like() -> None:
    truth = true_parameters(0.9)
    start = starting(truth)
    worlds = [simulate(truth, 3000, seed) for seed in range(4)]
    left = [without_settled(world) for world in worlds]
    fits = [estimate_m(start, sample, N_PERSONS, household=True)[0] for sample in left]
    check_recovered(truth, worlds, fits, start)
    alone, _ = estimate_m(start, replace(left[0], settled=None), N_PERSONS, household=True)
    assert alone.comparisons[NUMBER].m[1] < 0.75, "the claims left have an error somewhere, and seem to have many"


def with_absent_level(c: ComparisonParameters, m: float, u: float, household: float) -> ComparisonParameters:
    """The comparison with one level more, of these shares, for what the right side alone lacks."""
    shares = [
        with_missing([*(1.0 - absent) * known[1:], absent])
        for absent, known in ((m, c.m), (u, c.u), (household, c.household))
    ]
    return replace(c, labels=(*c.labels, "absent"), m=shares[0], u=shares[1], household=shares[2], absent_level=True)


@pytest.mark.parametrize("absent", [(0.02, 0.35, 0.2), (0.5, 0.3, 0.1)])
def test_em_recovers_how_often_the_person_himself_lacks_what_is_stated(absent: tuple[float, float, float]) -> None:
    """Phones of matches lack less often than those of others, or more often. Levels that fall say nothing of it."""
    truth = true_parameters(0.9)
    phone = with_absent_level(truth.comparisons[PHONE], *absent)
    phone = replace(phone, closer=(*chain(phone.n_compared), ()))
    truth = replace(truth, comparisons=(*truth.comparisons[:PHONE], phone, *truth.comparisons[PHONE + 1 :]))
    start = starting(truth)
    worlds = [simulate(truth, 3000, seed) for seed in range(4)]
    results = [estimate_m(start, world.sample, N_PERSONS, household=True) for world in worlds]
    assert all(convergence.converged for _, convergence in results)
    check_recovered(truth, worlds, [fit for fit, _ in results], start)
    for fit, _ in results:
        ratios = fit.comparisons[PHONE].m[1:] / fit.comparisons[PHONE].u[1:]
        assert (np.diff(ratios[:-1]) <= 1e-12).all()
        assert (ratios[-1] > 1) == (absent[0] > absent[1])


def common_and_rare_names() -> tuple[Vector, Parameters]:
    """Shares of 30 names, and a truth without any number, in which names tell people apart."""
    shares = normalised(with_missing(1.0 / np.arange(1, 31) ** 1.5))[1:]
    sex, date, _, _, name, _ = true_parameters(0.9).comparisons
    same = (shares**2).sum()  # two random people
    u = np.concatenate([[1.0, same], normalised(name.u[1:])[1:] * (1 - same)])
    return shares, replace(true_parameters(0.9, rate=0.0), comparisons=(sex, date, replace(name, u=u)))


def test_em_recovers_with_term_frequencies() -> None:
    shares, truth = common_and_rare_names()
    start = starting(truth)
    worlds = [simulate(truth, 6000, seed, shares) for seed in range(4)]
    fits = [estimate_m(start, world.sample, N_PERSONS, household=False)[0] for world in worlds]
    check_recovered(truth, worlds, fits, start)
    # Were common and rare names worth the same, it would not.
    alike = [replace(world.sample, ratios=np.ones_like(world.sample.ratios)) for world in worlds]
    fits = [estimate_m(start, sample, N_PERSONS, household=False)[0] for sample in alike]
    with pytest.raises(AssertionError):
        check_recovered(truth, worlds, fits, start)


@pytest.mark.parametrize(("phones_shared", "absent"), [(0.8, 0.0), (0.4, 0.0), (0.8, 0.3)])
def test_relatives_who_share_one_number_only_are_expected_as_often_as_they_are(
    phones_shared: float, absent: float
) -> None:
    """Relatives are met by a number or a phone in common, and hence seem to share more than relatives do.

    What counts in the end is how many are expected with the same number and another phone, and the like; and of those
    who are met by the number, how many have no phone (absent of all).
    """
    truth = true_parameters(0.9)
    comparisons = [
        replace(c, shared_levels=(1,) if c.name in ("number", "phone") else ()) for c in truth.comparisons[:MET]
    ]
    phone = with_missing([phones_shared, 0.05, 0.95 - phones_shared])
    comparisons[PHONE] = replace(comparisons[PHONE], household=phone)
    if absent > 0:
        comparisons[PHONE] = with_absent_level(comparisons[PHONE], absent / 3, absent, absent)
    truth = replace(truth, comparisons=tuple(comparisons))
    world = simulate(truth, 6000, seed=0)
    fit, _ = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    for number_level, phone_level in ((1, 1), (1, 3), (3, 1), *([(1, 4)] if absent > 0 else [])):
        levels = np.zeros((1, len(comparisons)), np.uint8)
        levels[0, [NUMBER, PHONE]] = number_level, phone_level
        random = fit.comparisons[NUMBER].u[number_level] * fit.comparisons[PHONE].u[phone_level]
        expected = world.n_claims * N_PERSONS * random * fit.household_odds(levels, N_PERSONS)[0]
        met = (world.levels_of_relatives[:, [NUMBER, PHONE]] == (number_level, phone_level)).all(axis=1).sum()
        n = met / (1 - MISSING) ** 2
        assert expected == pytest.approx(n, abs=6 * np.sqrt(n)), (number_level, phone_level)


def test_relatives_of_those_alone_who_have_no_match_are_not_averaged_away() -> None:
    """Who borrows a number meets its owner and is not there himself; who has a match has a number of his own."""
    truth = true_parameters(0.9, rate=0.9)
    world = simulate(truth, 6000, seed=5, rate_of_matched=0.0)
    fit, convergence = estimate_m(starting(truth, rate=0.1), world.sample, N_PERSONS, household=True)
    assert convergence.converged
    assert fit.household_rate == pytest.approx(0.9, abs=0.15)
    assert fit.share_in_registry == pytest.approx(world.n_matches / world.n_claims, abs=0.015)


@pytest.mark.parametrize(("borrowed", "rate"), [(False, 0.1), (True, 0.74)])
def test_relatives_of_those_who_have_a_match_speak_against_no_other(borrowed: bool, rate: float) -> None:
    """Who moved is not at his address any more, nor is his family; where numbers are borrowed caution stays."""
    truth = true_parameters(0.8, rate=0.1)
    world = simulate(truth, 6000, seed=5, rate_of_matched=0.9)
    fit, convergence = estimate_m(starting(truth, rate=0.5), world.sample, N_PERSONS, household=True, borrowed=borrowed)
    assert convergence.converged
    assert fit.household_rate == pytest.approx(rate, abs=0.1)
    assert fit.share_in_registry == pytest.approx(world.n_matches / world.n_claims, abs=0.015)


def test_few_matches_leave_the_priors_standing() -> None:
    truth = true_parameters(0.05)
    start = starting(truth, share=0.5)
    world = simulate(truth, 60, seed=4)
    assert 1 <= world.n_matches <= 6
    fit, _ = estimate_m(start, world.sample, N_PERSONS, household=True)
    for c, first in zip(fit.comparisons, start.comparisons, strict=True):
        assert np.isfinite(np.concatenate([c.m, c.household])).all()
        assert c.m[1:].sum() == pytest.approx(1.0)
        assert (c.m[1:] >= PRIOR_MATCHES * first.m[1:] / (PRIOR_MATCHES + 10)).all()
        assert c.household[1:].min() > 0
    assert 0 < fit.share_in_registry < 0.25


@pytest.mark.kernel
@pytest.mark.parametrize("n_claims", [0, 1, 5])
def test_nobody_or_nothing_to_compare_gives_the_priors_back(n_claims: int) -> None:
    truth = true_parameters(0.9)
    start = starting(truth)
    offsets = np.zeros(n_claims + 1, np.int64)
    sample = TrainingSample(
        offsets, np.empty((0, len(TRUTH)), np.uint8), np.empty(0, np.uint32), np.empty(0, np.float64)
    )
    fit, convergence = estimate_m(start, sample, N_PERSONS, household=True)
    for c, first in zip(fit.comparisons, start.comparisons, strict=True):
        assert np.allclose(c.m, first.m)
        assert np.allclose(c.household, first.household)
    assert 0 < fit.share_in_registry < 1
    assert np.isfinite([fit.household_rate, convergence.log2_likelihood, *convergence.changes]).all()


@pytest.mark.kernel
def test_a_comparison_that_is_always_missing_keeps_its_prior() -> None:
    truth = true_parameters(0.9)
    world = simulate(truth, 20, seed=1)
    levels = world.sample.levels.copy()
    levels[:, 2] = 0
    start = starting(truth)
    fit, _ = estimate_m(start, replace(world.sample, levels=levels), N_PERSONS, household=True)
    assert np.allclose(fit.comparisons[2].m, start.comparisons[2].m)
    assert not np.allclose(fit.comparisons[1].m, start.comparisons[1].m)


def fit_after(n_iterations: int, start: Parameters, world: World, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    monkeypatch.setattr(estimate, "MAX_ITERATIONS", n_iterations)
    return estimate_m(start, world.sample, N_PERSONS, household=start.household_rate > 0)[0]


@pytest.mark.parametrize("rate", [0.6, 0.0])
def test_the_likelihood_with_its_priors_never_falls(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rate of all subjects, its maximum: that of the unmatched alone may lose a little of it, and so may
    levels that are kept in order."""
    monkeypatch.setattr(relatives, "PRIOR_UNMATCHED", 1e12)
    truth = true_parameters(0.7, 0.95, rate)
    start = starting(truth, rate=0.3 if rate else 0.0)
    world = simulate(truth, 250, seed=2)
    monkeypatch.setattr(estimate, "TOLERANCE", 0.0)
    fits = [start, *(fit_after(n, start, world, monkeypatch) for n in (1, 2, 3, 4, 6, 10, 20, 40))]
    objectives = [naive.log_posterior(parameters_of(fit), parameters_of(start), *sample_of(world)) for fit in fits]
    steps = np.diff(objectives)
    assert steps.min() > -1e-7
    assert steps[0] > 1.0


def parameters_of(p: Parameters) -> dict[str, object]:
    """Plain lists and numbers for the twin."""
    tables = {kind: [getattr(c, kind).tolist() for c in p.comparisons] for kind in ("m", "u", "household")}
    return tables | {
        "share": p.share_in_registry,
        "recall": p.blocking_recall,
        "rate": p.household_rate,
        "n_persons": N_PERSONS,
        "prior_matches": PRIOR_MATCHES,
        "prior_relatives": PRIOR_RELATIVES,
    }


def sample_of(world: World) -> tuple[list[int], list[list[int]], list[float]]:
    sample = world.sample
    return sample.offsets.tolist(), sample.levels[sample.patterns].tolist(), sample.ratios.tolist()


def test_the_reported_likelihood_is_that_of_the_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without relatives it is the whole likelihood, but for the constant of the random pairs."""
    truth = true_parameters(0.7, 0.95, 0.0)
    start = starting(truth, rate=0.0)
    world = simulate(truth, 300, seed=6)
    monkeypatch.setattr(estimate, "TOLERANCE", 0.0)
    reported = []
    for n in (1, 2, 3, 5, 9):
        monkeypatch.setattr(estimate, "MAX_ITERATIONS", n)
        reported.append(estimate_m(start, world.sample, N_PERSONS, household=False)[1].log2_likelihood)
    assert np.diff(reported).min() > -PRIOR_MATCHES  # the priors may take a little of it
    assert reported[-1] > reported[0]
    before = parameters_of(start)
    assert reported[0] == pytest.approx(naive.log2_likelihood(before, *sample_of(world)), rel=1e-9)


def test_a_stop_at_the_limit_is_not_called_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = true_parameters(0.9)
    world = simulate(truth, 500, seed=3)
    _, complete = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    assert complete.converged
    assert complete.changes[-1] <= TOLERANCE
    assert len(complete.changes) == complete.n_iterations
    monkeypatch.setattr(estimate, "MAX_ITERATIONS", complete.n_iterations - 1)
    _, cut = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    assert not cut.converged
    assert cut.changes == complete.changes[:-1]
    # An end that is reached at the very limit is one all the same.
    monkeypatch.setattr(estimate, "MAX_ITERATIONS", complete.n_iterations)
    assert estimate_m(starting(truth), world.sample, N_PERSONS, household=True)[1].converged


@pytest.mark.parametrize("share_of_household_levels", [1.0, 0.0])
def test_converged_means_that_the_end_is_near(
    share_of_household_levels: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where relatives look like random people (0.0), and only the household rate moves, by a percent a step."""
    truth = true_parameters(0.9)
    alike = [replace(c, household=c.u + share_of_household_levels * (c.household - c.u)) for c in truth.comparisons]
    truth = replace(truth, comparisons=tuple(alike))
    world = simulate(truth, 1000, seed=3)
    start = replace(truth, share_in_registry=0.8, household_rate=0.3)
    fit, convergence = estimate_m(start, world.sample, N_PERSONS, household=True)
    monkeypatch.setattr(estimate, "TOLERANCE", 0.0)
    end = fit_after(1000, start, world, monkeypatch)
    is_near = [abs(fit.household_rate - end.household_rate) < 10 * TOLERANCE]
    for a, b in zip(fit.comparisons, end.comparisons, strict=True):
        is_near += [np.abs(a.m - b.m).max() < 10 * TOLERANCE, np.abs(a.household - b.household).max() < 10 * TOLERANCE]
    assert all(is_near) or not convergence.converged
    assert convergence.converged or share_of_household_levels == 0.0


def test_training_twice_gives_the_same_bits_and_leaves_the_sample_alone() -> None:
    truth = true_parameters(0.9)
    world = simulate(truth, 500, seed=5)
    arrays = [array for array in vars(world.sample).values() if array is not None]
    before = [array.copy() for array in arrays]
    first, one = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    second, two = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    assert one.changes == two.changes
    assert one.residual_correlation.tobytes() == two.residual_correlation.tobytes()
    assert first.share_in_registry == second.share_in_registry
    for a, b in zip(first.comparisons, second.comparisons, strict=True):
        assert a.m.tobytes() == b.m.tobytes()
        assert a.household.tobytes() == b.household.tobytes()
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays, strict=True))


# ------------------------------------------------------------------------------------ levels in order, dependence


level_shares = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7)


@pytest.mark.kernel
@given(level_shares, level_shares)
@example([0.1, 0.2, 0.7], [0.3, 0.3, 0.4])
@example([0.5, 0.1, 0.4], [0.1, 0.8, 0.1])
def test_pooled_levels_are_the_closest_that_fall(m_shares: list[float], u_shares: list[float]) -> None:
    """The min-max formula of isotonic regression (Robertson, Wright and Dykstra 1988, theorem 1.4.4)."""
    n = min(len(m_shares), len(u_shares))
    m, u = (normalised(with_missing(shares[:n])) for shares in (m_shares, u_shares))
    pooled = in_order(m, u, chain(m.size))
    expected = naive.falling_ratios(m[1:].tolist(), u[1:].tolist())
    assert (pooled[1:] / u[1:]).tolist() == pytest.approx(expected, rel=1e-9)
    assert pooled[0] == 1.0
    assert pooled[1:].sum() == pytest.approx(1.0)
    of_dates = in_order(m, u, DATES[: m.size])
    ratios = of_dates / u
    for level, closer in enumerate(DATES[: m.size]):
        assert all(ratios[level] <= ratios[other] * (1 + 1e-9) for other in closer)
    assert of_dates[1:].sum() == pytest.approx(1.0)
    assert in_order(of_dates, u, DATES[: m.size]) == pytest.approx(of_dates, rel=1e-9)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_only_comparisons_with_an_order_are_kept_from_rising(is_ordered: bool) -> None:
    """A slip is more often a swap of day and month than one wrong digit: m / u of the true levels rises there."""
    truth = true_parameters(0.9)
    order = chain(5) if is_ordered else ()
    date = replace(truth.comparisons[1], m=with_missing([0.8, 0.004, 0.18, 0.016]), closer=order)
    truth = replace(truth, comparisons=(truth.comparisons[0], date, *truth.comparisons[2:]))
    world = simulate(truth, 2000, seed=1)
    fit, convergence = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    ratios = fit.comparisons[1].m[1:] / fit.comparisons[1].u[1:]
    assert convergence.converged
    assert (np.diff(ratios) <= 1e-12).all() == is_ordered


def test_independent_comparisons_have_no_residual_correlation() -> None:
    truth = true_parameters(0.9)
    world = simulate(truth, 4000, seed=2)
    _, convergence = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    table = convergence.residual_correlation
    assert np.array_equal(table, table.T)
    assert (np.diag(table) == 1.0).all()
    assert np.abs(table - np.eye(len(TRUTH))).max() < 4.5 / np.sqrt(world.n_matches * (1 - MISSING) ** 2)


@pytest.mark.kernel
def test_residual_correlation_is_that_of_agreement_among_matches() -> None:
    """Ten in twenty matches agree on a and b, five on neither, two on a alone, three on b alone; some do not know b."""
    c = ComparisonParameters(
        "c", ("missing", "same", "other"), *map(with_missing, ([0.9, 0.1], [0.1, 0.9], [0.5, 0.5]))
    )
    p = Parameters((c, replace(c, name="b")), 0.9, 1.0, 0.0, 10)
    levels = np.array([[1, 1], [2, 2], [1, 2], [2, 1], [1, 0]], np.uint8)
    table = residual_correlation(p, levels, np.array([100.0, 50.0, 20.0, 30.0, 70.0]))
    a, b = (np.repeat(agreement, [10, 5, 2, 3]) for agreement in ([1, 0, 1, 0], [1, 0, 0, 1]))
    assert table[0, 1] == pytest.approx(np.corrcoef(a, b)[0, 1])
    # What the right side lacks is neither agreement nor disagreement.
    lacking = replace(p, comparisons=(with_absent_level(c, 0.3, 0.1, 0.1), with_absent_level(c, 0.1, 0.3, 0.3)))
    levels_too = np.concatenate([levels, np.array([[3, 1], [3, 3], [2, 3]], np.uint8)])
    of_all = residual_correlation(lacking, levels_too, np.array([100.0, 50.0, 20.0, 30.0, 70.0, 90.0, 80.0, 60.0]))
    assert np.array_equal(of_all, table)
    assert residual_correlation(p, levels, np.zeros(5)).tolist() == [[1, 0], [0, 1]]
    assert residual_correlation(p, levels, np.array([300.0, 0, 0, 0, 0])).tolist() == [[1, 0], [0, 1]]
    # Of few it is mostly chance.
    assert residual_correlation(p, levels, np.array([10.0, 5.0, 2.0, 3.0, 7.0])).tolist() == [[1, 0], [0, 1]]


# ------------------------------------------------------------------------------------------------------ u


RARE = {"number": [2e-6, 5e-6], "phone": [1e-5, 2e-5]}  # u of fields on which random people hardly ever agree


def truth_with_rare_agreements() -> Parameters:
    truth = true_parameters(0.9, rate=1.0)
    rare = {name: np.array([1.0, *u, 1.0 - sum(u)]) for name, u in RARE.items()}
    return replace(truth, comparisons=tuple(replace(c, u=rare.get(c.name, c.u)) for c in truth.comparisons))


def draw_random_pairs(
    truth: Parameters, n_persons: int, n_pairs: int, seed: int
) -> tuple[PatternSpace, NDArray[np.uint32], NDArray[np.int64]]:
    """Patterns of random pairs of subject and person; one in n_persons / share is a match, and so on."""

    def probabilities(of_kind: Callable[[ComparisonParameters], Vector]) -> Vector:
        table = np.ones(1)
        for c in truth.comparisons:
            levels = np.concatenate([[missing_of(c)], (1 - missing_of(c)) * of_kind(c)[1:]])
            table = np.multiply.outer(levels, table).ravel()
        return table

    match, relative = truth.share_in_registry / n_persons, truth.household_rate / n_persons
    mixed = (1 - match - relative) * probabilities(lambda c: c.u)
    mixed += match * probabilities(lambda c: c.m) + relative * probabilities(lambda c: c.household)
    counts = np.random.default_rng(seed).multinomial(n_pairs, mixed / mixed.sum())
    space = PatternSpace(tuple(c.u.size for c in truth.comparisons))
    codes = np.flatnonzero(counts).astype(np.uint32)
    return space, codes, counts[codes]


def without_u(parameters: Parameters) -> Parameters:
    even = [replace(c, u=normalised(np.ones(c.u.size))) for c in parameters.comparisons]
    return replace(parameters, comparisons=tuple(even))


@pytest.mark.parametrize(("n_persons", "blurred"), [(1_000_000, 0.05), (100_000, 0.1), (5_000, 0.35)])
def test_u_is_that_of_random_people_alone(n_persons: int, blurred: float) -> None:
    """Of 18 million pairs of a small registry with a known phone, 180 agree on it by chance and 5,400 as matches or
    relatives. These cannot be told apart to the last one; ``blurred`` is what may be left of them."""
    truth = truth_with_rare_agreements()
    n_pairs = 20_000_000
    for seed in range(2):
        space, codes, counts = draw_random_pairs(truth, n_persons, n_pairs, seed)
        fit = estimate_u(without_u(truth), space, codes, counts, n_persons)
        for c, true in zip(fit.comparisons, truth.comparisons, strict=True):
            deviations = np.sqrt(true.u * (1 - true.u) / (n_pairs * (1 - MISSING)))
            allowed = 4.0 * deviations[1:] + blurred * np.minimum(true.u, 1e-4)[1:]
            assert (np.abs(c.u - true.u)[1:] < allowed).all(), (c.name, c.u, true.u)
            assert c.u[0] == 1.0


@pytest.mark.kernel
def test_without_matches_or_relatives_u_is_the_share_of_each_level() -> None:
    space = PatternSpace((3, 3))
    m = with_missing([0.9, 0.1])
    comparisons = tuple(ComparisonParameters(n, ("missing", "same", "other"), m, m, m) for n in "ab")
    before = Parameters(comparisons, 1e-9, 1.0, 0.0, 10**9)
    codes = np.array([1 + 3 * 1, 2 + 3 * 2, 2 + 3 * 0], np.uint32)
    fit = estimate_u(before, space, codes, np.array([10, 80, 9]), 10**9)
    assert np.allclose(fit.comparisons[0].u, [1, 10.5 / 100, 89.5 / 100])
    assert np.allclose(fit.comparisons[1].u, [1, 10.5 / 91, 80.5 / 91])


@pytest.mark.kernel
@pytest.mark.parametrize(("n_absent", "expected"), [(0, LEAST_ABSENT), (9, LEAST_ABSENT), (40_000, 0.4)])
def test_what_no_random_person_lacks_is_not_taken_for_impossible(n_absent: int, expected: float) -> None:
    """Else the next night's first person without a value would have 20 bits for it."""
    even = np.array([1.0, 0.25, 0.25, 0.5])
    c = ComparisonParameters("c", ("missing", "same", "other", "absent"), even, even, even, absent_level=True)
    counts = np.array([100, 99_900 - n_absent, n_absent])
    fit = estimate_u(
        Parameters((c,), 1e-9, 1.0, 0.0, 10**9), PatternSpace((4,)), np.array([1, 2, 3], np.uint32), counts, 10**9
    )
    u = fit.comparisons[0].u
    assert u[3] == pytest.approx(expected, rel=1e-3)
    assert u[1:].sum() == pytest.approx(1.0)
    assert u[1] / u[2] == pytest.approx(100.5 / (99_900.5 - n_absent))


@pytest.mark.kernel
def test_no_random_pair_at_all_gives_even_levels() -> None:
    truth = true_parameters(0.9)
    space = PatternSpace(tuple(c.u.size for c in truth.comparisons))
    fit = estimate_u(truth, space, np.empty(0, np.uint32), np.empty(0, np.int64), N_PERSONS)
    for c in fit.comparisons:
        assert np.allclose(c.u[1:], 1 / (c.u.size - 1))


def test_u_is_what_subjects_show_who_are_not_in_the_registry() -> None:
    """One subject in ten has a number that is nobody's, but four in five of those outside the registry."""
    n_pairs, of_all, of_outside = 10_000_000, np.array([0.9, 0.1]), np.array([0.2, 0.8])
    truth = true_parameters(0.9, rate=0.0)
    tables, u_of_sort = [], [[0.0005, 0.0095, 0.99], [0.0005, 0.7995, 0.2]]
    for sort, u in enumerate(u_of_sort):
        comparisons = list(truth.comparisons)
        comparisons[NUMBER] = replace(comparisons[NUMBER], u=with_missing(u))
        of_sort = replace(truth, comparisons=tuple(comparisons))
        space, codes, counts = draw_random_pairs(of_sort, 1_000_000, int(n_pairs * of_all[sort]), seed=sort)
        tables.append((codes, counts, np.full(codes.size, (of_outside / of_all)[sort])))
    patterns, counts, outside = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    fit = estimate_u(without_u(truth), space, patterns, counts, 1_000_000, outside)
    expected = of_outside @ np.array(u_of_sort)
    assert fit.comparisons[NUMBER].u[1:] == pytest.approx(expected, rel=0.15)
    assert fit.comparisons[0].u[1:] == pytest.approx(truth.comparisons[0].u[1:], rel=0.01)


@pytest.mark.parametrize(("share", "m", "u"), [(0.9, 0.1, 0.3), (0.9, 0.3, 0.1), (0.5, 0.05, 0.4), (0.8, 0.2, 0.2)])
def test_shares_without_a_number_are_recovered(share: float, m: float, u: float) -> None:
    """Of the claims in the registry and of those outside it, found while nothing says which is which."""
    truth = true_parameters(share, recall=0.97)
    rng = np.random.default_rng(7)
    in_registry = rng.random(12_000) < truth.share_in_registry
    world = simulate(truth, in_registry.size, seed=6, in_registry=in_registry)
    is_numberless = rng.random(in_registry.size) < np.where(in_registry, m, u)
    sample = replace(world.sample, said_of_number=np.where(is_numberless, NUMBERLESS, STATED).astype(np.uint8))
    fit, convergence = estimate_m(starting(truth), sample, N_PERSONS, household=True)
    assert convergence.converged
    assert (fit.numberless_m, fit.numberless_u) == pytest.approx((m, u), abs=0.035)
    assert np.sign(round(fit.numberless_u - fit.numberless_m, 1)) == np.sign(round(u - m, 1))
    shares = [
        1 - share * (1 - m) / (share * (1 - m) + (1 - share) * (1 - u)),
        (1 - share) * u / ((1 - share) * u + share * m),
    ]
    priors = (1 - fit.share_in_registry) * fit.times_outside(np.array([STATED, NUMBERLESS]))
    assert priors / (priors + fit.share_in_registry) == pytest.approx(shares, abs=0.04)


def test_who_was_not_asked_for_a_number_says_nothing_of_those_without_one() -> None:
    """The shares are those of the claims that were asked, whoever the others are: here half of those outside."""
    truth = true_parameters(0.8, recall=0.97)
    rng = np.random.default_rng(7)
    in_registry = rng.random(12_000) < truth.share_in_registry
    world = simulate(truth, in_registry.size, seed=6, in_registry=in_registry)
    said = np.where(rng.random(in_registry.size) < np.where(in_registry, 0.1, 0.3), NUMBERLESS, STATED)
    said[rng.random(in_registry.size) < np.where(in_registry, 0.2, 0.5)] = NOT_ASKED
    sample = replace(world.sample, said_of_number=said.astype(np.uint8))
    fit, _ = estimate_m(starting(truth), sample, N_PERSONS, household=True)
    assert (fit.numberless_m, fit.numberless_u) == pytest.approx((0.1, 0.3), abs=0.035)
    nobody = replace(world.sample, said_of_number=np.full(in_registry.size, NOT_ASKED, np.uint8))
    fit, _ = estimate_m(starting(truth), nobody, N_PERSONS, household=True)
    assert fit.numberless_m == fit.numberless_u


def claims_without_pairs(n_numberless: int) -> TrainingSample:
    """A thousand, of which some state no number."""
    said = np.where(np.arange(1000) < n_numberless, NUMBERLESS, STATED).astype(np.uint8)
    nothing = np.zeros(1001, np.int64), np.empty((0, 6), np.uint8), np.empty(0, np.uint32), np.empty(0)
    return TrainingSample(*nothing, said_of_number=said)


@pytest.mark.kernel
def test_settled_claims_that_were_not_asked_are_not_counted() -> None:
    empty = claims_without_pairs(300)
    outside = np.full(1000, 0.1)
    settled = Settled(np.empty((1, 6), np.uint8), np.array([9000.0]), said_of_number=np.array([9000.0, 0.0, 0.0]))
    alone = numberless_shares(true_parameters(0.9), empty, outside)
    assert numberless_shares(true_parameters(0.9), replace(empty, settled=settled), outside) == alone


@pytest.mark.kernel
def test_few_claims_without_a_number_tell_little() -> None:
    """Three of them, all outside: the shares stay near that of all claims, which counts as 20 of the rarer sort."""
    empty = claims_without_pairs(3)
    outside = (np.arange(1000) < 100).astype(np.float64)
    m, u = numberless_shares(true_parameters(0.9), empty, outside)
    of_all = 4 / 1002
    assert m == pytest.approx(20 / (900 + 20 / of_all))
    assert u == pytest.approx(23 / (100 + 20 / of_all))
    assert 1.2 < u / m < 1.5
    settled = Settled(np.empty((1, 6), np.uint8), np.array([9000.0]), said_of_number=np.array([0.0, 90.0, 8910.0]))
    m, u = numberless_shares(true_parameters(0.9), replace(empty, settled=settled), outside)
    assert m == pytest.approx(90 / 9900, rel=0.05)
    assert numberless_shares(true_parameters(0.9), replace(empty, said_of_number=None), outside) == (0.5, 0.5)


@pytest.mark.kernel
@pytest.mark.parametrize("n_numberless", [0, 5, 9_995, 10_000])
@pytest.mark.parametrize("outside", [0.05, 0.7])
def test_a_sort_of_which_there_are_hardly_any_says_nothing(n_numberless: int, outside: float) -> None:
    """Neither the few without a number nor the few with one, as likely outside as all."""
    n = np.zeros(10_001, np.int64), np.empty((0, 6), np.uint8), np.empty(0, np.uint32), np.empty(0)
    said = np.where(np.arange(10_000) < n_numberless, NUMBERLESS, STATED).astype(np.uint8)
    sample = TrainingSample(*n, said_of_number=said)
    parameters = true_parameters(0.9)
    m, u = numberless_shares(parameters, sample, np.full(10_000, outside))
    fitted = replace(parameters, numberless_m=m, numberless_u=u)
    assert fitted.times_outside(np.array([STATED, NUMBERLESS])) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_sorts_of_subjects_outside_the_registry_are_found(share: float) -> None:
    truth = true_parameters(share)
    world = simulate(truth, 6000, seed=3)
    chance = np.random.default_rng(4).random(world.n_claims)
    sorts = (chance < np.where(world.has_match, 0.1, 0.8)).astype(np.uint8)
    fit, _ = estimate_m(starting(truth), world.sample, N_PERSONS, household=True)
    found = outside_by_sort(fit, world.sample, sorts, 3, N_PERSONS)
    of_all = sorts.mean()
    assert found[1] == pytest.approx(0.8 / of_all, rel=0.15)
    assert found[0] == pytest.approx(0.2 / (1 - of_all), rel=0.25)
    assert found[2] == 1.0  # nobody is of this sort


@pytest.mark.kernel
def test_without_subjects_no_sort_is_special() -> None:
    empty = TrainingSample(np.zeros(1, np.int64), np.empty((0, 6), np.uint8), np.empty(0, np.uint32), np.empty(0))
    found = outside_by_sort(true_parameters(0.9), empty, np.empty(0, np.uint8), 2, N_PERSONS)
    assert found.tolist() == [1.0, 1.0]
