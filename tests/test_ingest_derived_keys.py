"""A file of doses without dose ids gets them from its content and the place of each record, and says so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import InputError
from linkage.ingest import ingest
from linkage.schema import DOSES, REGISTRY

ROWS = [
    ["STT", "full_name", "gender", "date_of_birth", "vaccine"],
    ["1", "Lê Lan", "Nữ", "05/12/1983", "X"],
    ["", "", "", "", ""],
    ["2", "Vũ Bá", "Nam", "", ""],
    ["3", "Bá", "", "", ""],
    ["4", "Lê Lan", "Nữ", "05/12/1983", "X"],
]


def write_csv(path: Path) -> Path:
    path.write_text("\n".join(",".join(row) for row in ROWS) + "\n")
    return path


def write_parquet(path: Path) -> Path:
    columns = zip(*ROWS, strict=True)
    pq.write_table(pa.table({name: values for name, *values in columns}), path)
    return path


def write_workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "write", "places"),
    [
        ("a.csv", write_csv, [1, 3, 4, 5]),
        ("a.parquet", write_parquet, [1, 3, 4, 5]),
        ("a.xlsx", write_workbook, [1, 2, 3, 4]),  # a blank row is no record of a sheet
    ],
)
def test_ids_are_the_content_and_the_place(
    tmp_path: Path, name: str, write: Callable[[Path], Path], places: list[int]
) -> None:
    path = write(tmp_path / name)
    batch = ingest([path], DOSES)
    prefix = f"file-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    assert batch.accepted.column("dose_id").to_pylist() == [f"{prefix}-{place}" for place in places]
    assert batch.accepted.column("full_name").to_pylist() == ["Lê Lan", "Vũ Bá", "Bá", "Lê Lan"]
    assert f"no column for keys: they are the file's content and the place of each record ({prefix}-1" in str(
        batch.files[0].note
    )
    assert "in another file too, or twice in this one, counts twice" in str(batch.files[0].note)
    other = tmp_path / f"copy-{name}"
    other.write_bytes(path.read_bytes())
    assert ingest([path, other], DOSES).accepted.num_rows == 4  # the same file twice is the same doses


def test_rows_of_the_form_are_told_by_what_stands_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        "full_name,gender,date_of_birth,vaccine",
        "(1),(2),(3),(4)",
        "Lê Lan,Nữ,1983,X",
        "Tổng cộng,2,,",
        "Vũ Bá,,,",
    ]
    path.write_text("\n".join([*lines, "Người lập biểu,,,", "full_name,gender,date_of_birth,vaccine", ""]))
    batch = ingest([path], DOSES)
    assert batch.accepted.column("full_name").to_pylist() == ["Lê Lan", "Vũ Bá"]
    told = [reasons[0] for reasons in batch.rejected["reasons"].to_pylist()]
    assert told == ["column_numbers", "total_row", "remark", "repeated_header"]


@pytest.mark.parametrize("title", ["Người lập biểu,,,", ",Người lập biểu,,", "Trưởng trạm,,NGƯỜI LẬP BIỂU,"])
def test_who_signs_a_list_is_no_dose(tmp_path: Path, title: str) -> None:
    path = tmp_path / "a.csv"
    lines = [
        "full_name,gender,date_of_birth,vaccine",
        "Lê Lan,Nữ,1983,X",
        "Thôn 2,,,",
        "Vũ Bá,,,",
        title,
        "(Ký tên),,,",
        ",,,",
        "Vũ An,,,",
    ]
    path.write_text("\n".join([*lines, lines[0], "Lê Hoa,Nữ,1984,X", "Bá,,,", ""]))
    batch = ingest([path], DOSES)
    assert batch.accepted.column("full_name").to_pylist() == ["Lê Lan", "Vũ Bá", "Lê Hoa", "Bá"]
    told = dict(zip(batch.rejected["position"].to_pylist(), batch.rejected["reasons"].to_pylist(), strict=True))
    assert "remark" in told[7]
    assert told[8] == ["repeated_header"]


@pytest.mark.parametrize(
    "header", ["full_name,gender\nLê Lan,Nữ", "person_id,full_name,gender,date_of_birth\nP1,Lê Lan,Nữ,1983"]
)
def test_what_may_be_no_list_of_doses_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(header + "\n")
    with pytest.raises(InputError, match=r"a.csv: column dose_id missing"):
        ingest([path], DOSES)
    path.write_text("full_name,gender,date_of_birth,commune_code\nLê Lan,Nữ,1983,00001\n")
    with pytest.raises(InputError, match=r"a.csv: column person_id missing"):
        ingest([path], REGISTRY)


def test_what_files_without_ids_have_in_common_is_counted(tmp_path: Path) -> None:
    head, *rows = [",".join(row) for row in (ROWS[0][1:], ROWS[1][1:], ROWS[3][1:], ["Lý Nam", "Nam", "1999", "X"])]
    one, two, keyed = (tmp_path / name for name in ("one.csv", "two.csv", "keyed.csv"))
    one.write_text("\n".join([head, *rows[:2]]) + "\n")
    two.write_text("\n".join([head, *rows]) + "\n")
    keyed.write_text("\n".join([f"dose_id,{head}", *(f"D{n},{row}" for n, row in enumerate(rows))]) + "\n")
    said = "2 records state all that another one does (one.csv, two.csv) and have no dose_id to tell by: both count"
    assert any(note.startswith(said) for note in ingest([one, two, keyed], DOSES).notes)
    assert ingest([one, two], DOSES).accepted.num_rows == 5
    for files in ([one], [two, keyed], [keyed]):
        assert not any("another one does" in note for note in ingest(files, DOSES).notes)
    again = tmp_path / "again.csv"
    again.write_bytes(one.read_bytes())
    assert len(ingest([one, again], DOSES).notes) == 1  # the same file is told as that
