"""The closer candidate stands first, end to end: twins with near numbers, and fields that come to agree.

That no pattern weighs more than a closer one, whatever the parameters: tests/test_parameters.py.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.night.run import run
from linkage.night.train import train_model
from linkage.plan.reading import load_plan
from linkage.registry.from_files import apply_changes, build_from_files
from linkage.simulate import simulate
from linkage.training.model_file import Model

PERSON_COLUMNS = ("person_id", "full_name", "gender", "date_of_birth", "id_number", "phone")
OTHER_COLUMNS = {
    "old_id_number": "",
    "insurance_number": "",
    "ethnicity": "Kinh",
    "commune_code": "00001",
    "residence_commune_code": "",
    "status": "alive",
    "date_of_death": "",
}
PERSONS = (
    ("T001", "Ngụy Kim Anh", "Nữ", "2005-03-14", "001305700111", "0977000111"),
    ("T002", "Ngụy Kim Oanh", "Nữ", "2005-03-14", "001305700112", "0977000112"),
    ("T003", "Ngụy Thị Hoài An", "Nữ", "1990-03-14", "001190700113", "0977000113"),
    ("T004", "Ngụy Thị Hoài Ân", "Nữ", "1990-03-14", "001190700114", "0977000114"),
    ("T005", "Cấn Văn Hùng", "Nam", "1980-06-01", "001080700115", "0977000115"),
    ("T006", "Cấn Văn Hưng", "Nam", "1980-06-01", "001080700116", "0977000116"),
    ("T009", "Khiếu Thị Nhàn", "Nữ", "1975-09-09", "001175700119", "0977000119"),
    ("T010", "Khiếu Thị Nhàn", "Nữ", "1975-09-09", "001175700129", "0977000129"),
)
# Each states the number or phone of the first of two twins, and differs from her in one thing or leaves it out.
CLAIMS = (
    ("T001", "Ngụy Kim Anh", "Nữ", "14/03/2006", "001305700111", ""),
    ("T001", "Ngụy Kim Anh", "", "14/03/2005", "001305700111", ""),
    ("T001", "Ngụy Kim Anh", "", "14/03/2005", "001305700111", "0977000111"),
    ("T009", "Khiếu Thị Nhàn", "", "09/09/1975", "001175700119", ""),
    ("T009", "Khiếu Thị Nhàn", "Nam", "09/09/1975", "001175700119", ""),
    ("T009", "Khiếu Thị Nhàn", "Nữ", "1975", "001175700119", "0977000119"),
    ("T009", "Khiếu Thị Nhàn", "Nữ", "09/09/1975", "", "0977000119"),
    ("T005", "Cấn Văn Hùng", "Nam", "01/06/1981", "001080700115", "0977000115"),
    ("T005", "Can Van Hung", "Nam", "01/06/1980", "001080700115", "0977000115"),
    ("T003", "Ngụy Thị Hoài An", "Nam", "14/03/1990", "001190700113", "0977000113"),
    ("T003", "NGUY THI HOAI AN", "Nữ", "14/03/1990", "001190700113", "0977000113"),
)
WRONG = ("Đỗ Bá Lộc", "", "1961-02-03", "", "0912345678")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a small town and these twins, and a model of its doses."""
    folder = tmp_path_factory.mktemp("town")
    simulate(4000, 6000, 3, folder / "sim")
    build_from_files([folder / "sim" / "registry.parquet"], folder / "index", units=folder / "sim" / "units")
    train_model([folder / "sim" / "doses.parquet"], folder / "index").save(folder / "model.json")
    with (folder / "twins.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*PERSON_COLUMNS, *OTHER_COLUMNS))
        rows.writerows((*person, *OTHER_COLUMNS.values()) for person in PERSONS)
    apply_changes(folder / "twins.csv", folder / "index")
    return folder


def decided(town: Path, name: str, claims: list[tuple[str, ...]]) -> list[dict[str, object]]:
    """The decisions of claims (name, sex, date, number, phone), in their order."""
    doses = town / f"{name}.csv"
    with doses.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("dose_id", *PERSON_COLUMNS[1:], "commune_code", "dose_date"))
        rows.writerows((f"D{i:03}", *claim, "00001", "17/09/2021") for i, claim in enumerate(claims))
    summary = run([doses], town / "index", town / "runs" / name, model_file=town / "model.json")
    found: list[dict[str, object]] = pq.read_table(summary.run_dir / "decisions.parquet").to_pylist()
    return found


