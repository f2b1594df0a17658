"""What one decided claim of a subject says of the others: who is a sibling, how far it is trusted, what it adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.doses.siblings import MOST_CLAIMS, Siblings, filed_beside, filed_claims, find_siblings, learn_siblings
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
    found = find_in(doses, decided)
    for claim, source in zip(found.claim.tolist(), found.source.tolist(), strict=True):
        assert source != claim
        assert decided[source] == expected[claim]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=1, max_size=20))
def test_claims_stand_beside_each_other_under_one_subject(doses: list[tuple[int, int]]) -> None:
    subjects = {claim: {subject for subject, of in doses if of == claim} for _, claim in doses}
    sure = {claim: next(iter(of)) for claim, of in subjects.items() if len(of) == 1 and of != {0}}
    expected = {(one, other) for one in sure for other in sure if one != other and sure[one] == sure[other]}
    claim, other, size = beside(doses)
    assert sorted(expected) == sorted(zip(claim.tolist(), other.tolist(), strict=True))
    n_claims = {one: len({claim for of, claim in doses if of == sure[one]}) for one in sure}
    assert [min(n_claims[one] - 2, 2) for one in claim.tolist()] == size.tolist()


def beside(doses: list[tuple[int, int]]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]:
    ids, claims = (np.array(column) for column in zip(*doses, strict=True))
    return filed_beside(filed_claims(ids.astype(np.uint64), claims.astype(np.int32), int(claims.max()) + 1))


def test_a_list_under_one_subject_stands_beside_nobody() -> None:
    person = [(5, claim) for claim in range(MOST_CLAIMS)]
    assert beside(person)[0].size == MOST_CLAIMS * (MOST_CLAIMS - 1)
    assert beside([*person, (5, MOST_CLAIMS)])[0].size == 0


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
    """Of a claim beside one that is decided with certainty."""
    return float(odds_of(parameters, pattern(parameters, **labels), reliability)[0])


def odds_of(
    parameters: Parameters,
    levels: NDArray[np.uint8],
    reliability: float = 0.999,
    chance: float = 1.0,
    of_other: NDArray[np.uint8] | None = None,
) -> NDArray[np.float64]:
    """of_other: the other claims' patterns, None where they state nothing."""
    files, chances = (np.full(levels.shape[0], value) for value in (reliability, chance))
    other = np.zeros_like(levels) if of_other is None else of_other
    return sibling_odds_log2(levels, other, files, chances, parameters)


def drawn(rng: np.random.Generator, shares: list[NDArray[np.float64]], n: int) -> NDArray[np.uint8]:
    """Patterns without missing values, by the shares of the levels of each comparison."""
    columns = [1 + rng.choice(s.size - 1, n, p=s[1:] / s[1:].sum()) for s in shares]
    return np.stack(columns, axis=1).astype(np.uint8)


def classes(parameters: Parameters) -> list[list[NDArray[np.float64]]]:
    """Of matches, relatives, twins and namesakes: the shares of the levels of each comparison."""
    names = ("m", "household", "among_twins", "among_namesakes")
    return [[getattr(c, name) for c in parameters.comparisons] for name in names]


def test_agreement_counts_for_nothing(parameters: Parameters) -> None:
    nothing = odds(parameters)
    assert nothing == pytest.approx(np.log2(0.999 / 0.001))
    assert odds(parameters, full_name="same", birth_date="same", sex="same") == pytest.approx(nothing)


def test_the_odds_fall_by_what_relatives_twins_and_namesakes_show_in_the_mean(parameters: Parameters) -> None:
    """Counted one by one. Of the starting values the order of levels changes nothing where shares over m rise."""
    rng = np.random.default_rng(7)
    levels = drawn(rng, classes(parameters)[1], 200)
    levels[rng.random(levels.shape) < 0.2] = 0
    for pattern_, found in zip(levels.tolist(), odds_of(parameters, levels), strict=True):
        h_over_m = []
        for shares in classes(parameters)[1:]:
            times = 1.0
            for c, of_class, level in zip(parameters.comparisons, shares, pattern_, strict=True):
                times *= c.over_m(of_class)[level] if level else 1.0
            h_over_m.append(times)
        against = max(1.0, sum(h_over_m) / 3)
        assert found == pytest.approx(np.log2(0.999 / 0.001 / against), abs=1e-9)


def test_a_name_makes_up_for_a_wrong_date_and_number(parameters: Parameters) -> None:
    """Relatives hardly have one name, and namesakes hardly one home and phone: what is left counts but little."""
    wrong = {"birth_date": "one digit differs", "id_number": "different, another person's"}
    assert odds(parameters, **wrong) < odds(parameters) - 2
    assert odds(parameters, full_name="same", insurance_number="same", **wrong) > odds(parameters) - 0.5


