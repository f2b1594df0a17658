"""Rejected records: counted, shown, and written out so that they can be mended and read again."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from linkage.errors import InputError, LinkageError, UsageError
from linkage.exports.reject_words import LANGUAGES, words_of
from linkage.exports.rejects import export_rejects, list_rejects
from linkage.exports.replay import replay
from linkage.ingest import ingest
from linkage.ingest.reasons import REASONS
from linkage.ingest.rejecting import LAYOUTS
from linkage.schema import DOSES, REJECTED

ROOT = Path(__file__).parents[1]
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


def exported(path: Path, out: Path, **options: Any) -> list[list[str]]:
    """Rows of the CSV that rejected records are exported to."""
    assert export_rejects(path, out, **options) == [out]
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def test_a_station_is_told_in_words(path: Path, tmp_path: Path) -> None:
    close = 'Thêm dấu " ở cuối giá trị, hoặc bỏ dấu " ở đầu'
    utf8 = "Nhập lại giá trị, lưu tệp theo bảng mã UTF-8"
    too_long = "Bỏ cột thừa; giá trị có dấu phân cách phải đặt trong dấu ngoặc kép"
    assert exported(path, tmp_path / "out.csv") == [
        ["Tệp", "Trang tính", "Dòng", "Bản ghi", "Cột", "Giá trị đã nhập", "Lý do", "Cần làm gì"],
        ["a.csv", "", "3", "2", "full_name", '"An', "Thiếu dấu ngoặc kép đóng", close],
        ["a.csv", "", "4", "3", "full_name", "3", "Dòng thiếu cột", "Điền các cột còn thiếu theo dòng tiêu đề"],
        ["a.csv", "", "5", "4", "full_name", r"\xff\x00", "Có ký tự rỗng (byte 0)", "Xóa giá trị và nhập lại"],
        ["a.csv", "", "5", "4", "full_name", r"\xff\x00", "Sai bảng mã, không đọc được chữ", utf8],
        ["a.csv", "", "5", "4", "", "y", "Dòng thừa cột", too_long],
        ["a.csv", "", "6", "5", "dose_id", " | =1+1 | x", "Để trống mã", "Điền mã"],
    ]


def test_in_english_when_asked(path: Path, tmp_path: Path) -> None:
    rows = exported(path, tmp_path / "out.csv", language="en")
    assert rows[0] == ["file", "sheet", "line", "record", "column", "value as typed", "reason", "what to do"]
    assert rows[-1] == ["a.csv", "", "6", "5", "dose_id", " | =1+1 | x", "The id is empty", "Fill in the id"]


def test_the_key_is_named_as_in_the_file(tmp_path: Path) -> None:
    mapping = {"Mã mũi": "dose_id", "Họ tên": "full_name"}
    (tmp_path / "a.csv").write_text("Mã mũi,Họ tên\n01,An\n01,Ba\n,Bê\n", encoding="utf-8")
    pq.write_table(ingest([tmp_path / "a.csv"], DOSES, columns=mapping).rejected, tmp_path / "rejected.parquet")
    rows = exported(tmp_path / "rejected.parquet", tmp_path / "out.csv", columns=mapping)
    assert [row[3:6] for row in rows[1:]] == [["1", "Mã mũi", "'01"], ["2", "Mã mũi", "'01"], ["3", "Mã mũi", " | Bê"]]


LINES = [
    b"B\xc3\xa1o c\xc3\xa1o",  # 1: a title
    b"",
    b"dose_id,full_name,address",  # 3
    b'1,A,"x',  # 4 and 5: quoted line breaks
    b'y"',
    b",B,x",  # 6
    b"",
    b'3,"C\nD\nE",z',  # 8 to 10
    b"4",  # 11
    b'5,F,"',  # 12 and 13
    b'"',
    b"1,A2,q",  # 14
]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_line_is_the_one_that_an_editor_shows(tmp_path: Path, line_end: bytes, encoding: str) -> None:
    text = b"\n".join(LINES).replace(b"\n", line_end).decode()
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows = exported(run(tmp_path, "a.csv"), tmp_path / "out.csv")
    assert [(row[2], row[3]) for row in rows[1:]] == [("4", "1"), ("6", "2"), ("11", "4"), ("14", "6")]
    assert [lines[int(row[2]) - 1][:2] for row in rows[1:]] == ["1,", ",B", "4", "1,"]


def test_lines_go_on_over_parts_and_packed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.csv_file._CHUNK_RECORDS", 7)
    monkeypatch.setattr("linkage.ingest.rejecting._REJECTED_AT_ONCE", 5)
    records = [f'{n},"A\nB",x' if n % 3 else "short" for n in range(1, 60)]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join(["dose_id,full_name,address", *records, ""]).encode()))
    found = ingest([tmp_path / "a.csv.gz"], DOSES).rejected
    assert found["line"].to_pylist() == [6 + 5 * number for number in range(19)]  # two records of two lines before each


def test_the_row_of_a_workbook_is_that_of_its_sheet(tmp_path: Path) -> None:
    header = ["dose_id", "full_name"]
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for name, above in (("Thôn 1", 2), ("Thôn 2", 5)):
            sheet = book.add_worksheet(name)
            for number, row in enumerate([header, [f"{name}-1", "A"], ["", "B"], [], ["", "C"]]):
                sheet.write_row(above + number, 1, row)
    rows = exported(run(tmp_path, "a.xlsx"), tmp_path / "out.csv")
    assert [row[:4] for row in rows[1:]] == [
        ["a.xlsx", "Thôn 1", "5", "2"],
        ["a.xlsx", "Thôn 1", "7", "3"],
        ["a.xlsx", "Thôn 2", "8", "5"],
        ["a.xlsx", "Thôn 2", "10", "6"],
    ]


def test_a_table_of_an_older_version_has_no_lines(path: Path, tmp_path: Path) -> None:
    old = pq.read_table(path).drop_columns(["line", "sheet"])
    pq.write_table(old, tmp_path / "old.parquet")
    rows = exported(tmp_path / "old.parquet", tmp_path / "out.csv")
    assert [row[2:4] for row in rows[1:3]] == [["", "2"], ["", "3"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_words(language: str) -> None:
    for code in REASONS.values():
        words = words_of(code.format(key="dose_id"), language)
        assert words == LANGUAGES[language][code]
        assert words.reason
        assert words.remedy
    assert set(LANGUAGES[language]) == set(REASONS.values())


def test_export_to_excel(path: Path, tmp_path: Path) -> None:
    export_rejects(path, tmp_path / "out.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    remedy = "Điền các cột còn thiếu theo dòng tiêu đề"
    assert rows[2] == ("a.csv", None, 4, 3, "full_name", "3", "Dòng thiếu cột", remedy)
    assert len(rows) == 7


def test_a_value_longer_than_a_cell_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n1,=" + b"x" * 70_000 + b"\n")
    export_rejects(run(tmp_path, "a.csv"), tmp_path / "out.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx").active["F2"]
    assert (len(cell.value), cell.value[:3], cell.value[-1], cell.data_type) == (32_767, "=xx", "…", "s")


def test_one_file_for_each_facility(tmp_path: Path) -> None:
    header = b"dose_id,full_name,facility_code\n"
    (tmp_path / "a.csv").write_bytes(header + b",A,T1\n,B,../T2\n,C,T1\nshort\n")
    (tmp_path / "b.csv").write_bytes(header + b",D,T1\n")
    path = run(tmp_path, "a.csv", "b.csv")
    written = export_rejects(path, tmp_path / "out", by="facility")
    assert [file.name for file in written] == ["T1.xlsx", "T2.xlsx", "khong-ro-co-so.xlsx"]
    assert all(file.parent == tmp_path / "out" for file in written)
    rows = [list(openpyxl.load_workbook(file).active.iter_rows(min_row=2, values_only=True)) for file in written]
    assert [[(row[0], row[3]) for row in part] for part in rows] == [
        [("a.csv", 1), ("a.csv", 3), ("b.csv", 1)],
        [("a.csv", 2)],
        [("a.csv", 4)],
    ]
    written = export_rejects(path, tmp_path / "rejects.csv", by="file")
    assert [file.name for file in written] == ["rejects-a.csv.csv", "rejects-b.csv.csv"]
    with pytest.raises(UsageError, match="--by commune: unknown; use facility or file"):
        export_rejects(path, tmp_path / "out", by="commune")


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
    monkeypatch.setattr("linkage.storage.work_folders.Path.replace", fail)
    with pytest.raises(LinkageError, match=rf"{name}: cannot be written \(.*No space left"):
        export_rejects(path, tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", name, "rejected.parquet"]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_export_into_a_folder_that_is_not_there(path: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}: there is no folder .*none"):
        export_rejects(path, tmp_path / "none" / name)


def test_replay_gives_back_the_lines(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.csv"
    assert replay(path, out).files == [out]
    lines = [b"dose_id,full_name,address", b'2,"An', b"3", b"4,\xff\0,x,y", b",'=1+1,x", b""]
    assert out.read_bytes() == b"\xef\xbb\xbf" + b"\n".join(lines)
    again = ingest([out], DOSES)
    assert again.files[0].rejected == 4
    out.write_bytes(out.read_bytes().replace(b'"An', b"An,"))
    assert ingest([out], DOSES).accepted.column("dose_id").to_pylist() == ["2"]


def test_what_is_mended_is_read_as_it_was_typed(tmp_path: Path) -> None:
    typed = ["+84912345678", "=1+1", "-", "@x", "'quoted", "0912", "\u200b=2", "＝3", 'a "b", c', "H'Mông", " =5"]
    cells = ['"' + value.replace('"', '""') + '"' for value in typed]
    (tmp_path / "a.csv").write_text("dose_id,full_name,address\n" + "".join(f",A,{c}\n" for c in cells), "utf-8")
    replay(run(tmp_path, "a.csv"), tmp_path / "again.csv")
    header, *lines = (tmp_path / "again.csv").read_text("utf-8-sig").splitlines()
    formulas = [line for line in lines if line.startswith(""",A,"'""")]
    assert len(formulas) == 8  # seven that a spreadsheet would compute, and the one that began so
    mended = "\n".join([header, *(f"{number}{line}" for number, line in enumerate(lines))])
    (tmp_path / "again.csv").write_text(mended, "utf-8")
    assert ingest([tmp_path / "again.csv"], DOSES).accepted.column("address").to_pylist() == typed


