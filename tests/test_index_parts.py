"""An index with changes holds what an index of the changed registry holds, at other row numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.encode.columns import encode
from linkage.encode.keys import PERSONAL_DIGITS, KeyParts, pass_keys
from linkage.errors import VerificationError
from linkage.registry import index as registry_index
from linkage.registry import sums
from linkage.registry.from_files import apply_changes, compact_index
from linkage.registry.index import Index, open_index
from linkage.registry.persons_by_id import living_rows
from linkage.simulate import simulate
from linkage.training.drift import describe_tables
from tests.changes import build, changed_registry, changes_csv, contents, draw_steps, living_blocks
from tests.district import Row, rows_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    simulate(900, 100, 5, folder, area="bao-lam")
    return folder


@pytest.fixture(scope="module")
def persons(folder: Path) -> list[Row]:
    return rows_of(folder / "registry.parquet")


@pytest.fixture(scope="module", params=[(1, 1), (2, 2), (3, 3), (4, 3)], ids=str)
def both(
    request: pytest.FixtureRequest, folder: Path, persons: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Index, Index]:
    """An index after changes in some steps, and one of the registry that they lead to."""
    seed, n_steps = request.param
    out = tmp_path_factory.mktemp("both")
    steps = draw_steps(np.random.default_rng(seed), persons[:-40], persons[-40:], n_steps)
    changed = build(folder, persons[:-40], out / "changed")
    for number, step in enumerate(steps):
        apply_changes(changes_csv(out / f"{number}.csv", step), changed)
    fresh = build(folder, changed_registry(persons[:-40], steps), out / "fresh")
    return open_index(changed), open_index(fresh)


def test_rows_have_the_numbers_of_a_fresh_build(both: tuple[Index, Index]) -> None:
    changed, fresh = both
    numbers = np.arange(fresh.n_persons)
    rows = changed.nth(numbers)
    assert changed.n_persons == changed.persons.num_rows == fresh.n_persons
    assert changed.person_keys[rows].tolist() == fresh.person_keys[numbers].tolist()
    assert not changed.removed.include(rows).any()
    assert changed.removed.include(np.arange(len(changed.columns["sex"].large))).sum() == changed.removed.rows.size > 0
    assert changed.take(rows).equals(fresh.take(numbers))
    ids = fresh.take(numbers, ["person_id"]).column(0)
    assert changed.rows_of(ids).tolist() == rows.tolist()
    gone = changed.persons.take(changed.removed.rows.astype(np.int64), ["person_id"]).column(0)
    assert set(changed.rows_of(gone).tolist()) == {-1, *changed.rows_of(gone)[fresh.rows_of(gone) >= 0].tolist()}


def test_columns_are_those_of_a_fresh_build(both: tuple[Index, Index]) -> None:
    changed, fresh = both
    numbers = np.arange(fresh.n_persons)
    syllables = [index.dictionaries.syllables.syllables for index in both]
    for name, column in fresh.columns.items():
        ours, theirs = changed.columns[name][changed.nth(numbers)], column[numbers]
        if name == "full_name":
            assert [[syllables[0][i] for i in row] for row in ours] == [
                [syllables[1][i] for i in row] for row in theirs
            ]
        elif name != "full_name.signature":
            assert np.array_equal(ours, theirs), name


def test_passes_find_what_those_of_a_fresh_build_find(both: tuple[Index, Index]) -> None:
    changed, fresh = both
    dictionaries = fresh.dictionaries.copy()
    encoded = encode(fresh.persons.read(), fresh.plan, "right", dictionaries)
    number_of = {row: n for n, row in enumerate(changed.nth(np.arange(fresh.n_persons)).tolist())}
    for rule in fresh.plan.passes:
        keys = np.unique(pass_keys(rule, "right", encoded, fresh.plan, dictionaries))
        for max_block in (0, 3, 10**6):
            ours = living_blocks(changed, rule.name, keys, max_block)
            numbered = [({number_of[row] for row in rows}, size, before) for rows, size, before in ours]
            assert numbered == living_blocks(fresh, rule.name, keys, max_block)
            assert all(len(rows) == size for rows, size, _ in ours)


def test_every_number_is_found_a_slip_away(both: tuple[Index, Index]) -> None:
    """Whether its bearer stands in the large part or among the changes; most other numbers are not looked up."""
    fresh = both[1]
    rule = next(rule for rule in fresh.plan.passes if "id_number.neighbours" in rule.left)
    numbers = fresh.columns["id_number"][np.arange(fresh.n_persons)]
    numbers = numbers[(numbers >> np.uint64(56) == PERSONAL_DIGITS) & (numbers & np.uint64(15) < 8)]
    stated = {"id_number": numbers ^ np.uint64(1)}  # the last digit is another
    borne = pass_keys(rule, "right", {"id_number": numbers}, fresh.plan, fresh.dictionaries)
    for index in both:
        keys = KeyParts("left", stated, fresh.plan, fresh.dictionaries, index.numbers).keys(rule)
        assert (keys == borne).any(axis=1).all()
        assert np.count_nonzero(keys) < 5 * numbers.size


def test_a_part_is_made_once_for_each_column_that_it_meets(both: tuple[Index, Index]) -> None:
    """Neighbours that the numbers of one column let through are not those of another."""
    index = both[1]
    stated = {"id_number": index.columns["id_number"][np.arange(index.n_persons)] ^ np.uint64(1)}
    borne = index.numbers["id_number"]
    nobodys = replace(borne, large=np.zeros_like(borne.large), few=np.zeros_like(borne.few))
    known = {"id_number": borne, "old_id_number": nobodys}
    parts = KeyParts("left", stated, index.plan, index.dictionaries, known)
    by_column = {met: parts.part("id_number.neighbours", met) for met in known}
    assert np.count_nonzero(by_column["id_number"]) > np.count_nonzero(by_column["old_id_number"]) == 0
    assert all(parts.part("id_number.neighbours", met) is part for met, part in by_column.items())


def test_frequencies_are_those_of_a_fresh_build(both: tuple[Index, Index]) -> None:
    changed, fresh = both
    assert changed.frequencies.keys() == fresh.frequencies.keys()
    for name, theirs in fresh.frequencies.items():
        ours = changed.frequencies[name]
        values = np.union1d(ours.values, theirs.values)
        assert np.array_equal(ours.counts_of(values), theirs.counts_of(values)), name
        assert ours.bearers.tolist() == theirs.bearers.tolist(), name
        assert ours.squares.tolist() == theirs.squares.tolist(), name


def test_the_hashes_of_frequencies_are_those_of_a_fresh_build(
    both: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, fresh = both
    told = fresh.manifest["term_frequencies"]
    assert told.keys() == fresh.frequencies.keys()
    assert changed.manifest["term_frequencies"] == told != changed.manifest["large"]["term_frequencies"]
    monkeypatch.setattr("linkage.registry.frequencies._VALUES_AT_ONCE", 7)
    for index in both:
        assert {name: table.sha256() for name, table in index.frequencies.items()} == told
    assert describe_tables(changed.frequencies, told) == describe_tables(fresh.frequencies, told)


def test_compacted_it_is_the_fresh_build(both: tuple[Index, Index]) -> None:
    changed, fresh = both
    compact_index(changed.folder.parent)
    assert contents(changed.folder.parent) == contents(fresh.folder.parent)


@given(
    st.lists(st.integers(0, 5), max_size=40),
    st.lists(st.integers(0, 5), max_size=8),
    st.sets(st.integers(0, 39)),
    st.lists(st.integers(0, 7), max_size=6),
    st.integers(0, 1),
)
def test_rows_are_found_by_hashes_as_one_by_one(
    large: list[int], few: list[int], removed: set[int], wanted: list[int], leading: int
) -> None:
    """Of hashes that several persons have, and whose leading bits are alike, in both parts."""
    hashes = [np.array(values, np.uint64) << np.uint64(60 * leading) for values in (large, few, wanted)]
    gone = sorted(row for row in removed if row < len(large))
    found = living_rows({}, (hashes[0], hashes[1]), np.array(gone, np.uint32), hashes[2])
    living = [row for row, value in enumerate(large) if value in wanted and row not in gone]
    assert found.tolist() == living + [len(large) + row for row, value in enumerate(few) if value in wanted]


def test_an_id_that_another_person_has_the_hash_of_is_nobodys(
    folder: Path, persons: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index(build(folder, persons[:20], tmp_path / "index"))
    ids, some = index.take(np.arange(20), ["person_id"]).column(0), index.person_keys[np.arange(20)]
    monkeypatch.setattr(registry_index, "hash_keys", lambda ids: np.resize(some, len(ids)))
    assert index.rows_of(pa.array(["unknown", ids[1].as_py()])).tolist() == [-1, 1]


def test_damaged_hashes_are_told_before_anybody_is_looked_up(
    folder: Path, persons: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not found is a new person to `index apply`. A column that is too large to be read at every open."""
    monkeypatch.setattr(sums, "OPEN_BYTES", 0)
    many = [persons[i % len(persons)] | {"person_id": f"X{i:05}"} for i in range(9000)]
    index = build(folder, many, tmp_path / "index")
    column = next(index.glob("v*")) / "columns" / "@person.npy"
    content = bytearray(column.read_bytes())
    content[-3] ^= 1
    column.chmod(0o600)
    column.write_bytes(content)
    opened = open_index(index)
    with pytest.raises(VerificationError, match=r"@person\.npy"):
        opened.rows_of(pa.array(["X00000"]))
