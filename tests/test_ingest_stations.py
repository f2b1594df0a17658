"""Lists as stations keep them: joined files, printed forms, what spreadsheets add. Read right, or told by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import InputError
from linkage.ingest import Ingested, file_notes, ingest
from linkage.schema import DOSES

HEADER = "dose_id,full_name,gender,date_of_birth,id_number\n"
ONE = "E01,Lê Lan,Nữ,05/12/1983,001183123457\n"
TWO = "E02,Vũ Bá,Nam,21/08/1974,001074223451\n"


def read(tmp_path: Path, text: str, **options: dict[str, str]) -> Ingested:
    path = tmp_path / "doses.csv"
    path.write_bytes(text.encode())
    batch = ingest([path], DOSES, **options)
    count = batch.files[0]
    assert count.physical_records == count.accepted + count.rejected
    return batch


def rows(batch: Ingested, *names: str) -> list[tuple[str | None, ...]]:
    table = batch.accepted.read(list(names or ("dose_id", "full_name", "gender", "date_of_birth", "id_number")))
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def reasons(batch: Ingested) -> list[list[str]]:
    return list(batch.rejected["reasons"].to_pylist())


BOTH = [
    ("E01", "Lê Lan", "Nữ", "05/12/1983", "001183123457"),
    ("E02", "Vũ Bá", "Nam", "21/08/1974", "001074223451"),
]


# ------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    "header",
    [
        "dose_id,full_name,gender,date_of_birth\u200b,id_number\u200b\n",
        "\ufeffdose_id,\u2060full_name\u00ad,gender,date_of_birth\u200e,\u200fid_number\n",
        'dose_id,full_name,gender,"date_of_birth\n",id_number\n',
        "dose_id\u00a0,full_name , GENDER,Date_Of_Birth,ｉｄ_number\n",
        '="dose_id",="full_name",="gender",="date_of_birth","=""id_number"""\n',
    ],
)
def test_a_column_is_known_however_its_name_is_wrapped(tmp_path: Path, header: str) -> None:
    assert rows(read(tmp_path, header + ONE + TWO)) == BOTH


def test_a_mapped_name_may_hold_breaks_and_repeated_blanks(tmp_path: Path) -> None:
    text = 'dose_id,"Họ  và\ntên",gender,"Ngày, tháng,\r\nnăm sinh",id_number\n' + ONE
    columns = {"họ và tên": "full_name", "Ngày, tháng, năm\nsinh": "date_of_birth"}
    assert rows(read(tmp_path, text, columns=columns)) == BOTH[:1]


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column full_name missing \(found: dose_id, 2 unknown: Tên, Giới\)"):
        read(tmp_path, "dose_id,Tên,Giới\nE01,Lê Lan,Nữ\n")
    with pytest.raises(InputError, match=r"\(found: dose_id, 2 unknown\)"):  # perhaps no names, but a citizen's data
        read(tmp_path, "dose_id,Lê Lan,001183123457\n")


def test_a_mapping_warns_only_of_names_that_no_file_has_under_either_name(tmp_path: Path) -> None:
    columns = {"Họ tên": "full_name", "Giới": "gender", "Lô": "lot"}
    assert read(tmp_path, HEADER + ONE, columns=columns).unmatched == ("Lô",)
    parts = {"Họ và tên": "full_name", "Giới": "gender"}
    assert read(tmp_path, "dose_id,Họ,Tên,gender\nE01,Lê,Lan,Nữ\n", columns=parts).unmatched == ()
    parts = {"Phần một": "full_name", "Phần hai": "full_name"}
    assert read(tmp_path, "dose_id,Phần một,gender\nE01,Lê,Nữ\n", columns=parts).unmatched == ("Phần hai",)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("dose_id,Họ và tên đệm,Tên,gender", None),
        ("dose_id,last_name,first_name,gender", None),
        ("dose_id,Phần một,Phần hai,gender", {"Phần một": "full_name", "Phần hai": "full_name"}),
    ],
)
def test_family_and_given_name_in_two_columns(tmp_path: Path, header: str, columns: dict[str, str] | None) -> None:
    batch = read(tmp_path, header + "\nE01,Lê Thị,Lan,Nữ\nE02,,Bá,Nam\n", columns=columns)
    assert rows(batch, "full_name", "gender") == [("Lê Thị Lan", "Nữ"), ("Bá", "Nam")]


