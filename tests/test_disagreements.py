"""What matched claims disagree in beyond what sure claims do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.disagreements import FEWEST_REFERENCES, decided_alike, has_kind, largest_excess

pytestmark = pytest.mark.kernel

DATE, NAME = ((0, (2,)),), ((1, (2, 3)),)
KINDS = [(DATE, ()), (NAME, ())]


def drawn(n: int, shares: tuple[float, float], seed: int) -> NDArray[np.uint8]:
    """Levels of n claims in two comparisons: date 1 or 2, name 1, 2 or 3."""
    rng = np.random.default_rng(seed)
    date = 1 + (rng.random(n) < shares[0])
    name = np.where(rng.random(n) < shares[1], 2 + (rng.random(n) < 0.5), 1)
    return np.column_stack([date, name]).astype(np.uint8)


def test_claims_of_one_world_have_no_excess() -> None:
    """200 pairs of samples with the same shares of disagreements."""
    alarms = [
        largest_excess(drawn(2000, (0.04, 0.002), seed), drawn(4000, (0.04, 0.002), 1000 + seed), KINDS)
        for seed in range(200)
    ]
    assert sum(alarm is not None and alarm.is_notable for alarm in alarms) <= 4


@pytest.mark.parametrize("n_others", [90, 200])
def test_other_people_are_counted(n_others: int) -> None:
    """Namesakes who differ in the date of birth, mixed into claims of whom one in 25 does."""
    found = []
    for seed in range(20):
        namesakes = np.tile(np.array([[2, 1]], np.uint8), (n_others, 1))
        claims = np.concatenate([drawn(2000, (0.04, 0.01), seed), namesakes])
        excess = largest_excess(claims, drawn(4000, (0.04, 0.01), 1000 + seed), KINDS)
        assert excess is not None
        assert excess.is_notable
        assert excess.kind == DATE
        found.append(excess)
    assert np.mean([excess.surplus for excess in found]) == pytest.approx(n_others * 0.96, rel=0.1)
    assert np.mean([excess.deviation for excess in found]) == pytest.approx(
        np.std([excess.surplus for excess in found]), rel=0.5
    )


def test_a_handful_of_the_unexpected_is_no_excess() -> None:
    claims, reference = np.full((500, 2), 1, np.uint8), np.full((4000, 2), 1, np.uint8)
    for n_differing, stands_out in ((4, False), (20, True)):
        claims[:n_differing, 0] = 2
        excess = largest_excess(claims, reference, [(DATE, ())])
        assert excess is not None
        assert excess.is_notable == stands_out


def test_what_is_given_may_be_commoner_than_in_the_reference() -> None:
    """A village whose people have no phone: they differ in the date as often as others, given that."""
    claims, reference = drawn(4000, (0.2, 0.9), 1), drawn(4000, (0.2, 0.1), 2)
    among_all, given = (largest_excess(claims, reference, [kind]) for kind in ((DATE + NAME, ()), (DATE, NAME)))
    assert among_all is not None
    assert given is not None
    assert (among_all.is_notable, given.is_notable) == (True, False)


def test_too_few_references_say_nothing() -> None:
    claims = np.full((500, 2), 2, np.uint8)
    few = np.full((FEWEST_REFERENCES - 1, 2), 1, np.uint8)
    assert largest_excess(claims, few, [(DATE, ())]) is None
    assert largest_excess(claims[:0], np.repeat(few, 2, axis=0), [(DATE, ())]) is None


def test_a_kind_is_all_of_its_comparisons_at_one_of_the_levels() -> None:
    levels = np.array([[2, 2], [2, 1], [1, 3], [2, 3]], np.uint8)
    assert has_kind(levels, DATE + NAME).tolist() == [True, False, False, True]


def test_the_reference_passes_the_threshold_with_the_number_it_is_given() -> None:
    odds = np.array([0.0, 3.0, 30.0, 300.0])
    assert decided_alike(odds, 1.0, 0.99).tolist() == [False, False, False, True]
    assert decided_alike(odds, 4.0, 0.99).tolist() == [False, False, True, True]
    assert not decided_alike(odds, 4.0, 1.0).any()
