"""Conflicts as weights: what a dose conflicts with, and how much that counts by its rates."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.doses.schedule import DEAD, DOSE_NUMBER, INTERVAL, PRODUCT, Injections, find_conflicts, read_injections
from linkage.doses.schedule_evidence import N_PATTERNS, Given, ScheduleRates, conflicts_with, learn_schedule
from linkage.registry.index import Index


class Persons:
    """An index, as far as its persons stand in order."""

    def in_order(self, rows: Any) -> Any:
        return np.argsort(rows)


INDEX = cast(Index, Persons())

Dose = tuple[int, int, str, str, str]  # person, claim, date, number, product


def columns(doses: list[Dose]) -> tuple[Any, Any, Injections]:
    person, claim, *texts = zip(*doses, strict=True)
    injections = read_injections(*(pa.array(text, pa.string()) for text in texts))
    return np.array(person, np.int32), np.array(claim, np.int32), injections


def test_a_claims_own_doses_do_not_speak_against_its_person() -> None:
    twice = [(7, 1, "2021-07-10", "1", "Pfizer"), (7, 1, "2021-07-20", "1", "Pfizer")]
    person, claim, injections = columns(cast(list[Dose], twice))
    assert conflicts_with(person, claim, injections, Given.of(person, claim, injections)).tolist() == [0, 0]
    other = claim + np.arange(2, dtype=np.int32)
    found = conflicts_with(person, other, injections, Given.of(person, other, injections))
    assert found.tolist() == [DOSE_NUMBER | INTERVAL] * 2


def test_doses_of_others_without_a_day_or_of_nobody_do_not_conflict() -> None:
    doses = [
        (7, 1, "2021-07-10", "1", "Pfizer"),
        (8, 2, "2021-07-11", "1", "Pfizer"),
        (-1, 3, "2021-07-12", "1", "Pfizer"),
        (7, 4, "", "1", "Pfizer"),
    ]
    person, claim, injections = columns(doses)
    assert not conflicts_with(person, claim, injections, Given.of(person, claim, injections)).any()


days = st.integers(18800, 18860)
some_doses = st.lists(
    st.tuples(st.integers(-1, 2), days | st.just(-1), st.integers(0, 3), st.integers(0, 8)), min_size=1, max_size=12
)


@settings(max_examples=200, deadline=None)
@given(some_doses)
def test_a_dose_conflicts_with_the_other_doses_of_its_person(doses: list[tuple[int, int, int, int]]) -> None:
    """The same as `find_conflicts` says of all the doses of a person."""
    person, day, number, product = (np.array(column) for column in zip(*doses, strict=True))
    person = person.astype(np.int32)
    injections = Injections(day.astype(np.int32), number.astype(np.uint8), product.astype(np.uint8))
    owner = np.arange(person.size, dtype=np.int32)
    found = conflicts_with(person, owner, injections, Given.of(person, owner, injections))
    expected = find_conflicts(person, injections, np.full(person.size, -1, np.int32))
    assert np.where(person >= 0, found, 0).tolist() == expected.tolist()


def rates(**counts: tuple[int, int]) -> ScheduleRates:
    """10,000 doses of each kind; counts: pattern -> right, wrong."""
    right, wrong = np.zeros(N_PATTERNS, np.int64), np.zeros(N_PATTERNS, np.int64)
    for name, pair in counts.items():
        right[int(name[1:])], wrong[int(name[1:])] = pair
    right[0], wrong[0] = 10_000 - right.sum(), 10_000 - wrong.sum()
    return ScheduleRates(right, wrong)


def test_what_is_as_common_among_the_right_as_by_chance_is_no_evidence() -> None:
    weights = rates(p4=(5_000, 5_000), p1=(100, 3_200), p2=(0, 1_000)).weights()
    assert weights[PRODUCT] == pytest.approx(0.0, abs=0.01)
    assert weights[DOSE_NUMBER] == pytest.approx(-5.0, abs=0.1)
    assert weights[INTERVAL] < -10
    assert (weights <= 0).all()
    assert weights[0] == weights[DEAD] == 0.0
    assert weights[DOSE_NUMBER | DEAD] == weights[DOSE_NUMBER]


def test_nothing_counted_leaves_conflicts_against_the_person() -> None:
    none = np.zeros(N_PATTERNS, np.int64)
    weights = ScheduleRates(none, none).weights()
    assert (weights[2:] < -8).all()
    assert weights[0] == 0.0


def test_rates_are_learnt_from_the_own_and_the_next_person() -> None:
    # Everybody has two doses, at the same number for persons 2 and 3 only; strangers always conflict.
    doses: list[Dose] = []
    for person in range(4):
        numbers = ("1", "1") if person >= 2 else ("1", "2")
        for dose, number in enumerate(numbers):
            doses.append((person, 9 - person, f"2021-0{7 + dose}-1{person}", number, "Pfizer"))
    person, _, injections = columns(doses)
    learnt = learn_schedule(person, injections, INDEX)
    assert learnt.right.tolist() == [4, 4, 0, 0, 0, 0, 0, 0]
    assert learnt.wrong[0] == 0
    assert learnt.wrong.sum() == 8
    shuffled = np.array([5, 2, 7, 0, 3, 6, 1, 4])
    again = learn_schedule(person[shuffled], injections[shuffled], INDEX)
    assert (again.right.tolist(), again.wrong.tolist()) == (learnt.right.tolist(), learnt.wrong.tolist())


def test_one_person_is_too_few_to_learn_from() -> None:
    person, _, injections = columns([(7, 1, "2021-07-10", "1", "Pfizer"), (7, 2, "2021-08-10", "2", "Pfizer")])
    learnt = learn_schedule(person, injections, INDEX)
    assert learnt.right.sum() == learnt.wrong.sum() == 0