@pytest.mark.parametrize("numbers", ["(1),(2),(3),(4)", "1,2,3,4", "(1),(2),,(3)"])
def test_numbers_of_columns_with_the_name_in_two(tmp_path: Path, numbers: str) -> None:
    batch = read(tmp_path, f"dose_id,Họ,Tên,gender\n{numbers}\nE01,Lê,Lan,Nữ\n1,,,2\n")
    assert rows(batch, "full_name", "gender") == [("Lê Lan", "Nữ"), (None, "2")]
    assert batch.rejected["reasons"].to_pylist() == [["column_numbers"]]


def test_who_signs_under_the_keys_is_no_dose(tmp_path: Path) -> None:
    end = "Người lập biểu,,,TRƯỞNG TRẠM,\n(Ký),,,,\nLê Văn An,,,Vũ Thị Ba,\n"
    batch = read(tmp_path, HEADER + "Tổ A,,,,\nLô Hai,Lê Lan,,,\n" + end + ONE + "D 7,Vũ Bá,Nam,1974,\nTờ Bốn,,Nam,,\n")
    assert batch.accepted.column("dose_id").to_pylist() == ["Lô Hai", "E01", "D 7", "Tờ Bốn"]
    assert batch.rejected["position"].to_pylist() == [1, 3, 4, 5]
    assert {reason for reasons in batch.rejected["reasons"].to_pylist() for reason in reasons} == {"remark"}


def test_a_header_of_two_rows(tmp_path: Path) -> None:
    text = "dose_id,full_name,Nhân thân,,\n,,gender,date_of_birth,id_number\n"
    assert rows(read(tmp_path, text + ONE + TWO)) == BOTH


def test_what_was_passed_over_is_one_line_for_all_files_alike(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(5)]
    for path in paths:
        path.write_text("dose_id,full_name,Ghi chú\n" + f"{path.stem},Lê Lan,x\n")
    paths[4].write_text("Trạm 4\ndose_id,full_name,Ghi chú\n4,Lê Lan,x\n")
    assert file_notes(ingest(paths, DOSES).files) == [
        "0.csv, 1.csv, 2.csv and 2 more: columns ignored: Ghi chú",
        "4.csv: title rows above the header skipped: 1",
    ]


# ------------------------------------------------------------------------------------------------- joined files


@pytest.mark.parametrize(
    "again",
    [
        HEADER,
        "\ufeff" + HEADER,
        HEADER.upper(),
        " DOSE_ID , FULL_NAME , GENDER , DATE_OF_BIRTH , ID_NUMBER \n",
        '"dose_id","full_name","gender","date_of_birth","id_number"\n',
    ],
)
def test_the_header_of_a_joined_file_is_no_dose(tmp_path: Path, again: str) -> None:
    batch = read(tmp_path, HEADER + ONE + again + TWO)
    assert rows(batch) == BOTH
    assert reasons(batch) == [["repeated_header"]]


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u00ad", " ", "\u00a0"])
def test_what_nobody_sees_is_no_part_of_a_key(tmp_path: Path, mark: str) -> None:
    batch = read(tmp_path, HEADER + ONE + mark + TWO.replace("E02", f"E02{mark}"))
    assert rows(batch) == BOTH


@pytest.mark.parametrize(
    "joined",
    [
        "full_name,dose_id,id_number,date_of_birth,gender\nVũ Bá,E02,001074223451,21/08/1974,Nam\n",
        "\ufeffID_Number,lot,dose_id,full_name,gender,date_of_birth\n001074223451,L1,E02,Vũ Bá,Nam,21/08/1974\n",
    ],
)
def test_a_joined_file_with_its_columns_in_another_order_is_followed(tmp_path: Path, joined: str) -> None:
    batch = read(tmp_path, HEADER + ONE + joined + ",,,,,,,,\n" + HEADER + ONE.replace("E01", "E03"))
    assert rows(batch)[:2] == BOTH
    assert rows(batch)[2] == ("E03", *BOTH[0][1:])
    assert reasons(batch)[0] == reasons(batch)[-1] == ["repeated_header"]
    assert batch.rejected["raw"].to_pylist()[0].decode() == joined.split("\n")[0]


