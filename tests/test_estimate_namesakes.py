"""Namesakes of registered people whom the registry lacks: how many there are; they teach nothing of matches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.estimate import estimate_m
from models.estimate_namesakes import NamesakePlan, estimate_namesakes
from models.parameters import NOT_ASKED, NUMBERLESS, STATED, ComparisonParameters, Parameters
from models.training_sample import TrainingSample, resembling_odds

pytestmark = pytest.mark.kernel

Vector = NDArray[np.float64]

N_PERSONS = 30
DATE, NUMBER, PHONE, NAME = range(4)
#          m                             u                               namesakes
TRUTH = {
    "date": ([0.8, 0.15, 0.04, 0.01], [0.001, 0.009, 0.09, 0.9], [0.01, 0.09, 0.6, 0.3]),
    "number": ([0.97, 0.03], [1e-6, 1 - 1e-6], None),
    "phone": ([0.7, 0.3], [1e-4, 1 - 1e-4], None),
    "name": ([0.9, 0.1], [0.005, 0.995], [0.95, 0.05]),
}
PLAN = NamesakePlan(NUMBER, (2,), (PHONE,), (DATE,))
ANCHORS = {NUMBER: (DATE, PHONE), DATE: (NUMBER, PHONE)}


def with_missing(shares: list[float]) -> Vector:
    return np.array([1.0, *shares])


def start() -> Parameters:
    comparisons = [
        ComparisonParameters(
            name,
            ("missing", *"abcd"[: len(m)]),
            *(with_missing(shares) for shares in (m, u, u)),
            namesake=None if namesake is None else with_missing(namesake),
        )
        for name, (m, u, namesake) in TRUTH.items()
    ]
    return Parameters(tuple(comparisons), 0.9, 1.0, 0.0, N_PERSONS)


def sample(n: int, share: float, rate: float, seed: int, times: float = 1.0, asked: float = 1.0) -> TrainingSample:
    """Subjects with N_PERSONS strangers each, their person and, of those who have none, namesakes. Two in five have no
    number, and so many times more of them have a namesake; asked: the share of all who could state one."""
    rng = np.random.default_rng(seed)
    has_match, has_number = rng.random(n) < share, rng.random(n) < 0.6
    has_namesake = ~has_match & (rng.random(n) < np.where(has_number, rate, times * rate))
    sizes = N_PERSONS + has_match + has_namesake
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    subject = np.repeat(np.arange(n), sizes)
    kind = np.where(place < N_PERSONS, 0, np.where(has_match[subject], 1, 2))
    columns = []
    for m, u, namesake in TRUTH.values():
        by_kind = [
            1 + rng.choice(len(m), place.size, p=shares) for shares in (u, m, u if namesake is None else namesake)
        ]
        columns.append(np.choose(kind, by_kind).astype(np.uint8))
    said = np.where(has_number, STATED, NUMBERLESS).astype(np.uint8)
    if asked < 1.0:
        said[rng.random(n) >= asked] = NOT_ASKED
    columns[NUMBER][said[subject] != STATED] = 0
    columns.append((said[subject] == NOT_ASKED).astype(np.uint8))
    rows, patterns = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    found = TrainingSample(offsets, rows[:, :-1], patterns.ravel().astype(np.uint32), np.ones(place.size))
    return replace(found, said_of_number=said, is_unasked=rows[:, -1] > 0 if asked < 1.0 else None)


@pytest.mark.parametrize(("rate", "most_off"), [(0.0, 0.01), (0.1, 0.03), (0.4, 0.06)])
def test_the_rate_is_that_of_claims_whose_numbers_contradict(rate: float, most_off: float) -> None:
    for seed in range(3):
        pairs = sample(6000, 0.8, rate, seed)
        parameters, _ = estimate_m(start(), pairs, N_PERSONS, household=False, anchors={NUMBER: (DATE, PHONE)})
        fit = estimate_namesakes(parameters, start(), pairs, PLAN, N_PERSONS)
        assert fit.namesake_rate == pytest.approx(rate, abs=most_off)
        found = fit.comparisons[DATE].among_namesakes
        assert found[1] == pytest.approx(0.01), "one name and one date are mostly one person: that is not learnt"
        if rate > 0.2:
            assert found[2:] == pytest.approx(TRUTH["date"][2][1:], abs=0.1)


def test_namesakes_do_not_teach_what_numbers_of_matches_are() -> None:
    """With three in ten people outside the registry, and every second of these a namesake."""
    pairs = sample(8000, 0.7, 0.5, seed=5)
    anchored, _ = estimate_m(start(), pairs, N_PERSONS, household=False, anchors={NUMBER: (DATE, PHONE)})
    by_all, _ = estimate_m(start(), pairs, N_PERSONS, household=False)
    assert anchored.comparisons[NUMBER].m[2] == pytest.approx(0.03, abs=0.008)
    assert by_all.comparisons[NUMBER].m[2] > 1.3 * anchored.comparisons[NUMBER].m[2]


def test_who_is_like_a_namesake_is_less_sure() -> None:
    p = replace(start(), namesake_rate=0.3)
    levels = np.array([[2, 0, 0, 1], [1, 1, 1, 1]], np.uint8)  # a near date and the name; all the same
    odds = p.namesake_odds(levels, N_PERSONS)
    weights = np.exp2(p.pattern_weights(levels))
    assert weights[0] / (1.0 + odds[0]) < weights[0] / 2
    assert weights[1] / (1.0 + odds[1]) > 1e6 * N_PERSONS


@pytest.mark.parametrize("times", [1.0, 3.0])
def test_claims_without_a_number_have_a_rate_of_their_own(times: float) -> None:
    """Who is in no registry has no number to state more often than others."""
    for seed in range(3):
        pairs = sample(8000, 0.8, 0.2, seed, times)
        fit = start()
        for _ in range(2):
            fit, _ = estimate_m(fit, pairs, N_PERSONS, household=False, anchors=ANCHORS, prior=start())
            fit = estimate_namesakes(fit, start(), pairs, PLAN, N_PERSONS)
        assert fit.namesake_rate == pytest.approx(0.2, abs=0.06)
        assert fit.namesake_rate * fit.comparisons[NUMBER].namesakes_missing == pytest.approx(0.2 * times, rel=0.3)
        levels = np.array([[2, 0, 0, 1], [2, 2, 0, 1]], np.uint8)
        numberless, stating = fit.namesake_odds(levels, N_PERSONS)
        among = fit.comparisons[NUMBER]
        of_number = among.over_strangers(among.among_namesakes)
        assert numberless / stating == pytest.approx(of_number[0] / of_number[2])


def test_claims_that_were_not_asked_are_of_both_kinds() -> None:
    """Three in ten claims come from files without a column for a number; two in five people have none to state, of whom
    those outside the registry have a namesake four times as often."""
    for seed in range(3):
        pairs = sample(10_000, 0.8, 0.15, seed, 4.0, asked=0.7)
        fit = start()
        for _ in range(2):
            fit, _ = estimate_m(fit, pairs, N_PERSONS, household=False, anchors=ANCHORS, prior=start())
            fit = estimate_namesakes(fit, start(), pairs, PLAN, N_PERSONS)
        assert fit.namesake_rate == pytest.approx(0.15, abs=0.05)
        assert fit.namesake_rate * fit.comparisons[NUMBER].namesakes_missing == pytest.approx(0.6, rel=0.3)
        assert fit.namesake_rate * fit.of_unasked.comparisons[NUMBER].namesakes_missing == pytest.approx(0.33, rel=0.3)
        odds, is_unasked = resembling_odds(fit, pairs, N_PERSONS)[2], pairs.is_unasked
        assert is_unasked is not None
        of_asked, of_unasked = (
            {tuple(row): odd for row, odd in zip(pairs.levels[rows], odds[rows], strict=True)}
            for rows in (~is_unasked, is_unasked)
        )
        both = [row for row in of_unasked if row in of_asked and row[NUMBER] == 0]
        times = fit.of_unasked.comparisons[NUMBER].namesakes_missing / fit.comparisons[NUMBER].namesakes_missing
        assert both
        assert [of_unasked[row] for row in both] == pytest.approx([times * of_asked[row] for row in both])
