"""Where nights stand, told while one runs, after one was killed and in between; and what the next one would cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from linkage.nights.configuration import read_configuration
from linkage.nights.looking_ahead import look_ahead
from linkage.nights.night import run_night
from linkage.nights.status import status
from linkage.state.folder import open_state
from tests.district import call
from tests.nights import Nights, tree


def test_looking_ahead_writes_nothing(nights: Nights) -> None:
    nights.write_doses(0, nights.town.doses[:200])
    before = sorted(nights.folder.rglob("*"))
    ended = call("night", "--config", nights.config, "--date", nights.date(0), "--plan-only", "--json")
    assert ended.code == 0, ended.err
    assert sorted(nights.folder.rglob("*")) == before
    said = ended.json
    assert (said["expected"], said["already_done"], said["state"]) == (None, None, None)
    assert [(file["kind"], Path(file["file"]).name) for file in said["files"]] == [("doses", "doses.parquet")]
    assert "no file for 'in/2026-03-14/withdrawals*.csv'" in said["missing"]


def test_the_cost_of_a_night_goes_by_what_earlier_ones_cost(nights: Nights) -> None:
    configuration = read_configuration(nights.config)
    for number, n in enumerate((200, 400)):
        nights.write_doses(number, nights.town.doses[number * 500 : number * 500 + n])
        nights.run(number)
    nights.write_doses(2, nights.town.doses[1000:1300])
    nights.write_doses(3, nights.town.doses[1000:2000])
    before = tree(nights.folder)
    done, between, more = (look_ahead(configuration, nights.date(number)) for number in (1, 2, 3))
    assert tree(nights.folder) == before
    assert done["already_done"] == open_state(configuration.state).nights[1]["night_id"]
    assert between["expected"]["from_nights"] == 2
    assert 200 < between["expected"]["decisions"] < 400 < more["expected"]["decisions"] < 1600
    assert between["expected"]["disk_bytes"] < more["expected"]["disk_bytes"]
    assert between["expected"]["seconds"] > 0


def test_a_night_that_merges_parts_is_foreseen(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.state.compacting.MOST_PARTS", 2)
    configuration = read_configuration(nights.config)
    foreseen = []
    for number in range(4):
        nights.write_doses(number, nights.town.doses[number * 100 : number * 100 + 100])
        nights.run(number)
        nights.write_doses(number + 1, nights.town.doses[number * 100 + 100 : number * 100 + 200])
        foreseen.append(look_ahead(configuration, nights.date(number + 1))["expected"])
    assert [bool(expected["merging"]) for expected in foreseen] == [False, True, False, True]
    first, second = foreseen[1]["merging"], foreseen[3]["merging"]
    assert first["seconds"] is None
    parts = open_state(configuration.state).manifest["parts"]
    assert second["bytes"] == sum(sum(part["sums"]["bytes"].values()) for part in parts)
    assert 0 <= second["seconds"] <= foreseen[3]["seconds"]
    assert foreseen[3]["disk_bytes"] > second["bytes"] > first["bytes"]


def test_a_night_of_another_user_is_told(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose work folder nobody else may look into; who holds its lock is listed."""
    configuration = read_configuration(nights.config)
    nights.write_doses(0, nights.town.doses[:60])
    told = []

    def refuse(path: Path) -> bytes:
        if path.name == "at_work.json":
            raise PermissionError
        return read(path)

    def look(stage: str, *_: int) -> None:
        if stage == "link" and not told:
            told.append(status(configuration))

    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", refuse)
    run_night(configuration, nights.date(0), on_progress=look)
    running = told[0]["running"]
    assert (running["pid"], running["stage"], told[0]["unfinished"]) == (os.getpid(), None, [])
    (nights.folder / "nights" / ".linkage-work-left").mkdir()
    (nights.folder / "nights" / ".linkage-work-left" / "at_work.json").touch()
    assert status(configuration)["running"] is None


def test_a_night_at_work_is_told(nights: Nights) -> None:
    configuration = read_configuration(nights.config)
    nights.write_doses(0, nights.town.doses[:200])
    told = []

    def look(stage: str, *_: int) -> None:
        if stage == "link" and not told:
            told.append(status(configuration))

    run_night(configuration, nights.date(0), on_progress=look)
    assert told[0]["running"]["pid"] == os.getpid()
    assert (told[0]["running"]["stage"], told[0]["unfinished"], told[0]["last_night"]) == ("link", [], None)
    after = status(configuration)
    assert (after["running"], after["unfinished"], after["nights"]) == (None, [], 1)
    assert sum(after["last_night"]["counts"].values()) == 200


def test_a_night_that_was_killed_is_told_until_it_is_done(nights: Nights) -> None:
    nights.write_doses(0, nights.town.doses[:200])
    code = (
        "import datetime, os, signal\n"
        "from pathlib import Path\n"
        "from linkage.nights.configuration import read_configuration\n"
        "from linkage.nights.night import run_night\n"
        "def die(stage, done, total):\n"
        "    if stage == 'decide':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"run_night(read_configuration(Path({str(nights.config)!r})), datetime.date(2026, 3, 14), on_progress=die)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False)
    assert ended.returncode == -signal.SIGKILL
    said = call("status", "--config", nights.config, "--json").json
    assert said["running"] is None
    assert len(said["unfinished"]) == 1
    assert "was killed at the stage decide" in said["unfinished"][0]
    nights.run(0)
    assert status(read_configuration(nights.config))["unfinished"] == []


def test_dates_that_have_files_and_had_no_night_are_told(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since the first night, until they had theirs: not those without files, or with what patterns name every night."""
    text = nights.config.read_text("utf-8").replace("doses = [", 'doses = ["in/always.csv", ')
    nights.config.write_text(text, "utf-8")
    rows, configuration = nights.town.doses, read_configuration(nights.config)
    for number in (-1, 0, 2, 4, 5, 70):
        nights.write_doses(number, rows[number + 1 : number + 40])
    (nights.folder / "in" / "always.csv").write_bytes(b"dose_id,full_name\nD1,A B\n")
    assert not [note for note in nights.run(0).notes if "had no night" in note]
    (note,) = (note for note in nights.run(5).notes if "had no night" in note)
    assert f"had no night: 2 ({nights.date(2)}, {nights.date(4)}); start each by --date" in note

    def missed(number: int) -> list[str]:
        monkeypatch.setattr("linkage.nights.status.today", lambda: nights.date(number))
        return list(status(configuration)["missed"])

    assert missed(6) == missed(5) == [str(nights.date(2)), str(nights.date(4))]
    assert missed(64) == [str(nights.date(4))]
    assert missed(71) == [str(nights.date(70))]
    nights.run(2)
    assert missed(6) == [str(nights.date(4))]


def test_gates_and_the_last_check_are_told(nights: Nights) -> None:
    configuration = read_configuration(nights.config)
    rows = nights.town.doses[:200]
    nights.write_doses(0, [*rows, rows[0] | {"lot": "twice"}])
    nights.run(0)
    before = status(configuration)
    assert before["gates"]["rejected_share"] == {"limit": 0.05, "last": pytest.approx(2 / 201)}
    assert 0 < before["gates"]["expected_false_match_rate"]["last"] < 0.1
    assert before["verified"] is None
    assert call("verify", nights.config).code == 0
    after = status(configuration)
    assert after["verified"]["days"] == 0.0
    assert after["verified"]["state"] == open_state(configuration.state).name
    assert after["disk_free_bytes"]["state"] > 0
    assert "rejected_share" in call("status", "--config", nights.config).out
