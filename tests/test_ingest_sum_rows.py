"""The sum under a list is no dose."""

import pytest

from linkage.ingest import ingest
from linkage.schema import DOSES

HEADER = "dose_id,full_name,gender\n"


@pytest.mark.parametrize("key", ["Tổng cộng: 60 mũi", "CỘNG", "Tổng số", "total", " Cộng "])
def test_a_sum_is_rejected(tmp_path, key):
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEADER}D1,Lê Lan,Nữ\n{key},,\n", "utf-8")
    found = ingest([path], DOSES)
    assert found.accepted.column("dose_id").to_pylist() == ["D1"]
    assert found.rejected["reasons"].to_pylist() == [["total_row"]]
    assert found.files[0].physical_records == 2


@pytest.mark.parametrize("row", ["Tổng cộng,Lê Lan,", "TOTAL1,,", "D-cộng,,", "Cộngx,,"])
def test_what_is_more_or_less_than_a_sum_is_kept(tmp_path, row):
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEADER}{row}\n", "utf-8")
    assert ingest([path], DOSES).accepted.num_rows == 1


@pytest.mark.parametrize("amount", ["2", "1.234", "2 mũi"])
def test_a_sum_whose_word_stands_in_a_column_that_is_not_read_is_rejected(tmp_path, amount):
    path = tmp_path / "doses.csv"
    path.write_text(f"STT,{HEADER}1,D1,Lê Lan,Nữ\n2,D2,Lê Mai,Nữ\nTổng cộng,{amount},,\n", "utf-8")
    found = ingest([path], DOSES)
    assert found.accepted.column("dose_id").to_pylist() == ["D1", "D2"]
    assert found.rejected["reasons"].to_pylist() == [["total_row"]]


@pytest.mark.parametrize("rows", ["D1,Lê Lan,Nữ\nD2,Lê Mai,Nữ\n3,Lê Hoa,", "1,Lê Lan,Nữ\n2,Lê Mai,Nữ\n3,,"])
def test_a_number_that_may_be_a_key_is_kept(tmp_path, rows):
    path = tmp_path / "doses.csv"
    path.write_text(f"{HEADER}{rows}\n", "utf-8")
    assert ingest([path], DOSES).accepted.num_rows == 3
