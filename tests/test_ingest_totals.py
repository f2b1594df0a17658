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
