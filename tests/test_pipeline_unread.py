"""What a file does not give is nobody's wrong information: columns that it lacks, or of which nothing can be read."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.night.run import run
from tests.district import LIST_DATE, District, Row, make_district


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def link(district: District, tmp_path: Path, rows: list[Row]) -> tuple[list[Row], str]:
    doses = tmp_path / "station.parquet"
    pq.write_table(pa.Table.from_pylist(rows), doses)
    done = run([doses], district.index, tmp_path / "runs", list_date=LIST_DATE)
    return pq.read_table(done.run_dir / "decisions.parquet").to_pylist(), "\n".join(done.notes)


def test_a_column_that_cannot_be_read_is_told_and_nobodys_fault(district: District, tmp_path: Path) -> None:
    rows = [row | {"gender": "giới?", "date_of_birth": "tuổi Tý"} for row in district.rows("doses")[:1500]]
    decisions, notes = link(district, tmp_path, rows)
    n_stated = sum(row["date_of_birth"] is not None for row in rows)
    assert f"station.parquet: column date_of_birth: {n_stated:,} of {n_stated:,} values cannot be read" in notes
    assert f"station.parquet: column gender: {n_stated:,} of {n_stated:,} values cannot be read" in notes
    told = [field for row in decisions for field in row["wrong_fields"]]
    assert "id_number" in told
    assert not {"gender", "date_of_birth"} & set(told)
    linked = [row for row in decisions if row["status"] in ("matched", "review")]
    assert any(row["issue"] is None and not row["wrong_fields"] for row in linked)
    assert all(row["wrong_fields"] for row in linked if row["issue"] == "wrong_info")


@pytest.mark.parametrize("n_rows", [3, 1200])
def test_numbers_that_cannot_be_read_are_the_issue_of_their_doses(
    district: District, tmp_path: Path, n_rows: int
) -> None:
    rows = [row for row in district.rows("doses") if row["id_number"]][:n_rows]
    rows[1:] = [row | {"id_number": ("12345", "abc")[i % 2]} for i, row in enumerate(rows[1:])]
    decisions, notes = link(district, tmp_path, rows)
    typed = {row["dose_id"]: row["id_number"] for row in rows[1:]}
    bad = [row for row in decisions if row["dose_id"] in typed and row["status"] not in ("verified", "excluded")]
    # What has no digit states no number.
    expected = {"12345": "bad_id_format", "abc": "no_id"}
    assert bad
    assert [row["issue"] for row in bad] == [expected[typed[row["dose_id"]]] for row in bad]
    assert all("id_number" in row["wrong_fields"] for row in bad if row["wrong_fields"])
    assert f"{n_rows - 1:,} of {n_rows:,} values cannot be read: correct" in notes


@pytest.mark.parametrize("n_rows", [40, 900])
def test_most_of_a_column_excuses_its_file_whatever_its_size(district: District, tmp_path: Path, n_rows: int) -> None:
    """Three quarters of the sexes and dates say nothing, the first fifty of all are sound in the larger file."""
    rows = district.rows("doses")[:n_rows]
    first = 0 if n_rows == 40 else 50
    for number in range(first, n_rows):
        if number % 8:
            rows[number] |= {"gender": "giới?", "date_of_birth": "tuổi Tý"}
    decisions, notes = link(district, tmp_path, rows)
    told = [field for row in decisions for field in row["wrong_fields"]]
    assert "full_name" in told or "id_number" in told
    assert not {"gender", "sex", "birth_date", "date_of_birth"} & set(told)
    n_unread = sum(row["gender"] == "giới?" for row in rows)
    assert f"station.parquet: column gender: {n_unread:,} of {n_rows:,} values cannot be read, so they are not" in notes


def test_a_third_of_a_column_excuses_nobody(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")[:900]
    rows[::3] = [row | {"gender": "giới?"} for row in rows[::3]]
    decisions, notes = link(district, tmp_path, rows)
    changed = {row["dose_id"] for row in rows[::3]}
    linked = [row for row in decisions if row["status"] in ("matched", "review") and row["dose_id"] in changed]
    assert linked
    assert all("gender" in row["wrong_fields"] for row in linked)
    assert "column gender" not in notes


def test_the_column_of_one_station_excuses_no_other(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")[:300]
    rows[:60] = [row | {"gender": "giới?"} for row in rows[:60]]
    rows[60] |= {"gender": "giới?"}
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, part in zip(files, (rows[:60], rows[60:]), strict=True):
        pq.write_table(pa.Table.from_pylist(part), path)
    done = run(files, district.index, tmp_path / "runs", list_date=LIST_DATE)
    decisions = pq.read_table(done.run_dir / "decisions.parquet").to_pylist()
    of_first = {row["dose_id"] for row in rows[:60]}
    wrong = {row["dose_id"] for row in decisions if "gender" in row["wrong_fields"]}
    assert not wrong & of_first
    assert rows[60]["dose_id"] in wrong


def test_a_column_that_a_file_lacks_is_nobodys_fault(district: District, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "id_number"} for row in district.rows("doses")[:1500]]
    decisions, _ = link(district, tmp_path, rows)
    assert {row["issue"] for row in decisions} <= {None, "wrong_info"}
    assert "id_number" not in {field for row in decisions for field in row["wrong_fields"]}


def test_births_that_are_too_early_to_be_true_are_told(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")[:1500]
    rows[:3] = [row | {"date_of_birth": born} for row, born in zip(rows, ("1847", "12/03/1850", "1900"), strict=False)]
    _, notes = link(district, tmp_path, rows)
    assert "date_of_birth: 2 doses state a birth before 1900, which is read as unknown" in notes


def test_lists_of_a_day_before_the_newest_dose_are_told(district: District, tmp_path: Path) -> None:
    doses = tmp_path / "station.parquet"
    pq.write_table(pa.Table.from_pylist(district.rows("doses")[:50]), doses)
    model = district.run_dir / "model.json"
    done = run([doses], district.index, tmp_path / "runs", list_date=datetime.date(2001, 1, 1), model_file=model)
    assert any(note.startswith("the lists are of 2001-01-01, before the newest dose, of 20") for note in done.notes)
    done = run([doses], district.index, tmp_path / "runs", list_date=LIST_DATE, model_file=model)
    assert not any("the lists are of" in note for note in done.notes)