def test_a_twin_is_thought_of_however_rare(parameters: Parameters) -> None:
    """Another given name and all else as with a twin, who shares no number: against j by what twins show, a third of
    it."""
    apart = {"full_name": "family name same", "birth_date": "same", "sex": "same", "commune": "same commune"}
    rare = replace(parameters, twin_rate=1e-6)
    against = odds(rare) - odds(rare, **apart)
    levels = pattern(rare, **apart)[0]
    twin = sum(float(np.log2(c.over_m(c.among_twins)[n])) for c, n in zip(rare.comparisons, levels, strict=True) if n)
    assert twin - np.log2(3) <= against <= twin
    assert against > 3


def test_farther_levels_never_speak_more_for_the_person(parameters: Parameters) -> None:
    rng = np.random.default_rng(1)
    levels = np.stack([rng.integers(0, c.n_compared, 300) for c in parameters.comparisons], axis=1).astype(np.uint8)
    before, n_compared = odds_of(parameters, levels), 0
    for place, comparison in enumerate(parameters.comparisons):
        for level, closer in enumerate(comparison.closer):
            for other in closer:
                rows = levels[:, place] == level
                nearer = levels[rows].copy()
                nearer[:, place] = other
                assert (odds_of(parameters, nearer) >= before[rows] - 1e-9).all()
                n_compared += int(rows.sum())
    assert n_compared > 1000


def test_what_is_promised_of_files_comes_true(parameters: Parameters) -> None:
    """Claims filed right and wrong, their patterns drawn from the model: of those promised so much, as many are right.
    A product over the comparisons of min(1, m / household) promises a third of what comes."""
    reliability, n = 0.7, 400_000
    rng = np.random.default_rng(20210708)
    matches, *alike = classes(parameters)
    is_right = rng.random(n) < reliability
    kind = rng.integers(0, 3, n)
    levels = drawn(rng, matches, n)
    for k, shares in enumerate(alike):
        chosen = ~is_right & (kind == k)
        levels[chosen] = drawn(rng, shares, int(chosen.sum()))
    promised = 1.0 / (1.0 + np.exp2(-odds_of(parameters, levels, reliability)))
    is_middle = promised < reliability - 1e-6  # where A is not at what files are worth, the most that it may be
    for low, high in ((0.02, 0.3), (0.3, 0.5), (0.5, 0.69)):
        chosen = is_middle & (promised >= low) & (promised < high)
        error = np.sqrt((promised[chosen] * (1 - promised[chosen])).sum()) / chosen.sum()
        assert chosen.sum() > 300
        assert promised[chosen].mean() == pytest.approx(is_right[chosen].mean(), abs=4 * error)
    assert is_right[~is_middle].mean() > reliability


def test_what_the_other_claim_states_is_no_evidence_a_second_time(parameters: Parameters) -> None:
    """Another claim decided with 0.98: where it states name and date, this one's are slips with anybody whom it may be
    of. Where it leaves them out they count against its person."""
    wrong = pattern(parameters, full_name="family name same", birth_date="different")
    states = pattern(parameters, full_name="same", birth_date="same")
    by_file = (1 - 0.99999) * 2.0 ** -odds_of(parameters, wrong, 0.5)[0]
    told, untold = (odds_of(parameters, wrong, 0.99999, 0.98, other)[0] for other in (states, None))
    assert told == pytest.approx(np.log2(0.99999 * 0.98 / (by_file + 0.99999 * 0.02)))
    assert told > untold + 5
    assert untold == pytest.approx(np.log2(0.98 / (1 - 0.98 * 0.99999)) + odds_of(parameters, wrong, 0.5)[0], abs=0.03)
    # Nothing against the person: as likely as both that the file is right and that the other claim is the person's.
    assert odds_of(parameters, states, 0.9, 0.98)[0] == pytest.approx(np.log2(0.9 * 0.98 / (1 - 0.9 * 0.98)))


def test_claims_of_one_person_are_as_often_the_others_person_as_promised(parameters: Parameters) -> None:
    """Subjects of one person each, and two claims, the other one decided rightly with some probability; else both are
    of somebody like j, whose own values they slip from as j's claims do from j's."""
    rng = np.random.default_rng(5)
    n, chance = 400_000, 0.7
    matches, *alike = classes(parameters)
    is_right, kind = rng.random(n) < chance, rng.integers(0, 3, n)
    slips, person = drawn(rng, matches, n), np.ones((n, len(matches)), np.uint8)
    for k, shares in enumerate(alike):
        chosen = ~is_right & (kind == k)
        person[chosen] = drawn(rng, shares, int(chosen.sum()))
    # The other claim states no name and no date; this one states the whole person, or has a slip.
    other = person.copy()
    unstated = [c.name in ("full_name", "birth_date") for c in parameters.comparisons]
    other[:, unstated] = 0
    levels = np.where((person == 1) | (rng.random(person.shape) < 0.1), slips, person).astype(np.uint8)
    promised = 1.0 / (1.0 + np.exp2(-odds_of(parameters, levels, 1.0 - 1e-9, chance, other)))
    against = promised < chance - 1e-6
    assert is_right[~against].mean() > chance
    assert promised[against].mean() == pytest.approx(is_right[against].mean(), abs=0.02)


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
