"""The history of a dose: every version and decision that it ever had, and why each took the place of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
import pytest

from linkage.insight.history import History, NightOfDose, history
from linkage.nights.configuration import read_configuration
from linkage.reports.counting import counted_of
from linkage.reports.daily import daily_of
from linkage.reports.form import Report
from linkage.reports.progress import progress_of
from linkage.schema import STATUSES
from linkage.state.folder import open_state
from linkage.state.rows import rows_in_force, versions_of
from linkage.state.tables import DOSE_VERSIONS, PUBLISHED_DECISIONS
from tests.district import call
from tests.nights import Nights, Row, Town, make_town, table

N_NIGHTS = 5


@dataclass(frozen=True)
class Told:
    """Five nights, and what was in force after each; the doses that something happens to, by what it is."""

    nights: Nights
    snapshots: list[dict[str, Row]]
    doses: dict[str, str]
    person: str

    def of(self, what: str) -> History:
        return history(read_configuration(self.nights.config), self.doses[what])

    def night(self, what: str, number: int) -> NightOfDose:
        return next(night for night in self.of(what).nights if night.night == number)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("history")
    town = make_town(folder / "town", 1500, 2500)
    nights = town.open(folder / "nights", changing=True)
    snapshots: list[dict[str, Row]] = []
    # Small parts of few rows, so that look-ups have something to leave out, and some are merged.
    with mock.patch("linkage.state.folder.ROW_GROUP_ROWS", 64), mock.patch("linkage.state.compacting.MOST_PARTS", 3):
        yield _five_nights(town, nights, snapshots)


def _five_nights(town: Town, nights: Nights, snapshots: list[dict[str, Row]]) -> Told:
    def done(number: int) -> dict[str, Row]:
        nights.run(number)
        nights.export(f"all_{number}")
        snapshots.append({row["dose_id"]: row for row in table(nights.folder / f"all_{number}", "decisions")})
        return snapshots[-1]

    rows = {row["dose_id"]: row for row in town.doses[:600]}
    nights.write_doses(0, list(rows.values()))
    first = done(0)
    by_status = {
        status: [key for key, row in first.items() if row["status"] == status] for status in ("matched", "review")
    }
    corrected, withdrawn, changed, still = by_status["matched"][:4]
    judged = next(key for key in by_status["review"] if first[key]["person_id"])
    nights.write_doses(1, [rows[corrected] | {"full_name": "Nguyễn Văn Ất", "id_number": None}])
    nights.write_withdrawals(1, [withdrawn])
    done(1)
    people = {
        row["person_id"]: row for row in pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    }
    person = first[changed]["person_id"]
    nights.write_registry(2, [people[person] | {"status": "deceased", "date_of_death": "2020-01-01"}])
    done(2)
    said = {"verdict": "person", "person_id": first[judged]["person_id"], "unit": "00001", "decided_by": "A"}
    nights.write_verdicts(3, [said | {"dose_id": judged, "decided_at": nights.date(3).isoformat()}])
    done(3)
    # The person of a matched dose gets another dose of the same number on another day, by a claim of its own.
    twice = rows[still] | {"dose_id": "D-again", "subject_id": "S-again", "phone": None, "dose_date": "2021-08-30"}
    nights.write_doses(4, [twice, rows[withdrawn] | {"lot": "another"}])
    done(4)
    doses = {
        "corrected": corrected,
        "withdrawn": withdrawn,
        "registry": changed,
        "verdict": judged,
        "conflict": still,
    }
    return Told(nights, snapshots, doses, str(person))


def test_every_decision_that_a_dose_had_is_told(told: Told) -> None:
    for dose in {key for snapshot in told.snapshots for key in snapshot}:
        found = history(read_configuration(told.nights.config), dose)
        status: str | None = None
        by_night = {night.night: night for night in found.nights}
        for number, snapshot in enumerate(told.snapshots, 1):
            night, now = by_night.get(number), snapshot.get(dose)
            decided = night and night.decision
            if decided:
                assert night is not None
                assert night.status_before == status
                status = decided["status"]
            assert status == (now and now["status"]), (dose, number)
        assert found.status == status


def test_why_a_decision_changed_is_told(told: Told) -> None:
    assert [night.night for night in told.of("corrected").nights] == [1, 2]
    second = told.night("corrected", 2)
    version = second.versions[0]
    assert (version.what, version.version, version.file) == ("corrected", 2, "doses.parquet")
    assert version.changed["full_name"][1] == "Nguyễn Văn Ất"
    assert set(version.changed) == {"full_name", "id_number"}
    assert second.decision
    assert "corrected" in second.decision["why"]
    gone = told.night("withdrawn", 2)
    assert gone.decision
    assert (gone.versions[0].reason, gone.decision["status"], gone.decision["why"]) == (
        "keyed twice",
        None,
        ["withdrawn"],
    )
    back = told.night("withdrawn", 5)
    assert back.decision
    assert (back.versions[0].what, back.status_before, back.decision["why"]) == ("corrected", None, ["corrected"])
    dead = told.night("registry", 3).decision
    assert dead
    assert dead["why"] == ["registry", "conflict"]
    assert dead["changed_persons"] == [told.person]
    judged = told.night("verdict", 4)
    assert judged.decision
    assert (judged.decision["why"], judged.decision["decided_by"]) == (["verdict"], "officer")
    assert [(row["verdict"], row["became"]) for row in judged.verdicts] == [("person", "pins")]
    beside = told.night("conflict", 5).decision
    assert beside
    assert not beside["changed_persons"]
    assert "conflict" in beside["why"], beside


def test_decisions_of_a_night_say_why(told: Told) -> None:
    state = open_state(told.nights.folder / "state")
    folders = {night["night_id"]: number for number, night in enumerate(state.nights, 1)}
    every = versions_of(state, PUBLISHED_DECISIONS).to_pylist()
    kept = {(row["dose_id"], row["night"]): row for row in every}
    n_published = 0
    for name, number in folders.items():
        for row in table(told.nights.folder / "nights" / name, "decisions"):
            n_published += 1
            assert row["why"]
            assert row["why"] == kept[row["dose_id"], number]["why"]
            assert row["changed_persons"] == kept[row["dose_id"], number]["changed_persons"]
    assert n_published == len(every)


def test_the_command_tells_it_in_words_and_as_json(told: Told) -> None:
    ended = call("history", told.doses["registry"], "--config", told.nights.config)
    assert ended.code == 0, ended.err
    assert f"because: the registry changed ({told.person}); the doses of the person conflict otherwise" in ended.out
    ended = call("history", told.doses["corrected"], "--config", told.nights.config, "--json")
    assert ended.json["dose_id"] == told.doses["corrected"]
    assert [night["night"] for night in ended.json["nights"]] == [1, 2]
    ended = call("history", "D-never-came", "--config", told.nights.config)
    assert (ended.code, ended.err.count("\n")) == (2, 1)


@contextmanager
def groups_read() -> Iterator[list[Any]]:
    """The row groups that are read."""
    real, read = pq.ParquetFile.read_row_group, list[Any]()

    def counted(file: pq.ParquetFile, number: int, *options: Any, **more: Any) -> Any:
        read.append((file, number))  # which lives on, or another may have its place
        return real(file, number, *options, **more)

    with mock.patch.object(pq.ParquetFile, "read_row_group", counted):
        yield read


def test_looking_up_a_dose_reads_next_to_nothing(told: Told) -> None:
    state = open_state(told.nights.folder / "state")
    n_groups = sum(file.num_row_groups for t in (DOSE_VERSIONS, PUBLISHED_DECISIONS) for file in state.parts(t))
    with groups_read() as read:
        told.of("registry")
    assert n_groups > 15
    assert 2 <= len(set(read)) <= 8
    every = rows_in_force(state, DOSE_VERSIONS)
    ids = every["dose_id"].combine_chunks()
    for at in range(0, len(ids), 97):
        asked = ids.slice(at, 3)
        assert rows_in_force(state, DOSE_VERSIONS, asked).equals(every.slice(at, len(asked)).combine_chunks())


def test_a_damaged_state_is_told(told: Told, tmp_path: Path) -> None:
    path = sorted((told.nights.folder / "state").rglob("decisions.parquet"))[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    try:
        assert call("history", told.doses["registry"], "--config", told.nights.config).code == 4
    finally:
        path.write_bytes(whole)


Place = tuple[str | None, str]  # commune and status


def subjects_of(snapshot: dict[str, Row]) -> dict[str, Place]:
    """Where each subject stands, one by one: the most pressing status, in the commune of the gravest dose."""
    found: dict[str, list[Row]] = {}
    for _, row in sorted(snapshot.items()):
        found.setdefault(row["subject_id"] or row["claim_id"], []).append(row)
    pressing = ("review", "unmatched", "matched", "verified", "excluded")
    issues = ("no_id", "bad_id_format", "wrong_info", None)

    def gravity(row: Row) -> int:
        is_open = row["status"] in pressing[:3]
        return issues.index(row["issue"]) if is_open else len(issues) + pressing.index(row["status"])

    return {
        subject: (min(rows, key=gravity)["commune_code"], min((row["status"] for row in rows), key=pressing.index))
        for subject, rows in found.items()
    }


def rows_of_form(report: Report) -> list[Row]:
    return [dict(zip([column.key for column in report.columns], row, strict=True)) for row in report.rows]


def test_any_day_is_reported_as_it_was(told: Told) -> None:
    stood: list[dict[str, Place]] = [{}, *(subjects_of(snapshot) for snapshot in told.snapshots)]
    counted = counted_of(told.nights.config)
    moved = {(row["date"], row["commune_code"], row["status"]): row for row in counted.by_day().to_pylist()}
    of_form = rows_of_form(progress_of(counted))
    names = ("date", "commune_code", "commune", *STATUSES, "total")
    n_left = 0
    for number in range(N_NIGHTS):
        day, before, now = told.nights.date(number), stood[number], stood[number + 1]
        for place in {*before.values(), *now.values()}:
            row = moved[day, *place]
            came = sum(place == there != before.get(subject) for subject, there in now.items())
            left = sum(place == there != now.get(subject) for subject, there in before.items())
            there = sum(place == other for other in now.values())
            assert (row["n_came"], row["n_left"], row["n_subjects"]) == (came, left, there), (day, place)
            n_left += left
        daily = rows_of_form(daily_of(counted_of(told.nights.config, day)))
        shown = [row for row in of_form if row["date"] == day and row["total"]]
        assert [{name: row[name] for name in names} for row in shown] == [
            {name: row[name] for name in names} for row in daily
        ]
        assert sum(row["newly_verified"] for row in shown) == sum(
            row["n_came"] for (date, _, status), row in moved.items() if date == day and status == "verified"
        )
    assert n_left > 0


def test_the_last_row_of_the_progress_adds_up(told: Told) -> None:
    for day in (None, told.nights.date(2)):
        report = progress_of(counted_of(told.nights.config, day))
        total = dict(zip([column.key for column in report.columns], report.total, strict=True))
        last = [row for row in rows_of_form(report) if row["date"] == report.as_of]
        for name in (*STATUSES, "total"):
            assert total[name] == sum(row[name] for row in last)
        assert total["verified"] == total["newly_verified"] - total["no_longer_verified"]
        tenths = 1000 * total["verified"] // (total["total"] - total["excluded"])
        assert total["verified_share"] == f"{tenths // 10},{tenths % 10}%"
