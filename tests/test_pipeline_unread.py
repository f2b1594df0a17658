"""What a file does not give is nobody's wrong information: columns that it lacks, or of which nothing can be read."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.night.run import run
from linkage.storage.sealed import sealed
from linkage.training.model_file import Model
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


def test_who_was_not_asked_for_a_number_is_no_likelier_to_be_outside(district: District, tmp_path: Path) -> None:
    """Of those asked, the ones without a number are, and are more often namesakes of registered people.

    The same rows in a file without the column say nothing of it, unless another file that asks has them as well.
    """
    content = json.loads((district.run_dir / "model.json").read_bytes())
    content |= {"numberless_m": 0.1, "numberless_u": 0.6}
    next(one for one in content["comparisons"] if one["name"] == "id_number")["namesakes_missing"] = 8.0
    (tmp_path / "model.json").write_text(json.dumps(sealed(content)), "utf-8")
    p = Model.load(tmp_path / "model.json").parameters
    rows = [row | {"id_number": None} for row in district.rows("doses")[:600]]
    files = {name: tmp_path / f"{name}.parquet" for name in ("asking", "silent", "half", "again")}
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in rows[0]])), files["asking"]
    )
    without = pq.read_table(files["asking"]).drop(["id_number"])
    pq.write_table(without, files["silent"])
    pq.write_table(without.slice(0, 300), files["half"])
    again = pq.read_table(files["asking"]).slice(0, 300).to_pylist()
    renamed = [row | {"dose_id": f"again-{row['dose_id']}"} for row in again]
    pq.write_table(pa.Table.from_pylist(renamed, schema=pq.read_schema(files["asking"])), files["again"])

    def linked(*names: str) -> tuple[list[float], dict[tuple[str, str], float]]:
        """How many times likelier claims are of somebody outside for what they say of themselves, of the doses that the
        model decided; and what relatives and namesakes take of the weights of candidates."""
        doses, options = [files[name] for name in names], {"list_date": LIST_DATE, "accept": "a drill"}
        done = run(doses, district.index, tmp_path / "-".join(names), model_file=tmp_path / "model.json", **options)
        decisions = pq.read_table(done.run_dir / "decisions.parquet").to_pylist()
        candidates = pq.read_table(done.run_dir / "candidates.parquet").to_pylist()
        prior = p.share_in_registry / p.n_persons / (1.0 - p.share_in_registry)
        times = [
            row["none_probability"] / row["match_probability"] * prior * 2.0 ** row["match_weight"]
            for row in decisions
            if row["decided_by"] == "model" and row["match_probability"] and row["match_weight"]
        ]
        return times, {(row["claim_id"], row["person_id"]): row["household_bits"] for row in candidates}

    (asked, of_asked), (unasked, of_unasked), (both, _) = linked("asking"), linked("silent"), linked("half", "again")
    assert min(len(times) for times in (asked, unasked, both)) > 200
    assert asked == pytest.approx([6.0] * len(asked))
    assert unasked == pytest.approx([1.0] * len(unasked))
    assert both == pytest.approx([6.0] * len(both))
    differ = [of_unasked[pair] - of_asked[pair] for pair in of_asked.keys() & of_unasked.keys()]
    assert min(differ) > -1e-9
    assert max(differ) > 0.5


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