@pytest.mark.slow
def test_who_repeats_a_number_is_not_taken_for_the_twin_with_a_near_one(town: Path) -> None:
    found = decided(town, "twins", [claim[1:] for claim in CLAIMS])
    for claim, decision in zip(CLAIMS, found, strict=True):
        assert decision["person_id"] == claim[0], claim
        first, second = (float(str(decision[name])) for name in ("match_probability", "runner_up_probability"))
        assert first > second, claim


@pytest.mark.slow
def test_a_field_that_comes_to_agree_lowers_nobody(town: Path) -> None:
    """Every person with two fields wrong or left out, and with one of them right."""
    claims: list[tuple[str, ...]] = []
    of_persons = []
    for person, *right in PERSONS:
        for mended in range(len(right)):
            for other in set(range(len(right))) - {mended}:
                worse = [WRONG[i] if i in (mended, other) else value for i, value in enumerate(right)]
                better = [value if i != mended else right[i] for i, value in enumerate(worse)]
                of_persons.append(person)
                claims += [tuple(worse), tuple(better)]
    found = decided(town, "better", claims)
    n_first = 0
    for place, person in enumerate(of_persons):
        before, after = found[2 * place : 2 * place + 2]
        if before["person_id"] == person:
            n_first += 1
            assert after["person_id"] == person, (person, claims[2 * place : 2 * place + 2])
    assert n_first > len(of_persons) / 2


@pytest.mark.slow
def test_a_rare_bearer_of_a_name_does_not_outweigh_who_has_the_sex_as_well(town: Path) -> None:
    """One woman and one man of a name that a hundred women have, alike in all else."""
    rows = [(f"Z{i:03}", "Nguyễn Thị Tuyết", "Nữ", f"19{60 + i % 30}-05-{1 + i % 28:02}", "", "") for i in range(100)]
    rows += [
        ("Z900", "Nguyễn Thị Tuyết", "Nữ", "1988-07-19", "", ""),
        ("Z901", *rows[0][1:2], "Nam", "1988-07-19", "", ""),
    ]
    with (town / "namesakes.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow((*PERSON_COLUMNS, *OTHER_COLUMNS))
        written.writerows((*row, *OTHER_COLUMNS.values()) for row in rows)
    apply_changes(town / "namesakes.csv", town / "index")
    (decision,) = decided(town, "namesake", [("Nguyễn Thị Tuyết", "Nữ", "19/07/1988", "", "")])
    assert (decision["person_id"], decision["runner_up_person_id"]) == ("Z900", "Z901")


def test_the_orders_of_the_plan_are_orders() -> None:
    """A closer level has a lower number; that the right side lacks a value is not compared with any."""
    for comparison in load_plan().comparisons:
        assert len(comparison.closer) == len(comparison.labels)
        assert all(other < level for level, others in enumerate(comparison.closer) for other in others)
        assert not comparison.absent_level or comparison.closer[-1] == ()


@pytest.mark.slow
def test_a_model_file_keeps_classes_and_orders(town: Path) -> None:
    model = Model.load(town / "model.json")
    assert [c.closer for c in model.parameters.comparisons] == [c.closer for c in load_plan().comparisons]
    assert [c.namesake is None for c in model.parameters.comparisons] == [
        c.namesake is None for c in load_plan().comparisons
    ]
    assert min(model.parameters.twin_rate, model.parameters.namesake_rate) > 0


@pytest.mark.slow
def test_a_name_that_is_common_around_counts_less_for_a_relative_too(town: Path) -> None:
    """Two children state their mothers' numbers, and bear their mothers' names: one of which many in the commune bear,
    and one that hardly anybody does. The first is no sign of the mother, for a child may well be called so."""
    mothers = (("N900", "Ka Liên", "001185700123"), ("N901", "Chế Thị Liên", "001185700125"))
    rows = [(f"N{i:03}", "Ka Liên", "Nữ", f"{1950 + i % 60}-05-{1 + i % 28:02}", "", "") for i in range(300)]
    rows += [(person, name, "Nữ", "1985-07-19", number, "") for person, name, number in mothers]
    with (town / "mothers.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow((*PERSON_COLUMNS, *OTHER_COLUMNS))
        written.writerows((*row, *OTHER_COLUMNS.values()) for row in rows)
    apply_changes(town / "mothers.csv", town / "index")
    found = decided(town, "children", [(name, "Nữ", "12/03/2010", number, "") for _, name, number in mothers])
    assert [decision["person_id"] for decision in found] == ["N900", "N901"]
    common, rare = (float(str(decision["match_probability"])) for decision in found)
    # Strangers hardly ever share a number: what is not the mother's is a relative's.
    assert (1 - common) / common > 4 * (1 - rare) / rare
    assert common < 0.9 < rare