def test_a_joined_file_without_a_required_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"doses.csv: record 2 is another header: column full_name missing"):
        read(tmp_path, HEADER + ONE + "dose_id,gender,date_of_birth,id_number,phone\nE02,Nam,1974,,\n")


# ------------------------------------------------------------------------------------------------- rows that are none


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("(1),(2),(3),(4),(5)", "column_numbers"),
        ("1,2,3,4,5", "column_numbers"),
        ("A,B,1,2,3", "column_numbers"),
        ("[1],[2],,[4],[5]", "column_numbers"),
        ("1,2,3,4=2+3,5", "column_numbers"),
        ("(1),(2),(3)=(1)+(2),(4),(5) = (3) x (4)", "column_numbers"),
        ("Thôn 2,,,,", "remark"),
        ("II. THÔN 2,,Nữ,05/12/1983,", "remark"),
        ("Tổ dân phố 3,,,,", "remark"),
        ("Tổng cộng,6,,,", "total_row"),
        ("Tổng cộng: 6 mũi,,,,", "total_row"),
        ("Cộng,,,,2.500", "total_row"),
        ("Total,6,4,2,", "total_row"),
        ("Ghi chú: trẻ dưới 18 tuổi không ký,,,,", "remark"),
        ("Người lập biểu,,,THỦ TRƯỞNG ĐƠN VỊ,", "remark"),
        ("NGUOI LAP BIEU,,,,", "remark"),
        ("* Danh sách này có 6 người,,,,", "remark"),
        ("Ngày 12 tháng 8 năm 2021,,,,", "remark"),
    ],
)
def test_rows_of_the_form_are_no_doses(tmp_path: Path, row: str, reason: str) -> None:
    batch = read(tmp_path, f"{HEADER}{row}\n{ONE}{TWO}")
    assert rows(batch) == BOTH
    assert reasons(batch) == [[reason]]


@pytest.mark.parametrize(
    "row",
    [
        "1,Lê Lan,2,1983,",
        "7,,,,",
        "TRAM 01-7,,,,",
        "Thôn 2,Lê Lan,,,",
        "1,2,3=Nam,4,5",
        "Total-7,Lê Lan,,,",
        "NOTE7,,,,",
        "ghi 7,Lê Lan,,1983,",
        "A1,B2,1,2,3",
    ],
)
def test_doses_with_unusual_keys_stay(tmp_path: Path, row: str) -> None:
    assert read(tmp_path, f"{HEADER}{row}\n").accepted.num_rows == 1


# ------------------------------------------------------------------------------------------------- spreadsheets' ways


def test_text_that_a_spreadsheet_was_told_to_keep(tmp_path: Path) -> None:
    quoted = '="E02","=""Vũ Bá""", =""Nam"" ,="21/08/1974","=""001074223451"""\n'.replace(' =""Nam"" ', '="Nam" ')
    batch = read(tmp_path, HEADER + ONE.replace("E01", '="E01"') + quoted + '="E03",="",="",,="a""b"\n')
    assert rows(batch) == [*BOTH, ("E03", None, None, None, 'a"b')]


def test_keys_as_a_spreadsheet_was_told_to_keep_them(tmp_path: Path) -> None:
    lines = ['"=T(""E01"")",=T("Lê Lan")', "'E02,An", "E'03,Ba", '=t( "E04" ),Tư']
    batch = read(tmp_path, "\n".join(["dose_id,full_name", *lines, ""]))
    assert rows(batch, "dose_id", "full_name") == [("E01", "Lê Lan"), ("E02", "An"), ("E'03", "Ba"), ("E04", "Tư")]


@pytest.mark.parametrize(
    "key", ["N/A", "n/a", "-", "--", "NULL", "null", "không", "Không", "Chưa có", "Không rõ", "#N/A"]
)
def test_a_word_for_none_is_no_key(tmp_path: Path, key: str) -> None:
    batch = read(tmp_path, f"{HEADER}{ONE}{TWO}{ONE.replace('E01', key)}{TWO.replace('E02', f' {key} ')}")
    assert rows(batch) == BOTH
    assert reasons(batch) == [["missing_dose_id"]] * 2


@pytest.mark.parametrize("key", ["0", "00000000", "N/A1", "NULL-7", "Nul", "K"])
def test_what_is_like_a_word_for_none_is_a_key(tmp_path: Path, key: str) -> None:
    assert rows(read(tmp_path, HEADER + ONE.replace("E01", key)), "dose_id") == [(key,)]


