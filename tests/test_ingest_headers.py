"""Headers as stations write them: two rows, names with blanks in them, hints under a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.errors import InputError
from linkage.ingest import ingest
from linkage.ingest.header import find_header
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.schema import DOSES
from linkage.two_files.link import read_side

PERSON = {"dose_id": "D1", "full_name": "Lê Lan"}
TWO_ROWS = {
    "a group without merged cells": (
        ["dose_id,full_name,phone,Nơi ở,,", ",,,province,district,commune", "D1,Lê Lan,0901234567,A,B,C"],
        {"phone": "0901234567", "province": "A", "district": "B", "commune": "C"},
    ),
    "a group that is called as a column": (
        ["dose_id,full_name,address,,", ",,province,district,commune", "D1,Lê Lan,A,B,C"],
        {"province": "A", "district": "B", "commune": "C"},
    ),
    "hints under the names": (
        ["dose_id,full_name,date_of_birth,Nơi ở,", "(mã),(họ tên),(dd/mm/yyyy),province,commune", "D1,Lê Lan,1981,A,C"],
        {"date_of_birth": "1981", "province": "A", "commune": "C"},
    ),
    "a word under a name": (
        ["dose_id,full_name,date_of_birth,vaccine,,", ",,day,vaccine,lot,dose_date", "D1,Lê Lan,1981,X,L1,2021-05-05"],
        {"date_of_birth": "1981", "vaccine": "X", "lot": "L1", "dose_date": "2021-05-05"},
    ),
    "all that is needed below": (
        [
            "dose_id,Đối tượng,,,phone,dose_date",
            "dose_id,full_name,gender,date_of_birth,,",
            "D1,Lê Lan,Nữ,1981,0901,2021",
        ],
        {"gender": "Nữ", "date_of_birth": "1981", "phone": "0901", "dose_date": "2021"},
    ),
    "the key alone above, and too little below": (
        ["dose_id,Họ tên,,", ",Họ đệm,Tên,dose_date", "D1,Lê,Lan,2021-05-05"],
        {"dose_date": "2021-05-05"},
    ),
    "the key alone above, and a list without keys below": (
        ["dose_id,Họ tên,,,", ",Họ đệm,Tên,phone,dose_date", "D1,Lê,Lan,0901234567,2021-05-05"],
        {"phone": "0901234567", "dose_date": "2021-05-05"},
    ),
    "a title with a word that is a name": (
        ["Danh sách,,phone", "dose_id,full_name,", "D1,Lê Lan,0901"],
        {},
    ),
    "one row, and a record of words": (
        ["dose_id,full_name,province,district", "D1,Lê Lan,Phone,Lot"],
        {"province": "Phone", "district": "Lot"},
    ),
}


def read(tmp_path: Path, lines: list[str]) -> list[dict[str, str]]:
    path = tmp_path / "doses.csv"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    batch = ingest([path], DOSES)
    assert batch.rejected.num_rows == 0
    return [{name: value for name, value in row.items() if value} for row in batch.accepted.read().to_pylist()]


@pytest.mark.parametrize("case", TWO_ROWS)
def test_a_header_of_two_rows_loses_no_column(tmp_path: Path, case: str) -> None:
    lines, values = TWO_ROWS[case]
    assert read(tmp_path, lines) == [PERSON | values]


def test_a_header_of_two_rows_is_told_as_it_is_written() -> None:
    """Typed in a font of TCVN3: the names are known by what they mean, and called as the file has them."""
    rows = [["dose_id", "Hä vµ tªn", "Ghi chó", ""], ["", "", "", "phone"]]
    number, header = find_header(rows, DOSES, {"Họ và tên": "full_name"}, "doses.csv")
    assert number == 1
    assert header.columns(DOSES) == {"dose_id", "full_name", "phone"}
    assert header.names == ("dose_id", "Hä vµ tªn", "Ghi chó", "phone")


def test_blanks_and_strokes_within_a_name_do_not_count(tmp_path: Path) -> None:
    lines = ["dose_id,Full Name,ph one,date of birth,ID-Number", "D1,Lê Lan,0901234567,1981,079123456789"]
    values = {"phone": "0901234567", "date_of_birth": "1981", "id_number": "079123456789"}
    assert read(tmp_path, lines) == [PERSON | values]


def plan(*names: str) -> Plan:
    fields = [{"name": f"f{n}", "kind": "text", "left": [name], "right": [name]} for n, name in enumerate(names)]
    rule = {"name": "p", "left": ["f0"], "right": ["f0"]}
    comparison = {"name": "c", "kind": "category", "left": ["f0"], "right": ["f0"]}
    content = {"format": 1, "name": "x", "field": fields, "pass": [rule], "comparison": [comparison]}
    return plan_from(content, "here")


def test_a_name_as_written_goes_before_one_with_blanks(tmp_path: Path) -> None:
    path = tmp_path / "left.csv"
    path.write_text("first name,firstname\na,b\n")
    assert read_side([path], plan("firstname"), "left").accepted.read().to_pylist() == [{"firstname": "b"}]
    both = read_side([path], plan("firstname", "first name"), "left").accepted.read().to_pylist()
    assert both == [{"firstname": "b", "first name": "a"}]
    path.write_text("first_name\na\n")
    with pytest.raises(InputError, match="no header with the columns first name, firstname"):
        read_side([path], plan("firstname", "first name"), "left")


@pytest.mark.parametrize("first", [",", ";", "\t", "|"])
@pytest.mark.parametrize("more", [[], ["address"]])
def test_the_first_of_two_headers_with_other_delimiters_is_no_title(
    tmp_path: Path, first: str, more: list[str]
) -> None:
    """What stands under it is a record, not part of the titles over the second one."""
    header, second = ["dose_id", "full_name", "gender", "phone"], ";" if first != ";" else ","
    parts = [(first, ["Danh sách"], header, ["D1", "Lê Lan", "Nữ", "0901234567"])]
    parts += [(second, [*header, *more], ["D2", "Vũ Bá", "Nam", "0912345678", *more])]
    path = tmp_path / "doses.csv"
    path.write_text("".join(mark.join(cells) + "\n" for mark, *rows in parts for cells in rows), "utf-8")
    batch = ingest([path], DOSES)
    assert batch.accepted.column("dose_id").to_pylist() == ["D1"]
    assert batch.rejected["position"].to_pylist() == [2, 3]
