"""Published tables as an office, an analyst and a program get them: which rows, which columns, in which words."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage import schema
from linkage.errors import UsageError
from linkage.exports.tables import export_table
from linkage.exports.views import View
from linkage.exports.words import CODES, TITLES
from linkage.published.folders import staged
from linkage.schema import (
    COMMUNES,
    DECISIONS,
    EXCLUDED_QUEUE,
    INPUTS,
    ISSUES,
    MATCH_QUEUE,
    REVIEW_QUEUE,
    STATUSES,
    UNMATCHED_QUEUE,
    TableSchema,
)
from tests.district import call

QUEUES = (MATCH_QUEUE, REVIEW_QUEUE, UNMATCHED_QUEUE, EXCLUDED_QUEUE)
A_ROW: dict[str, Any] = {
    "claim_id": "00000000000000e1",
    "subject_id": "0001",
    "dose_ids": ["01", "D2"],
    "n_doses": 2,
    "facility_code": "0007",
    "facility_level": "commune",
    "rank": 1,
    "priority": 1,
    "settle_probability": 0.75,
    "person_id": "P1",
    "match_probability": 0.5,
    "match_weight": -1.25,
    "issue": "no_id",
    "wrong_fields": ["date_of_birth", "id_number"],
    "conflicts": ["dead_before_dose"],
    "commune_code": "00004",
    "commune_code_now": "00008",
    "in_police_list": True,
    "list_date": datetime.date(2022, 8, 29),
    "deadline": datetime.date(2022, 8, 31),
    "stated_full_name": "Lê Lan",
    "stated_date_of_birth": "3-4-81",
    "stated_phone": "+84912345678",
    "registered_full_name": "Lê Thị Lan",
    "registered_date_of_birth": "1981-04-03",
    "registered_id_number": "001181000001",
    "registered_status": "alive",
    "candidate_ids": ["P1", "P2"],
    "candidate_probabilities": [0.25, 0.125],
    "reason": "foreign_passport",
}
UNITS = [
    ("00004", "00008", "Phường Trúc Bạch", "001", "Quận Ba Đình", "01", "Thành phố Hà Nội", "01"),
    ("25054", "25054", "Thị trấn Lộc Thắng", "680", "Huyện Bảo Lâm", "68", "Tỉnh Lâm Đồng", "68"),
]


def table_of(table: TableSchema, rows: list[dict[str, Any]]) -> pa.Table:
    filled = [{name: row.get(name) for name in table.names} for row in rows]
    return pa.Table.from_pylist(filled, schema=table.arrow())


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A published run of two claims in each queue, of which the second comes first in the order of work."""
    other = A_ROW | {
        "claim_id": "00000000000000e0",
        "commune_code": "25054",
        "commune_code_now": "25054",
        "priority": 2,
        "registered_date_of_birth": "1981-04",
        "stated_full_name": "A",
    }
    third = other | {"claim_id": "00000000000000e2", "priority": 1, "registered_date_of_birth": "1981"}
    with staged(tmp_path / "runs", "r") as stage:
        for queue in QUEUES:
            stage.write_table(queue.name, table_of(queue, [other, A_ROW, third]))
        decisions = [{"dose_id": f"{n:03d}", "claim_id": "e1", "status": "review"} for n in range(3)]
        decisions[1] |= {"commune_code": "00004", "commune_code_now": "00008"}
        stage.write_table(DECISIONS.name, table_of(DECISIONS, decisions))
        rows = [dict(zip(COMMUNES.names, unit, strict=True)) for unit in UNITS]
        stage.write_table(COMMUNES.name, table_of(COMMUNES, rows))
        stage.write_json("manifest", {"run_id": "r", "list_date": "2022-08-29", "outputs": stage.outputs})
        stage.commit()
    return tmp_path / "runs" / "r"


