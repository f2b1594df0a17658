"""A training that made matches of something else is told from one that learnt what matches are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.identifiability import FEW_MATCHES, problems
from models.parameters import ComparisonParameters, Parameters

pytestmark = pytest.mark.kernel

LABELS = ("missing", "same", "near", "different")
START = {"name": ([0.9, 0.05, 0.05], [0.01, 0.04, 0.95]), "sex": ([0.98, 0.0, 0.02], [0.5, 0.0, 0.5])}
N_PERSONS, N_SUBJECTS, N_RANDOM = 10_000, 4_000, 10**6


def parameters(share: float = 0.9, **m: list[float]) -> Parameters:
    """The starting values, with other m of some comparisons."""
    comparisons = tuple(
        ComparisonParameters(
            name, LABELS, np.array([1.0, *m.get(name, first)]), np.array([1.0, *u]), np.array([1.0, *first])
        )
        for name, (first, u) in START.items()
    )
    return Parameters(comparisons, share, 0.99, 0.0, N_PERSONS)


def texts(trained: Parameters, n_claims: int = N_SUBJECTS, *, converged: bool = True) -> list[tuple[bool, str]]:
    found = problems(trained, parameters(), n_claims, N_RANDOM, converged=converged)
    return [(problem.is_grave, problem.text) for problem in found]


def test_a_training_like_its_start_is_not_odd() -> None:
    assert texts(parameters()) == []
    assert texts(parameters(name=[0.7, 0.1, 0.2], sex=[0.9, 0.0, 0.1])) == []


@pytest.mark.parametrize(
    ("m", "text"),
    [
        ({"name": [0.05, 0.05, 0.9]}, "comparison 'name': 'different' is the rule among what was taken for matches"),
        (
            {"name": [0.05, 0.5, 0.45]},
            "comparison 'name': what was taken for matches agrees far less than the plan's m says, by 62.5 %",
        ),
        ({"sex": [0.4, 0.15, 0.45]}, "comparison 'sex': 'same' is rarer among what was taken for matches (40 %)"),
    ],
)
def test_matches_that_contradict_matching_are_grave(m: dict[str, list[float]], text: str) -> None:
    (is_grave, found), *_ = texts(parameters(**m))
    assert is_grave
    assert found.startswith(text)


FIVE = {"number": ([0.9, 0.05, 0.05], [1e-6, 1e-5, 1.0 - 1.1e-5]), "home": ([0.8, 0.1, 0.1], [1e-4, 1e-3, 0.9989])}


def with_number(**m: list[float]) -> Parameters:
    """The same with a number of one's own and a home, which relatives share."""
    more = tuple(
        ComparisonParameters(
            name,
            LABELS,
            np.array([1.0, *m.get(name, first)]),
            np.array([1.0, *u]),
            np.array([1.0, *first]),
            shared_levels=(1,) if name == "home" else (),
        )
        for name, (first, u) in FIVE.items()
    )
    known = {name: shares for name, shares in m.items() if name not in FIVE}
    return replace(parameters(), comparisons=(*parameters(**known).comparisons, *more))


MOVED = {"home": [0.35, 0.05, 0.6]}


def graves(trained: Parameters, unstated: set[str], filled: dict[str, float] | None = None) -> list[bool]:
    found = problems(trained, with_number(), N_SUBJECTS, N_RANDOM, unstated=unstated, filled=filled)
    return [problem.is_grave for problem in found]


def test_matches_that_something_else_identifies_may_have_moved() -> None:
    assert graves(with_number(**MOVED), {"home"}) == [False]
    assert graves(with_number(home=[0.02, 0.6, 0.38]), {"home"}) == [False]


def test_what_the_plan_states_of_matches_is_held_against_them() -> None:
    assert graves(with_number(**MOVED), set()) == [True]


def test_matches_that_nothing_else_identifies_may_be_relatives() -> None:
    """As mothers and their children, who have a phone in common, and hardly a number."""
    assert graves(with_number(name=[0.3, 0.1, 0.6]), {"name"}, {"number": 0.3}) == [True]
    assert graves(with_number(name=[0.3, 0.1, 0.6]), {"name"}, {"number": 0.9}) == [False]


def test_what_tells_nothing_of_matches_is_grave() -> None:
    assert graves(with_number(home=[2e-4, 2e-3, 0.9978]), {"home"}) == [True]


def test_agreement_that_is_rarer_than_among_strangers_is_grave_whatever_identifies() -> None:
    assert True in graves(with_number(sex=[0.4, 0.15, 0.45]), {"sex"})


