"""Nights as an operator starts them: corrections, withdrawals, bad files, gates, kills, and what is told of them."""

from __future__ import annotations

import datetime
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import LinkageError, QualityGateError, UsageError, VerificationError
from linkage.night import claims as night_claims
from linkage.nights.configuration import Limits, read_configuration
from linkage.nights.gates import Gate, decided_gates, refuse, rejected_gate
from linkage.nights.results import Results
from linkage.published.reader import published_runs
from linkage.registry.from_files import build_from_files
from linkage.state.folder import NO_STATE, open_state
from linkage.state.rows import versions_of
from linkage.state.tables import DOSE_VERSIONS
from linkage.stations.given import reading_texts
from linkage.stations.reading import Reading, Stations
from linkage.storage.locks import locked
from tests.district import Called, call
from tests.nights import CONFIGURATION, EXPORTED, Nights, Row, Town, hashes, manifest, table


def start(nights: Nights, number: int, *options: object) -> Called:
    return call("night", "--config", nights.config, "--date", nights.date(number), "--json", *options)


def versions(nights: Nights) -> list[Row]:
    state = open_state(nights.folder / "state")
    return list(versions_of(state, DOSE_VERSIONS).to_pylist())


def decisions(nights: Nights, name: str = "now") -> dict[str, Row]:
    nights.export(name)
    return {row["dose_id"]: row for row in table(nights.folder / name, "decisions")}


def test_the_first_night_decides_as_a_run(nights: Nights, town: Town, tmp_path: Path) -> None:
    rows = town.doses[:900]
    nights.write_doses(0, rows)
    ended = start(nights, 0)
    assert ended.code == 0, ended.err
    said = ended.json
    assert said.keys() == {"night_id", "night_dir", "counts", "changes", "seconds", "peak_rss_bytes"}
    assert said["changes"] == {"new": 900, "changed": 0, "withdrawn": 0}
    assert sum(said["counts"].values()) == 900
    scratch = nights.from_scratch(rows, nights.date(0))
    everything = call("state", "export", "--config", nights.config, "--out", tmp_path / "all", "--json")
    assert everything.json["counts"] == said["counts"]
    assert hashes(tmp_path / "all") == hashes(scratch)
    again = call("state", "export", "--config", nights.config, "--out", tmp_path / "all")
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert manifest(scratch)["counts"] == said["counts"]
    published = table(Path(said["night_dir"]), "decisions")
    assert [row["dose_id"] for row in published] == sorted(row["dose_id"] for row in rows)
    assert {row["change"] for row in published} == {"new"}
    assert {row["status_before"] for row in published} == {None}


def test_corrections_and_withdrawals_are_the_difference_of_their_night(nights: Nights, town: Town) -> None:
    rows = town.doses[:400]
    nights.write_doses(0, rows)
    assert start(nights, 0).code == 0
    before = decisions(nights, "before")
    mended = [row | {"full_name": "Nguyễn Văn Ất", "id_number": None} for row in rows[:3]]
    nights.write_doses(1, [*mended, *rows[3:50]])  # most say nothing new
    nights.write_withdrawals(1, [rows[60]["dose_id"], "D-never-came"])
    ended = start(nights, 1)
    assert ended.code == 0, ended.err
    assert ended.json["changes"]["withdrawn"] == 1
    assert ended.json["changes"]["new"] == 0
    assert ended.json["changes"]["changed"] >= 3
    assert "withdrawals of doses that never came, by which nothing is withdrawn: 1 (D-never-came)" in ended.err
    folder = Path(ended.json["night_dir"])
    assert manifest(folder)["doses"] == {"new": 0, "corrected": 3, "unchanged": 47, "replaced": 0, "withdrawn": 1}
    published = {row["dose_id"]: row for row in table(folder, "decisions")}
    gone = published[rows[60]["dose_id"]]
    assert (gone["change"], gone["status"], gone["status_before"]) == (
        "withdrawn",
        None,
        before[rows[60]["dose_id"]]["status"],
    )
    for row in mended:
        assert published[row["dose_id"]]["status_before"] == before[row["dose_id"]]["status"]
        assert published[row["dose_id"]]["claim_id"] != before[row["dose_id"]]["claim_id"]
    after = decisions(nights, "after")
    assert after.keys() == before.keys() - {rows[60]["dose_id"]}
    for key, row in after.items():
        assert (row == before[key]) == (key not in published)
    history = [row for row in versions(nights) if row["dose_id"] == rows[0]["dose_id"]]
    assert [(row["version"], row["night"], row["what"]) for row in history] == [(1, 1, "new"), (2, 2, "corrected")]
    assert [row["full_name"] for row in history] == [rows[0]["full_name"], "Nguyễn Văn Ất"]


