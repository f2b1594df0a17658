"""CSV files as stations send them: encodings, line ends, titles, and every kind of damage, with nothing lost."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from linkage.errors import InputError, UsageError
from linkage.ingest import Ingested, ingest
from linkage.ingest.csv_kernels import MAX_FIELD_BYTES
from linkage.ingest.duplicates import duplicate_faults
from linkage.schema import DOSES

pytestmark = pytest.mark.kernel

HEADER = b"dose_id,full_name,address\n"


def read(tmp_path: Path, content: bytes, name: str = "doses.csv", **options: dict[str, str]) -> Ingested:
    path = tmp_path / name
    path.write_bytes(content)
    batch = ingest([path], DOSES, **options)
    check_balance(batch)
    return batch


def read_or_refuse(path: Path) -> Ingested | InputError:
    try:
        return ingest([path], DOSES)
    except InputError as error:
        return error


def check_balance(batch: Ingested) -> None:
    """The sum per file, and that accepted and rejected positions are exactly the records of the file."""
    ends = np.cumsum([count.accepted for count in batch.files])
    for count, positions in zip(batch.files, np.split(batch.positions(), ends), strict=False):
        accepted = positions.tolist()
        rejected = batch.rejected.filter(pc.equal(batch.rejected["file"], count.file))["position"].to_pylist()
        assert sorted(accepted + rejected) == list(range(1, count.physical_records + 1))
        assert (count.accepted, count.rejected) == (len(accepted), len(rejected))
    assert batch.accepted.num_rows == ends[-1] == batch.positions().size


def ids(batch: Ingested) -> list[str]:
    return list(batch.accepted.column("dose_id").to_pylist())


def rejects(batch: Ingested) -> list[tuple[int, bytes, list[str]]]:
    columns = (batch.rejected[name].to_pylist() for name in ("position", "raw", "reasons"))
    return list(zip(*columns, strict=True))


def test_accepted_has_the_columns_of_the_schema(tmp_path: Path) -> None:
    batch = read(tmp_path, b"full_name,dose_id,Gender \nAn,1,\n,2,Nam\n")
    assert batch.accepted.schema.equals(DOSES.arrow())
    first, second = batch.accepted.read().to_pylist()
    assert (first["dose_id"], first["full_name"], first["gender"], first["phone"]) == ("1", "An", None, None)
    assert (second["dose_id"], second["full_name"], second["gender"]) == ("2", None, "Nam")


ROWS = "dose_id,full_name,address\n1,Nguyễn Thị Ế,Đồng Nai\n2,Trần Văn Đạt,\n"


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        b"\xfe\xff" + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace("\n", "\n\n\r\n").encode(),
        ROWS.rstrip("\n").encode(),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.replace("\n", "\r\n").encode("utf-16"),
        ("SỞ Y TẾ,,\n\nDanh sách, tháng 6,\n" + ROWS).encode(),
    ],
)
def test_forms_of_one_table(tmp_path: Path, content: bytes) -> None:
    batch = read(tmp_path, content)
    assert ids(batch) == ["1", "2"]
    assert batch.accepted.column("full_name").to_pylist() == ["Nguyễn Thị Ế", "Trần Văn Đạt"]
    assert batch.accepted.column("address").to_pylist() == ["Đồng Nai", None]
    assert batch.rejected.num_rows == 0
    assert batch.positions().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        (b'3,"An,x', ["unclosed_quote"]),
        (b'3,",x', ["unclosed_quote"]),
        (b'3,"An"h,x', ["stray_quote"]),
        (b"3,An", ["too_few_columns"]),
        (b"3", ["too_few_columns"]),
        (b"3,An,x,y", ["too_many_columns"]),
        (b"3,A\0n,x", ["nul_byte"]),
        (b"3,A\xe1\xban,x", ["invalid_encoding"]),
        (b"3,A\0\xff", ["nul_byte", "invalid_encoding", "too_few_columns"]),
        (b",An,x", ["missing_dose_id"]),
        (b"  ,An,x", ["missing_dose_id"]),
        (b'"",An,x', ["missing_dose_id"]),
        (b"dose_id,full_name,address", ["repeated_header"]),
        (b"3,An," + b"x" * (MAX_FIELD_BYTES + 1), ["field_too_long"]),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_damaged_line_costs_itself_only(tmp_path: Path, line: bytes, reasons: list[str], line_end: bytes) -> None:
    good = [b'1,"Ly, A",x', b"2,Binh,", b'4,"Ho ""B""",y', b'5,C,"a, b"']
    content = line_end.join([HEADER.strip(), *good[:2], line, *good[2:], b""])
    batch = read(tmp_path, content)
    assert ids(batch) == ["1", "2", "4", "5"]
    assert rejects(batch) == [(3, line, reasons)]
    assert batch.positions().tolist() == [1, 2, 4, 5]


