"""What the registry's own pairs teach: twins among strangers of a commune, near numbers of strangers among twins'."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.estimate_lookalikes import Lookalikes, with_lookalikes
from models.estimate_registry import PRIOR_TWINS, Counted, RegistryPairs, estimate_classes
from models.parameters import ComparisonParameters, Parameters

pytestmark = pytest.mark.kernel

Vector = NDArray[np.float64]

N_PERSONS = 1_000_000
SEX, DATE, NUMBER, PHONE, NAME, PLACE = range(6)
#          u                                    twins, truth                     twins, plan
TRUTH = {
    "sex": ([0.5, 0.5], [0.7, 0.3], [0.6, 0.4]),
    "date": ([0.001, 0.01, 0.989], [0.97, 0.02, 0.01], [0.97, 0.02, 0.01]),
    # same, slip that is nobody's, slip that is another's, different and nobody's, different and another's
    "number": ([1e-9, 2e-7, 1e-7, 0.6, 0.4 - 3.01e-7], [0.001, 0.0, 0.2, 0.0, 0.799], [0.001, 0.05, 0.1, 0.3, 0.549]),
    "phone": ([1e-6, 1e-6, 1 - 2e-6], [0.4, 0.2, 0.4], [0.2, 0.1, 0.7]),
    "name": ([0.001, 0.1, 0.899], [0.01, 0.93, 0.06], [0.01, 0.8, 0.19]),
    "place": ([0.01, 0.99], [0.85, 0.15], [0.85, 0.15]),
}
HERE = [0.002, 0.15, 0.848]  # names within a commune


def with_missing(shares: list[float]) -> Vector:
    return np.array([1.0, *shares])


def world() -> tuple[Parameters, Parameters]:
    """Parameters with u, and the plan's."""
    comparisons = [
        ComparisonParameters(name, ("missing", *"abcde"[: len(u)]), *(with_missing(u),) * 3, twin=with_missing(plan))
        for name, (u, _, plan) in TRUTH.items()
    ]
    start = Parameters(tuple(comparisons), 0.9, 1.0, 0.0, N_PERSONS)
    return start, start


def drawn(rng: np.random.Generator, n: int, shares: list[list[float]]) -> NDArray[np.uint8]:
    columns = [1 + rng.choice(len(s), n, p=np.array(s) / sum(s)) for s in shares]
    return np.stack(columns, axis=1).astype(np.uint8).reshape(n, len(shares))


def counted(*groups: NDArray[np.uint8]) -> Counted:
    levels, n = np.unique(np.concatenate(groups), axis=0, return_counts=True)
    return Counted(levels, n.astype(float))


def pairs_of(n_twins: int, n_near: int, seed: int) -> RegistryPairs:
    rng = np.random.default_rng(seed)
    strangers = [u for u, _, _ in TRUTH.values()]
    strangers[NAME], strangers[NUMBER] = HERE, [0.0, 0.0, 1e-6, 0.0, 1 - 1e-6]
    twins = [t for _, t, _ in TRUTH.values()]
    same_date, same_year = drawn(rng, 20_000, strangers), drawn(rng, 200_000, strangers)
    of_twins = drawn(rng, n_twins, twins)
    for of, level in ((same_date, 1), (of_twins, 1), (same_year, 2)):
        of[:, DATE], of[:, PLACE] = level, 1
    like = [u for u, _, _ in TRUTH.values()]
    like[SEX], like[DATE], like[PLACE] = [0.9, 0.1], [0.002, 0.02, 0.978], [0.4, 0.6]
    near = drawn(rng, n_near, like)
    near[:, NUMBER] = 3
    near_twins = of_twins[of_twins[:, NUMBER] == 3]
    n_pairs = 30_000.0 * N_PERSONS
    return RegistryPairs(
        counted(same_date, of_twins), counted(same_year), 30_000, counted(near, near_twins), n_pairs, NUMBER, (2, 3),
        (1,), (SEX, DATE, PLACE), (DATE, PLACE), (NAME,),
    )  # fmt: skip