def test_agreement_is_rarer_only_when_it_is_so_by_more_than_chance() -> None:
    trained = parameters(sex=[0.46, 0.0, 0.54])
    few = 100
    assert not any("rarer" in text for _, text in texts(trained, few))
    often = tuple(replace(c, u=np.array([1.0, 0.6, 0.0, 0.4])) for c in trained.comparisons)
    assert any("rarer" in text for _, text in texts(replace(trained, comparisons=often)))


def test_different_levels_that_are_no_closer_than_each_other_are_no_agreement() -> None:
    """Numbers that are nobody's and those that are another person's: most strangers have the former."""
    labels = ("missing", "same", "near", "different, nobody's", "different, another's")
    m, u = np.array([1.0, 0.5, 0.2, 0.05, 0.25]), np.array([1.0, 1e-9, 1e-7, 0.9, 0.1])
    c = ComparisonParameters("number", labels, m, u, m, closer=((), (), (1,), (2,), (2,)))
    p = Parameters((c,), 0.9, 1.0, 0.0, 1000)
    assert problems(p, p, 10_000, 10**8) == []
    unordered = Parameters((replace(c, closer=()),), 0.9, 1.0, 0.0, 1000)
    assert "agreement is rarer" in problems(unordered, unordered, 10_000, 10**8)[0].text


def test_a_level_that_strangers_hardly_showed_is_no_measure() -> None:
    rare = np.array([1.0, 1e-6, 0.05, 0.95 - 1e-6])
    shy = tuple(replace(c, m=np.array([1.0, 1e-7, 0.95, 0.05]), u=rare) for c in parameters().comparisons)
    assert not any("rarer" in text for _, text in texts(replace(parameters(), comparisons=shy)))


def test_what_the_plan_itself_expects_is_not_odd() -> None:
    unlike = parameters(name=[0.3, 0.1, 0.6])
    assert problems(unlike, unlike, N_SUBJECTS, N_RANDOM) == []


def test_chance_moves_few_matches_further_than_many() -> None:
    moved = parameters(name=[0.2, 0.41, 0.39])  # 52 % of the way
    n_few = int(FEW_MATCHES / 0.9) + 1
    assert not any(is_grave for is_grave, _ in texts(moved, n_few))
    assert any(is_grave for is_grave, _ in texts(moved, 40 * n_few))


def test_a_level_beside_the_first_may_be_the_rule() -> None:
    """As where one file has dates and the other years."""
    assert texts(parameters(name=[0.01, 0.94, 0.05])) == []


def test_few_matches_are_told_and_not_grave() -> None:
    ((is_grave, text),) = texts(parameters(share=0.5), 20)
    assert not is_grave
    assert text.startswith("the training expects 10 matches among 20 records, few to learn from: the plan's starting")
    # What few matches say of the levels is mostly the start, and chance.
    assert [is_grave for is_grave, _ in texts(parameters(share=0.5, name=[0.0, 0.0, 1.0]), 20)] == [False]


def test_nearly_everything_is_no_match() -> None:
    assert texts(parameters(share=100.0)) == []
    assert texts(parameters(share=3_000.0))[0][0]


def test_what_did_not_converge_is_told() -> None:
    assert texts(parameters(), converged=False) == [(False, "the training did not converge; see 'linkage model show'")]


def test_a_level_for_what_the_right_side_lacks_is_no_difference() -> None:
    trained, first = (
        replace(p, comparisons=tuple(replace(c, absent_level=True, m=np.array(m)) for c in p.comparisons))
        for p, m in ((parameters(), [1.0, 0.38, 0.02, 0.6]), (parameters(), [1.0, 0.48, 0.02, 0.5]))
    )
    assert problems(trained, first, N_SUBJECTS, N_RANDOM) == []


def test_no_level_that_says_different_is_an_agreement() -> None:
    """Matches that state somebody else's number have the last level; other numbers among strangers are nobody's."""
    labels = ("missing", "same", "near", "different, nobody's", "different, another person's")
    m, u = np.array([1.0, 0.6, 0.1, 0.05, 0.25]), np.array([1.0, 0.001, 0.004, 0.9, 0.095])
    number = ComparisonParameters("number", labels, m, u, m, closer=((), (), (1,), (2,), (2,)))
    trained = Parameters((number,), 0.9, 0.99, 0.0, N_PERSONS)
    assert problems(trained, trained, N_SUBJECTS, N_RANDOM) == []
    stranger = np.array([1.0, 0.3, 0.3, 0.4, 0.0])
    rarer = replace(trained, comparisons=(replace(number, u=stranger, m=np.array([1.0, 0.35, 0.1, 0.3, 0.25])),))
    (found, *_) = problems(rarer, trained, N_SUBJECTS, N_RANDOM)
    assert "agreement is rarer among what was taken for matches (45 %) than among strangers (60 %)" in found.text
