"""Workbooks: cells as text, titles, sheets, damage, and files made to exhaust memory."""

from __future__ import annotations

import datetime
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import InputError
from linkage.ingest import Ingested, ingest
from linkage.schema import DOSES
from linkage.workbooks.archive import check_archive

Rows = Sequence[Sequence[object]]


def write(path: Path, rows: Rows, *, sheet: str = "Sheet1", before: Rows | None = None, **options: bool) -> Path:
    """A workbook with ``rows`` from row 1; ``before`` goes to a sheet before it."""
    with xlsxwriter.Workbook(path, options) as book:
        date = book.add_format({"num_format": "dd/mm/yyyy"})
        for name, content in [("First", before), (sheet, rows)]:
            if content is None:
                continue
            target = book.add_worksheet(name)
            for y, row in enumerate(content):
                for x, cell in enumerate(row):
                    if isinstance(cell, datetime.datetime):
                        target.write_datetime(y, x, cell, date)
                    elif cell == "#N/A":
                        target.write_formula(y, x, "=NA()", None, "#N/A")
                    elif isinstance(cell, str) and cell:
                        target.write_string(y, x, cell)
                    elif cell is not None:
                        target.write(y, x, cell)
    return path


def read(path: Path) -> Ingested:
    batch = ingest([path], DOSES)
    (count,) = batch.files
    positions = sorted([*batch.positions().tolist(), *batch.rejected["position"].to_pylist()])
    assert positions == list(range(1, count.physical_records + 1))
    assert (count.accepted, count.rejected) == (batch.accepted.num_rows, batch.rejected.num_rows)
    return batch


HEADER: list[object] = ["dose_id", "full_name", "id_number", "date_of_birth"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (79123456789, "79123456789"),
        (79123456789.0, "79123456789"),
        ("079123456789", "079123456789"),
        ("7.9E+10", "7.9E+10"),
        (123456789012345, "123456789012345"),
        (1234567890123456789, "1.234567890123457e+18"),
        (1.5, "1.5"),
        (-2, "-2"),
        (0, "0"),
        (True, "true"),
        (datetime.datetime(1980, 2, 29), "1980-02-29"),
        (datetime.datetime(1980, 2, 29, 8, 30), "1980-02-29 08:30:00"),
        (44348, "44348"),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("date_1904", [False, True])
def test_cell_as_text(tmp_path: Path, cell: object, text: str | None, date_1904: bool) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, [1, "An", cell]], date_1904=date_1904)
    assert read(path).accepted.read().select(["dose_id", "id_number"]).to_pylist() == [
        {"dose_id": "1", "id_number": text}
    ]


def test_column_of_mixed_cells(tmp_path: Path) -> None:
    cells = [79123456789, "x", datetime.datetime(1975, 1, 1), None, False]
    path = write(tmp_path / "a.xlsx", [HEADER, *([n, "An", cell] for n, cell in enumerate(cells, 1))])
    assert read(path).accepted.column("id_number").to_pylist() == ["79123456789", "x", "1975-01-01", None, "false"]


def test_merged_titles_blank_rows_and_indent(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["B2"] = "SỞ Y TẾ LÂM ĐỒNG"
    sheet.merge_cells("B2:E2")
    sheet["B3"] = "Danh sách tiêm"
    sheet.merge_cells("B3:E4")
    rows: Rows = [HEADER, ["1", "An", 5, None], [], ["2", "Bình", None, "1980"]]
    for y, row in enumerate(rows, start=6):
        for x, cell in enumerate(row, start=2):
            sheet.cell(y, x, cell)
    book.save(path)
    batch = read(path)
    assert batch.accepted.column("dose_id").to_pylist() == ["1", "2"]
    assert batch.positions().tolist() == [1, 2]
    assert batch.files[0].note == "title rows above the header skipped: 2"


def test_rejected_row_is_json_of_its_cells(tmp_path: Path) -> None:
    row = [None, "Đỗ", 79123456789, datetime.datetime(1980, 1, 2), 1.5, True]
    batch = read(write(tmp_path / "a.xlsx", [[*HEADER, "x", "x"], [1, "An"], row]))
    assert batch.rejected["reasons"].to_pylist() == [["missing_dose_id"]]
    (raw,) = batch.rejected["raw"].to_pylist()
    assert json.loads(raw) == {
        "dose_id": None, "full_name": "Đỗ", "id_number": 79123456789, "date_of_birth": "1980-01-02", "x": 1.5,
        "6": True,
    }  # fmt: skip
    assert b"79123456789," in raw


def test_error_cells_and_bare_formulas_are_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, [1, "An", "#N/A"], [2, "#N/A", "#N/A"]])
    batch = read(path)
    assert batch.accepted.column("id_number").to_pylist() == [None, None]
    lost = "column id_number: none of its values is stored: open the workbook, mend its formulas and save it"
    assert batch.files[0].note == f"error cells (such as #N/A) read as empty: 3; {lost}"
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.append(["1", "An", '="0"&"79"'])
    book.save(path)
    assert read(path).files[0].note == f"formulas without a stored value read as empty: 1; {lost}"


