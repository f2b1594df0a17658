"""Several files as one batch: keys that occur again, names of files, and the sum that must hold."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faults.fuzz_sorts import FORMS
from benchmarks.faults.parsers import MAKERS
from linkage.errors import InputError, VerificationError
from linkage.ingest import ingest
from linkage.ingest.csv_kernels import scan_records
from linkage.ingest.duplicates import duplicate_faults
from linkage.ingest.readers import READERS
from linkage.ingest.reasons import CONFLICTING_KEY, DUPLICATE_KEY
from linkage.ingest.records import CHUNK_ROWS, Records
from linkage.schema import DOSES, REGISTRY, REJECTED
from tests.formats import WRITTEN


def write(path: Path, lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("dose_id,full_name\n" + lines, encoding="utf-8")
    return path


def test_keys_that_occur_again_over_all_files(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "1,A\n2,B\n1,A\n3,C\n4,\n")
    second = tmp_path / "b.parquet"
    pq.write_table(pa.table({"dose_id": ["2", "3", "5", "4"], "full_name": ["B", "X", "E", None]}), second)
    batch = ingest([first, second], DOSES)
    assert batch.accepted.column("dose_id").to_pylist() == ["1", "2", "4", "5"]
    assert batch.positions().tolist() == [1, 2, 5, 3]
    assert batch.rejected.to_pylist() == [
        {"file": "a.csv", "position": 3, "line": 4, "sheet": None, "raw": b"1,A", "reasons": ["duplicate_dose_id"]},
        {"file": "a.csv", "position": 4, "line": 5, "sheet": None, "raw": b"3,C", "reasons": ["conflicting_dose_id"]},
        {
            "file": "b.parquet",
            "position": 1,
            "line": None,
            "sheet": None,
            "raw": b'{"dose_id":"2","full_name":"B"}',
            "reasons": ["duplicate_dose_id"],
        },
        {
            "file": "b.parquet",
            "position": 2,
            "line": None,
            "sheet": None,
            "raw": b'{"dose_id":"3","full_name":"X"}',
            "reasons": ["conflicting_dose_id"],
        },
        {
            "file": "b.parquet",
            "position": 4,
            "line": None,
            "sheet": None,
            "raw": b'{"dose_id":"4","full_name":null}',
            "reasons": ["duplicate_dose_id"],
        },
    ]
    assert batch.rejected.schema.equals(REJECTED.arrow(), check_metadata=False)
    assert [(count.physical_records, count.accepted, count.rejected) for count in batch.files] == [(5, 3, 2), (4, 1, 3)]


TYPED = [["dose_id", "full_name"], ["D1", "Đỗ A"], ["D2", "B"], ["D2", "B"], ["D3", "C"], ["D3", "X"], ["", "E"]]


@pytest.mark.parametrize("ending", READERS)
def test_of_every_ending_all_records_are_accepted_or_rejected(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(WRITTEN[ending](TYPED))
    batch = ingest([path], DOSES)
    (file,) = batch.files
    assert file.accepted + file.rejected == file.physical_records == len(TYPED) - 1
    assert batch.accepted.read(["dose_id", "full_name"]).to_pylist() == [
        {"dose_id": "D1", "full_name": "Đỗ A"},
        {"dose_id": "D2", "full_name": "B"},
    ]
    assert batch.rejected["position"].to_pylist() == [3, 4, 5, 6]
    assert [reasons[0].rpartition("_dose")[0] for reasons in batch.rejected["reasons"].to_pylist()] == [
        "duplicate",
        "conflicting",
        "conflicting",
        "missing",
    ]
    assert all(b"X" in raw or b"C" in raw for raw in batch.rejected["raw"].to_pylist()[1:3])


def test_every_reader_is_fuzzed() -> None:
    assert {READERS[f".{form}"] for form in FORMS} == set(READERS.values())
    for form in FORMS:
        assert MAKERS[f"cut {form}"](TYPED, Random(1))[0] == f".{form}"
        assert MAKERS[f"changed {form}"](TYPED, Random(1))[1]


ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from([None, "x", "y"]), st.sampled_from(["p", "q"])), max_size=12
)


def faults_of(table: pa.Table, chunk_rows: int = CHUNK_ROWS) -> list[int]:
    """The fault bits of every row, 0 = kept."""
    faults = np.zeros(table.num_rows, np.uint16)
    rows, bits = duplicate_faults(Records.of(table, chunk_rows), "k")
    faults[rows] = bits
    return faults.tolist()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ROWS, st.integers(1, 4))
def test_duplicates_agree_with_sets(rows: list[tuple[str, str | None, str]], n_chunks: int) -> None:
    size = len(rows) // n_chunks + 1
    chunks = [rows[at : at + size] for at in range(0, max(len(rows), 1), size)]
    table = pa.concat_tables(
        [
            pa.table({name: pa.array([row[c] for row in chunk], pa.string()) for c, name in enumerate("kvw")})
            for chunk in chunks
        ]
    )
    expected = []
    for number, row in enumerate(rows):
        same = {other for other in rows if other[0] == row[0]}
        expected.append(CONFLICTING_KEY if len(same) > 1 else DUPLICATE_KEY if row in rows[:number] else 0)
    assert faults_of(table, chunk_rows=size) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linkage.ingest.duplicates._GROUP_ROWS", 2)
        assert faults_of(table, chunk_rows=size) == expected


@settings(max_examples=50, deadline=None, derandomize=True)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_decide(rows: list[tuple[str, str | None, str]], random: Random) -> None:
    def kept(order: list[tuple[str, str | None, str]]) -> list[tuple[str, str | None, str]]:
        table = pa.table({name: pa.array([row[c] for row in order], pa.string()) for c, name in enumerate("kvw")})
        return sorted((row for row, fault in zip(order, faults_of(table), strict=True) if not fault), key=str)

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert kept(shuffled) == kept(rows)


def test_names_that_occur_twice_get_their_folder(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "06" / "a.csv", "1,A\n1,A\n"),
        write(tmp_path / "07" / "a.csv", "2,A\n"),
        write(tmp_path / "b.csv", "3,A\n"),
    ]
    batch = ingest(paths, DOSES)
    assert [count.file for count in batch.files] == ["06/a.csv", "07/a.csv", "b.csv"]
    assert [count.path for count in batch.files] == paths
    assert batch.rejected["file"].to_pylist() == ["06/a.csv"]


def test_other_schemas(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("person_id,full_name\n1,A\n1,B\n,C\n2,D\n", encoding="utf-8")
    batch = ingest([path], REGISTRY)
    assert batch.accepted.schema.equals(REGISTRY.arrow())
    assert batch.accepted.column("person_id").to_pylist() == ["2"]
    assert batch.rejected["reasons"].to_pylist() == [["conflicting_person_id"]] * 2 + [["missing_person_id"]]


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    good = write(tmp_path / "a.csv", "1,A\n")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "a.doc").write_text("x")
    for name in ("empty.csv", "empty.xlsx", "empty.parquet"):
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=rf"{name}: the file is empty"):
            ingest([good, tmp_path / name], DOSES)
    for paths, message in [
        ([], "no input files"),
        ([good, tmp_path / "." / "a.csv"], "a.csv: given twice"),
        ([tmp_path / "none.csv"], "none.csv: no such file"),
        ([tmp_path / "folder.csv"], "folder.csv: this is a folder"),
        ([tmp_path / "a.doc"], "a.doc: unknown extension .doc: use one of .csv"),
    ]:
        with pytest.raises(InputError, match=message):
            ingest(paths, DOSES)


def test_lost_records_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", "1,A\n2,B\n")
    monkeypatch.setattr("linkage.ingest.batch.rejected_parts", lambda *_: iter(()))
    ingest([path], DOSES)
    write(path, "1,A\n1,A\n")
    with pytest.raises(VerificationError, match=r"a.csv: 2 records, but 1 accepted and 0 rejected"):
        ingest([path], DOSES)


def test_lost_bytes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(text: np.ndarray, position: int, *rest: Any) -> tuple[int, int, int]:
        n, n_breaks, end = scan_records(text, position, *rest)
        return n, n_breaks - 1 if position else n_breaks, end

    monkeypatch.setattr("linkage.ingest.csv_file.scan_records", skip)
    with pytest.raises(VerificationError, match=r"a.csv: 9 bytes after the header, 8 read"):
        ingest([write(tmp_path / "a.csv", "1,A\n2,B\n")], DOSES)


def test_two_runs_give_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "".join(f"{n % 90},N{n % 89}\n" for n in range(100)))
    one, two = ingest([path], DOSES), ingest([path], DOSES)
    assert one.accepted.read().equals(two.accepted.read())
    assert one.rejected.equals(two.rejected, check_metadata=True)
    assert one.files == two.files