def test_quotes_left_open_in_one_column_of_two_lines(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER + b'1,A,x\n2,"B,x\n3,C,x\n4,",x\n5,D,x\n')
    assert ids(batch) == ["1", "3", "5"]
    assert rejects(batch) == [(2, b'2,"B,x', ["unclosed_quote"]), (4, b'4,",x', ["unclosed_quote"])]


def test_quote_left_open_at_the_end(tmp_path: Path) -> None:
    assert rejects(read(tmp_path, HEADER + b'1,A,x\n2,B,"x')) == [(2, b'2,B,"x', ["unclosed_quote"])]


def test_line_ends_inside_quotes_belong_to_the_record(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER + b'1,"A\nB","x\r\ny, z"\n2,C,x\n3,"D\n')
    assert batch.accepted.column("full_name").to_pylist() == ["A\nB", "C"]
    assert batch.accepted.column("address").to_pylist() == ["x\r\ny, z", "x"]
    assert rejects(batch) == [(3, b'3,"D', ["unclosed_quote"])]


def test_rejected_record_with_a_line_end_keeps_all_its_bytes(tmp_path: Path) -> None:
    assert rejects(read(tmp_path, HEADER + b',"A\r\nB",x\n')) == [(1, b',"A\r\nB",x', ["missing_dose_id"])]


def test_rejected_bytes_of_utf16(tmp_path: Path) -> None:
    lone = "4,".encode("utf-16-le") + b"\x00\xd8" + ",x".encode("utf-16-le")
    lines = [line.encode("utf-16-le") for line in ("dose_id,full_name,address", "1,Ế,x", "2,Đỗ", ",😀,x")]
    batch = read(
        tmp_path, b"\xff\xfe" + "\n".encode("utf-16-le").join([*lines, lone]) + "\n".encode("utf-16-le") + b"\x07"
    )
    assert ids(batch) == ["1"]
    assert rejects(batch) == [
        (2, lines[2], ["too_few_columns"]),
        (3, lines[3], ["missing_dose_id"]),
        (4, lone, ["invalid_encoding"]),
        (5, b"\x07", ["invalid_encoding", "too_few_columns"]),
    ]
    assert batch.files[0].note == "read as UTF-16-LE"


def test_older_encoding_is_noted(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER + "1,Tr\u1ea7n,x\n".encode("utf-8") + "2,Đỗ,x\n".encode("cp1258", "replace"))
    assert ids(batch) == ["1"]
    assert "records that are not UTF-8: 1" in str(batch.files[0].note)


def test_unknown_columns_and_titles_are_noted(tmp_path: Path) -> None:
    batch = read(tmp_path, b"Title\ndose_id,full_name,ghi chu\n1,A,x\n")
    assert batch.files[0].note == "title rows above the header skipped: 1; columns ignored: ghi chu"


def test_header_only_is_an_empty_batch(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER)
    assert (batch.files[0].physical_records, batch.accepted.num_rows, batch.rejected.num_rows) == (0, 0, 0)
    assert batch.accepted.schema.equals(DOSES.arrow())


def test_column_mapping(tmp_path: Path) -> None:
    content = "Mã mũi,Họ và tên\n1,An\n".encode()
    mapping = {"mã mũi": "dose_id", "HỌ VÀ TÊN ": "full_name"}
    assert read(tmp_path, content, columns=mapping).accepted.column("full_name").to_pylist() == ["An"]
    with pytest.raises(UsageError, match="doses has no column name"):
        read(tmp_path, content, columns={"x": "name"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"doses.csv: the file is empty"),
        (b"\n\n", r"doses.csv: no header with the columns dose_id, full_name"),
        (b"a,b\n1,2\n", r"doses.csv: no header with the columns"),
        (b"dose_id,name\n1,2\n", r"doses.csv: column full_name missing \(found: dose_id, 1 unknown: name\)"),
        (b"dose_id,full_name,DOSE_ID\n1,2,3\n", r"doses.csv: column dose_id occurs twice, as column 1 and 3"),
        (ROWS.encode("utf-32"), r"doses.csv: the encoding UTF-32 is not supported"),
        (b"PK\x03\x04rest", r"doses.csv: this is a zip archive or Excel workbook, not CSV"),
        (b"title\n" * 20 + HEADER, r"doses.csv: no header"),
    ],
)
def test_unusable_file_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("row", "there"), [("K1,Lương Đình Khiêm,Nam,thôn Đoài", "4 columns there"), ("Lương Đình Khiêm", "1 column there")]
)
def test_a_list_without_a_header_keeps_its_names(tmp_path: Path, row: str, there: str) -> None:
    with pytest.raises(InputError, match=there) as caught:
        read(tmp_path, f"{row}\n{row}\n".encode())
    assert "Khiêm" not in str(caught.value)


