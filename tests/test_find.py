"""People found in an index and doses found in a run, by what somebody has at hand; each against a plain search."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkage.errors import UsageError
from linkage.insight.finding import Asked, find_doses, find_persons
from linkage.registry.from_files import apply_changes, build_from_files
from tests.district import District, call, make_district, table, write
from tests.test_cli import one_line

Row = dict[str, Any]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def bare(text: str | None) -> str:
    """Lower case without marks."""
    folded = unicodedata.normalize("NFD", (text or "").lower().replace("đ", "d"))
    return "".join(char for char in folded if not unicodedata.combining(char))


def persons(district: District, **asked: str) -> list[str]:
    return [row["person_id"] for row in find_persons(district.index, Asked(**asked), 10_000).rows]


def expected(district: District, fits: Callable[[Row], bool]) -> set[str]:
    return {row["person_id"] for row in district.rows("registry") if fits(row)}


def test_a_number_finds_its_person_however_it_is_written(district: District) -> None:
    person = next(row for row in district.rows("registry") if row["id_number"] and row["old_id_number"])
    for number in (
        person["id_number"],
        f"CCCD: {person['id_number'][:3]} {person['id_number'][3:]}",
        person["old_id_number"],
    ):
        assert persons(district, number=number) == [person["person_id"]], number
    insured = next(row for row in district.rows("registry") if row["insurance_number"])
    assert persons(district, number=insured["insurance_number"]) == [insured["person_id"]]
    assert persons(district, number="001199000001") == []


def test_a_phone_finds_who_has_it(district: District) -> None:
    phone = next(row["phone"] for row in district.rows("registry") if row["phone"])
    found = set(persons(district, phone=f"+84 {phone[1:]}"))
    assert found == expected(district, lambda row: row["phone"] == phone)


def test_a_birthday_a_month_or_a_year_finds_who_was_born_then(district: District) -> None:
    born = next(row["date_of_birth"] for row in district.rows("registry") if len(row["date_of_birth"]) == 10)
    year, month, day = born.split("-")
    short = (f"{day}/{month}/{year[2:]}", born)
    for asked, start in (short, (f"{day}/{month}/{year}", born), (f"{year}-{month}", born[:7]), (year, year)):
        found = set(persons(district, born=asked))
        assert found == expected(district, lambda row, start=start: row["date_of_birth"].startswith(start)), asked


def test_words_of_a_name_in_any_order_with_or_without_marks(district: District) -> None:
    some = set(persons(district, name="hoa NGUYEN"))
    assert some
    assert some == expected(district, lambda row: {"nguyen", "hoa"} <= set(bare(row["full_name"]).split()))
    marked = set(persons(district, name="Nguyễn Hòa"))
    assert set() < marked < some


def test_all_that_is_asked_must_fit(district: District) -> None:
    person = next(row for row in district.rows("registry") if len(row["date_of_birth"]) == 10)
    both = persons(district, name=person["full_name"], born=person["date_of_birth"])
    assert person["person_id"] in both
    assert persons(district, name=person["full_name"], born="1901-01-01") == []
    assert persons(district, person=person["person_id"], name=person["full_name"]) == [person["person_id"]]
    assert persons(district, person=person["person_id"], born="1901-01-01") == []


def test_what_changed_since_is_found_and_what_went_is_not(district: District, tmp_path: Path) -> None:
    registry = district.rows("registry")
    build_from_files([district.path("registry")], tmp_path / "index", units=district.units)
    gone, moved = registry[0], registry[1] | {"full_name": "Zơ Râm Hoàng Yến"}
    changes = write(tmp_path / "changes.parquet", [gone | {"status": "removed"}, moved], district.path("registry"))
    apply_changes(changes, tmp_path / "index", partial=True)

    def found(**asked: str) -> list[str]:
        return [row["person_id"] for row in find_persons(tmp_path / "index", Asked(**asked), 10).rows]

    assert found(number=gone["id_number"] or gone["old_id_number"]) == []
    assert found(person=gone["person_id"]) == []
    assert found(name="zo ram yen") == [moved["person_id"]]


def test_few_are_shown_and_all_are_counted(district: District) -> None:
    found = find_persons(district.index, Asked(name="nguyen"), 3)
    assert len(found.rows) == 3
    assert found.n_found == len(expected(district, lambda row: "nguyen" in bare(row["full_name"]).split()))
    assert found.n_records == len(district.rows("registry"))


@pytest.mark.parametrize("field", ["dose", "subject", "number", "phone", "person"])
def test_doses_are_found_with_what_was_decided(district: District, field: str) -> None:
    decided = {row["dose_id"]: row for row in table(district.run_dir, "decisions")}
    columns = {"dose": "dose_id", "subject": "subject_id", "number": "id_number", "phone": "phone"}
    rows = [
        row | {"person": decided[row["dose_id"]]["person_id"]}
        for row in district.rows("doses")
        if row["dose_id"] in decided
    ]
    column = columns.get(field, "person")
    value = next(row[column] for row in rows if row[column] and (field != "number" or row[column].isdecimal()))
    found = find_doses(district.run_dir, Asked(**{field: value}), 10_000)
    assert {row["dose_id"] for row in found.rows} >= {row["dose_id"] for row in rows if row[column] == value}
    assert found.n_found == len(found.rows)
    for row in found.rows:
        assert row["status"] == decided[row["dose_id"]]["status"]
        assert row["match_probability"] == decided[row["dose_id"]]["match_probability"]


def test_doses_are_found_by_name_and_birth_year(district: District) -> None:
    dose = next(
        row for row in district.rows("doses") if row["full_name"] and (row["date_of_birth"] or "")[-4:].isdecimal()
    )
    asked = Asked(name=bare(dose["full_name"]), born=dose["date_of_birth"][-4:])
    assert dose["dose_id"] in {row["dose_id"] for row in find_doses(district.run_dir, asked, 1000).rows}


def test_the_inputs_of_a_run_no_longer_matter(district: District, tmp_path: Path) -> None:
    doses = write(tmp_path / "doses.parquet", district.rows("doses")[:50], district.path("doses"))
    run_dir = district.link([doses], tmp_path / "runs")
    write(doses, district.rows("doses")[:49], district.path("doses"))
    last = district.rows("doses")[49]
    found = find_doses(run_dir, Asked(dose=last["dose_id"]), 1)
    assert [row["full_name"] for row in found.rows] == [last["full_name"]]
    doses.unlink()
    assert find_doses(run_dir, Asked(dose=last["dose_id"]), 1).rows == found.rows


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "nothing to look for; give one of --name, --number"),
        ({"number": "12"}, "--number 12: cannot be read as a number of identity or of insurance;"),
        ({"born": "31/12/x"}, "--born 31/12/x: cannot be read as a date of birth;"),
        ({"born": "31/02/1980"}, "--born 31/02/1980: no calendar has this day"),
        ({"born": "29.2.1981"}, "--born 29.2.1981: no calendar has this day"),
        ({"born": "31/04/1990", "name": "hoa"}, "--born 31/04/1990: no calendar has this day"),
        ({"name": "hoa", "phone": ""}, "--phone: nothing stands behind it"),
        ({"name": "hoa", "person": " "}, "--person: nothing stands behind it"),
        ({"phone": "x"}, "--phone x: cannot be read as a phone number;"),
        ({"name": "..."}, "--name ...: cannot be read as a name;"),
    ],
)
def test_what_cannot_be_read_is_refused(asked: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Asked(**asked)


def test_the_command_finds_people_and_doses(district: District, tmp_path: Path) -> None:
    dose = table(district.run_dir, "decisions")[0]
    found = call("find", district.run_dir, "--dose", f" {dose['dose_id']}\u200b")  # as it is copied from a message
    assert (found.code, found.out.count(dose["dose_id"])) == (0, 1)
    assert "1 of 6,000 doses (" in found.err
    people = call("find", district.index, "--name", "nguyen", "--limit", 2)
    assert "more than are shown; --limit shows more" in people.err
    assert call("find", district.index, "--name", "nguyen", "--limit", 2, "--json").json["n_found"] > 2
    assert "holds no doses" in one_line(call("find", district.index, "--dose", "D1"), 2)
    assert "no published run" in one_line(call("find", tmp_path, "--dose", "D1"), 2)


def test_a_claim_is_explained_by_its_first_dose(district: District) -> None:
    decisions = table(district.run_dir, "decisions")
    keys = [row["claim_id"] for row in decisions]
    key = next(key for key in keys if keys.count(key) > 1)
    explained = call("explain", district.run_dir, key, "--json")
    assert explained.code == 0
    assert explained.json["dose_id"] == decisions[keys.index(key)]["dose_id"]
    assert f"claim {key}: {keys.count(key)} doses" in explained.err


def test_a_damaged_index_is_told(district: District, tmp_path: Path) -> None:
    shutil.copytree(district.index, tmp_path / "index")
    (column,) = (tmp_path / "index").glob("v*/columns/full_name.npy")
    column.write_bytes(column.read_bytes()[:-2] + b"\xff\xff")  # a syllable that is in no dictionary
    line = one_line(call("find", tmp_path / "index", "--name", "nguyen"), 4)
    assert "full_name.npy" in line
