"""What one decided claim of a subject says of the others: who is a sibling, how far it is trusted, what it adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.doses.siblings import Siblings, filed_claims, find_siblings, learn_siblings
from linkage.plan.reading import load_plan
from linkage.training.train import starting_parameters
from models.parameters import Parameters
from models.posterior import posterior
from models.sibling import sibling_odds_log2, weight_with_sibling

N_PERSONS = 1_000_000
pytestmark = pytest.mark.kernel


def siblings_of(doses: list[tuple[int, int]], decided: dict[int, tuple[int, float]]) -> dict[int, tuple[int, float]]:
    """Claim -> person and chance, of doses as (subject, claim) and claims decided as claim -> person, chance."""
    found = find_in(doses, decided)
    return dict(zip(found.claim.tolist(), zip(found.person.tolist(), found.chance.tolist(), strict=True), strict=True))


def find_in(doses: list[tuple[int, int]], decided: dict[int, tuple[int, float]]) -> Siblings:
    ids, claims = (np.array(column) for column in zip(*doses, strict=True))
    n_claims = int(claims.max()) + 1
    person, chance = np.full(n_claims, -1, np.int32), np.zeros(n_claims)
    for claim, (row, probability) in decided.items():
        person[claim], chance[claim] = row, probability
    return find_siblings(filed_claims(ids.astype(np.uint64), claims.astype(np.int32), n_claims), person, chance)


def test_an_open_claim_gets_the_person_of_its_subjects_decided_claim() -> None:
    assert siblings_of([(5, 0), (5, 1), (6, 2)], {1: (40, 0.99)}) == {0: (40, 0.99)}


def test_a_claim_is_no_sibling_of_itself() -> None:
    # Claims 0 and 1 are each other's siblings; the surest of the others counts.
    assert siblings_of([(5, 0), (5, 1)], {0: (40, 0.99), 1: (40, 0.98)}) == {0: (40, 0.98), 1: (40, 0.99)}
    # One that is decided for somebody else gets the other's person.
    assert siblings_of([(5, 0), (5, 1)], {0: (40, 0.99), 1: (41, 0.98)}) == {0: (41, 0.98), 1: (40, 0.99)}


def test_claims_decided_for_two_people_say_nothing_of_a_third() -> None:
    doses = [(5, 0), (5, 1), (5, 2)]
    assert siblings_of(doses, {0: (40, 1.0), 1: (41, 1.0)}) == {0: (41, 1.0), 1: (40, 1.0)}
    assert siblings_of([*doses, (5, 3)], {0: (40, 1.0), 1: (41, 1.0), 2: (41, 0.9)}) == {0: (41, 1.0)}


def test_an_identity_under_two_subjects_or_under_none_gets_nobody() -> None:
    assert siblings_of([(5, 0), (6, 0), (5, 1), (6, 2)], {1: (40, 1.0), 2: (40, 1.0)}) == {}
    assert siblings_of([(5, 0), (0, 0), (5, 1)], {1: (40, 1.0)}) == {}
    assert siblings_of([(0, 0), (0, 1)], {1: (40, 1.0)}) == {}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=14),
    st.dictionaries(st.integers(0, 6), st.tuples(st.integers(0, 2), st.sampled_from([0.98, 0.99, 1.0]))),
)
def test_siblings_are_those_found_one_by_one(
    doses: list[tuple[int, int]], decided: dict[int, tuple[int, float]]
) -> None:
    claims = {claim for _, claim in doses}
    decided = {claim: found for claim, found in decided.items() if claim in claims}
    expected = {}
    for claim in claims:
        subjects = {subject for subject, of in doses if of == claim}
        if len(subjects) != 1 or subjects == {0}:
            continue
        others = {of for subject, of in doses if subject in subjects} - {claim}
        found = [decided[other] for other in others if other in decided]
        if len({person for person, _ in found}) == 1:
            expected[claim] = max(found, key=lambda pair: pair[1])
    assert siblings_of(doses, decided) == expected
    assert siblings_of(doses[::-1], decided) == expected


def test_reliability_is_learnt_by_the_number_of_claims() -> None:
    # Three subjects of two claims, one of which is two people's; one of four, a family's.
    doses = [(1, 0), (1, 1), (2, 2), (2, 3), (3, 4), (3, 5), *((4, claim) for claim in range(6, 10))]
    person = np.array([10, 10, 11, 11, 12, 13, 14, 15, 16, -1], np.int32)
    ids, claims = (np.array(column) for column in zip(*doses, strict=True))
    rates = learn_siblings(filed_claims(ids.astype(np.uint64), claims.astype(np.int32), person.size), person)
    assert (rates.same.tolist(), rates.subjects.tolist()) == ([2, 0, 0], [3, 0, 1])
    assert rates.reliability() == pytest.approx([2.5 / 4, 1 / 2, 0.5 / 2])


# -------------------------------------------------------------------------------------------------------- what it adds


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return starting_parameters(load_plan(), N_PERSONS)


def pattern(parameters: Parameters, **labels: str) -> NDArray[np.uint8]:
    """One pattern: the levels named, all else missing."""
    levels = [c.labels.index(labels[c.name]) if c.name in labels else 0 for c in parameters.comparisons]
    return np.array([levels], np.uint8)


def odds(parameters: Parameters, reliability: float = 0.999, **labels: str) -> float:
    return float(sibling_odds_log2(pattern(parameters, **labels), np.array([reliability]), parameters)[0])


def test_agreement_counts_for_nothing_and_disagreement_in_full(parameters: Parameters) -> None:
    nothing = odds(parameters)
    assert nothing == pytest.approx(np.log2(0.999 / 0.001))
    assert odds(parameters, full_name="same", birth_date="same", sex="same") == pytest.approx(nothing)
    sex = next(c for c in parameters.comparisons if c.name == "sex")
    assert odds(parameters, sex="different") == pytest.approx(nothing + np.log2(sex.m[2] / sex.household[2]))


def test_another_name_and_date_are_not_overruled(parameters: Parameters) -> None:
    """A child's dose under its mother's subject, whatever the files were worth so far."""
    different = {"full_name": "different", "birth_date": "different"}
    assert odds(parameters, **different) < 0
    assert odds(parameters, 0.99999, sex="different", **different) < 0
    weights = np.array([-12.0, 30.0])
    assert (
        weight_with_sibling(weights, np.zeros(2), np.ones(2), np.array([-0.5, 0.0]), parameters).tolist()
        == weights.tolist()
    )


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("log2_odds", [0.5, 6.0, 12.0])
@pytest.mark.parametrize("rival", [-np.inf, 5.0, 20.0, 35.0])
@pytest.mark.parametrize("weight", [-40.0, 10.0, 20.0, 40.0])
def test_the_odds_rise_by_those_of_the_file_and_never_over_them(
    parameters: Parameters, weight: float, rival: float, log2_odds: float, times: float
) -> None:
    others, odds, outside = np.exp2([rival]), np.exp2(log2_odds), np.array([times])
    before = posterior(np.array([[weight, rival]]), np.exp2([weight]) + others, outside, parameters)
    raised = weight_with_sibling(np.array([weight]), others, outside, np.array([log2_odds]), parameters)
    after = posterior(np.array([[raised[0], rival]]), np.exp2(raised) + others, outside, parameters)
    own = [float(found.candidates[0, 0]) for found in (before, after)]
    unknown = float((after.none + after.unsearched)[0])
    assert own[1] >= own[0]
    assert own[1] / unknown >= odds * (1 - 1e-9)
    assert own[1] <= max(own[0], odds / (1 + odds)) * (1 + 1e-9)
    if np.isfinite(rival):
        gained = after.candidates[0, 0] / after.candidates[0, 1] * before.candidates[0, 1] / before.candidates[0, 0]
        rose_to_all = own[1] >= odds / (1 + odds) * (1 - 1e-9)
        assert rose_to_all or gained >= odds * (1 - 1e-9)
    assert after.candidates.sum() + unknown + after.others[0] == pytest.approx(1.0, abs=1e-12)