@pytest.mark.parametrize("n_twins", [0, 600, 3000])
def test_twins_are_found_among_strangers_of_one_commune(n_twins: int) -> None:
    parameters, start = world()
    fit = estimate_classes(parameters, start, pairs_of(n_twins, 8000, seed=n_twins))
    assert fit.twin_rate * 30_000 == pytest.approx(n_twins, abs=5 * np.sqrt(n_twins) + 10)
    if n_twins:
        for place, name in ((SEX, "sex"), (PHONE, "phone"), (NAME, "name")):
            _, truth, plan = (np.array(shares) for shares in TRUTH[name])
            expected = (n_twins * truth + PRIOR_TWINS * plan) / (n_twins + PRIOR_TWINS)
            found = fit.comparisons[place].among_twins[1:]
            assert found == pytest.approx(expected, abs=0.06 if n_twins < 1000 else 0.04)
    assert fit.comparisons[NAME].among_twins[1] == 0.01, "one name and one date are one person entered twice"
    number = fit.comparisons[NUMBER].among_twins
    assert number[1:].sum() == pytest.approx(1.0)
    assert number[1] == 0.001, "no two persons of a registry share a number, so that stays as the plan has it"
    assert number[2:4].sum() == pytest.approx(0.2 if n_twins else 0.15, abs=0.05)
    assert number[2] / number[3] == pytest.approx(0.6 / 0.4, rel=0.01), "as often nobody's as strangers' numbers are"
    assert fit.comparisons[DATE].among_twins.tolist() == start.comparisons[DATE].among_twins.tolist()


@pytest.mark.parametrize("n_twins", [0, 3000])
def test_strangers_with_near_numbers_are_not_learnt_from_twins(n_twins: int) -> None:
    """Six hundred twins with near numbers among 8,000 pairs: of these nearly none is born on one day."""
    parameters, start = world()
    fit = estimate_classes(parameters, start, pairs_of(n_twins, 8000, seed=7))
    assert fit.neighbour_share == pytest.approx(8000 / (30_000.0 * N_PERSONS), rel=0.02)
    sex, date, number, phone = (fit.comparisons[place].among_neighbours for place in (SEX, DATE, NUMBER, PHONE))
    assert sex[1] == pytest.approx(0.9, abs=0.02)
    assert date[1] < 0.006
    assert phone.tolist() == parameters.comparisons[PHONE].u.tolist(), "as between any strangers"
    assert number.tolist() == [0.0, 0.0, pytest.approx(0.6), pytest.approx(0.4), 0.0, 0.0]


def test_without_pairs_no_class_is_learnt() -> None:
    parameters, start = world()
    nothing = Counted(np.empty((0, len(TRUTH)), np.uint8), np.empty(0))
    empty = RegistryPairs(None, None, 0, nothing, 0.0, NUMBER, (2, 3), (1,), (SEX, DATE, PLACE), (DATE, PLACE), (NAME,))
    fit = estimate_classes(parameters, start, empty)
    assert fit.neighbour_share == 0.0
    assert fit.twin_rate == 0.0
    levels = np.array([[1, 1, 3, 1, 1, 1], [1, 1, 1, 1, 1, 1]], np.uint8)
    assert np.array_equal(fit.pattern_weights(levels), replace(parameters, twin_rate=0.0).pattern_weights(levels))


def test_strangers_of_one_name_have_an_address_made_of_it() -> None:
    """One pair in a thousand has one name; of these two thirds have the address that it makes, of others hardly any."""
    u = [[0.001, 0.999], [0.0001, 0.9999], [0.5, 0.5]]
    comparisons = [
        ComparisonParameters(name, ("missing", "same", "different"), with_missing([0.9, 0.1]), *(with_missing(of),) * 2)
        for name, of in zip(("name", "address", "sex"), u, strict=True)
    ]
    independent = Parameters(tuple(comparisons), 0.5, 1.0, 0.0, 1000)
    levels = np.array([[1, 1, 1], [1, 2, 1], [1, 0, 1]], np.uint8)
    found = with_lookalikes(independent, Lookalikes(levels, np.array([2000.0, 1000.0, 500.0]), 3_500_000.0, (0, 1)))
    assert found.neighbour_share == pytest.approx(0.001)
    assert found.comparisons[0].among_neighbours[1] == pytest.approx(1.0, abs=1e-3)
    assert found.comparisons[1].among_neighbours[1] == pytest.approx(2 / 3, abs=1e-3)
    assert found.comparisons[2].neighbour is None
    # Both alike: among strangers 0.001 * 2 / 3, not 0.001 * 0.0001.
    both = np.array([[1, 1, 1]], np.uint8)
    seen = np.log2(0.9 * 0.9 / (0.001 * (2 / 3) + 1e-7))
    assert found.pattern_weights(both)[0] - np.log2(0.9 / 0.5) == pytest.approx(seen, abs=0.01)
    assert independent.pattern_weights(both)[0] > found.pattern_weights(both)[0] + 12.0
