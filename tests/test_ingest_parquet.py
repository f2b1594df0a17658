"""Parquet files: every column type as text, bytes that are no text, and damage."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import InputError
from linkage.ingest import Ingested, ingest, parquet_limits
from linkage.ingest.csv_kernels import MAX_FIELD_BYTES
from linkage.schema import DOSES, REGISTRY


def write(path: Path, columns: Mapping[str, object], **options: object) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def read(path: Path) -> Ingested:
    batch = ingest([path], DOSES)
    (count,) = batch.files
    positions = sorted([*batch.positions().tolist(), *batch.rejected["position"].to_pylist()])
    assert positions == list(range(1, count.physical_records + 1))
    assert (count.accepted, count.rejected) == (batch.accepted.num_rows, batch.rejected.num_rows)
    return batch


MOMENTS = [datetime.datetime(2021, 6, 1), datetime.datetime(2021, 6, 1, 7, 30), None]
HANOI = datetime.timezone(datetime.timedelta(hours=7))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array(["079", "", None]), ["079", None, None]),
        (pa.array(["079", "", None], pa.large_string()), ["079", None, None]),
        (pa.array(["079", "", None]).dictionary_encode(), ["079", None, None]),
        (pa.array(["Đỗ".encode(), b"", None], pa.binary()), ["Đỗ", None, None]),
        (pa.array([79123456789, 0, None], pa.int64()), ["79123456789", "0", None]),
        (pa.array([1, 2, None], pa.uint8()), ["1", "2", None]),
        (pa.array([79123456789.0, 1.5, None]), ["79123456789", "1.5", None]),
        (pa.array([float("nan"), float("inf"), 1e15]), [None, "inf", "1e+15"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([datetime.date(1980, 2, 29), None, None]), ["1980-02-29", None, None]),
        (pa.array(MOMENTS, pa.timestamp("us")), ["2021-06-01", "2021-06-01 07:30:00", None]),
        (pa.array(MOMENTS, pa.timestamp("s")), ["2021-06-01", "2021-06-01 07:30:00", None]),
        (
            pa.array([datetime.datetime(2021, 6, 1, tzinfo=HANOI), None, None], pa.timestamp("ms", "+07:00")),
            ["2021-06-01", None, None],
        ),
        (pa.array([decimal.Decimal("79123456789.00"), decimal.Decimal("1.50"), None]), ["79123456789", "1.5", None]),
        (pa.array([decimal.Decimal("100"), decimal.Decimal("0"), None]), ["100", "0", None]),
        (pa.nulls(3), [None, None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_types_as_text(tmp_path: Path, values: pa.Array, text: list[str | None]) -> None:
    path = write(tmp_path / "a.parquet", {"dose_id": ["a", "b", "c"], "full_name": ["x"] * 3, "id_number": values})
    batch = read(path)
    assert batch.accepted.column("id_number").to_pylist() == text
    assert batch.accepted.schema.equals(DOSES.arrow())


def test_key_of_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"dose_id": [10, None, 30], "full_name": ["A", "B", "C"], "mũi": [1, 2, 3]})
    batch = read(path)
    assert batch.accepted.column("dose_id").to_pylist() == ["10", "30"]
    assert batch.rejected["reasons"].to_pylist() == [["missing_dose_id"]]
    assert [json.loads(raw) for raw in batch.rejected["raw"].to_pylist()] == [
        {"dose_id": None, "full_name": "B", "mũi": 2}
    ]
    assert batch.files[0].note == "columns ignored: mũi"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    names = pa.array([b"An", b"Tr\xe1\xba", b"A\0", b"Binh", b"\xff", b"x" * (MAX_FIELD_BYTES + 1)], pa.binary())
    columns = {"dose_id": list("abcdef"), "full_name": pa.Array.from_buffers(pa.string(), 6, names.buffers())}
    batch = read(write(tmp_path / "a.parquet", columns))
    assert batch.accepted.column("full_name").to_pylist() == ["An", "Binh"]
    reasons = [["invalid_encoding"], ["nul_byte"], ["invalid_encoding"], ["field_too_long"]]
    assert batch.rejected["reasons"].to_pylist() == reasons
    assert batch.rejected["position"].to_pylist() == [2, 3, 5, 6]
    raw = [json.loads(raw) for raw in batch.rejected["raw"].to_pylist()]
    assert raw[0] == {"dose_id": "b", "full_name": "Tr\\xE1\\xBA"}


def test_row_groups_and_batches_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.parquet_limits._MOST_ROWS", 7)
    ids = [str(n) if n % 10 else "" for n in range(1, 100)]
    path = write(tmp_path / "a.parquet", {"dose_id": ids, "full_name": ids}, row_group_size=13)
    batch = read(path)
    assert batch.accepted.column("dose_id").to_pylist() == [name for name in ids if name]
    assert batch.positions().tolist() == [n for n in range(1, 100) if n % 10]
    assert batch.rejected["position"].to_pylist() == list(range(10, 100, 10))


def test_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"dose_id": pa.array([], pa.string()), "full_name": pa.array([], pa.string())})
    assert read(path).files[0].physical_records == 0


def refuse(path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        ingest([path], DOSES)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path.name}: ")


def read_or_refuse(path: Path) -> Ingested | InputError:
    try:
        return read(path)
    except InputError as error:
        return error


def test_unusable_files(tmp_path: Path) -> None:
    refuse(write(tmp_path / "wrong.parquet", {"dose_id": ["1"]}), "column full_name missing")
    listed = {"dose_id": ["1"], "full_name": [["An"]]}
    refuse(write(tmp_path / "list.parquet", listed), "column full_name has the type list<.*store it as text")
    sound = write(tmp_path / "a.parquet", {"dose_id": ["1", "2"], "full_name": ["A", "B"]}).read_bytes()
    for n_bytes in (1, 4, len(sound) // 2, len(sound) - 1):
        (tmp_path / "half.parquet").write_bytes(sound[:n_bytes])
        refuse(tmp_path / "half.parquet", "not a readable Parquet file")


def test_page_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    columns = {"dose_id": ["1", "2"], "full_name": ["NGUYEN", "TRAN"]}
    path = write(tmp_path / "a.parquet", columns, write_page_checksum=True, write_statistics=False, compression="none")
    content = path.read_bytes()
    assert content.count(b"NGUYEN") == 1
    place = content.index(b"NGUYEN")
    path.write_bytes(content[:place] + b"M" + content[place + 1 :])
    refuse(path, "not a readable Parquet file")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 7)), min_size=1, max_size=3), st.booleans())
def test_flipped_bits_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]], packed: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / f"sound{packed}.parquet"
    if not sound.exists():
        ids = [f"D{n}" for n in range(50)]
        columns = {"dose_id": ids, "full_name": ["Nguyễn", "Trần"] * 25, "dose_number": np.arange(50)}
        write(sound, columns, compression="zstd" if packed else "none", use_dictionary=packed, row_group_size=20)
    content = bytearray(sound.read_bytes())
    for place, bit in flips:
        content[place % len(content)] ^= 1 << bit
    path = folder / "flipped.parquet"
    path.write_bytes(content)
    result = read_or_refuse(path)
    if isinstance(result, InputError):
        assert "\n" not in str(result)
    else:
        result.accepted.read().validate(full=True)


# ------------------------------------------------------------------------------------------------- what unpacks to more


def bomb(path: Path, n_rows: int, letters: int, **options: object) -> Path:
    """Rows with keys of their own and one long value, stored once."""
    value = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, np.int32)), pa.array(["x" * letters]))
    keys = pa.array(np.arange(n_rows)).cast(pa.string())
    pq.write_table(pa.table({"person_id": keys, "full_name": value}), path, compression="zstd", **options)
    return path


def test_a_value_stored_once_for_many_rows_is_told_with_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "a.parquet", 200_000, 500_000)  # 100 GB of text
    assert path.stat().st_size < 1 << 20
    n_rows = parquet_limits.batch_rows(path, pq.read_metadata(path), ["person_id", "full_name"])
    assert 256 < n_rows < 1024
    monkeypatch.setattr(parquet_limits, "_ANYWAY_TEXT_BYTES", 1 << 26)
    with pytest.raises(InputError, match=r"a\.parquet: its values come to over 200 times its size"):
        ingest([path], REGISTRY)


def test_pages_that_unpack_to_far_more_are_told(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.parquet", 200, 500_000, use_dictionary=False)
    with pytest.raises(InputError, match=r"a\.parquet: its pages unpack to over 200 times its size"):
        ingest([path], REGISTRY)


def test_more_rows_than_any_file_of_its_size_holds_are_told(tmp_path: Path) -> None:
    n_rows = 20_000_000
    nothing = pa.nulls(n_rows, pa.string())
    write(tmp_path / "a.parquet", {"person_id": nothing, "full_name": nothing})
    with pytest.raises(InputError, match=r"a\.parquet: announces 20,000,000 rows in [0-9,]+ bytes"):
        ingest([tmp_path / "a.parquet"], REGISTRY)


def test_long_values_cost_their_rows_only(tmp_path: Path) -> None:
    batch = ingest([bomb(tmp_path / "a.parquet", 30, 1 << 21)], REGISTRY)
    assert (batch.accepted.num_rows, batch.rejected.num_rows) == (0, 30)
    names = pa.array(["Lê Lan"]).take(pa.array(np.zeros(300_000, np.int64)))
    write(tmp_path / "b.parquet", {"person_id": pa.array(np.arange(300_000)), "full_name": names})
    assert ingest([tmp_path / "b.parquet"], REGISTRY).accepted.num_rows == 300_000


def partition(folder: Path, name: str, columns: Mapping[str, object]) -> Path:
    (folder / name).mkdir(parents=True)
    return write(folder / name / "part-0.parquet", columns)


def test_columns_in_the_names_of_folders(tmp_path: Path) -> None:
    """As Spark writes a table in partitions: the innermost folders of the form column=value state the column."""
    files = [
        partition(
            tmp_path / "table=doses",
            "dose_date=2022-08-29/lot=A%2F1",
            {"dose_id": ["D1", "D2"], "full_name": ["A", "B"]},
        ),
        partition(
            tmp_path / "table=doses",
            "dose_date=2022-08-30/lot=__HIVE_DEFAULT_PARTITION__",
            {"dose_id": ["D3"], "full_name": ["C"]},
        ),
    ]
    batch = ingest(files, DOSES)
    rows = batch.accepted.read().select(["dose_id", "dose_date", "lot"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("D1", "2022-08-29", "A/1"),
        ("D2", "2022-08-29", "A/1"),
        ("D3", "2022-08-30", None),
    ]
    assert "table" in (batch.files[0].note or "")
    assert len({file.file for file in batch.files}) == 2


def test_what_a_file_states_goes_before_its_folders(tmp_path: Path) -> None:
    columns = {"dose_id": ["D1"], "full_name": ["A"], "Dose_Date": ["2021-01-01"]}
    batch = read(partition(tmp_path, "dose_date=2022-08-29", columns))
    assert batch.accepted.read()["dose_date"].to_pylist() == ["2021-01-01"]
    # A folder further out does not count where one between is none.
    batch = read(partition(tmp_path, "lot=B/all/dose_date=2022-08-29", {"dose_id": ["D1"], "full_name": ["A"]}))
    assert batch.accepted.read().select(["lot", "dose_date"]).to_pylist() == [{"lot": None, "dose_date": "2022-08-29"}]


def test_a_rejected_record_shows_what_its_folder_states(tmp_path: Path) -> None:
    path = partition(tmp_path, "dose_date=2022-08-29", {"dose_id": ["D1", None], "full_name": ["A", "B"]})
    raw = read(path).rejected["raw"][0].as_py()
    assert json.loads(raw) == {"dose_id": None, "full_name": "B", "dose_date": "2022-08-29"}


def test_equal_parts_of_two_folders_are_different_doses(tmp_path: Path) -> None:
    """Without ids the keys are derived from what a file holds, and what its folder states is a part of that."""
    columns = {"full_name": ["A"], "vaccine": ["V"], "dose_number": ["1"]}
    files = [partition(tmp_path, f"dose_date=2022-08-{day}", columns) for day in (29, 30)]
    batch = ingest(files, DOSES)
    assert batch.rejected.num_rows == 0
    assert len(set(batch.accepted.read()["dose_id"].to_pylist())) == 2
