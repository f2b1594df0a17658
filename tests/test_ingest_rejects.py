"""Rejected records: counted, shown, and written out so that they can be mended and read again."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from linkage.errors import InputError, LinkageError, UsageError
from linkage.ingest import ingest
from linkage.ingest.rejects import export_rejects, list_rejects, replayable
from linkage.schema import DOSES

BAD_LINES = [b'2,"An', b"3", b"4,\xff\0,x,y", b",=1+1,x"]


def run(tmp_path: Path, *names: str) -> Path:
    """Ingests files of ``tmp_path`` and stores the rejected records as a run does."""
    rejected = ingest([tmp_path / name for name in names], DOSES).rejected
    pq.write_table(rejected, tmp_path / "rejected.parquet")
    return tmp_path / "rejected.parquet"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_bytes(b"\n".join([b"dose_id,full_name,address", b"1,A,x", *BAD_LINES]) + b"\n")
    return run(tmp_path, "a.csv")


def test_list(path: Path) -> None:
    assert [tuple(row.values()) for row in list_rejects(path).to_pylist()] == [
        ("a.csv", "invalid_encoding", 1),
        ("a.csv", "missing_dose_id", 1),
        ("a.csv", "nul_byte", 1),
        ("a.csv", "too_few_columns", 1),
        ("a.csv", "too_many_columns", 1),
        ("a.csv", "unclosed_quote", 1),
    ]


def test_export_to_csv(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert export_rejects(path, out) == 4
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["file", "position", "reasons", "raw"]
    assert rows[1] == ["a.csv", "2", "unclosed_quote", '2,"An']
    assert rows[3] == ["a.csv", "4", "nul_byte; invalid_encoding; too_many_columns", "4,\\xff\\x00,x,y"]


def test_export_to_excel(path: Path, tmp_path: Path) -> None:
    assert export_rejects(path, tmp_path / "out.xlsx") == 4
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert rows[4] == ("a.csv", 5, "missing_dose_id", ",=1+1,x")
    assert len(rows) == 5


def test_record_longer_than_a_cell_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n=1," + b"x" * 70_000 + b"\n")
    export_rejects(run(tmp_path, "a.csv"), tmp_path / "out.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx").active["D2"]
    assert (len(cell.value), cell.value[:3], cell.value[-1], cell.data_type) == (32_767, "=1,", "…", "s")


def test_export_refuses_other_forms(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out.pdf: cannot export to .pdf: use .csv or .xlsx"):
        export_rejects(path, tmp_path / "out.pdf")
    pq.write_table(pa.table({"file": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"other.parquet: no table of rejected records"):
        list_rejects(tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"none.parquet: cannot be read"):
        list_rejects(tmp_path / "none.parquet")


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_failed_export_leaves_the_old_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / name).write_text("old")
    monkeypatch.setattr("linkage.work_folders.Path.replace", fail)
    with pytest.raises(LinkageError, match=rf"{name}: cannot be written \(.*No space left"):
        export_rejects(path, tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", name, "rejected.parquet"]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_export_into_a_folder_that_is_not_there(path: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(LinkageError, match=rf"{name}: cannot be written"):
        export_rejects(path, tmp_path / "none" / name)


def test_replay_gives_back_the_lines(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.csv"
    assert replayable(path, out) == 4
    assert out.read_bytes() == b"\n".join([b"dose_id,full_name,address", *BAD_LINES, b""])
    again = ingest([out], DOSES)
    assert again.files[0].rejected == 4
    out.write_bytes(out.read_bytes().replace(b'"An', b"An,"))
    assert ingest([out], DOSES).accepted.column("dose_id").to_pylist() == ["2"]


def test_replay_of_utf16_is_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("dose_id;full_name\n1;A\n2;Đỗ;x\n".encode("utf-16"))
    replayable(run(tmp_path, "a.csv"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text("utf-8") == "dose_id;full_name\n2;Đỗ;x\n"


def test_replay_of_excel_and_parquet(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        for y, row in enumerate([["dose_id", "full_name", "phone"], ["", 'Đỗ "X"', 912345678], ["", "A, B", True]]):
            sheet.write_row(y, 0, row)
    assert replayable(run(tmp_path, "a.xlsx"), tmp_path / "again.csv") == 2
    lines = ["dose_id,full_name,phone", ',"Đỗ ""X""",912345678', ',"A, B",true', ""]
    assert (tmp_path / "again.csv").read_text("utf-8").split("\n") == lines
    pq.write_table(pa.table({"dose_id": [None, "1"], "full_name": ["A\nB", "C"]}), tmp_path / "b.parquet")
    assert replayable(run(tmp_path, "b.parquet"), tmp_path / "again.csv") == 1
    assert (tmp_path / "again.csv").read_text("utf-8") == 'dose_id,full_name\n,"A\nB"\n'


def test_replay_of_files_that_differ(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n1\n")
    (tmp_path / "b.csv").write_bytes(b"full_name,dose_id\n2\n")
    path = run(tmp_path, "a.csv", "b.csv")
    with pytest.raises(UsageError, match=r"a.csv and b.csv have different headers: replay them one by one"):
        replayable(path, tmp_path / "again.csv")
    assert not (tmp_path / "again.csv").exists()
    replayable(path, tmp_path / "again.csv", file="b.csv")
    assert (tmp_path / "again.csv").read_bytes() == b"full_name,dose_id\n2\n"
    with pytest.raises(UsageError, match=r"no rejected records of c.csv: nothing to replay"):
        replayable(path, tmp_path / "again.csv", file="c.csv")


def test_replay_without_a_stored_header(path: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(UsageError, match=r"a.csv: its header is not stored .* give the column names"):
        replayable(path, tmp_path / "again.csv")
    replayable(path, tmp_path / "again.csv", header=["dose_id", "full_name", "address"])
    assert (tmp_path / "again.csv").read_bytes().startswith(b'dose_id,full_name,address\n2,"An\n')
