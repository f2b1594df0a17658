"""The forms: the appendix of Bảo Lâm of 29 August 2022 comes out of decided doses with its issues, digit for digit."""

from __future__ import annotations

import csv
import datetime
import html
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from linkage.cli import app
from linkage.errors import InputError, LinkageError, UsageError, VerificationError
from linkage.exports.formats import format_of
from linkage.exports.forms import FORM_NAMES, STATISTICS
from linkage.exports.words import ISSUES as ISSUE_WORDS
from linkage.published.folders import staged
from linkage.reports import FORMATS, FORMS, write_report
from linkage.reports.form import UNKNOWN_COMMUNE, commune_labels, vietnamese_order
from linkage.reports.office import UNKNOWN_OFFICE, office_of
from linkage.reports.writers import write_whole
from linkage.schema import COMMUNES, ISSUES, STATUSES
from tests.outcomes import DecidedDose, subject_tables

# (name, wrong information, wrong ID, no ID, total) as published; Lộc Lâm's empty cell is zero.
BAO_LAM = (
    ("Thị trấn Lộc Thắng", 4427, 183, 58, 4668),
    ("Xã B' Lá", 740, 47, 22, 809),
    ("Xã Lộc An", 3816, 237, 26, 4079),
    ("Xã Lộc Bảo", 1673, 96, 30, 1799),
    ("Xã Lộc Bắc", 1774, 48, 8, 1830),
    ("Xã Lộc Đức", 1034, 58, 11, 1103),
    ("Xã Lộc Lâm", 960, 0, 1, 961),
    ("Xã Lộc Nam", 2879, 83, 11, 2973),
    ("Xã Lộc Ngãi", 3164, 61, 38, 3263),
    ("Xã Lộc Phú", 884, 8, 1, 893),
    ("Xã Lộc Quảng", 520, 18, 252, 790),
    ("Xã Lộc Tân", 2428, 9, 20, 2457),
    ("Xã Lộc Thành", 5543, 224, 14, 5781),
    ("Xã Tân Lạc", 428, 25, 4, 457),
)
BAO_LAM_SUMS = (30270, 1097, 496, 31863)
HEADINGS = [
    "STT",
    "Tên cơ sở y tế",
    "Sai thông tin",
    "CCCD/mã định danh sai",
    "Không có CMND/CCCD",
    "Tổng cộng",
]
NAMES = {f"{25100 - i:05}": name for i, (name, *_) in enumerate(BAO_LAM)}
# The published table, written down as the form is: number, name, counts, total.
GOLDEN_ROWS = [[number, *row] for number, row in enumerate(BAO_LAM, start=1)]
GOLDEN_TOTAL = ["Cộng", None, *BAO_LAM_SUMS]


# subject_id, status, issue, commune_code of a dose
Dose = tuple[str | None, str, str | None, str | None]


# As schema.COMMUNES has them.
UNITS = [
    ("25054", "25054", "Thị trấn Lộc Thắng", "680", "Huyện Bảo Lâm", "68", "Tỉnh Lâm Đồng", "68"),
    ("25057", "25057", "Xã Lộc Bảo", "680", "Huyện Bảo Lâm", "68", "Tỉnh Lâm Đồng", "68"),
    ("26734", "26734", "Phường Tân Định", "760", "Quận 1", "79", "Thành phố Hồ Chí Minh", "79"),
]


def publish(runs: Path, doses: list[Dose], units: Sequence[tuple[str, ...]] = (), **manifest: object) -> Path:
    """A run of doses in the order of their ids, each a claim of its own, with the tables that the forms read."""
    made = subject_tables([DecidedDose(*dose, f"09{i:08d}") for i, dose in enumerate(doses)])
    with staged(runs, "r1") as stage:
        stage.write_table("subjects", made.subjects)
        stage.write_table("subject_counts", made.counts)
        if units:
            rows = [dict(zip(COMMUNES.names, unit, strict=True)) for unit in units]
            stage.write_table("communes", pa.Table.from_pylist(rows, schema=COMMUNES.arrow()))
        stage.write_json("manifest", {"run_id": "r1", "outputs": stage.outputs, **manifest})
        return stage.commit()


