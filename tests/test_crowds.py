"""Crowds: which records are one, which ten are kept of it, and that nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.two_files.copies import MOST_KEPT, Copies, join, places_in_runs
from linkage.two_files.crowds import crowds_by_keys, joined, people_of, thinned
from linkage.two_files.link import link_files
from tests.district import Row
from tests.relatives import households, plan_of, write_people

PLAN = plan_of(matches_per_record="any")


def columns_of(names: list[int], dates: list[int], phones: list[int]) -> dict[str, Any]:
    """Encoded columns as the plan's, 0 for what is missing."""
    return {
        "name": np.array([[name, 0] for name in names], np.uint16).reshape(-1, 2),
        "born": np.array(dates, np.uint32),
        "phone": np.array(phones, np.uint64),
    }


def distinct(n: int) -> Copies:
    return Copies.none(n)


def crowds_among(names: list[int], dates: list[int], phones: list[int]) -> list[int]:
    copies = distinct(len(names))
    return crowds_by_keys(copies, columns_of(names, dates, phones), PLAN).tolist()


MANY = list(range(1, 401))  # people of whom no two say the same


def test_more_than_ten_that_say_the_same_in_three_fields_are_a_core() -> None:
    n = MOST_KEPT + 1
    names, dates, phones = (list(MANY) for _ in range(3))
    names[:n], dates[:n], phones[:n] = [7] * n, [9] * n, [5] * n
    assert crowds_among(names, dates, phones) == [*[0] * n, *[-1] * (400 - n)]
    phones[0] = 399  # two fields of three are enough for who is not of the core, but there is none now
    assert set(crowds_among(names, dates, phones)) == {-1}


def test_who_says_the_same_as_a_core_in_two_fields_is_of_its_crowd() -> None:
    names, dates, phones = (list(MANY) for _ in range(3))
    n = 30
    names[:n], dates[:n], phones[:n] = [7] * n, [9] * n, [5] * n
    for i in range(5):
        names[i], dates[5 + i], phones[10 + i] = 300 + i, 300 + i, 0
    assert crowds_among(names, dates, phones) == [*[0] * n, *[-1] * (400 - n)]


def test_a_core_among_many_more_of_one_name_and_date_draws_none_of_them() -> None:
    """As a default date and a common name, which are of as many people as they have phones."""
    names, dates, phones = (list(MANY) for _ in range(3))
    names[:100], dates[:100], phones[:20] = [7] * 100, [9] * 100, [5] * 20
    crowds = crowds_among(names, dates, phones)
    assert set(crowds[20:]) == {-1}
    assert set(crowds[:20]) == {-1} or set(crowds[:20]) == {0}


def test_two_fields_are_no_crowd() -> None:
    names, dates, phones = (list(MANY) for _ in range(3))
    names[:50], phones[:50] = [7] * 50, [9] * 50
    assert set(crowds_among(names, dates, phones)) == {-1}


def test_what_is_missing_is_not_the_same() -> None:
    names, dates, phones = (list(MANY) for _ in range(3))
    names[:50], dates[:50], phones[:50] = [7] * 50, [0] * 50, [9] * 50
    assert set(crowds_among(names, dates, phones)) == {-1}


def test_fields_that_tell_nobody_apart_make_no_crowd() -> None:
    n = len(MANY)
    assert set(crowds_among([1 + i % 3 for i in range(n)], [1 + i % 3 for i in range(n)], [1] * n)) == {-1}


