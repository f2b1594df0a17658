"""What a state explains, finds and reports: the same as a run on all that is in force, and without reading it all."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
import pytest

from linkage.insight.explain import dose_of, explain
from linkage.insight.finding import Asked, find_doses, find_in_state
from linkage.insight.sources import StateSource, source_of
from linkage.reports import FORMS, write_report
from linkage.state.folder import open_state
from linkage.state.tables import TABLES
from tests.district import call, heavy_modules_of
from tests.nights import Nights, Row, make_town, table
from tests.test_cli import one_line
from tests.test_nights_history import groups_read


@dataclass(frozen=True)
class Stood:
    """Three nights with corrections and changes of the registry, and one run on what is in force."""

    nights: Nights
    scratch: Path
    decisions: list[Row]

    @property
    def state(self) -> Path:
        return self.nights.folder / "state"

    def some(self, status: str, n: int = 12) -> list[str]:
        return [row["dose_id"] for row in self.decisions if row["status"] == status][:n]


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Stood:
    folder = tmp_path_factory.mktemp("explained")
    town = make_town(folder / "town", 1500, 2500)
    nights = town.open(folder / "nights", changing=True)
    rows = {row["dose_id"]: row for row in town.doses[:700]}
    registry = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    with mock.patch("linkage.state.folder.ROW_GROUP_ROWS", 64), mock.patch("linkage.state.compacting.MOST_PARTS", 2):
        nights.write_doses(0, list(rows.values()))
        nights.run(0)
        keys = sorted(rows)
        mended = {key: rows[key] | {"full_name": rows[keys[n + 1]]["full_name"]} for n, key in enumerate(keys[:60:3])}
        nights.write_doses(1, list(mended.values()))
        nights.write_withdrawals(1, keys[60:70])
        nights.run(1)
        nights.write_registry(2, [row | {"phone": None, "id_number": None} for row in registry[::9]])
        nights.run(2)
    now = [row for row in ({**rows, **mended}).values() if row["dose_id"] not in keys[60:70]]
    scratch = nights.from_scratch(now, nights.date(2))
    return Stood(nights, scratch, table(scratch, "decisions"))


@pytest.mark.parametrize("status", ["verified", "matched", "review", "unmatched", "excluded"])
def test_a_state_explains_as_a_run(stood: Stood, status: str) -> None:
    doses = stood.some(status)
    assert doses
    for place in (stood.nights.config, stood.state):
        source = source_of(place)
        for dose in doses:
            assert asdict(explain(source, dose)) == asdict(explain(stood.scratch, dose))


def test_a_claim_is_explained_by_its_first_dose(stood: Stood) -> None:
    source, run = source_of(stood.nights.config), source_of(stood.scratch)
    for row in stood.decisions[::40]:
        assert dose_of(source, row["claim_id"]) == dose_of(run, row["claim_id"])
        assert dose_of(source, row["claim_id"])[1] >= 1
    assert dose_of(source, "c1-nonsense") == ("c1-nonsense", 0)


def test_somebody_else_is_weighed_as_in_a_run(stood: Stood) -> None:
    dose = stood.some("matched")[0]
    known = {candidate.person_id for candidate in explain(stood.scratch, dose).candidates}
    registry = pq.read_table(stood.nights.town.index.parent / "data" / "registry.parquet", columns=["person_id"])
    other = next(person for person in registry["person_id"].to_pylist() if person not in known)
    ours, theirs = explain(stood.state, dose, other), explain(stood.scratch, dose, other)
    assert ours.candidates[-1].evidence == theirs.candidates[-1].evidence
    assert ours.candidates[-1].registered == theirs.candidates[-1].registered


def test_the_command_prints_the_same(stood: Stood) -> None:
    dose = stood.some("review")[0]
    assert call("explain", stood.state, dose).out == call("explain", stood.scratch, dose).out
    ended = call("explain", stood.nights.config, "D-never-came")
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_explaining_reads_a_few_groups_of_rows(stood: Stood) -> None:
    state = open_state(stood.state)
    n_groups = sum(file.num_row_groups for t in TABLES.values() for file in state.parts(t))
    dose = stood.some("matched")[0]
    with groups_read() as read:
        explain(StateSource(stood.state), dose)
    assert n_groups > 60
    assert 3 <= len(set(read)) <= 3 * 3  # decisions, doses and candidates of three parts at most


def test_explaining_loads_no_kernel(stood: Stood) -> None:
    for words in (("explain", stood.nights.config), ("history", "--config", stood.nights.config)):
        printed, heavy = heavy_modules_of(*words, stood.some("review")[0])
        assert ": review" in printed.splitlines()[0]
        assert heavy == ""


def asked_of(row: Row, field: str) -> str | None:
    """What somebody has at hand of a dose."""
    typed = {"dose": "dose_id", "subject": "subject_id", "number": "id_number", "phone": "phone", "name": "full_name"}
    value = row[typed.get(field, "date_of_birth")]
    return None if value is None or (field in ("number", "phone") and not value.isdecimal()) else str(value)


@pytest.mark.parametrize("field", ["dose", "subject", "number", "phone", "name", "born", "person"])
def test_doses_are_found_in_a_state_as_in_a_run(stood: Stood, field: str) -> None:
    typed = {row["dose_id"]: row for row in stood.nights.town.doses}
    state, n_found = open_state(stood.state), 0
    for row in stood.decisions[::60]:
        value = row["person_id"] if field == "person" else asked_of(typed[row["dose_id"]], field)
        if value:
            asked = Asked(**{field: value})
            ours, theirs = find_in_state(state, asked, 1000), find_doses(stood.scratch, asked, 1000)
            assert (ours.rows, ours.n_found, ours.n_records) == (theirs.rows, theirs.n_found, theirs.n_records)
            n_found += ours.n_found
    assert n_found >= 8


def test_all_that_is_asked_of_a_state_must_fit(stood: Stood) -> None:
    state = open_state(stood.state)
    dose = next(row for row in stood.nights.town.doses[100:] if row["insurance_number"] and row["phone"])
    given = {"number": dose["insurance_number"], "phone": dose["phone"], "name": dose["full_name"]}
    assert dose["dose_id"] in {row["dose_id"] for row in find_in_state(state, Asked(**given), 100).rows}
    assert find_in_state(state, Asked(**{**given, "name": "Zơ Râm"}), 100).n_found == 0
    withdrawn = sorted(row["dose_id"] for row in stood.nights.town.doses[:700])[60]
    assert find_in_state(state, Asked(dose=withdrawn), 100).n_found == 0


def test_finding_by_a_number_reads_a_few_groups_of_rows(stood: Stood) -> None:
    state = open_state(stood.state)
    n_doses, *n_others = (sum(file.num_row_groups for file in state.parts(t)) for t in TABLES.values())
    number = next(row["id_number"] for row in stood.nights.town.doses[200:] if (row["id_number"] or "").isdecimal())
    with groups_read() as read:
        assert find_in_state(state, Asked(number=number), 1).n_found
    assert len(set(read)) <= 12 < (n_doses + sum(n_others)) / 5
    with groups_read() as read:
        find_in_state(state, Asked(name="Zơ Râm Hoàng Yến"), 1)
    assert len(set(read)) == n_doses


def test_a_name_that_nearly_all_have_is_refused(stood: Stood) -> None:
    with mock.patch("linkage.insight.finding.in_state.MOST_LOOKED_AT", 50):
        line = one_line(call("find", stood.state, "--name", "nguyen"), 2)
    assert "more than 50 doses may fit" in line


def test_the_command_finds_in_a_state(stood: Stood, tmp_path: Path) -> None:
    dose = stood.some("review")[0]
    config = stood.nights.config
    for place in ((stood.state,), (config,), ("--config", config)):
        found = call("find", *place, "--dose", f'="{dose}"', "--json")
        assert [row["dose_id"] for row in found.json["rows"]] == [dose], found.err
    assert "looks in one place" in one_line(call("find", config, "--config", config, "--dose", dose), 2)
    assert "looks in one place" in one_line(call("find", "--dose", dose), 2)
    (tmp_path / "night.toml").write_text(config.read_text("utf-8"), "utf-8")
    assert "there was no night yet" in one_line(call("find", tmp_path / "night.toml", "--dose", dose), 2)


def test_a_key_is_asked_for_as_it_was_copied(stood: Stood) -> None:
    """From a formula, a message or a list: all commands read it alike."""
    dose = stood.some("matched")[0]
    config = stood.nights.config
    for key in (f'="{dose}"', f" {dose}\u200b", f"'{dose}"):
        for words in (("explain", config, key), ("history", key, "--config", config), ("find", config, "--dose", key)):
            ended = call(*words, "--json")
            assert (ended.code, dose in ended.out) == (0, True), (words, ended.err)


@pytest.mark.parametrize("form", FORMS)
def test_a_state_reports_as_a_run(stood: Stood, form: str, tmp_path: Path) -> None:
    day, unit = stood.nights.date(2), str(stood.decisions[0]["commune_code"])
    for place in (stood.nights.config, stood.state, stood.scratch):
        for asked in (None, unit, "68"):
            write_report(place, form, "json", tmp_path / f"{place.name}-{asked}", unit=asked)
    for asked in (None, unit, "68"):
        ours, again, theirs = (
            json.loads((tmp_path / f"{place.name}-{asked}").read_text("utf-8"))
            for place in (stood.nights.config, stood.state, stood.scratch)
        )
        if form == "progress":  # of which a run knows its own day alone
            told = ("newly_verified", "no_longer_verified")
            rows = [row for row in ours["rows"] if row["date"] == day.isoformat()]
            ours, again, theirs = ({**found, "rows": [], "total": {}} for found in (ours, again, theirs))
            made = json.loads((tmp_path / f"{stood.scratch.name}-{asked}").read_text("utf-8"))["rows"]
            assert [{**row, **dict.fromkeys(told)} for row in rows] == [{**row, **dict.fromkeys(told)} for row in made]
        assert ours == again == theirs


def test_a_form_of_a_state_is_refused_in_one_line(stood: Stood, tmp_path: Path) -> None:
    day = stood.nights.date(0) - datetime.timedelta(days=1)
    out = ("--out", tmp_path / "out.json")
    early = one_line(call("report", stood.state, "--form", "daily", "--as-of", day, *out), 2)
    assert f"--as-of {day}: before the first night, which was {stood.nights.date(0)}" in early
    of_run = one_line(call("report", stood.scratch, "--form", "daily", "--as-of", day, *out), 2)
    assert "a run counts as of its list date" in of_run
    pairs = one_line(call("report", stood.state, "--form", "statistics", "--out", tmp_path / "s.html"), 2)
    assert "--form statistics is of a run alone" in pairs
    unknown = one_line(call("report", stood.state, "--form", "daily", "--unit", "99", *out), 2)
    assert "--unit 99: no commune, district or province of this state has the code" in unknown
    assert not list(tmp_path.iterdir())