def as_csv(run_dir: Path, out: Path, **options: Any) -> list[dict[str, str]]:
    export_table(run_dir, out, **options)
    with out.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_an_office_reads_its_queue_in_vietnamese_and_in_the_order_of_work(run_dir: Path, tmp_path: Path) -> None:
    rows = as_csv(run_dir, tmp_path / "review.csv", table="queues/review")
    assert [row["Mã hồ sơ đối chiếu"] for row in rows] == [f"'00000000000000e{n}" for n in (1, 2, 0)]
    assert list(rows[0])[:4] == ["Thứ tự ưu tiên", "Thứ hạng", "Họ và tên (đã nhập)", "Họ và tên (CSDL dân cư)"]
    shown = {
        "Họ và tên (CSDL dân cư)": "Lê Thị Lan",
        "Ngày sinh (đã nhập)": "3-4-81",
        "Ngày sinh (CSDL dân cư)": "03/04/1981",
        "Số CCCD/CMND (CSDL dân cư)": "'001181000001",
        "Số điện thoại (đã nhập)": "'+84912345678",
        "Tình trạng (CSDL dân cư)": "Còn sống",
        "Lý do": "Không có CMND/CCCD",
        "Mâu thuẫn": "Tiêm sau ngày mất",
        "Các mũi tiêm": "01; D2",
        "Mã đối tượng": "'0001",
        "Tuyến của cơ sở tiêm": "Xã",
        "Mã xã": "'00004",
        "Tên xã": "Phường Trúc Bạch",
        "Tên huyện": "Quận Ba Đình",
        "Tên tỉnh": "Thành phố Hà Nội",
        "Trong danh sách công an": "Có",
        "Ngày lập danh sách": "29/08/2022",
        "Hạn trả": "31/08/2022",
        "Xác suất đúng người": "0.5",
    }
    assert {title: rows[0][title] for title in shown} == shown
    assert [row["Ngày sinh (CSDL dân cư)"] for row in rows[1:]] == ["1981", "'04/1981"]
    assert as_csv(run_dir, tmp_path / "m.csv", table="queues/match")[0]["Thông tin sai"] == "Ngày sinh; Số CCCD/CMND"
    unmatched = as_csv(run_dir, tmp_path / "u.csv", table="queues/unmatched")[0]
    assert (unmatched["Người có thể đúng"], unmatched["Xác suất của từng người"]) == ("P1; P2", "0.25; 0.125")
    excluded = as_csv(run_dir, tmp_path / "e.csv", table="queues/excluded")[0]
    assert excluded["Lý do không đối chiếu"] == "Hộ chiếu nước ngoài"


def test_an_analyst_gets_every_column_as_it_is(run_dir: Path, tmp_path: Path) -> None:
    rows = as_csv(run_dir, tmp_path / "review.csv", table="queues/review", language="en")
    assert list(rows[0]) == REVIEW_QUEUE.names
    assert (rows[0]["issue"], rows[0]["in_police_list"], rows[0]["deadline"]) == ("no_id", "true", "2022-08-31")
    assert (rows[0]["registered_date_of_birth"], rows[0]["match_weight"]) == ("1981-04-03", "-1.25")


def test_a_workbook_holds_texts_numbers_and_dates_and_prints_what_both_sides_say(run_dir: Path, tmp_path: Path) -> None:
    export_table(run_dir, tmp_path / "review.xlsx", table="queues/review")
    sheet = openpyxl.load_workbook(tmp_path / "review.xlsx")["review"]
    titles = [cell.value for cell in sheet[1]]
    row = dict(zip(titles, sheet[2], strict=True))
    assert (row["Số điện thoại (đã nhập)"].value, row["Số điện thoại (đã nhập)"].number_format) == ("+84912345678", "@")
    assert row["Mã xã"].value == "00004"
    assert (row["Xác suất đúng người"].value, row["Xác suất đúng người"].number_format) == (0.5, "0.00%")
    assert (row["Hạn trả"].value, row["Hạn trả"].number_format) == (datetime.datetime(2022, 8, 31), "dd/mm/yyyy")
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight, sheet.print_title_rows) == (
        "landscape",
        0,
        "$1:$1",
    )
    assert sheet.oddHeader.center.text == "&BDanh sách đối tượng cần công an xác minh (tính đến ngày 29/08/2022)"
    assert sheet.oddFooter.center.text == "Trang &P/&N"
    last = sheet.print_area.split("$")[-2]
    assert sheet[f"{last}1"].value == "Hạn trả"
    assert sheet.freeze_panes == "A2"