def test_many_chunks_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.csv_file._CHUNK_RECORDS", 7)
    lines = [b"%d,N%d,x" % (n, n) if n % 10 else b"%d,N" % n for n in range(1, 200)]
    batch = read(tmp_path, HEADER + b"\n".join(lines))
    assert ids(batch) == [str(n) for n in range(1, 200) if n % 10]
    assert [position for position, _, _ in rejects(batch)] == list(range(10, 200, 10))
    assert [raw for _, raw, _ in rejects(batch)] == [lines[n - 1] for n in range(10, 200, 10)]


@pytest.mark.parametrize("later", [HEADER + b"0,B\n1,A\n", b"", None])
def test_file_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: bytes | None) -> None:
    """What is hashed, accepted and rejected is the file as it was when it was read."""
    path = tmp_path / "doses.csv"
    content = HEADER + b"1,A,B\n2,B,C\n1,A,B\nx\n"
    path.write_bytes(content)

    def change(*arguments: Any) -> object:
        path.unlink() if later is None else path.write_bytes(later)
        return duplicate_faults(*arguments)

    monkeypatch.setattr("linkage.ingest.batch.duplicate_faults", change)
    batch = ingest([path], DOSES)
    assert rejects(batch) == [(3, b"1,A,B", ["duplicate_dose_id"]), (4, b"x", ["too_few_columns"])]
    assert batch.files[0].sha256 == hashlib.sha256(content).hexdigest()


def test_rejected_records_of_many_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.csv_file._CHUNK_RECORDS", 7)
    monkeypatch.setattr("linkage.ingest.csv_file._CHUNK_BYTES", 50)
    lines = [b'%d,A,"%s\r\n"' % (n % 90, b"x" * (n % 13)) if n % 10 else b"%d,A" % n for n in range(100)]
    batch = read(tmp_path, HEADER + b"\r\n".join(lines))
    bad = [n for n in range(100) if n % 10 == 0 or n < 10 or n >= 90]
    assert [(position, raw) for position, raw, _ in rejects(batch)] == [(n + 1, lines[n]) for n in bad]


CELL = st.text(st.sampled_from('aếĐ 😀",;\t\n.0'), max_size=5)


def could_be_two_records(cell: str, place: int) -> bool:
    """Whether a quoted cell of column ``place`` of three may as well be two stray quotes, one in each of two lines."""
    lines = cell.split("\n")
    return len(lines) > 1 and (lines[0].count(","), lines[-1].count(",")) == (2 - place, place)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(CELL, CELL), max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_clean_files_agree_with_other_parsers(rows: list[tuple[str, str]], encoding: str, line_end: str) -> None:
    assume(not any(could_be_two_records(cell, place) for row in rows for place, cell in enumerate(row, start=1)))
    table = [(f"id{n}", *row) for n, row in enumerate(rows)]
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("dose_id", "full_name", "address"), *table])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "doses.csv"
        path.write_bytes(written.getvalue().encode(encoding))
        batch = ingest([path], DOSES)
    assert batch.rejected.num_rows == 0
    found = batch.accepted.read().select(["dose_id", "full_name", "address"])
    assert [tuple(row.values()) for row in found.to_pylist()] == [tuple(cell or None for cell in row) for row in table]
    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(found.column_names, pa.string()), strings_can_be_null=False
    )
    parsed = arrow_csv.read_csv(
        pa.py_buffer(written.getvalue().encode()),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=options,
    )
    blank = [{name: cell or "" for name, cell in row.items()} for row in found.to_pylist()]
    assert parsed.to_pylist() == blank


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from([b"", HEADER, "dose_id,full_name\r\n".encode("utf-16"), "dose_id;full_name\n".encode("utf-16-be")]),
    st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from([b"1", b'"', b",", b";", b"\n", b"\r", b"\0", b"\xff", b"A", b"\xc3\xa9"]), max_size=40
        ).map(b"".join),
    ),
)
@example(b"", b"\xff\xfe")
@example(b"\xff\xfe", b"d\0o")
@example(HEADER, b'"\r"\n"')
def test_any_bytes_balance_or_are_refused(head: bytes, tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "doses.csv"
        path.write_bytes(head + tail)
        result = read_or_refuse(path)
    if isinstance(result, InputError):
        assert "\n" not in str(result)
        return
    check_balance(result)
    for _, raw, reasons in rejects(result):
        assert raw in head + tail
        assert reasons