def test_replay_of_utf16_is_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("dose_id;full_name\n1;A\n2;Đỗ;x\n".encode("utf-16"))
    replay(run(tmp_path, "a.csv"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text("utf-8-sig") == "dose_id;full_name\n2;Đỗ;x\n"


def workbook(path: Path, rows: list[list[object]]) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)


def test_replay_of_excel_and_parquet(tmp_path: Path) -> None:
    rows = [["dose_id", "full_name", "phone"], ["", 'Đỗ "X"', 912345678], ["", "A, B", "0912"]]
    workbook(tmp_path / "a.xlsx", rows)
    replay(run(tmp_path, "a.xlsx"), tmp_path / "again.csv")
    lines = ["dose_id,full_name,phone", ',"Đỗ ""X""",912345678', ',"A, B",0912', ""]
    assert (tmp_path / "again.csv").read_text("utf-8-sig").split("\n") == lines
    assert replay(tmp_path / "rejected.parquet", tmp_path / "out").files == [tmp_path / "out" / "a.xlsx"]
    sheet = openpyxl.load_workbook(tmp_path / "out" / "a.xlsx").active
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        ["dose_id", "full_name", "phone"],
        [None, 'Đỗ "X"', 912345678],
        [None, "A, B", "0912"],
    ]
    pq.write_table(pa.table({"dose_id": [None, "1"], "full_name": ["A\nB", "C"]}), tmp_path / "b.parquet")
    replay(run(tmp_path, "b.parquet"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text("utf-8") == 'dose_id,full_name\n,"A\nB"\n'


def test_numbers_with_a_fraction_of_nothing_are_written_back_as_they_are_read(tmp_path: Path) -> None:
    numbers = pa.array([72205605992.0, 2.5, None], pa.float64())
    pq.write_table(
        pa.table({"dose_id": pa.nulls(3, pa.string()), "full_name": ["A"] * 3, "id_number": numbers}),
        tmp_path / "b.parquet",
    )
    replay(run(tmp_path, "b.parquet"), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text("utf-8") == "dose_id,full_name,id_number\n,A,72205605992\n,A,2.5\n,A,\n"


def test_every_file_is_replayed_under_its_own_header_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n1\n")
    (tmp_path / "b.txt").write_bytes("full_name;dose_id;address\nĐỗ A\n".encode())
    workbook(tmp_path / "c.xlsx", [["full_name", "dose_id"], ["C", ""]])
    path = run(tmp_path, "a.csv", "b.txt", "c.xlsx")
    written = replay(path, tmp_path / "out").files
    assert [file.name for file in written] == ["a.csv", "b.txt", "c.xlsx"]
    assert written[0].read_bytes() == b"dose_id,full_name\n1\n"
    assert written[1].read_bytes() == "\ufefffull_name;dose_id;address\nĐỗ A\n".encode()
    written[0].write_bytes(written[0].read_bytes().replace(b"1", b"1,An"))
    written[1].write_bytes(written[1].read_bytes().replace(b" A", b" A;2;x"))
    workbook(written[2], [["full_name", "dose_id"], ["C", 3]])
    assert ingest(written, DOSES).accepted.read(["dose_id", "full_name"]).to_pylist() == [
        {"dose_id": "1", "full_name": "An"},
        {"dose_id": "2", "full_name": "Đỗ A"},
        {"dose_id": "3", "full_name": "C"},
    ]
    with pytest.raises(UsageError, match=r"out/a.csv: is there already, and may be mended; name another folder"):
        replay(path, tmp_path / "out")
    with pytest.raises(UsageError, match=r"a.csv: is there already"):
        replay(path, tmp_path)  # where the files lie that the records came from
    beside = replay(path, tmp_path / "again.csv").files
    assert [file.name for file in beside] == ["again-a.csv", "again-b.txt", "again-c.xlsx.csv"]


@pytest.mark.parametrize("name", ["mend.parquet", "mend.csv.gz", "mend.xls", "mend.d"])
def test_replay_refuses_an_ending_that_it_does_not_write(path: Path, tmp_path: Path, name: str) -> None:
    ending = Path(name).suffix
    with pytest.raises(UsageError, match=rf"{name}: rejected records are not written as {ending}: use .xlsx, .csv,"):
        replay(path, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_records_of_text_are_no_workbook(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mend.xlsx: the records of a.csv are text, .*: end its name in .csv"):
        replay(path, tmp_path / "mend.xlsx")
    assert not (tmp_path / "mend.xlsx").exists()


def test_a_record_that_is_no_row_of_cells_keeps_no_other_from_being_replayed(tmp_path: Path) -> None:
    raw = [b'{"dose_id": null, "full_name": "A"}', b'{"dose_id": nu', b'{"dose_id": null, "full_name": "B"}']
    rows = [["a.jsonl"] * 3, [1, 2, 3], [None] * 3, [None] * 3, raw, [["missing_dose_id"]] * 3]
    pq.write_table(pa.table(rows, schema=REJECTED.arrow()), tmp_path / "rejected.parquet")
    replayed = replay(tmp_path / "rejected.parquet", tmp_path / "mend.csv")
    assert (tmp_path / "mend.csv").read_text("utf-8") == "dose_id,full_name\n,A\n,B\n"
    assert replayed.notes == ["a.jsonl: 1 record is no row of cells and not written back; --export has all"]


def test_an_input_is_not_replaced_by_what_was_rejected_of_it(path: Path, tmp_path: Path) -> None:
    before = (tmp_path / "a.csv").read_bytes()
    with pytest.raises(UsageError, match=r"a.csv: is one of the inputs; name another file"):
        replay(path, tmp_path / "a.csv", [tmp_path / "a.csv"])
    assert (tmp_path / "a.csv").read_bytes() == before


def test_nothing_to_replay(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n1,A\n")
    with pytest.raises(UsageError, match=r"rejected.parquet: no rejected records: nothing to replay"):
        replay(run(tmp_path, "a.csv"), tmp_path / "again.csv")
    assert not (tmp_path / "again.csv").exists()


def test_replay_without_a_stored_header(path: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    with pytest.raises(UsageError, match=r"a.csv: its header is not stored with the rejected records; link it again"):
        replay(path, tmp_path / "again.csv")


def test_a_file_that_cannot_be_parted_keeps_no_other_from_being_replayed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"dose_id,full_name\n1\n")
    (tmp_path / "b.csv").write_bytes(b"dose_id,full_name\n2\n")
    path = run(tmp_path, "a.csv", "b.csv")
    stored = pq.read_table(path)
    layouts = json.loads(stored.schema.metadata[LAYOUTS])
    del layouts["a.csv"]
    pq.write_table(stored.replace_schema_metadata({LAYOUTS: json.dumps(layouts)}), path)
    replayed = replay(path, tmp_path / "out")
    assert replayed.files == [tmp_path / "out" / "b.csv"]
    assert replayed.notes == ["a.csv: its header is not stored with the rejected records; link it again"]
    assert replayed.files[0].read_bytes() == b"dose_id,full_name\n2\n"


# ------------------------------------------------------------------------------------------------- very many records


def test_many_records_are_hardly_in_memory(tmp_path: Path) -> None:
    """200 MB of records of two files: counted and written back, some of them in memory at a time."""
    n, at_once, line = 100_000, 10_000, b"x" * 1000
    layout = {"header": ["dose_id", "full_name", "address"], "delimiter": ",", "encoding": "utf-8"}
    layouts = json.dumps(dict.fromkeys(("a.csv", "b.csv"), layout))
    schema = REJECTED.arrow().with_metadata({LAYOUTS: layouts})
    path = tmp_path / "rejected.parquet"
    for target, n_records in ((tmp_path / "few.parquet", at_once), (path, n)):
        with pq.ParquetWriter(target, schema) as writer:
            for file, start in itertools.product(("a.csv", "b.csv"), range(0, n_records, at_once)):
                positions = range(start, start + at_once)
                raw = [b"%d,%s" % (place, line) for place in positions]
                none = [None] * at_once
                rows = [[file] * at_once, positions, positions, none, raw, [["too_few_columns"]] * at_once]
                writer.write_table(pa.table(rows, schema=schema))
    # In a process of its own, for what other tests left in this one comes and goes; its libraries are loaded first.
    code = f"""
from pathlib import Path
from linkage.exports.rejects import list_rejects
from linkage.exports.replay import replay
from linkage.machine.memory import AnonymousPeak, anonymous_bytes
list_rejects(Path({str(tmp_path / "few.parquet")!r}))
replay(Path({str(tmp_path / "few.parquet")!r}), Path({str(tmp_path / "few")!r}))
before = anonymous_bytes()
with AnonymousPeak() as peak:
    assert [row["records"] for row in list_rejects(Path({str(path)!r})).to_pylist()] == [{n}, {n}]
    replay(Path({str(path)!r}), Path({str(tmp_path / "back")!r}))
print(peak.bytes - before)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 120 << 20
    lengths = [len(str(place)) + len(line) + 2 for place in range(n)]
    assert (tmp_path / "back" / "b.csv").stat().st_size == len("dose_id,full_name,address\n") + sum(lengths)