def test_crowds_grow_by_links_and_keep_their_first() -> None:
    crowds = np.array([0, 0, -1, -1, -1, 5, 5])
    n_copies = np.array([6, 6, 1, 1, 12, 6, 6])
    assert joined(crowds, np.array([2]), np.array([6]), n_copies).tolist() == [0, 0, 2, -1, -1, 2, 2]
    assert joined(crowds, np.array([0]), np.array([5]), n_copies).tolist() == [0, 0, -1, -1, -1, 0, 0]
    # What was none is none by links alone, nor is what is nothing but copies of one record.
    assert joined(np.full(2, -1), np.array([0]), np.array([1]), np.array([9, 9])).tolist() == [-1, -1]
    assert joined(np.array([0, -1]), np.array([0]), np.array([0]), np.array([9, 9])).tolist() == [-1, -1]
    # Cores: whatever has more than ten records.
    none = np.full(4, -1)
    cores = joined(none, np.array([0]), np.array([1]), np.array([6, 6, 12, 3]), of_one_group=True)
    assert cores.tolist() == [0, 0, 2, -1]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120), st.lists(st.integers(-1, 2), min_size=31, max_size=31))
def test_ten_of_a_crowd_stay_and_all_others(texts: list[int], chosen: list[int]) -> None:
    copies = Copies.of(pa.table({"x": [str(text) for text in texts]}), ["x"])
    n_groups = copies.starts.size - 1
    first = {label: chosen[:n_groups].index(label) for label in set(chosen[:n_groups])}
    crowds = np.array([-1 if label < 0 else first[label] for label in chosen[:n_groups]])
    few = thinned(copies, crowds)
    of_record = crowds[copies.groups]
    assert set(copies.kept[of_record[copies.kept] < 0]) <= set(few.kept)
    for crowd in set(crowds[crowds >= 0]):
        n_kept = np.count_nonzero(of_record[few.kept] == crowd)
        assert n_kept == min(MOST_KEPT, np.count_nonzero(of_record == crowd))
    people = people_of(few, crowds)
    assert set(people) <= set(few.kept)
    assert np.unique(of_record[people][of_record[people] >= 0], return_counts=True)[1].tolist() == [1] * len(
        set(crowds[crowds >= 0])
    )
    assert sorted(copies.groups[few.left_out()]) == sorted(set(range(n_groups)) - set(copies.groups[few.kept]))


def test_each_copy_is_joined_with_the_first_of_the_other_group() -> None:
    copies = Copies.of(pa.table({"x": [*"ababc"]}), ["x"])
    pair, left, right = join(copies, np.array([0, 1, 2]), np.array([1, 1, 0]))
    assert list(zip(pair.tolist(), left.tolist(), right.tolist(), strict=True)) == [
        (0, 0, 1), (0, 2, 1), (1, 3, 1), (2, 4, 0),
    ]  # fmt: skip


def test_places_in_runs() -> None:
    assert places_in_runs(np.array([4, 4, 1, 1, 1, 4])).tolist() == [0, 1, 0, 1, 2, 0]
    assert places_in_runs(np.empty(0, np.int64)).tolist() == []


# ---------------------------------------------------------------------------------------------------------- end to end


@pytest.fixture(scope="module")
def alone() -> list[Row]:
    return [household[0] for household in households(np.random.default_rng(7), [1] * 600)]


def test_strangers_who_look_like_a_crowd_stay_strangers(alone: list[Row], tmp_path: Path) -> None:
    """Thirty people of one name whose station wrote one phone, and all of whom stand there twice."""
    same = [person | {"full_name": "Nguyễn Thị Hoa", "phone": "0913572468"} for person in alone[:30]]
    known = [*same, *alone[30:]]
    twice = [person | {"id": f"{person['id']}_again"} for person in [*same, *alone[100:160]]]
    path = write_people(tmp_path / "people.csv", [*known, *twice])
    summary = link_files([path], [path], PLAN, tmp_path / "out")
    table = pq.read_table(summary.folder / "links.parquet")
    pairs = set(zip(table["left_id"].to_pylist(), table["right_id"].to_pylist(), strict=True))
    true = {(person["id"].removesuffix("_again"), person["id"]) for person in twice}
    assert {tuple(sorted(pair)) for pair in pairs} <= true
    assert pairs or summary.refusal is not None