def test_a_later_file_of_a_night_corrects_an_earlier_one(nights: Nights, town: Town) -> None:
    rows = town.doses[:100]
    nights.write_doses(0, rows, "doses_1.parquet")
    nights.write_doses(0, [rows[0] | {"phone": "0912345678"}], "doses_2.parquet")
    ended = start(nights, 0)
    assert manifest(Path(ended.json["night_dir"]))["doses"]["replaced"] == 1
    assert sum(ended.json["counts"].values()) == 100
    history = [(row["what"], row["phone"]) for row in versions(nights) if row["dose_id"] == rows[0]["dose_id"]]
    assert history == [("new", rows[0]["phone"]), ("corrected", "0912345678")]


def test_two_records_of_one_file_are_no_correction(nights: Nights, town: Town) -> None:
    rows = town.doses[:100]
    nights.write_doses(0, [*rows, rows[0] | {"phone": "0912345678"}])
    ended = start(nights, 0)
    assert sum(ended.json["counts"].values()) == 99
    rejected = table(Path(ended.json["night_dir"]), "queues/rejected")
    assert [row["reasons"] for row in rejected] == [["conflicting_dose_id"]] * 2


def test_a_withdrawn_dose_stays_withdrawn_until_it_comes_otherwise(nights: Nights, town: Town) -> None:
    rows = town.doses[:50]
    nights.write_doses(0, rows)
    nights.write_withdrawals(0, [rows[0]["dose_id"]])
    assert sum(start(nights, 0).json["counts"].values()) == 49
    nights.write_doses(1, rows)
    ended = start(nights, 1)
    assert sum(ended.json["counts"].values()) == 49
    assert f"stay withdrawn: 1 ({rows[0]['dose_id']})" in ended.err
    nights.write_doses(2, [rows[0] | {"lot": "another"}])
    assert start(nights, 2).json["changes"]["new"] == 1
    assert [row["what"] for row in versions(nights) if row["dose_id"] == rows[0]["dose_id"]] == [
        "new",
        "withdrawn",
        "corrected",
    ]


def test_a_night_is_done_once(nights: Nights, town: Town) -> None:
    nights.write_doses(0, town.doses[:60])
    first = start(nights, 0)
    state = open_state(nights.folder / "state").name
    again = start(nights, 0)
    assert (again.code, again.json) == (0, first.json)
    assert "already done" in again.err
    assert open_state(nights.folder / "state").name == state
    nights.write_doses(1, town.doses[:60])
    other = start(nights, 1)  # the same doses on another day say nothing new
    assert other.json["changes"] == {"new": 0, "changed": 0, "withdrawn": 0}
    assert call("nights", "list", "--config", nights.config, "--json").json["nights"][1]["doses"]["unchanged"] == 60


def test_doses_come_in_partitions(nights: Nights, town: Town) -> None:
    """What a folder states is a part of the input: the same file in another one is another night."""
    text = nights.config.read_text("utf-8")
    nights.config.write_text(text.replace("in/{date}/doses*.parquet", "in/{date}/*/*.parquet"), "utf-8")
    place = nights.folder / "in" / nights.date(0).isoformat()
    rows = [{name: value for name, value in row.items() if name != "lot"} for row in town.doses[:40]]
    (place / "lot=L1").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), place / "lot=L1" / "part-0.parquet")
    assert start(nights, 0).json["changes"]["new"] == 40
    assert {row["lot"] for row in versions(nights)} == {"L1"}
    (place / "lot=L1").rename(place / "lot=L2")
    again = start(nights, 0)
    assert again.code == 0
    assert "already done" not in again.err
    assert [row["lot"] for row in versions(nights) if row["version"] == 2] == ["L2"] * 40


