"""Stations that err as a rule: found, told, read right before linking, and still named to be mended."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from linkage.ingest.records import Records
from linkage.insight.explain import explain
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.reports.statistics_page_stations import station_section
from linkage.stations import Finding, cells_of, station_notes
from linkage.stations.anchors import is_vague
from linkage.stations.findings import NOTES_SHOWN, judge
from linkage.stations.values import fewest_people, neighbours, one_value
from tests.district import LIST_DATE, District, Row, hashes, make_district, manifest, table, write

OTHER = {"Nam": "Nữ", "Nữ": "Nam", "NAM": "NỮ", "NỮ": "NAM", "M": "F", "F": "M", "1": "0", "0": "1"}
BASIC = ("id_number", "date_of_birth", "gender")
CLERK_PHONE, CLERK_NUMBER = "0987123456", "068190001234"


def inverted(row: Row) -> Row:
    return row | {"gender": OTHER.get(row["gender"], row["gender"])}


def month_first(row: Row) -> Row:
    date = row["date_of_birth"] or ""
    date = re.sub(r"^(0?[1-9]|1[012])([/-])(\d{1,2})([/-])", r"\3\2\1\4", date)
    return row | {"date_of_birth": re.sub(r"^(\d{4})-(\d\d)-(0[1-9]|1[012])$", r"\1-\3-\2", date)}


def swapped(row: Row) -> Row:
    return row | {"id_number": row["phone"], "phone": row["id_number"]}


def dragged(rows: list[Row], field: str, share: float) -> list[Row]:
    """Every now and then the value of the row above instead of the row's own."""
    chance, found = random.Random(5), []
    for row in rows:
        above = found[-1][field] if found and chance.random() < share else row[field]
        found.append(row | {field: above})
    return found


def shifted(row: Row) -> Row:
    """Each number in the column behind its own, as in a form without a nationality."""
    columns = ("id_number", "nationality", "phone", "insurance_number")
    return row | {name: row[before] for name, before in zip(columns, (columns[-1], *columns[:-1]), strict=True)}


ROW_BY_ROW: dict[str, Callable[[Row], Row]] = {
    "sex_inverted": inverted,
    "day_month_swapped": month_first,
    "columns_mixed_up two": swapped,
    "columns_mixed_up four": shifted,
    "one_value phone": lambda row: row | {"phone": CLERK_PHONE},
    "one_value id_number": lambda row: row | {"id_number": CLERK_NUMBER},
}
FILLED = "filled_down id_number"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def stations(district: District) -> dict[str, str]:
    """A facility for each error, of the larger ones."""
    sizes = Counter(row["facility_code"] for row in district.rows("doses"))
    return dict(zip([*ROW_BY_ROW, FILLED], (code for code, _ in sizes.most_common(10)[3:]), strict=True))


@pytest.fixture(scope="module")
def erring(district: District, stations: dict[str, str]) -> list[Row]:
    """The district's doses with each of the stations in error."""
    rows = district.rows("doses")
    for error, change in ROW_BY_ROW.items():
        rows = [change(row) if row["facility_code"] == stations[error] else row for row in rows]
    filled = iter(dragged([row for row in rows if row["facility_code"] == stations[FILLED]], "id_number", 0.3))
    return [next(filled) if row["facility_code"] == stations[FILLED] else row for row in rows]