@pytest.fixture(scope="module")
def bao_lam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bảo Lâm's subjects with one to three doses each, among them subjects who belong in no list, in random order.

    A subject's other doses are right, foreign, or wrong in a lesser way and elsewhere: he counts once all the same.
    """
    rng = random.Random(2022)
    doses: list[Dose] = []
    for code, (_, *counts, _total) in zip(NAMES, BAO_LAM, strict=True):
        subjects: list[tuple[str, str | None]] = []
        for issue, count in zip(ISSUE_WORDS, counts, strict=True):
            subjects += [(rng.choice(["matched", "review", "unmatched"]), issue) for _ in range(count)]
        subjects += [("verified", None)] * 65 + [("excluded", None)] * 7 + [("review", None)] * 3
        for number, (status, gravest) in enumerate(subjects):
            doses.append((f"{code}-{number}", status, gravest, code))
            if status not in ("verified", "excluded"):
                others = [("verified", None, "25001"), ("excluded", None, "25002"), (status, gravest, code)]
                others += (
                    [("review", lesser, "25003") for lesser in ISSUES[ISSUES.index(gravest) + 1 :]] if gravest else []
                )
                doses += [(doses[-1][0], *rng.choice(others)) for _ in range(rng.choice([0, 0, 1, 2]))]
    rng.shuffle(doses)
    return publish(tmp_path_factory.mktemp("runs"), doses, list_date="2022-08-29", commune_names=NAMES)


def test_the_appendix_of_bao_lam_as_excel(bao_lam: Path, tmp_path: Path) -> None:
    out = tmp_path / "appendix.xlsx"
    write_report(bao_lam, "appendix", "xlsx", out)
    sheet = openpyxl.load_workbook(out).active
    table = table_of(sheet, "STT")
    assert [[cell.value for cell in row] for row in table[:16]] == [HEADINGS, *GOLDEN_ROWS, GOLDEN_TOTAL]
    assert {cell.number_format for cell in table[1][2:]} == {"#,##0;-#,##0;"}
    assert table[1][1].data_type == "s"


def table_of(sheet: Any, first_heading: str) -> list[tuple[Any, ...]]:
    """The cells of a sheet from its headings on."""
    rows = list(sheet.iter_rows())
    return rows[[row[0].value for row in rows].index(first_heading) :]


def texts(rows: Iterable[Iterable[Any]]) -> list[list[str]]:
    """What stands in some rows, the empty cells left out."""
    return [[cell.value for cell in row if cell.value is not None] for row in rows]


def test_the_appendix_stands_under_the_head_and_over_the_signatures_of_the_letters(tmp_path: Path) -> None:
    run_dir = publish(tmp_path, [("a", "review", "no_id", "25054")], UNITS[:2], list_date="2022-08-29")
    write_report(run_dir, "appendix", "xlsx", tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    rows = list(sheet.iter_rows())
    country, motto = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"
    assert texts(rows[:9]) == [
        ["SỞ Y TẾ LÂM ĐỒNG", country],
        ["TRUNG TÂM Y TẾ BẢO LÂM", motto],
        [f"Số: {'.' * 20}", "Bảo Lâm, ngày ...... tháng ...... năm ............"],
        [""],
        ["Phụ lục"],
        ["BẢNG TỔNG HỢP TÌNH HÌNH XÁC MINH THÔNG TIN ĐỐI TƯỢNG TIÊM CHỦNG COVID-19"],
        ["(Tính đến ngày 29/08/2022)"],
        [f"(Kèm theo công văn số {'.' * 16} ngày ..../..../........)"],
        [""],
    ]
    assert [row for row in texts(table_of(sheet, "STT")[3:]) if row] == [
        [""],
        ["NGƯỜI LẬP BIỂU", "THỦ TRƯỞNG ĐƠN VỊ"],
        ["(Ký, ghi rõ họ tên)", "(Ký tên, đóng dấu)"],
    ]
    setup = sheet.page_setup
    assert (setup.orientation, setup.paperSize, setup.fitToWidth or 1, setup.fitToHeight) == ("landscape", 9, 1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.print_title_rows, sheet.oddFooter.center.text) == ("$10:$10", "Trang &P/&N")
    assert sheet.print_area == "'appendix'!$A$1:$F$20"
    write_report(run_dir, "appendix", "html", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    for line in texts(rows[:9]):
        assert all(html.escape(text) in page for text in line)
    assert "size:A4 landscape" in page
    assert "counter(page)" in page
    assert "<thead>\n<tr><th class=t" in page


def test_the_daily_report_is_of_the_police(tmp_path: Path) -> None:
    run_dir = publish(tmp_path, [("a", "review", "no_id", "25054")], UNITS[:2], list_date="2022-08-29")
    write_report(run_dir, "daily", "xlsx", tmp_path / "out.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows())
    assert [row[0] for row in texts(rows[:2])] == ["CÔNG AN TỈNH LÂM ĐỒNG", "CÔNG AN HUYỆN BẢO LÂM"]
    write_report(run_dir, "daily", "json", tmp_path / "out.json")
    report = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (report["office"], report["as_of"]) == ("CÔNG AN HUYỆN BẢO LÂM", "2022-08-29")


@pytest.mark.parametrize(
    ("units", "unit", "branch", "expected"),
    [
        (UNITS[:1], "25054", "health", ("TRUNG TÂM Y TẾ BẢO LÂM", "TRẠM Y TẾ THỊ TRẤN LỘC THẮNG", "Lộc Thắng")),
        (UNITS[:1], "25054", "police", ("CÔNG AN HUYỆN BẢO LÂM", "CÔNG AN THỊ TRẤN LỘC THẮNG", "Lộc Thắng")),
        (UNITS[:2], None, "health", ("SỞ Y TẾ LÂM ĐỒNG", "TRUNG TÂM Y TẾ BẢO LÂM", "Bảo Lâm")),
        (UNITS[:1], "680", "health", ("SỞ Y TẾ LÂM ĐỒNG", "TRUNG TÂM Y TẾ BẢO LÂM", "Bảo Lâm")),
        (UNITS[:1], "68", "health", ("BỘ Y TẾ", "SỞ Y TẾ LÂM ĐỒNG", "Lâm Đồng")),
        (UNITS[2:3], None, "health", ("SỞ Y TẾ HỒ CHÍ MINH", "TRUNG TÂM Y TẾ QUẬN 1", "Quận 1")),
        (UNITS, None, "police", ("", "BỘ CÔNG AN", "Hà Nội")),
    ],
)
def test_the_office_is_that_of_the_smallest_unit(
    units: list[tuple[str, ...]], unit: str | None, branch: str, expected: tuple[str, str, str]
) -> None:
    office = office_of([dict(zip(COMMUNES.names, row, strict=True)) for row in units], branch, unit)
    assert (office.above, office.name, office.place) == expected


def test_without_names_the_office_is_filled_in_by_hand() -> None:
    assert office_of([], "health", None) == UNKNOWN_OFFICE
    nameless = dict.fromkeys(COMMUNES.names) | {"commune_code": "1"}
    assert office_of([nameless], "police", None) == UNKNOWN_OFFICE


def test_the_command_line_tells_every_form(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuple(FORMS) == FORM_NAMES
    monkeypatch.setenv("COLUMNS", "250")
    with pytest.raises(SystemExit):
        app(["report", "--help"])
    told = capsys.readouterr().out
    assert f"{', '.join(FORM_NAMES)} or {STATISTICS}." in told
    assert f"{', '.join(FORM_NAMES)}: code of a commune" in told


@pytest.mark.parametrize("form", FORMS)
def test_a_list_date_that_is_none_is_one_line(tmp_path: Path, form: str) -> None:
    run_dir = publish(tmp_path, [], list_date="29/08/2022")
    with pytest.raises(VerificationError, match=r"manifest.json: list_date: '29/08/2022' is no date"):
        write_report(run_dir, form, "json", tmp_path / "out")


def test_a_unit_is_counted_alone(tmp_path: Path) -> None:
    places = ("25054", "26734", None)
    doses: list[Dose] = [(str(place), "review", "no_id", place) for place in places]
    run_dir = publish(tmp_path, doses, UNITS, list_date="2022-08-29")
    for form in FORMS:
        assert write_report(run_dir, form, "json", tmp_path / "out").total[-1] == 3
        assert write_report(run_dir, form, "json", tmp_path / "out", unit="680").total[-1] == 1
        with pytest.raises(UsageError, match="--unit 99: no commune, district or province of this run"):
            write_report(run_dir, form, "json", tmp_path / "out", unit="99")
    old = publish(tmp_path / "old", doses, list_date="2022-08-29")
    with pytest.raises(InputError, match="does not say where its communes lie; link again with this version"):
        write_report(old, "daily", "json", tmp_path / "out", unit="68")


def test_the_appendix_of_bao_lam_as_csv(bao_lam: Path, tmp_path: Path) -> None:
    out = tmp_path / "appendix.csv"
    write_report(bao_lam, "appendix", "csv", out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbfSTT,")
    with out.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.reader(source))
    expected = [HEADINGS, *GOLDEN_ROWS, GOLDEN_TOTAL]
    assert rows == [["" if cell is None else str(cell) for cell in row] for row in expected]


def test_the_appendix_of_bao_lam_as_json(bao_lam: Path, tmp_path: Path) -> None:
    out = tmp_path / "appendix.json"
    write_report(bao_lam, "appendix", "json", out)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert [list(row.values()) for row in report["rows"]] == GOLDEN_ROWS
    assert list(report["rows"][0]) == ["number", "facility", "wrong_info", "bad_id_format", "no_id", "total"]
    assert report["total"]["total"] == 31863


def test_the_appendix_of_bao_lam_as_html(bao_lam: Path, tmp_path: Path) -> None:
    out = tmp_path / "appendix.html"
    write_report(bao_lam, "appendix", "html", out)
    page = out.read_text(encoding="utf-8")
    text = 'class=t sdnum="1033;0;@"'
    assert f"<td>7</td><td {text}>Xã Lộc Lâm</td><td>960</td><td></td><td>1</td><td>961</td>" in page
    assert f"<th {text}>Cộng</th><th></th><th>30,270</th>" in page
    assert f"<td {text}>Xã B&#x27; Lá</td>" in page


def test_the_published_table_adds_up() -> None:
    assert tuple(map(sum, list(zip(*BAO_LAM, strict=True))[1:])) == BAO_LAM_SUMS
    assert all(sum(counts) == total for _, *counts, total in BAO_LAM)


@pytest.mark.parametrize("fmt", FORMATS)
def test_equal_reports_have_equal_bytes(bao_lam: Path, tmp_path: Path, fmt: str) -> None:
    for name in ("a", "b"):
        write_report(bao_lam, "appendix", fmt, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_unknown_communes_stand_last_and_are_counted(tmp_path: Path) -> None:
    doses: list[Dose] = [
        ("a", "review", "no_id", None),
        ("b", "review", "no_id", ""),
        ("c", "matched", "no_id", "25054"),
    ]
    run_dir = publish(tmp_path, doses, commune_names={"25054": "Xã Zơ"})
    report = write_report(run_dir, "appendix", "json", tmp_path / "out")
    assert report.rows == ((1, "Xã Zơ", 0, 0, 1, 1), (2, UNKNOWN_COMMUNE, 0, 0, 2, 2))


def test_a_run_without_findings_gives_a_row_of_zeros(tmp_path: Path) -> None:
    report = write_report(publish(tmp_path, []), "appendix", "xlsx", tmp_path / "out.xlsx")
    assert report.rows == ()
    assert report.total == ("Cộng", None, 0, 0, 0, 0)


def test_communes_of_one_name_are_told_apart_by_code() -> None:
    names = {"1": "Xã Tân Lập", "2": "Xã Tân Lập", "3": "Xã Lộc An"}
    expected = {"1": "Xã Tân Lập (1)", "2": "Xã Tân Lập (2)", "3": "Xã Lộc An", "4": "4"}
    assert commune_labels({"1", "2", "3", "4"}, names) == expected


def test_names_stand_in_the_order_of_the_dictionary() -> None:
    ordered = [
        "A Lưới",
        "Ba",
        "Bà",
        "Bả",
        "Bã",
        "Bá",
        "Bạ",
        "Bà Nà",
        "Băng",
        "Bâng",
        "Da",
        "Đa",
        "Ia",
        "Oa",
        "Ôa",
        "Ơa",
        "Zơ",
    ]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=vietnamese_order) == ordered


def test_daily_counts_subjects_by_commune_and_status(tmp_path: Path) -> None:
    doses: list[Dose] = [
        ("a", "verified", None, "25001"),
        ("a", "verified", None, "25001"),
        ("b", "verified", None, "25002"),
        ("b", "review", "wrong_info", "25001"),
        ("c", "unmatched", "no_id", "25002"),
        ("d", "excluded", None, None),
        ("e", "matched", "no_id", ""),
    ]
    run_dir = publish(tmp_path, doses, list_date="2022-08-29", commune_names={"25001": "Xã B", "25002": "Xã A"})
    report = write_report(run_dir, "daily", "xlsx", tmp_path / "daily.xlsx")
    assert [column.key for column in report.columns] == ["date", "commune_code", "commune", *STATUSES, "total"]
    day = datetime.date(2022, 8, 29)
    assert report.rows == (
        (day, "25002", "Xã A", 0, 0, 0, 1, 0, 1),
        (day, "25001", "Xã B", 1, 0, 1, 0, 0, 2),
        (day, "", UNKNOWN_COMMUNE, 0, 1, 0, 0, 1, 2),
    )
    assert report.total == ("Cộng", None, None, 1, 1, 1, 1, 1, 5)
    row = table_of(openpyxl.load_workbook(tmp_path / "daily.xlsx").active, "Ngày")[1]
    assert [cell.value for cell in row][:3] == [datetime.datetime(2022, 8, 29), "25002", "Xã A"]
    assert row[0].number_format == "dd/mm/yyyy"
    assert row[1].data_type == "s"  # a code keeps its leading zeros only as text
    write_report(run_dir, "daily", "csv", tmp_path / "daily.csv")
    lines = (tmp_path / "daily.csv").read_text("utf-8-sig").splitlines()
    assert lines[1] == "29/08/2022,25002,Xã A,0,0,0,1,0,1"
    write_report(run_dir, "daily", "html", tmp_path / "daily.html")
    assert "<td>29/08/2022</td>" in (tmp_path / "daily.html").read_text("utf-8")


def test_daily_needs_the_day_of_the_run(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="list_date is missing"):
        write_report(publish(tmp_path, []), "daily", "csv", tmp_path / "out")


@pytest.mark.parametrize("name", ["=1+1", "{=1}", "+84", "@SUM(A1)", "http://x.vn", "-2"])
def test_no_name_becomes_a_formula(tmp_path: Path, name: str) -> None:
    run_dir = publish(tmp_path, [("a", "review", "no_id", "25001")], commune_names={"25001": name})
    write_report(run_dir, "appendix", "xlsx", tmp_path / "out.xlsx")
    cell = table_of(openpyxl.load_workbook(tmp_path / "out.xlsx").active, "STT")[1][1]
    assert (cell.value, cell.data_type, cell.hyperlink) == (name, "s", None)
    write_report(run_dir, "appendix", "csv", tmp_path / "out.csv")
    shown = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()))[1][1]
    assert shown == (name if name[0] in "{h" else f"'{name}")


def test_what_is_unknown_is_named_with_the_choices(bao_lam: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--form no-such-form: unknown; use appendix, daily, "):
        write_report(bao_lam, "no-such-form", "csv", tmp_path / "out")
    with pytest.raises(UsageError, match="--format pdf: unknown; use one of xlsx, csv, json, html"):
        write_report(bao_lam, "appendix", "pdf", tmp_path / "out")
    with pytest.raises(UsageError, match="no published run"):
        write_report(tmp_path, "appendix", "csv", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_cannot_be_written_is_one_line(bao_lam: Path, tmp_path: Path, fmt: str) -> None:
    report = write_report(bao_lam, "appendix", fmt, tmp_path / "out")
    with pytest.raises(LinkageError, match=r"absent/out: cannot be written \(No such file or directory\)"):
        write_whole(report, fmt, tmp_path / "absent" / "out")
    with pytest.raises(UsageError, match="is a folder"):
        write_whole(report, fmt, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_torn_table_is_reported(tmp_path: Path) -> None:
    run_dir = publish(tmp_path, [])
    (run_dir / "subjects.parquet").write_bytes(b"PAR1")
    with pytest.raises(VerificationError, match=r"subjects\.parquet: is damaged"):
        write_report(run_dir, "appendix", "csv", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "asked", "format_"),
    [
        ("a.csv", None, "csv"),
        ("a.XLSX", None, "xlsx"),
        ("a.json", "json", "json"),
        ("a", "html", "html"),
        ("a", None, "xlsx"),
    ],
)
def test_the_name_of_a_file_chooses_its_format(name: str, asked: str | None, format_: str) -> None:
    assert format_of(Path(name), asked, FORMATS) == format_


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("a.xlsx", "csv", "--out a.xlsx and --format csv contradict each other"),
        ("a.doc", None, r"--out a.doc: is no file of this form; end its name in \.xlsx, \.csv, \.json, \.html"),
        ("a.csv", "doc", "--format doc: unknown"),
    ],
)
def test_a_name_of_another_format_is_refused(name: str, asked: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        format_of(Path(name), asked, FORMATS)
