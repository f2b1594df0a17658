"""Conflicts of doses decided for one person."""

import numpy as np
import pyarrow as pa
import pytest

from linkage.doses.schedule import LABELS, conflict_labels, find_conflicts, read_injections

NOBODY_DIED = -1


def conflicts_of(*doses, death=NOBODY_DIED, persons=None):
    """Labels per dose, given (date, number, product) of doses of one person, or of the persons named."""
    dates, numbers, products = (pa.array(column, pa.string()) for column in zip(*doses, strict=True))
    rows = np.array(persons or [7] * len(doses), np.int64)
    deaths = np.full(len(doses), death, np.int32)
    bits = find_conflicts(rows, read_injections(dates, numbers, products), deaths)
    return conflict_labels(bits).to_pylist()


@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [
        (("2021-07-10", "1", "Pfizer"), ("2021-08-10", "2", "Pfizer"), []),
        (("2021-07-10", "1", "AstraZeneca"), ("2021-09-30", "mũi 2", "Comirnaty"), []),
        (("2021-07-10", "1", "Spikevax-Moderna"), ("2021-08-10", "2", "Pfizer"), []),
        (("2021-07-10", "1", "Pfizer"), ("2021-08-10", "2", "AstraZeneca"), ["product_mismatch"]),
        (("2021-07-10", "1", "Vero Cell"), ("2021-08-10", "2", "Sinopharm"), []),
        (("2021-07-10", "1", "Vero Cell"), ("2021-08-10", "2", "Abdala"), ["product_mismatch"]),
        (("2021-07-10", "1", "Vero Cell"), ("2021-12-10", "3", "Pfizer"), []),
        (("2021-07-10", "1", "không rõ"), ("2021-08-10", "2", "Abdala"), []),
        (("2021-07-10", "1", None), ("2021-07-20", "2", None), ["interval_too_short"]),
        (("2021-07-10", "2", None), ("2021-09-20", "2.0", None), ["dose_number_twice"]),
        (("10/07/2021", "1", None), ("2021-07-10", "1", None), []),
        (("2021-07-10", "1", None), (None, "1", None), []),
    ],
)
def test_two_doses_of_one_person(first, second, labels):
    assert conflicts_of(first, second) == [labels, labels]
    assert conflicts_of(second, first) == [labels, labels]


def test_doses_of_two_people_or_of_nobody_do_not_conflict():
    doses = [("2021-07-10", "1", "Pfizer"), ("2021-07-12", "1", "Abdala")]
    assert conflicts_of(*doses, persons=[1, 2]) == [[], []]
    assert conflicts_of(*doses, persons=[-1, -1]) == [[], []]


def test_a_dose_after_death_conflicts_and_one_before_does_not():
    doses = [("2021-07-10", "1", None), ("2021-09-10", "2", None)]
    between = int(np.datetime64("2021-08-01").astype(int)) + 719163
    assert conflicts_of(*doses, death=between) == [[], ["dead_before_dose"]]


def test_several_conflicts_stand_side_by_side():
    labels = conflicts_of(("2021-07-10", "1", "Pfizer"), ("2021-07-12", "2", "Abdala"))[0]
    assert labels == ["interval_too_short", "product_mismatch"]
    assert set(labels) <= set(LABELS.values())


def test_a_dose_keyed_in_twice_conflicts_as_a_whole():
    """The other day must be seen from both entries of one injection, whichever stands next to it in order."""
    near = conflicts_of(("2021-07-10", "1", None), ("2021-07-10", "1", None), ("2021-07-15", "2", None))
    assert near == [["interval_too_short"]] * 3
    twice = conflicts_of(("2021-07-10", "1", None), ("2021-07-10", "1", None), ("2021-10-15", "1", None))
    assert twice == [["dose_number_twice"]] * 3