def test_a_clock_that_was_set_back_is_told(nights: Nights, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        nights.write_doses(n, town.doses[: 60 + n])
    assert start(nights, 1).code == 0
    monkeypatch.setattr("linkage.nights.night.today", lambda: nights.date(0))
    ended = call("night", "--config", nights.config)
    assert (ended.code, "clock says 2026-03-14" in ended.err) == (2, True), ended.err
    assert open_state(nights.folder / "state").manifest["nights"][-1]["number"] == 1
    late = start(nights, 0)  # named, as for files that were left lying
    assert late.code == 0, late.err
    assert "the night is of 2026-03-14, before one of 2026-03-15 that was" in late.err
    monkeypatch.setattr("linkage.nights.night.today", lambda: nights.date(2))
    assert call("night", "--config", nights.config).code == 0
    assert nights.export() == hashes(nights.from_scratch(town.doses[:62], nights.date(2)))


def test_an_unusable_file_is_set_aside(nights: Nights, town: Town) -> None:
    nights.write_doses(0, town.doses[:60])
    (nights.folder / "in" / nights.date(0).isoformat() / "broken.csv").write_bytes(b"\x00\x01 no table")
    ended = start(nights, 0)
    assert ended.code == 0, ended.err
    assert sum(ended.json["counts"].values()) == 60
    assert "set aside: broken.csv" in ended.err
    assert [found["file"] for found in manifest(Path(ended.json["night_dir"]))["set_aside"]] == ["broken.csv"]


def test_a_night_without_files_is_told_and_done(nights: Nights) -> None:
    ended = start(nights, 0)
    assert ended.code == 0, ended.err
    assert "no file for 'in/2026-03-14/doses*.parquet'" in ended.err
    assert nights.export()
    assert [pq.read_metadata(nights.folder / "all" / f"{name}.parquet").num_rows for name in EXPORTED] == [0] * 5


def test_too_many_rejected_records_stop_the_night(nights: Nights, town: Town) -> None:
    rows = town.doses[:40]
    nights.write_doses(0, [*rows, *(row | {"lot": "twice"} for row in rows[:2])])
    ended = start(nights, 0)
    assert ended.code == 3
    assert "rejected_share" in ended.json["error"]
    assert list((nights.folder / "nights").iterdir()) == [] if (nights.folder / "nights").exists() else True
    nights.config.write_text(CONFIGURATION.replace("0.05", "0.5"), "utf-8")
    assert start(nights, 0).code == 0


@pytest.mark.parametrize(
    ("n_rejected", "n_records", "limit", "stops"),
    [
        *((1, 8, 0.05, True), (1, 20, 0.05, False), (2, 20, 0.05, True), (10, 100, 0.05, True), (5, 100, 0.05, False)),
        *((1, 1000, 0.0, True), (0, 8, 0.0, False)),
    ],
)
def test_the_limit_of_rejected_records_is_taken_at_its_word(
    n_rejected: int, n_records: int, limit: float, stops: bool
) -> None:
    arrived: Any = SimpleNamespace(rejected=SimpleNamespace(num_rows=n_rejected), n_physical=n_records)
    gate = rejected_gate(arrived, Limits(rejected_share=limit))
    assert (gate.value, gate.stops) == (n_rejected / n_records, stops)


def test_matches_that_are_too_likely_wrong_stop_the_night() -> None:
    limits = Limits(expected_false_match_rate=2e-4)

    def gates(n_matched: int, expected: float) -> list[Gate]:
        return decided_gates(
            Results({}, {}, {}, {}, {}, n_matched, expected), NO_STATE, limits, datetime.date(2026, 3, 14)
        )[0]

    refuse(gates(10_000, 1.9), limits, {})
    refuse(gates(10, 0.9), limits, {})
    with pytest.raises(QualityGateError, match="expected_false_match_rate"):
        refuse(gates(10_000, 2.1), limits, {})
    refuse(gates(10_000, 2.1), limits, {"expected_false_match_rate": "a test"})


@pytest.mark.parametrize("folder", ["state", "nights"])
def test_a_second_start_is_told_to_try_later(nights: Nights, folder: str) -> None:
    (nights.folder / folder).mkdir()
    with locked(nights.folder / folder):
        assert start(nights, 0).code == 75
    assert start(nights, 0).code == 0


class Killed(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize("number", [0, 1])
def test_a_night_killed_before_its_state_is_in_force_is_finished_by_the_next(
    nights: Nights, town: Town, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for n in range(number + 1):
        nights.write_doses(n, town.doses[: 60 * (n + 1)])
    for n in range(number):
        assert start(nights, n).code == 0

    def die(made: Path, path: Path) -> None:
        if path.name == "current":
            raise Killed
        real(made, path)

    from linkage.storage import versions as stored

    real = stored.put_in_place
    before = open_state(nights.folder / "state").name
    monkeypatch.setattr(stored, "put_in_place", die)
    with pytest.raises(Killed):
        nights.run(number)
    monkeypatch.undo()
    assert open_state(nights.folder / "state").name == before
    assert len(published_runs(nights.folder / "nights")) == number + 1
    again = start(nights, number)
    assert again.code == 0, again.err
    assert "already done" in again.err
    assert len(open_state(nights.folder / "state").nights) == number + 1
    assert nights.export() == hashes(nights.from_scratch(town.doses[: 60 * (number + 1)], nights.date(number)))


def test_a_night_that_cannot_be_published_leaves_the_state(
    nights: Nights, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.write_doses(0, town.doses[:60])

    def refuse(_: object) -> Path:
        raise LinkageError("no room")

    monkeypatch.setattr("linkage.published.folders.Stage.appear", refuse)
    with pytest.raises(LinkageError, match="no room"):
        nights.run(0)
    monkeypatch.undo()
    assert open_state(nights.folder / "state").name is None
    assert [path for path in (nights.folder / "state").rglob("*") if path.is_file()] == []
    assert start(nights, 0).code == 0


@pytest.mark.parametrize("name", ["doses.parquet", "decisions.parquet", "model.json", "manifest.json"])
def test_a_flipped_bit_in_the_state_is_told(nights: Nights, town: Town, name: str) -> None:
    nights.write_doses(0, town.doses[:60])
    assert start(nights, 0).code == 0
    path = next((nights.folder / "state").rglob(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    nights.write_doses(1, town.doses[:61])
    ended = start(nights, 1)
    assert ended.code == 4, ended.out
    assert name in ended.json["error"]


def test_files_of_the_state_are_for_their_owner_alone(nights: Nights, town: Town) -> None:
    nights.write_doses(0, town.doses[:30])
    assert start(nights, 0).code == 0
    # Frequencies are the files of the index under a second name, as open as that was made.
    of_index = {path.stat().st_ino for path in town.index.rglob("*.npy")}
    own = [
        p
        for place in ("state", "nights")
        for p in (nights.folder / place).rglob("*")
        if p.stat().st_ino not in of_index
    ]
    assert len(own) > 20
    for path in own:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_how_a_dose_is_read_stays_as_it_was_the_night_it_came(
    nights: Nights, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A station's phone is read as not stated one night; a later night finds nothing of the kind, and leaves it so."""
    rows = town.doses[:300]

    def clerks_phone(typed: Any, *_: object) -> Stations:
        import numpy as np

        found = np.arange(0, typed.records.num_rows, 3)
        typed.columns["phone"][found] = 0
        return Stations(readings=(Reading("phone", "not stated", found),))

    monkeypatch.setattr(night_claims, "read_stations", clerks_phone)
    nights.write_doses(0, rows)
    assert start(nights, 0).code == 0
    assert nights.export("first") == hashes(nights.from_scratch(rows, nights.date(0)))
    monkeypatch.setattr(night_claims, "read_stations", lambda *_: Stations())
    nights.write_doses(1, [rows[1] | {"full_name": "Trần Thị Bưởi"}, *rows[:1]])
    assert start(nights, 1).code == 0
    readings = {row["dose_id"]: row["readings"] for row in versions(nights) if row["night"] == 1}
    assert sorted({str(text) for text in readings.values()}) == ["None", "phone: not stated"]
    first = {row["dose_id"]: row for row in table(nights.folder / "first", "decisions")}
    second = decisions(nights, "second")
    same = [key for key in first if first[key] == second[key]]
    assert len(same) >= 290


def test_readings_are_written_as_they_follow_each_other() -> None:
    import numpy as np

    both = Stations(
        readings=(
            Reading("phone", "in column id_number", np.array([0, 2])),
            Reading("gender", "the other sex", np.array([1, 2])),
        )
    )
    assert reading_texts(both, 4).to_pylist() == [
        "phone: in column id_number",
        "gender: the other sex",
        "phone: in column id_number; gender: the other sex",
        None,
    ]


WRONG = {
    "format = 2": "format 2: this version reads format 1",
    'index = "state"': "must be folders beside each other",
    "rejected_shares = 1": "no key 'rejected_shares'; did you mean 'rejected_share'?",
    "rejected_share = 5": "gates.rejected_share: must be 1 at most; see",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_configuration_is_one_line(nights: Nights, line: str) -> None:
    key = line.split(" =")[0]
    lines = CONFIGURATION.splitlines()
    lines = [line if one.split(" =")[0] == key.removesuffix("s") or one.split(" =")[0] == key else one for one in lines]
    nights.config.write_text("\n".join(lines), "utf-8")
    with pytest.raises(UsageError) as error:
        read_configuration(nights.config)
    assert WRONG[line] in str(error.value)


def test_a_model_without_a_threshold_makes_no_nights(nights: Nights, town: Town) -> None:
    from linkage.storage.sealed import sealed

    content = json.loads(town.model.read_text("utf-8")) | {"match_threshold": None, "evidence": None}
    (nights.folder / "model.json").unlink()
    (nights.folder / "model.json").write_text(json.dumps(sealed(content)), "utf-8")
    ended = start(nights, 0)
    assert ended.code == 2
    assert "threshold" in ended.json["error"]


def test_another_index_than_the_nights_so_far_had_is_refused(nights: Nights, town: Town, tmp_path: Path) -> None:
    nights.write_doses(0, town.doses[:30])
    assert start(nights, 0).code == 0
    people = pq.read_table(town.index.parent / "data" / "registry.parquet").slice(1)
    pq.write_table(people, tmp_path / "registry.parquet")
    (nights.folder / "index").unlink()
    units = town.index.parent / "data" / "units"
    build_from_files([tmp_path / "registry.parquet"], nights.folder / "index", units=units)
    ended = start(nights, 1)
    assert ended.code == 2
    assert "is not the index" in ended.json["error"]


def test_a_lost_pointer_is_damage_and_no_new_beginning(nights: Nights, town: Town) -> None:
    nights.write_doses(0, town.doses[:30])
    nights.write_doses(1, town.doses[:31])
    assert start(nights, 0).code == 0
    assert start(nights, 1).code == 0
    (nights.folder / "state" / "current").unlink()
    with pytest.raises(VerificationError, match="current"):
        nights.run(2)


def test_a_state_older_than_the_nights_is_told(nights: Nights, town: Town) -> None:
    """As where it was restored from a copy of some nights ago."""
    for n in range(3):
        nights.write_doses(n, town.doses[: 30 + n])
        assert start(nights, n).code == 0
        if n == 0:
            shutil.copytree(nights.folder / "state", nights.folder / "copy")
    shutil.rmtree(nights.folder / "state")
    (nights.folder / "copy").rename(nights.folder / "state")
    ended = start(nights, 3)
    assert (ended.code, "does not know them" in ended.json["error"]) == (4, True)


def test_a_number_that_the_subject_states_another_night_is_weighed_as_in_one_run(nights: Nights, town: Town) -> None:
    """Claims that say little of their people; what their subjects state beside them comes a night later, and goes."""
    blank = dict.fromkeys(("id_number", "phone", "insurance_number", "dose_date", "dose_number"))
    vague = []
    for number, row in enumerate(town.doses[900:960]):
        year = re.search(r"(19|20)\d\d", row["date_of_birth"] or "")
        subject = {"dose_id": f"Z{number:04}0", "subject_id": f"Z{number}"}
        vague.append(row | blank | subject | {"date_of_birth": year and year.group()})
    number = {"id_number": "099099999999"}  # nobody's
    stating = [row | number | {"dose_id": row["dose_id"][:-1] + "1"} for row in vague]
    nights.write_doses(0, town.doses[:900] + vague)
    nights.write_doses(1, stating)
    nights.write_withdrawals(2, [row["dose_id"] for row in stating])
    found, exported = [], []
    for night in range(3):
        assert start(nights, night).code == 0
        found.append(decisions(nights, f"after_{night}"))
        exported.append(hashes(nights.folder / f"after_{night}"))
    rows = town.doses[:900] + vague
    for night, in_force in enumerate((rows, rows + stating)):
        shutil.rmtree(nights.folder / "scratch", ignore_errors=True)
        assert exported[night] == hashes(nights.from_scratch(in_force, nights.date(night)))
    weights = [[after[row["dose_id"]]["match_weight"] or 0.0 for row in vague] for after in found]
    assert sum(second < first for first, second in zip(weights[0], weights[1], strict=True)) > 20
    assert weights[2] == weights[0]
