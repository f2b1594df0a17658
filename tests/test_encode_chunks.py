"""Encoding chunk by chunk: any number of threads gives identical arrays, any chunk length the same contents."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linkage.encode.columns import encode, encode_chunks
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.syllables import SyllableDictionary
from linkage.ingest import ingest
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan
from linkage.plan.sections import Plan
from linkage.registry.index import Units
from linkage.schema import DOSES
from linkage.simulate import simulate
from models.comparators.name import signatures_of

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("encode")
    simulate(2_000, 3_000, 6, where)
    return where


@pytest.fixture(scope="module")
def records(folder: Path) -> pa.Table:
    return ingest([folder / "doses.parquet"], DOSES).accepted.read()


def empty_dictionaries(folder: Path) -> Dictionaries:
    return Dictionaries(Units.load(folder / "units"), "2021", datetime.date(2021, 12, 31))


def encoded(
    table: pa.Table, plan: Plan, folder: Path, chunk_rows: int, n_threads: int
) -> tuple[Columns, Dictionaries, pa.Table]:
    dictionaries = empty_dictionaries(folder)
    chunks = list(encode_chunks(Records.of(table, chunk_rows), plan, "left", dictionaries, n_threads=n_threads))
    columns = {name: np.concatenate([part[name] for _, part in chunks]) for name in chunks[0][1]}
    return columns, dictionaries, pa.concat_tables([chunk for chunk, _ in chunks])


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_threads_do_not_show(folder: Path, records: pa.Table, n_threads: int) -> None:
    columns, dictionaries, rows = encoded(records, load_plan(None), folder, 170, n_threads)
    assert rows.equals(records)
    start, expected = empty_dictionaries(folder), []
    for chunk in Records.of(records, 170).chunks():
        expected.append(encode(chunk, load_plan(None), "left", start))
    assert dictionaries.syllables.syllables == start.syllables.syllables
    for name in columns:
        np.testing.assert_array_equal(columns[name], np.concatenate([part[name] for part in expected]))


@pytest.mark.parametrize("chunk_rows", [1, 64, 1_000, 10_000])
def test_chunk_length_changes_ids_only(folder: Path, records: pa.Table, chunk_rows: int) -> None:
    table = records.slice(0, 300)
    plan, names = load_plan(None), {"full_name", "full_name.signature"}
    columns, dictionaries, _ = encoded(table, plan, folder, chunk_rows, 2)
    whole = empty_dictionaries(folder)
    expected = encode(table, plan, "left", whole)
    for name in columns.keys() - names:
        np.testing.assert_array_equal(columns[name], expected[name])
    syllables = [
        np.array(d.syllables.syllables)[ids]
        for d, ids in ((dictionaries, columns["full_name"]), (whole, expected["full_name"]))
    ]
    np.testing.assert_array_equal(*syllables)
    _, plain, _, letters, _ = dictionaries.syllables.tables()
    np.testing.assert_array_equal(columns["full_name.signature"], signatures_of(columns["full_name"], plain, letters))


def test_words_of_text_fields_do_not_depend_on_threads(folder: Path) -> None:
    """Words are added chunk by chunk, in sorted order within a chunk."""
    plan = load_plan(Path(__file__).parents[1] / "benchmarks" / "plans" / "febrl_self.toml")
    texts = [f"w{n * 7 % 31}" for n in range(60)]
    table = pa.table(dict.fromkeys([plan.left_id, *plan.columns("left")], texts))
    (one, words, _), (two, words_again, _) = (encoded(table, plan, folder, 7, n_threads) for n_threads in (1, 4))
    assert words.words == words_again.words
    for name, column in one.items():
        np.testing.assert_array_equal(column, two[name])
        if name in words.words:
            assert [words.words[name][i] for i in column] == texts
            assert words.words[name][1:8] == sorted(set(texts[:7]))


def test_no_rows(folder: Path) -> None:
    records = Records.of(DOSES.arrow().empty_table())
    assert list(encode_chunks(records, load_plan(None), "left", empty_dictionaries(folder))) == []


def test_the_tables_of_syllables_follow_their_dictionary() -> None:
    dictionary = SyllableDictionary(["", "nguyễn"])
    before = dictionary.tables()
    grown = dictionary.copy()
    grown.ids(["văn", "ngọc"])
    assert [table.size for table in grown.tables()] == [4] * 5
    assert [table.size for table in dictionary.tables()] == [2] * 5
    dictionary.ids(["ván"])
    for table, old in zip(dictionary.tables(), before, strict=True):
        assert table.size == 3
        assert table[:2].tolist() == old.tolist()
    assert dictionary.tables()[0].tolist() == [0, 1, 2]
