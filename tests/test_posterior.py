"""The posterior against Bayes' rule written out, and the threshold against trying every one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.parameters import MOST_LOG2, NOT_ASKED, NUMBERLESS, STATED, ComparisonParameters, Parameters
from models.posterior import match_threshold, pair_probability, posterior

pytestmark = pytest.mark.kernel

Vector = NDArray[np.float64]

ONE = np.array([1.0, 0.5, 0.5])
ONCE = np.ones(1)  # one claim that says nothing of itself


def parameters(share: float, recall: float, n_persons: int = 1000) -> Parameters:
    comparison = ComparisonParameters("sex", ("missing", "same", "other"), ONE, ONE, ONE)
    return Parameters((comparison,), share, recall, 0.0, n_persons)


def bayes(factors: list[Fraction], share: Fraction, recall: Fraction, n_persons: int) -> list[Fraction]:
    """Probability of each hypothesis: candidate i, "not there", "not searched".

    The patterns of all candidates are the evidence. Under "i" its pattern has the likelihood of a match, the others
    that of random pairs; Bayes factors are taken as m = BF / 10 over u = 1 / 10.
    """
    m, u = [factor / 10 for factor in factors], Fraction(1, 10)
    random = [u] * len(m)
    likelihoods = [np.prod([m[i], *random[:i], *random[i + 1 :]]) for i in range(len(m))]
    nobody = Fraction(np.prod(random)) if random else Fraction(1)
    priors = [*[share / n_persons] * len(m), 1 - share, share * (1 - recall)]
    joint = [p * q for p, q in zip(priors, [*likelihoods, nobody, nobody], strict=True)]
    return [p / sum(joint) for p in joint]


shares = st.fractions(Fraction(1, 1000), Fraction(999, 1000))
bayes_factors = st.lists(st.fractions(0, 10**7), max_size=6)


@given(bayes_factors, shares, st.fractions(0, 1), st.integers(1, 10**8))
@example([], Fraction(1, 2), Fraction(9, 10), 10)
@example([Fraction(1), Fraction(1)], Fraction(1, 2), Fraction(1), 2)
def test_posterior_is_bayes_over_all_hypotheses(
    factors: list[Fraction], share: Fraction, recall: Fraction, n_persons: int
) -> None:
    kept = 4
    ranked = sorted(factors, reverse=True)[:kept]
    weights = np.full((1, kept), -np.inf)
    with np.errstate(divide="ignore"):
        weights[0, : len(ranked)] = np.log2([float(factor) for factor in ranked])
    found = posterior(
        weights, np.array([float(sum(factors))]), ONCE, parameters(float(share), float(recall), n_persons)
    )
    expected = bayes(sorted(factors, reverse=True), share, recall, n_persons)
    *candidates, none, unsearched = map(float, expected)
    assert found.candidates[0, : len(ranked)] == pytest.approx(candidates[:kept], rel=1e-9, abs=1e-15)
    assert found.none[0] == pytest.approx(none, rel=1e-9)
    assert found.unsearched[0] == pytest.approx(unsearched, rel=1e-9, abs=1e-15)
    assert found.others[0] == pytest.approx(sum(candidates[kept:]), abs=1e-12)


def all_parts(weights: Vector, sums: Vector, share: float = 0.9, recall: float = 0.99) -> Vector:
    found = posterior(weights, sums, np.ones(sums.size), parameters(share, recall, 10**8))
    parts = np.column_stack([found.candidates, found.none, found.unsearched, found.others])
    assert (parts >= 0).all()
    return parts


@given(st.lists(st.lists(st.floats(-60, 500), max_size=30), min_size=1, max_size=5), st.floats(1e-6, 1 - 1e-6))
def test_the_parts_sum_to_one(weights_of_subjects: list[list[float]], share: float) -> None:
    weights = np.full((len(weights_of_subjects), 5), -np.inf)
    for row, values in zip(weights, weights_of_subjects, strict=True):
        best = sorted(values, reverse=True)[:5]
        row[: len(best)] = best
    sums = np.array([sum(2.0**w for w in values) for values in weights_of_subjects])
    assert np.allclose(all_parts(weights, sums, share).sum(axis=1), 1.0, atol=1e-12)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.05, 0.95), st.floats(0.1, 1.0), st.floats(0, 40))
def test_a_number_or_none_is_evidence_of_who_is_outside(
    m: float, u: float, share: float, recall: float, w: float
) -> None:
    """Bayes' rule with the number's absence as one more observation: m in the registry, found or not, u outside.

    Who was not asked for one shows neither.
    """
    p = replace(parameters(share, recall), numberless_m=m, numberless_u=u)
    outside = p.times_outside(np.array([NUMBERLESS, STATED, NOT_ASKED], np.uint8))
    found = posterior(np.full((3, 1), w), np.full(3, 2.0**w), outside, p)
    for claim, (inside, beyond) in enumerate([(m, u), (1 - m, 1 - u), (1, 1)]):
        joint = [share / 1000 * 2.0**w * inside, (1 - share) * beyond, share * (1 - recall) * inside]
        parts = found.candidates[claim, 0], found.none[claim], found.unsearched[claim]
        assert parts == pytest.approx([part / sum(joint) for part in joint], rel=1e-9, abs=1e-15)


@given(st.lists(st.floats(1.0, 2.0**280), min_size=1, max_size=5), st.floats(0.5, 1 - 1e-9), st.integers(1, 10**8))
@example([2.0**200 / 3], 0.9, 2000)
def test_no_probability_passes_one_by_rounding(factors: list[float], share: float, n_persons: int) -> None:
    """A weight is the logarithm of its factor and comes back with an error of some 1e-14, the sum does not."""
    ranked = np.sort(np.array(factors))[::-1]
    found = posterior(np.log2(ranked)[None], np.array([ranked.sum()]), ONCE, parameters(share, 0.99, n_persons))
    assert found.candidates.max() <= 1.0
    parts = found.candidates.sum() + found.none[0] + found.unsearched[0] + found.others[0]
    assert abs(parts - 1.0) <= 1e-12


def test_nobody_found_leaves_not_there_and_not_searched() -> None:
    parts = all_parts(np.full((1, 3), -np.inf), np.zeros(1), share=0.8, recall=0.75)
    assert parts[0].tolist() == pytest.approx([0, 0, 0, 0.2 / 0.4, 0.2 / 0.4, 0])


def test_a_subject_with_everybody_as_candidate_keeps_its_sum() -> None:
    """A hundred thousand candidates of no weight at all: nothing is learnt, but for those not searched."""
    n = 100_000
    found = posterior(np.zeros((1, 5)), np.array([float(n)]), ONCE, parameters(0.6, 1.0, n))
    assert found.candidates[0].tolist() == pytest.approx([0.6 / n] * 5)
    assert found.none[0] == pytest.approx(0.4)
    assert found.others[0] == pytest.approx(0.6 * (n - 5) / n)


@pytest.mark.parametrize("weight", [200.0, 1000.0, 1023.0])
def test_huge_weights_make_sure_matches_and_no_nan(weight: float) -> None:
    parts = all_parts(np.array([[weight, -np.inf]]), np.array([2.0**weight]))
    assert np.isfinite(parts).all()
    assert parts[0, 0] == pytest.approx(1.0)
    rivals = all_parts(np.array([[weight - 1, weight - 1]]), np.array([2.0**weight]))
    assert rivals[0, :2].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("weight", [-1074.0, -2000.0])
def test_tiny_weights_count_for_nothing(weight: float) -> None:
    parts = all_parts(np.array([[weight]]), np.array([2.0**weight]))
    assert parts[0].tolist() == pytest.approx([0, 0.1 / 0.109, 0.009 / 0.109, 0])


def test_a_rival_takes_its_part_where_pairwise_probabilities_would_pass_one() -> None:
    prior = 0.9 / 10**8
    weight = np.log2(0.99 / 0.01 / prior)
    parts = all_parts(np.array([[weight, weight]]), np.array([2 * 2.0**weight]))
    assert parts[0, :2].max() < 0.5
    assert parts[0, :2].sum() > 0.99


def test_a_pair_by_itself_has_its_prior_odds_times_its_bayes_factor() -> None:
    weights = np.array([-np.inf, -40.0, 0.0, 10.0, 60.0])
    n_persons = 1000
    found = pair_probability(weights, parameters(0.9, 1.0, n_persons))
    prior = Fraction(9, 10) / n_persons
    factors = [Fraction(0), *(Fraction(2) ** int(w) for w in weights[1:])]
    expected = [prior * f / (1 - prior + prior * f) for f in factors]
    assert found.tolist() == pytest.approx(list(map(float, expected)), rel=1e-9, abs=1e-18)
    assert (np.diff(found) > 0).all()


# --------------------------------------------------------------------------------------------------- threshold


def thresholds_within(accepted: Vector, rate: float) -> list[float]:
    """Every p of the batch at which accepting all at or over it keeps the mean of 1 - p within the rate."""
    exact = [Fraction(p) for p in accepted.tolist()]
    within = []
    for p in sorted(set(exact)):
        errors = [1 - q for q in exact if q >= p]
        if sum(errors) <= len(errors) * Fraction(rate):
            within.append(float(p))
    return within


# Sixteenths are exact in floating point, so that the comparison is one of definitions, not of rounding.
sixteenths = st.lists(st.integers(0, 16).map(lambda n: n / 16), max_size=12).map(np.array)


@given(sixteenths, st.integers(0, 16).map(lambda n: n / 16), st.integers(0, 16).map(lambda n: n / 16))
@example(np.array([1.0, 0.875, 0.875]), 0.0625, 0.0)  # one of the tied two would do, both are too many
@example(np.array([0.5]), 0.5, 0.5)
def test_threshold_is_the_lowest_within_the_error_rate(probabilities: Vector, rate: float, lowest: float) -> None:
    threshold = match_threshold(probabilities, rate, lowest)
    accepted = probabilities[probabilities >= threshold]
    allowed = thresholds_within(probabilities[probabilities >= lowest], rate)
    if accepted.size:
        assert np.mean(1.0 - accepted) <= rate
        assert accepted.min() >= lowest
    if allowed:
        assert threshold == allowed[0]
    else:
        assert threshold == 1.0


@given(st.lists(st.floats(0.5, 1.0), min_size=1, max_size=200).map(np.array), st.floats(1e-5, 0.2))
def test_expected_error_stays_within_the_rate(probabilities: Vector, rate: float) -> None:
    assume(np.unique(probabilities).size == probabilities.size)
    accepted = probabilities[probabilities >= match_threshold(probabilities, rate, 0.5)]
    if accepted.size:
        assert np.mean(1.0 - accepted) <= rate * (1 + 1e-9)


@pytest.mark.parametrize("probabilities", [np.empty(0), np.array([0.5, 0.97])])
def test_nobody_to_accept_gives_one(probabilities: Vector) -> None:
    assert match_threshold(probabilities, 1e-4, 0.98) == 1.0


def test_the_order_of_the_batch_does_not_matter() -> None:
    probabilities = np.random.default_rng(1).beta(30, 0.5, 1000)
    forward = match_threshold(probabilities, 0.002, 0.5)
    assert 0.5 < forward < 1.0
    assert match_threshold(probabilities[::-1].copy(), 0.002, 0.5) == forward


def test_probabilities_beyond_all_bounds_stay_numbers() -> None:
    """Forty comparisons of 2^60 to one each, for and against: their odds would leave the range of floats."""
    m, u = np.array([1.0, 1.0, 1e-18]), np.array([1.0, 1e-18, 1.0])
    sure = ComparisonParameters("number", ("missing", "same", "different"), m, u, m, (1,))
    p = Parameters((sure,) * 40, 0.9, 0.99, 1.0, 10**8)
    levels = np.array([[1] * 40, [2] * 40], np.uint8)
    weights = p.pattern_weights(levels)
    assert weights.tolist() == [MOST_LOG2, -MOST_LOG2]
    assert np.isfinite(p.household_odds(levels, p.n_persons)).all()
    chances = posterior(weights[:, None], np.exp2(weights), np.ones(weights.size), p)
    assert chances.candidates[:, 0].tolist() == pytest.approx([1.0, 0.0])
    assert pair_probability(weights, p).tolist() == pytest.approx([1.0, 0.0])