@pytest.mark.parametrize("first_column", [1, 3])
def test_a_column_of_bare_formulas_is_nobodys_wrong_information(tmp_path: Path, first_column: int) -> None:
    book = openpyxl.Workbook()
    head, rows = ["dose_id", "full_name", "date_of_birth", "ethnicity"], [["1", "An"], ["2", "Ba"], ["3", "Cam"]]
    for number, row in enumerate([head, *([*row, "=DATE(1983,12,5)"] for row in rows)], start=1):
        for place, value in enumerate(row):
            book.active.cell(number, first_column + place, value)
    book.save(tmp_path / "a.xlsx")
    batch = read(tmp_path / "a.xlsx")
    # Not ethnicity, which is empty by itself.
    assert batch.files[0].unread & {"full_name", "date_of_birth", "ethnicity"} == {"date_of_birth"}
    assert "column date_of_birth: none of its values is stored, so they are not counted" in str(batch.files[0].note)


def test_first_sheet_with_the_header_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, [1, "An"]], sheet="Mũi 1", before=[["ghi chú"], ["x"]])
    batch = read(path)
    assert batch.accepted.column("dose_id").to_pylist() == ["1"]
    assert batch.files[0].note == "sheets read: Mũi 1, ignored: First (without the header)"


def test_header_only(tmp_path: Path) -> None:
    batch = read(write(tmp_path / "a.xlsx", [HEADER]))
    assert (batch.files[0].physical_records, batch.files[0].format) == (0, "excel")
    assert batch.accepted.schema.equals(DOSES.arrow())


MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"></manifest:manifest>'
)


def test_open_document(tmp_path: Path) -> None:
    def cell(text: str) -> str:
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    names = "".join(cell(str(name)) for name in HEADER[:2])
    number = '<table:table-cell office:value-type="float" office:value="7"><text:p>7</text:p></table:table-cell>'
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="T"><table:table-row>{names}</table:table-row>'
        f"<table:table-row>{number}{cell('Ế')}</table:table-row></table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", content)
    row = read(path).accepted.read().select(["dose_id", "full_name"]).to_pylist()
    assert row == [{"dose_id": "7", "full_name": "Ế"}]


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


def test_unusable_workbooks(tmp_path: Path) -> None:
    refuse(write(tmp_path / "empty.xlsx", []), "the workbook is empty")
    refuse(write(tmp_path / "wrong.xlsx", [["dose_id", "name"], [1, 2]]), "column full_name missing")
    sound = write(tmp_path / "sound.xlsx", [HEADER, [1, "An"]]).read_bytes()
    for name, content in {
        "half.xlsx": sound[: len(sound) // 2],
        "text.xlsx": b"dose_id\n",
        "text.xls": b"dose_id\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        refuse(tmp_path / name, "workbook")
    with zipfile.ZipFile(tmp_path / "other.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    refuse(tmp_path / "other.xlsx", "not a readable workbook")


def test_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(101_000_000))
    refuse(path, "unpacks to 101000000 bytes from .* refused as a zip bomb")


def test_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lie.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"x" * 1_000_000)
    content = path.read_bytes()
    true_size = (1_000_000).to_bytes(4, "little")
    assert content.count(true_size) == 2
    path.write_bytes(content.replace(true_size, (10).to_bytes(4, "little")))
    refuse(path, "not a sound workbook")


def test_cell_in_the_last_corner_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corner.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write(1_048_575, 16_383, "x")
    refuse(path, "spans 1048576 rows and 16384 columns")


def test_findings_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.xlsx", [HEADER, *([n, "An", "#N/A"] for n in range(400))])
    monkeypatch.setattr("linkage.workbooks.archive._PIECE_BYTES", 300)
    assert check_archive(path, "a.xlsx").n_errors == 400


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / "sound.xlsx"
    if not sound.exists():
        write(sound, [HEADER, [1, "An", 5], [2, "Bình", "x"]])
    content = bytearray(sound.read_bytes())
    for place, value in flips:
        content[place % len(content)] = value
    path = folder / "flipped.xlsx"
    path.write_bytes(content)
    result = read_or_refuse(path)
    if isinstance(result, InputError):
        assert "\n" not in str(result)
    else:
        assert result.files[0].physical_records <= 2


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from([".xls", ".xlsb", ".ods", ".xlsx"]), st.binary(min_size=1, max_size=600), st.booleans())
def test_any_bytes_are_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes, ole: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" if ole else b"") + content)
    with pytest.raises(InputError):
        ingest([path], DOSES)