def test_a_program_gets_the_table_as_it_is(run_dir: Path, tmp_path: Path) -> None:
    done = export_table(run_dir / "queues" / "review.parquet", tmp_path / "review.json")
    assert (done.table, done.format, done.rows) == ("queues/review", "json", 3)
    row = json.loads((tmp_path / "review.json").read_text(encoding="utf-8"))[0]
    assert list(row) == REVIEW_QUEUE.names
    assert (row["dose_ids"], row["stated_phone"], row["deadline"]) == (["01", "D2"], "+84912345678", "2022-08-31")
    export_table(run_dir, tmp_path / "decisions.parquet", table="decisions")
    assert pq.read_table(tmp_path / "decisions.parquet").equals(pq.read_table(run_dir / "decisions.parquet"))


@pytest.mark.parametrize(
    ("unit", "keys"),
    [("00004", "1"), ("00008", "1"), ("001", "1"), ("01", "1"), ("68", "20"), ("680", "20"), ("25054", "20")],
)
def test_a_commune_a_district_or_a_province_gets_its_rows(run_dir: Path, tmp_path: Path, unit: str, keys: str) -> None:
    rows = as_csv(run_dir, tmp_path / "out.csv", table="queues/review", unit=unit, language="en")
    assert [row["claim_id"][-1] for row in rows] == list(keys)
    decisions = as_csv(run_dir, tmp_path / "out.csv", table="decisions", unit=unit)
    assert [row["Mã mũi tiêm"] for row in decisions] == (["'001"] if keys == "1" else [])


def test_what_cannot_be_exported_is_named_with_the_choices(run_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    known = "communes, decisions, queues/excluded, queues/match, queues/review, queues/unmatched"
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"--table queues/late: .*r has {known}", {"table": "queues/late"}),
        (r"--table \(none\)", {}),
        ("--unit 99: no commune, district or province of this run", {"table": "decisions", "unit": "99"}),
        ("--format pdf: unknown; use one of xlsx, csv, json, parquet", {"table": "decisions", "fmt": "pdf"}),
        ("--out out.csv and --format xlsx contradict each other", {"table": "decisions", "fmt": "xlsx"}),
    ]
    for message, options in cases:
        with pytest.raises(UsageError, match=message):
            export_table(run_dir, out, **options)
    with pytest.raises(UsageError, match="--lang vi: belongs to xlsx and csv; json holds the table as it is"):
        export_table(run_dir, tmp_path / "out.json", table="decisions", language="vi")
    with pytest.raises(UsageError, match="is a table already"):
        export_table(run_dir / "decisions.parquet", out, table="decisions")
    assert call("export", run_dir, "--table", "decisions", "--lang", "fr", "--out", out).code == 2
    assert not out.exists()


def test_the_tables_of_link_are_exported_too(tmp_path: Path) -> None:
    links = [{"left_id": "01", "right_id": "=B", "match_probability": 0.75, "match_weight": 3.0}]
    with staged(tmp_path, "linked") as stage:
        stage.write_table("links", table_of(schema.LINKS, links))
        stage.write_json("manifest", {"inputs": {"left": [], "right": []}, "outputs": stage.outputs})
        stage.commit()
    rows = as_csv(tmp_path / "linked", tmp_path / "out.csv", table="links")
    assert rows == [{"Mã bên trái": "'01", "Mã bên phải": "'=B", "Xác suất đúng người": "0.75", "Trọng số khớp": "3.0"}]
    with pytest.raises(UsageError, match="--unit 68: links has no communes; leave it out"):
        export_table(tmp_path / "linked", tmp_path / "out.csv", table="links", unit="68")


def test_columns_and_codes_have_their_words() -> None:
    tables = [table for table in vars(schema).values() if isinstance(table, TableSchema) and table.name not in INPUTS]
    for name in {column.name for table in tables for column in table.columns}:
        assert name in TITLES, name
    assert len(set(TITLES.values())) == len(TITLES)
    assert set(CODES["status"]) == set(STATUSES)
    assert set(CODES["issue"]) == set(ISSUES)


def test_a_column_of_a_queue_has_its_title_and_a_comparison_of_the_plan_its_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TITLES, "weight_gap", "Chênh lệch")
    titles = [column.title for column in View(("weight_gap", "weight_phone", "level_phone"), "vi").columns()]
    assert titles == ["Chênh lệch", "Điểm: phone", "Mức: phone"]


BITS = ("rarity_bits", "near_number_bits", "household_bits", "subject_bits", "schedule_bits")


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_an_office_misses_only_weights(queue: TableSchema) -> None:
    left_out = set(queue.names) - set(View.of(queue.name, queue.names, "vi").names)
    assert left_out <= {"match_weight", *BITS, "found_by"}