@pytest.fixture(scope="module")
def erring_run(district: District, erring: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("erring")
    doses = write(folder / "doses.parquet", erring, district.path("doses"))
    return district.link([doses], folder / "runs", model_file=district.run_dir / "model.json")


def of_facility(district: District, code: str) -> set[str]:
    return {row["dose_id"] for row in district.rows("doses") if row["facility_code"] == code}


def test_stations_without_a_rule_of_error_are_left_alone(district: District) -> None:
    assert manifest(district.run_dir)["stations"] == []
    assert table(district.run_dir, "readings") == []


def test_each_station_is_found_with_its_error_and_no_other(erring_run: Path, stations: dict[str, str]) -> None:
    found = {(finding["question"], finding["facility"]) for finding in manifest(erring_run)["stations"]}
    assert found == {(error.split()[0], code) for error, code in stations.items()}
    for finding in manifest(erring_run)["stations"]:
        assert finding["probability"] > 0.999
        assert finding["file"] is None
        assert (finding["n_read"] > 0) == (finding["question"] != "filled_down")


def test_the_doses_read_otherwise_are_those_of_the_stations(
    district: District, erring_run: Path, stations: dict[str, str]
) -> None:
    read: dict[tuple[str, str], set[str]] = {}
    for row in table(erring_run, "readings"):
        read.setdefault((row["field"], row["reading"]), set()).add(row["dose_id"])
    expected = {
        ("gender", "the other sex"): "sex_inverted",
        ("date_of_birth", "day and month exchanged"): "day_month_swapped",
        ("id_number", "in column phone"): "columns_mixed_up two",
        ("phone", "in column id_number"): "columns_mixed_up two",
        ("id_number", "in column nationality"): "columns_mixed_up four",
        ("insurance_number", "in column id_number"): "columns_mixed_up four",
        ("phone", "not stated"): "one_value phone",
    }
    for key, error in expected.items():
        assert read[key] <= of_facility(district, stations[error])
    numbers = of_facility(district, stations["one_value id_number"])
    assert read["id_number", "not stated"] == numbers


def test_what_was_read_right_is_linked_as_if_typed_right(
    district: District, erring_run: Path, stations: dict[str, str]
) -> None:
    truth = {row["dose_id"]: row["person_id"] for row in district.rows("truth")}
    right = {row["dose_id"]: row for row in table(district.run_dir, "decisions")}
    decided = {row["dose_id"]: row for row in table(erring_run, "decisions")}
    for error in set(ROW_BY_ROW) - {"one_value id_number"}:
        doses = of_facility(district, stations[error])
        linked = {d for d in doses if decided[d]["status"] in ("verified", "matched")}
        assert len(linked) >= 0.98 * sum(right[d]["status"] in ("verified", "matched") for d in doses)
        assert all(decided[d]["person_id"] == truth[d] for d in linked)


def test_what_was_read_otherwise_is_not_verified_and_is_named_to_be_mended(erring_run: Path) -> None:
    decided = {row["dose_id"]: row for row in table(erring_run, "decisions")}
    basic = [row for row in table(erring_run, "readings") if row["field"] in BASIC]
    linked = [row for row in basic if decided[row["dose_id"]]["status"] in ("matched", "review")]
    assert len(linked) > 100
    assert not [row for row in basic if decided[row["dose_id"]]["status"] == "verified"]
    assert all(row["field"] in decided[row["dose_id"]]["wrong_fields"] for row in linked)
    assert all(decided[row["dose_id"]]["issue"] is not None for row in linked)


def test_a_dose_read_otherwise_is_explained_as_it_was_read(erring_run: Path) -> None:
    for how in ("the other sex", "day and month exchanged", "in column phone", "in column nationality", "not stated"):
        decided = {row["dose_id"]: row for row in table(erring_run, "decisions") if row["status"] == "matched"}
        dose = next(r for r in table(erring_run, "readings") if r["reading"] == how and r["dose_id"] in decided)
        explained = explain(erring_run, dose["dose_id"])
        assert explained.readings[dose["field"]] == how
        shown = {evidence.stated for evidence in explained.candidates[0].evidence}
        place = how.removeprefix("in column ") if how.startswith("in column ") else dose["field"]
        assert f"{explained.stated[place]} ({how})" in shown
        best = decided[dose["dose_id"]]
        assert explained.candidates[0].person_id == best["person_id"]
        assert explained.candidates[0].probability == pytest.approx(best["match_probability"], abs=1e-9)


def test_values_dragged_down_now_and_then_are_told_and_left_as_typed(district: District, tmp_path: Path) -> None:
    rows = sorted(district.rows("doses"), key=lambda row: (row["facility_code"], row["dose_id"]))
    code = Counter(row["facility_code"] for row in rows).most_common(1)[0][0]
    there = [row for row in rows if row["facility_code"] == code]
    dragged_there = dragged(dragged(there, "id_number", 0.06), "date_of_birth", 0.12)
    others = [row for row in rows if row["facility_code"] != code]
    doses = write(tmp_path / "doses.parquet", dragged_there + others, district.path("doses"))
    run_dir = district.link([doses], tmp_path / "runs", model_file=district.run_dir / "model.json")
    found = {(f["question"], f["facility"], *f["fields"]) for f in manifest(run_dir)["stations"]}
    assert found == {("filled_down", code, "id_number"), ("filled_down", code, "date_of_birth")}
    assert table(run_dir, "readings") == []


def exact(district: District, persons: list[Row], changes: Row) -> list[Row]:
    """A dose of each of some persons that says of them what the registry does."""
    usual = district.rows("doses")[0]
    same = ("id_number", "full_name", "gender", "date_of_birth", "phone", "insurance_number", "ethnicity")
    return [
        usual
        | {"dose_id": f"exact-{i:03}", "subject_id": f"subject-{i:03}"}
        | {name: person[name] for name in same}
        | {"nationality": "Việt Nam", "dose_date": LIST_DATE.strftime("%d/%m/%Y")}
        | changes
        for i, person in enumerate(persons)
    ]


def living(district: District) -> list[Row]:
    """The persons of the registry of whom exact agreement can be had, the youngest first."""
    persons = [row for row in district.rows("registry") if row["id_number"] and not row["date_of_death"]]
    return sorted(persons, key=lambda row: str(row["date_of_birth"]), reverse=True)


def statuses(run_dir: Path) -> dict[str, str]:
    return {row["dose_id"]: row["status"] for row in table(run_dir, "decisions")}


def linked_exact(district: District, doses: list[Row], folder: Path, **options: Any) -> Path:
    """The district's doses and these, linked."""
    path = write(folder / "doses.parquet", doses + district.rows("doses"), district.path("doses"))
    return district.link([path], folder / "runs", model_file=district.run_dir / "model.json", **options)


def test_a_list_in_the_order_of_birth_is_right(district: District, tmp_path: Path) -> None:
    pupils = exact(district, living(district)[100:378], {"facility_code": "school"})
    repeated = sum(above["date_of_birth"] == below["date_of_birth"] for above, below in pairwise(pupils))
    assert repeated > 10
    run_dir = linked_exact(district, pupils, tmp_path)
    assert {statuses(run_dir)[row["dose_id"]] for row in pupils} == {"verified"}
    assert manifest(run_dir)["stations"] == []


def test_a_list_of_households_with_their_phone_is_right(district: District, tmp_path: Path) -> None:
    members = exact(district, random.Random(4).sample(living(district), 200), {"facility_code": "village"})
    for i, row in enumerate(members):
        row["phone"] = members[i - i % 4]["phone"]
    run_dir = linked_exact(district, members, tmp_path)
    assert {statuses(run_dir)[row["dose_id"]] for row in members} == {"verified"}
    assert manifest(run_dir)["stations"] == []


@pytest.mark.parametrize("names", [("A Thuận", "Y Nga"), ("Hoa", "Nga")])
def test_names_of_one_letter_or_one_word_are_no_nationalities(
    district: District, tmp_path: Path, names: tuple[str, str]
) -> None:
    persons = living(district)
    named = {row["person_id"]: names[i % 2] for i, row in enumerate(persons[:80:2])}
    registry = [row | {"full_name": named.get(row["person_id"], row["full_name"])} for row in district.rows("registry")]
    build_from_files(
        [write(tmp_path / "registry.parquet", registry, district.path("registry"))],
        tmp_path / "index",
        units=district.units,
    )
    those = [row for row in registry if row["person_id"] in named]
    doses = exact(district, those, {"facility_code": "commune", "ethnicity": "Ba Na"})
    path = write(tmp_path / "doses.parquet", doses + district.rows("doses"), district.path("doses"))
    run_dir = run([path], tmp_path / "index", tmp_path / "runs", list_date=LIST_DATE, n_threads=2).run_dir
    assert len(doses) == 40
    assert {statuses(run_dir)[row["dose_id"]] for row in doses} == {"verified"}
    assert manifest(run_dir)["stations"] == []


def test_doses_without_a_facility_are_not_judged_together(district: District, tmp_path: Path) -> None:
    doses = exact(district, living(district)[200:212], {"facility_code": None})
    doses = [doses[0], *(inverted(row) for row in doses[1:])]
    run_dir = linked_exact(district, doses, tmp_path)
    assert statuses(run_dir)["exact-000"] == "verified"
    assert manifest(run_dir)["stations"] == []
    assert table(run_dir, "readings") == []


def test_what_agrees_exactly_is_left_whatever_its_station_does(district: District, tmp_path: Path) -> None:
    persons = [row for row in living(district) if row["phone"]][200:260]
    doses = exact(district, persons, {"facility_code": "erring"})
    wrong = [inverted(row) for row in doses[5:]]
    run_dir = linked_exact(district, doses[:5] + wrong, tmp_path)
    (finding,) = manifest(run_dir)["stations"]
    assert (finding["question"], finding["facility"], finding["n_read"]) == ("sex_inverted", "erring", len(wrong))
    assert {statuses(run_dir)[row["dose_id"]] for row in doses[:5]} == {"verified"}
    assert {row["dose_id"] for row in table(run_dir, "readings")} == {row["dose_id"] for row in wrong}


def test_a_whole_file_is_read_right(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")
    paths = [
        write(tmp_path / "a.parquet", [inverted(row) for row in rows[::2]], district.path("doses")),
        write(tmp_path / "b.parquet", rows[1::2], district.path("doses")),
    ]
    model = district.run_dir / "model.json"
    one, other = (district.link(p, tmp_path / n, model_file=model) for p, n in ((paths, "r"), (paths[::-1], "s")))
    (finding,) = manifest(one)["stations"]
    assert (finding["question"], finding["file"], finding["facility"]) == ("sex_inverted", "a.parquet", None)
    assert {r["dose_id"] for r in table(one, "readings")} <= {row["dose_id"] for row in rows[::2]}
    assert hashes(one) == hashes(other)


def test_the_order_of_the_rows_and_the_threads_do_not_matter(
    district: District, erring: list[Row], tmp_path: Path, stations: dict[str, str]
) -> None:
    # But for what is told of values dragged down, which is an error of the order.
    rows = [row for row in erring if row["facility_code"] != stations[FILLED]]
    shuffled = random.Random(3).sample(rows, len(rows))
    model = district.run_dir / "model.json"
    found = []
    for name, some, n_threads in (("a", rows, 2), ("b", shuffled, 1)):
        doses = write(tmp_path / f"{name}.parquet", some, district.path("doses"))
        found.append(district.link([doses], tmp_path / name, model_file=model, n_threads=n_threads))
    assert len(manifest(found[0])["stations"]) == len(ROW_BY_ROW)
    assert manifest(found[0])["stations"] == manifest(found[1])["stations"]
    assert hashes(found[0]) == hashes(found[1])


def test_the_operator_is_told(district: District, erring: list[Row], tmp_path: Path, stations: dict[str, str]) -> None:
    doses = write(tmp_path / "doses.parquet", erring, district.path("doses"))
    model = district.run_dir / "model.json"
    notes = run([doses], district.index, tmp_path / "runs", model_file=model, list_date=LIST_DATE, n_threads=2).notes
    for error, code in stations.items():
        assert any(f"facility {code}: " in note for note in notes), error
    assert any("read the other way round; have the station mend its export" in note for note in notes)


def test_a_station_that_states_no_personal_numbers_is_known_by_the_others(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")
    code = Counter(row["facility_code"] for row in rows).most_common(1)[0][0]
    bare = [inverted(row) | {"id_number": None} if row["facility_code"] == code else row for row in rows]
    doses = write(tmp_path / "doses.parquet", bare, district.path("doses"))
    found = district.link([doses], tmp_path / "runs", model_file=district.run_dir / "model.json")
    (finding,) = manifest(found)["stations"]
    assert (finding["question"], finding["facility"], finding["n_read"] > 100) == ("sex_inverted", code, True)


def test_an_error_in_half_of_the_doses_is_told_but_not_read(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")
    code = Counter(row["facility_code"] for row in rows).most_common(1)[0][0]
    chance = random.Random(2)
    half = [inverted(row) if row["facility_code"] == code and chance.random() < 0.5 else row for row in rows]
    doses = write(tmp_path / "doses.parquet", half, district.path("doses"))
    found = district.link([doses], tmp_path / "runs", model_file=district.run_dir / "model.json")
    (finding,) = manifest(found)["stations"]
    assert (finding["question"], finding["facility"], finding["n_read"]) == ("sex_inverted", code, 0)
    assert table(found, "readings") == []


# ------------------------------------------------------------------------------------------------- the parts


def made_cells(facilities: list[int], files: list[tuple[str, int]]) -> Any:
    """Cells of records whose facility codes are the numbers given, 0 for none."""
    codes = [None if code == 0 else str(code) for code in facilities]
    records = Records.of(pa.table({"facility_code": pa.array(codes, pa.string())}))
    ties = np.zeros(len(facilities), np.uint16)
    return cells_of(records, np.array(facilities, np.uint64), np.arange(len(facilities), dtype=np.uint64), ties, files)


def test_a_cell_is_a_facility_in_a_file() -> None:
    cells = made_cells([7, 7, 0, 8, 7], [("a", 3), ("b", 2)])
    named = [(cells.files[f], cells.facilities[c]) for f, c in zip(cells.file, cells.facility, strict=True)]
    assert [named[cell] for cell in cells.of_record] == [
        ("a", "7"),
        ("a", "7"),
        ("a", None),
        ("b", "8"),
        ("b", "7"),
    ]


def test_a_sample_takes_the_least_keys_of_each_cell_once() -> None:
    facilities = [1, 2, 1, 1, 2, 1]
    codes = pa.array([str(code) for code in facilities])
    keys = np.array([9, 4, 3, 3, 1, 5], np.uint64) << np.uint64(40)
    records, ties = Records.of(pa.table({"facility_code": codes})), np.array([0, 0, 5, 2, 0, 0], np.uint16)
    cells = cells_of(records, np.array(facilities, np.uint64), keys, ties, [("a", 6)])
    chosen = cells.sample(np.array([True, True, True, True, False, True]), 2)
    assert sorted((facilities[row], int(keys[row] >> np.uint64(40))) for row in chosen) == [(1, 3), (1, 5), (2, 4)]
    assert 3 in chosen, "of two doses of a claim the one whose tie is the least"


def test_few_doses_are_no_rule() -> None:
    cells = made_cells([1] * 9 + [2] * 200, [("a", 209)])
    assert judge("sex_inverted", ("gender",), np.array([9, 2]), np.array([9, 200]), cells) == []
    assert len(judge("sex_inverted", ("gender",), np.array([10, 2]), np.array([10, 200]), cells)) == 1


@pytest.mark.parametrize(("n_people", "is_told"), [(fewest_people(1041) - 1, False), (fewest_people(1041), True)])
def test_a_number_is_nobodys_from_more_people_on_than_a_household_has(n_people: int, is_told: bool) -> None:
    # 1,040 people with a number of their own at another facility, and n_people with one at this.
    values = np.concatenate([np.arange(1, 1041), np.full(n_people, 5000)]).astype(np.uint64)
    people = np.arange(1, values.size + 1).astype(np.uint64)
    facility = np.where(values == 5000, 1, 0).astype(np.int32)
    found = one_value(values, people, facility, 0.1)
    assert [value.n_people for value in found] == ([n_people] if is_told else [])
    assert all((value.facility, value.of, value.rows.size) == (1, n_people, n_people) for value in found)


def test_one_person_may_state_his_number_often_and_a_few_people_of_many_may_share_one() -> None:
    own = np.arange(1, 1001).astype(np.uint64)
    often = np.concatenate([own, np.full(60, 7, np.uint64)])
    facility = np.zeros(often.size, np.int32)
    assert one_value(often, np.concatenate([own, np.full(60, 7, np.uint64)]), facility, 0.1) == []
    # Sixty of a thousand people: a number that is common there, but no habit of the station.
    assert one_value(often, np.arange(often.size).astype(np.uint64), facility, 0.1) == []


@pytest.mark.parametrize(
    ("above", "below", "is_pair"),
    [
        ((1, 2, 3), (4, 2, 5), True),
        ((1, 2, 3), (1, 6, 5), True),
        ((1, 2, 3), (1, 2, 5), False),  # a slip in the given name
        ((1, 2, 3), (1, 6, 3), False),  # and in the middle one
        ((1, 3), (1, 5), False),  # of a name of two syllables
        ((1, 3), (4, 5), True),
        ((1, 2, 3), (1, 5), True),
        ((1, 2, 3), (), False),
    ],
)
def test_two_people_differ_in_their_given_name_and_one_more(
    above: tuple[int, ...], below: tuple[int, ...], is_pair: bool
) -> None:
    cells = made_cells([7, 7], [("a", 2)])
    names = np.array([[*name, *[0] * (6 - len(name))] for name in (above, below)], np.uint16)
    nobody = np.zeros(2, np.uint64)
    assert neighbours(names, nobody, cells).is_pair.tolist() == [is_pair]
    assert neighbours(names, nobody + np.uint64(5), cells).is_pair.tolist() == [False]  # one subject
    assert neighbours(names, nobody, made_cells([7, 8], [("a", 2)])).is_pair.tolist() == [False]


def test_the_numbers_of_a_facility_count_together() -> None:
    # Two heads of villages for 40 people each, of 500 people with phones of their own.
    values = np.concatenate([np.arange(1, 501), np.full(40, 600), np.full(40, 601)]).astype(np.uint64)
    people = np.arange(1, values.size + 1).astype(np.uint64)
    (found,) = one_value(values, people, np.zeros(values.size, np.int32), 0.1)
    assert (found.n_people, found.of, found.rows.tolist()) == (80, 580, list(range(500, 580)))


def test_a_first_of_january_repeats_by_chance() -> None:
    day, month = np.uint32(1990 << 9 | 1 << 5 | 1), np.uint32(1990 << 9 | 1 << 5)
    assert is_vague(np.array([day, month, 1990 << 9, 1990 << 9 | 1 << 5 | 2, 1990 << 9 | 2 << 5 | 1])).tolist() == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_many_findings_are_summed_up() -> None:
    findings = tuple(Finding("sex_inverted", ("gender",), None, str(i), 30, 32, 0.01, 1.0) for i in range(30))
    notes = station_notes(findings)
    assert len(notes) == NOTES_SHOWN + 1
    assert notes[-1].startswith("20 more systematic errors of stations")


def test_the_page_names_stations_as_text() -> None:
    finding = Finding("one_value", ("phone",), None, "<b>1", 30, 32, 0.0, 1.0, 30)
    html = station_section([vars(finding) | {"fields": ["phone"]}])
    assert "facility &lt;b&gt;1" in html
    assert "30 doses read as not stated there" in html
    assert "None was found" in station_section([])
    assert "link it again" in station_section(None)