def test_formula_text_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "doses.parquet"
    pq.write_table(pa.table({"dose_id": ['="E01"'], "full_name": ['="Lê Lan"']}), path)
    assert rows(ingest([path], DOSES), "dose_id", "full_name") == [("E01", "Lê Lan")]


@pytest.mark.parametrize("surplus", [",", ",,,", ', ,"",'])
def test_empty_fields_behind_the_last_column_are_ignored(tmp_path: Path, surplus: str) -> None:
    assert rows(read(tmp_path, HEADER + ONE.strip() + surplus + "\n" + TWO)) == BOTH


def test_columns_without_a_name_at_the_end_may_be_absent(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER.strip() + ",,\n" + ONE + TWO.strip() + ",,x\n" + "E03,short\n")
    assert rows(batch) == BOTH
    assert reasons(batch) == [["too_few_columns"]]


def test_a_surplus_field_that_states_something_is_told(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, HEADER + ONE.strip() + ",,x\n" + TWO)) == [["too_many_columns"]]


def test_a_huge_field_among_the_first_rows_is_one_record(tmp_path: Path) -> None:
    batch = read(tmp_path, HEADER + ONE + f"E09,{'x' * 200_000},,,\n" + TWO)
    assert rows(batch) == BOTH
    assert reasons(batch) == [["field_too_long"]]


# ------------------------------------------------------------------------------------------------- careless programs


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda cell: f"'{cell}'",
        lambda cell: f"\x0c{cell}",
        lambda cell: f"{cell}\x1b",
    ],
)
def test_a_key_is_what_a_person_sees_of_it(tmp_path: Path, rewrite: Callable[[str], str]) -> None:
    lines = [",".join([rewrite(first), *rest]) for first, *rest in (line.split(",") for line in (ONE, TWO))]
    assert rows(read(tmp_path, HEADER + "".join(lines)), "dose_id") == [("E01",), ("E02",)]


def test_single_quotes_around_all_values_are_no_part_of_them(tmp_path: Path) -> None:
    text = "".join(",".join(f"'{cell}'" for cell in line.strip().split(",")) + "\n" for line in (HEADER, ONE, TWO))
    assert rows(read(tmp_path, text)) == BOTH
    assert rows(read(tmp_path, HEADER + "E01,'Mơ Y,Nữ,,\n"), "full_name") == [("'Mơ Y",)]


@pytest.mark.parametrize("key", ["2.021E+14", "2,021e+14", "2E+15"])
def test_keys_that_a_spreadsheet_has_cut_are_told(tmp_path: Path, key: str) -> None:
    note = read(tmp_path, HEADER + ONE + TWO.replace("E02", f'"{key}"')).files[0].note
    assert note == "dose_id: 1 key has lost figures in a spreadsheet, as 2.021E+14: save the column as text"
    assert read(tmp_path, HEADER + ONE.replace("E01", "12E5") + TWO).files[0].note is None


@pytest.mark.parametrize("none", ["\\N", "N/A", "NULL", "không có"])
def test_a_column_that_says_nothing_is_not_one_that_cannot_be_read(tmp_path: Path, none: str) -> None:
    header = HEADER.replace("gender", "ethnicity")
    lines = [f"E{number},Lê Lan,{none},05/12/1983,\n" for number in range(6)]
    assert read(tmp_path, header + "".join(lines)).files[0].note is None
    lines[:2] = [line.replace(none, "xyz") for line in lines[:2]]
    told = read(tmp_path, header + "".join(lines)).files[0].note
    assert told is None  # two are too few to tell


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",Danh sách này có 06 người,,", "remark"),
        (",Tổng số: 06 người (Bằng chữ: sáu người),,", "total_row"),
        (",,Cộng trang: 3 người,", "total_row"),
    ],
)
def test_without_keys_a_remark_may_stand_in_any_column(tmp_path: Path, line: str, reason: str) -> None:
    header = "subject_id,full_name,gender,dose_date\n"
    batch = read(tmp_path, f"{header}S1,Lê Lan,Nữ,17/09/2021\n,Vũ Bá,Nam,17/09/2021\n{line}\n")
    assert rows(batch, "full_name") == [("Lê Lan",), ("Vũ Bá",)]
    assert reason in reasons(batch)[0]
