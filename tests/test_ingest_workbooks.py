"""Workbooks as offices fill them in: several sheets, merged cells, headings, other epochs; parsers that do not end."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from linkage.errors import InputError
from linkage.ingest import Ingested, ingest
from linkage.schema import DOSES
from linkage.workbooks import reading
from linkage.workbooks.archive import check_archive

HEADER = ["dose_id", "full_name", "gender", "date_of_birth"]
ONE, TWO = ["E01", "Lê Lan", "Nữ", "05/12/1983"], ["E02", "Vũ Bá", "Nam", "21/08/1974"]
Fill = Callable[[xlsxwriter.Workbook], None]


def read(tmp_path: Path, fill: Fill, columns: dict[str, str] | None = None, **options: bool) -> Ingested:
    path = tmp_path / "doses.xlsx"
    with xlsxwriter.Workbook(path, options) as book:
        fill(book)
    batch = ingest([path], DOSES, columns=columns)
    positions = sorted([*batch.positions().tolist(), *batch.rejected["position"].to_pylist()])
    assert positions == list(range(1, batch.files[0].physical_records + 1))
    return batch


def rows(batch: Ingested) -> list[list[str | None]]:
    return [list(row.values()) for row in batch.accepted.read(HEADER).to_pylist()]


def sheet(book: xlsxwriter.Workbook, name: str, *content: list[str]) -> xlsxwriter.workbook.Worksheet:
    made = book.add_worksheet(name)
    for number, row in enumerate(content):
        made.write_row(number, 0, row)
    return made


# ------------------------------------------------------------------------------------------------- sheets


def test_all_visible_sheets_with_the_header_are_read(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet(book, "Xã 1", HEADER, ONE, ["", "ai", "", ""])
        sheet(book, "Danh mục", ["Tên", "Mã"], ["Nam", "1"])
        sheet(book, "Xã 2", ["TRẠM Y TẾ"], ["Date_of_birth", "gender", "full_name", "dose_id"], TWO[::-1])
        sheet(book, "Trống")

    batch = read(tmp_path, fill)
    assert rows(batch) == [ONE, TWO]
    assert batch.positions().tolist() == [1, 3]
    assert b'"full_name": "ai"' in batch.rejected["raw"].to_pylist()[0]
    assert "sheets read: Xã 1, Xã 2, ignored: Danh mục (without the header)" in str(batch.files[0].note)


@pytest.mark.parametrize("hide", ["hide", "very_hidden"])
def test_a_hidden_sheet_is_told_and_not_read(tmp_path: Path, hide: str) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        old = sheet(book, "cũ", HEADER, ["OLD1", *ONE[1:]])
        sheet(book, "mới", HEADER, ONE, TWO).activate()
        getattr(old, hide)()

    batch = read(tmp_path, fill)
    assert rows(batch) == [ONE, TWO]
    assert batch.files[0].note == "sheets read: mới, ignored: cũ (hidden)"


def test_a_workbook_whose_only_list_is_hidden_is_refused(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        hidden = sheet(book, "cũ", HEADER, ONE)
        sheet(book, "bìa", ["Báo cáo"]).activate()
        hidden.hide()

    with pytest.raises(InputError, match="only the hidden sheet cũ has the columns: show it"):
        read(tmp_path, fill)


def test_two_lists_in_a_sheet_are_both_read(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        again = [HEADER, ["E03", *ONE[1:]]]
        sheet(book, "S", HEADER, ONE, [], ["Gender", "dose_id", "DATE_OF_BIRTH", "full_name"],
              ["Nam", "E02", "21/08/1974", "Vũ Bá"], *again)  # fmt: skip

    batch = read(tmp_path, fill)
    assert rows(batch) == [ONE, TWO, ["E03", *ONE[1:]]]
    assert batch.rejected["reasons"].to_pylist() == [["repeated_header"]] * 2


# ------------------------------------------------------------------------------------------------- merged cells


def test_a_merged_cell_gives_its_value_to_all_its_rows(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", [], ["", "Danh sách"], ["", *HEADER], ["", *ONE], ["", "E02"], ["", "E03"], ["", *TWO])
        made.write(6, 1, "E04")
        for column, value in ((2, "Lê Lan"), (3, "Nữ"), (4, "05/12/1983")):
            made.merge_range(3, column, 5, column, value)

    assert rows(read(tmp_path, fill)) == [ONE, ["E02", *ONE[1:]], ["E03", *ONE[1:]], ["E04", *TWO[1:]]]


def test_headings_over_several_columns_and_rows(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", [], ["", "", "gender", "date_of_birth"], ONE, TWO)
        made.merge_range(0, 0, 1, 0, "dose_id")
        made.merge_range(0, 1, 1, 1, "full_name")
        made.merge_range(0, 2, 0, 3, "Nhân thân")

    assert rows(read(tmp_path, fill)) == [ONE, TWO]


def test_a_name_under_one_heading_in_two_columns(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", ["Mã", "", "", "gender"], ["E01", "Lê Thị", "Lan", "Nữ"], ["E02", "Vũ", "Bá", "Nam"])
        made.merge_range(0, 1, 0, 2, "Họ và tên")

    batch = read(tmp_path, fill, columns={"Mã": "dose_id", "Họ và tên": "full_name"})
    assert batch.accepted.column("full_name").to_pylist() == ["Lê Thị Lan", "Vũ Bá"]


def test_printed_forms_in_a_workbook(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", ["DANH SÁCH TIÊM"], HEADER, ["(1)", "(2)", "(3)", "(4)"], ONE, TWO)
        made.write_row(5, 0, [1, 2, 3, 4])
        made.merge_range(6, 0, 6, 2, "Tổng cộng")
        made.write(6, 3, 2)
        made.merge_range(7, 0, 7, 3, "Ghi chú: số liệu đến 17/09/2021")
        made.write_row(8, 0, ["Người lập biểu", "", "", "Trưởng trạm"])

    batch = read(tmp_path, fill)
    assert rows(batch) == [ONE, TWO]
    told = [reason for reasons in batch.rejected["reasons"].to_pylist() for reason in reasons]
    assert told == ["column_numbers", "column_numbers", "total_row", "remark", "remark"]


def test_a_section_in_the_midst_of_merged_cells_is_no_dose(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", HEADER, ["E01", "Lê Lan", "Nữ"], ["Thôn 2"], ["E02", "Vũ Bá", "Nữ"])
        made.merge_range(1, 2, 3, 2, "Nữ")
        made.merge_range(1, 3, 3, 3, "05/12/1983")

    batch = read(tmp_path, fill)
    assert rows(batch) == [ONE, ["E02", "Vũ Bá", *ONE[2:]]]
    assert batch.rejected["reasons"].to_pylist() == [["remark"]]


# ------------------------------------------------------------------------------------------------- epoch


def test_day_counts_of_a_workbook_that_counts_from_1904(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        made = sheet(book, "S", [*HEADER, "id_number"], ["E01", "A"], ["E02", "B"], ["E03", "C"], ["E04", "D"])
        made.write_datetime(1, 3, datetime.datetime(1981, 4, 3), book.add_format({"num_format": "dd/mm/yyyy"}))
        made.write(2, 3, 28217)
        made.write(3, 3, 28217.75)
        made.write(4, 3, 1981)
        made.write(4, 4, 28217)

    batch = read(tmp_path, fill, date_1904=True)
    assert batch.accepted.column("date_of_birth").to_pylist() == ["1981-04-03"] * 3 + ["1981"]
    assert batch.accepted.column("id_number").to_pylist()[3] == "28217"
    assert read(tmp_path, fill).accepted.column("date_of_birth").to_pylist()[1] == "28217"


def test_day_counts_stored_as_text_are_read_by_the_same_system(tmp_path: Path) -> None:
    typed = ["28217", " 28217.75", "28217,5", "1981", "0981", "03/04/1981", "281055433"]

    def fill(book: xlsxwriter.Workbook) -> None:
        sheet(book, "S", HEADER, *([f"E{n}", "A", "Nữ", text] for n, text in enumerate(typed)))

    read_so = read(tmp_path, fill, date_1904=True).accepted.column("date_of_birth").to_pylist()
    assert read_so == ["1981-04-03"] * 3 + typed[3:]
    assert read(tmp_path, fill).accepted.column("date_of_birth").to_pylist() == typed


@pytest.mark.parametrize(("flags", "is_1904"), [(0, False), (1, True), (0x20, False), (0x21, True)])
def test_a_binary_workbook_says_so_in_its_first_record(tmp_path: Path, flags: int, is_1904: bool) -> None:
    path = tmp_path / "a.xlsb"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"\x83\x01\x00\x99\x01\x0c" + bytes([flags]) + bytes(11))
    assert check_archive(path, "a.xlsb").has_epoch_1904 == is_1904


# ------------------------------------------------------------------------------------------------- hostile files

_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
)


def ods(path: Path, table: str) -> Path:
    ns = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{ns}:office:1.0" xmlns:table="{ns}:table:1.0" '
        f'xmlns:text="{ns}:text:1.0"><office:body><office:spreadsheet>{table}'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return path


def test_merged_cells_of_an_open_document(tmp_path: Path) -> None:
    def row(*cells: str, repeated: int = 1) -> str:
        return f'<table:table-row table:number-rows-repeated="{repeated}">{"".join(cells)}</table:table-row>'

    def cell(text: str, rows: int = 1, columns: int = 1) -> str:
        spans = f'table:number-rows-spanned="{rows}" table:number-columns-spanned="{columns}"'
        return f'<table:table-cell {spans} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    covered, blank = "<table:covered-table-cell/>", '<table:table-cell table:number-columns-repeated="3"/>'
    rows = (
        row(cell("Danh sách", columns=3), covered, covered),
        row(blank, repeated=2),
        row(cell("dose_id"), cell("full_name"), cell("commune")),
        row(cell("E01"), cell("Lê Lan"), cell("Xã Lộc An", rows=2)),
        row(cell("E02"), cell("Vũ Bá"), covered),
        row(cell("E03"), cell("Lê Na"), cell("Xã B'Lá")),
    )
    end = "</office:spreadsheet></office:body></office:document-content>"
    path = ods(tmp_path / "a.ods", f'<table:table table:name="S">{"".join(rows)}</table:table>{end}')
    batch = ingest([path], DOSES)
    assert batch.accepted.column("dose_id").to_pylist() == ["E01", "E02", "E03"]
    assert batch.accepted.column("commune").to_pylist() == ["Xã Lộc An", "Xã Lộc An", "Xã B'Lá"]


def changed(path: Path, member: str, content: str) -> Path:
    """A small workbook one member of which says something else."""
    made = path.with_name("sound.xlsx")
    with xlsxwriter.Workbook(made) as book:
        sheet(book, "S", HEADER, ONE)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, content if name == member else source.read(name))
    return path


def test_a_parser_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_CPU_SECONDS", 2)
    path = ods(tmp_path / "a.ods", '<table:table table:name="S">')
    with pytest.raises(InputError, match=r"a.ods: not parsed within 2 seconds"):
        ingest([path], DOSES)


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("xl/sharedStrings.xml", '<sst count="4294967295" uniqueCount="4294967295"><si><t>a</t></si></sst>'),
        ("xl/worksheets/sheet1.xml", _SHEET % '<row><c r="XFD1048576"><v>1</v></c></row>'),
        (
            "xl/worksheets/sheet1.xml",
            _SHEET % '<row r="9"><c r="A1"/></row><row><c r=\'ZZZ99999999\'><v>1</v></c></row>',
        ),
    ],
)
def test_a_small_file_cannot_ask_for_any_amount(tmp_path: Path, member: str, content: str) -> None:
    with pytest.raises(InputError, match=r"bomb.xlsx: .*(memory|spans).*(delete stray cells|CSV)"):
        ingest([changed(tmp_path / "bomb.xlsx", member, content)], DOSES)


def test_many_cells_from_few_bytes(tmp_path: Path) -> None:
    kind = 'office:value-type="string" table:number-columns-repeated="9000"'
    cell = f"<table:table-cell {kind}><text:p>x</text:p></table:table-cell>"
    row = f'<table:table-row table:number-rows-repeated="9000">{cell}</table:table-row>'
    end = "</office:spreadsheet></office:body></office:document-content>"
    path = ods(tmp_path / "a.ods", f'<table:table table:name="S">{row}</table:table>{end}')
    with pytest.raises(InputError, match=r"a.ods: .*(spans 9000 rows and 9000 columns|memory)"):
        ingest([path], DOSES)


def test_cells_that_so_small_a_file_cannot_hold_are_refused_by_their_sheet(tmp_path: Path) -> None:
    """Four million of them would take no more memory than a workbook may."""
    cells = [f'<row r="{row}"><c r="{column}{row}"><v>1</v></c></row>' for row, column in ((1, "A"), (1_048_576, "D"))]
    far = _SHEET % f"<sheetData>{''.join(cells)}</sheetData>"
    with pytest.raises(InputError, match=r"far.xlsx: sheet S spans .* columns, too many for its size: delete stray"):
        ingest([changed(tmp_path / "far.xlsx", "xl/worksheets/sheet1.xml", far)], DOSES)
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="4"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="1000000">{cell}</table:table-cell></table:table-row>'
    end = "</table:table></office:spreadsheet></office:body></office:document-content>"
    path = ods(tmp_path / "a.ods", f'<table:table table:name="S">{row}{end}')
    assert path.stat().st_size < 1000
    with pytest.raises(InputError, match=r"a.ods: sheet S spans 1000000 rows and 4 columns, too many for its size"):
        ingest([path], DOSES)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.xlsx", b"dose_id,full_name\n1,An\n", "this is text, as CSV is"),
        ("a.xls", b"<html><table><tr><td>dose_id</td></tr></table></html>", "this is a web page or XML"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "this is a file of the old format, or protected by a password"),
        ("a.ods", b"PAR1PAR1", "this is a Parquet file"),
    ],
)
def test_what_is_no_workbook_is_called_what_it_is(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: {what}, not a workbook"):
        ingest([path], DOSES)


def test_the_next_workbook_is_read_after_one_that_ended_the_parser(tmp_path: Path) -> None:
    bomb = changed(tmp_path / "bomb.xlsx", "xl/sharedStrings.xml", '<sst count="4294967295" uniqueCount="4294967295"/>')
    with pytest.raises(InputError):
        ingest([bomb], DOSES)
    assert rows(read(tmp_path, lambda book: sheet(book, "S", HEADER, ONE) and None)) == [ONE]


@pytest.mark.parametrize("text", ["row ", '<c t="e" ', "<f ", "</f><v ", 'r="AA1', "workbookPr "])
def test_the_search_of_a_sheet_takes_linear_time(tmp_path: Path, text: str) -> None:
    import time

    path = changed(tmp_path / "long.xlsx", "xl/worksheets/sheet1.xml", _SHEET % (text * (3_000_000 // len(text))))
    start = time.process_time()
    check_archive(path, "long.xlsx")
    assert time.process_time() - start < 5


def test_a_header_in_tcvn3_is_read_wherever_it_stands(tmp_path: Path) -> None:
    header, name = ["M· mòi tiªm", "Hä vµ tªn", "Ngµy sinh"], "NguyÔn V¨n H¶i"
    columns = {"Mã mũi tiêm": "dose_id", "Họ và tên": "full_name", "Ngày sinh": "date_of_birth"}

    def fill(book: xlsxwriter.Workbook) -> None:
        again = [[header[1], header[0], header[2]], [name, "E03", "1983"]]
        sheet(book, "Sheet1", ["DANH S¸CH"], header, ["E01", name, "1981"], header, ["E02", name, "1982"], *again)

    batch = read(tmp_path, fill, columns)
    assert [row[::3] for row in rows(batch)] == [["E01", "1981"], ["E02", "1982"], ["E03", "1983"]]
    assert batch.rejected["reasons"].to_pylist() == [["repeated_header"]] * 2
