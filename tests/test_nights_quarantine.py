"""Files that a night sets aside: not forgotten, not read again as they are, read when mended or released."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from linkage.nights.configuration import read_configuration
from linkage.nights.quarantine import list_quarantine
from linkage.nights.status import status
from linkage.nights.taking_back import take_back
from linkage.state.folder import open_state
from linkage.state.rows import versions_of
from linkage.state.tables import DOSE_VERSIONS
from tests.district import Called, call
from tests.nights import CONFIGURATION, Nights, Town, manifest

JUNK = b"\x00\x01 no table"


def put(nights: Nights, number: int, content: bytes = JUNK, name: str = "broken.csv") -> Path:
    path = nights.folder / "in" / nights.date(number).isoformat() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def start(nights: Nights, number: int) -> Called:
    ended = call("night", "--config", nights.config, "--date", nights.date(number), "--json")
    assert ended.code == 0, ended.err
    return ended


def listed(nights: Nights) -> list[tuple[str, str]]:
    said = call("quarantine", "list", "--config", nights.config, "--json").json["files"]
    return [(one["path"], one["standing"]) for one in said]


def release(nights: Nights, named: object) -> Called:
    return call("quarantine", "release", named, "--config", nights.config, "--json")


@pytest.fixture(scope="module")
def set_aside(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """After a night with one file that cannot be used."""
    nights = town.open(tmp_path_factory.mktemp("set_aside") / "nights")
    nights.write_doses(0, town.doses[:60])
    put(nights, 0)
    start(nights, 0)
    return nights


@pytest.fixture
def waiting(set_aside: Nights, tmp_path: Path) -> Nights:
    """The same again, for a test by itself."""
    shutil.copytree(set_aside.folder, tmp_path / "nights", symlinks=True)
    return Nights(set_aside.town, tmp_path / "nights")


def as_text(nights: Nights, first: int, last: int, names: str = "dose_id,full_name,date_of_birth") -> bytes:
    """Some doses as a station writes them."""
    columns = names.split(",")
    rows = [",".join(str(row[name] or "") for name in columns) for row in nights.town.doses[first:last]]
    return "\n".join([names, *rows, ""]).encode()


def test_what_was_set_aside_is_told_until_it_is_read(waiting: Nights) -> None:
    name = f"in/{waiting.date(0)}/broken.csv"
    (found,) = list_quarantine(read_configuration(waiting.config))
    assert (found["path"], found["kind"], found["standing"]) == (name, "doses", "waits")
    assert "broken.csv" in found["reason"]
    assert found["date"] == str(waiting.date(0))
    assert name in call("quarantine", "list", "--config", waiting.config).out
    assert status(read_configuration(waiting.config))["quarantine"] == 1
    waiting.write_doses(1, waiting.town.doses[60:90])
    ahead = call("night", "--config", waiting.config, "--date", waiting.date(1), "--plan-only", "--json").json
    assert f"files in quarantine: 1 ({name})" in ahead["quarantine"][0]
    ended = start(waiting, 1)
    assert f"files in quarantine: 1 ({name})" in ended.err
    assert listed(waiting) == [(name, "waits")]
    assert "already done" in start(waiting, 1).err
    assert "already done" in start(waiting, 0).err


def test_a_mended_file_is_read_by_the_next_night(waiting: Nights) -> None:
    path = put(waiting, 0, as_text(waiting, 60, 90))
    assert [standing for _, standing in listed(waiting)] == ["mended"]
    ended = start(waiting, 1)
    assert sum(ended.json["counts"].values()) == 90
    assert f"read from quarantine: in/{waiting.date(0)}/broken.csv" in ended.err
    assert listed(waiting) == []
    assert "already done" in start(waiting, 1).err
    assert path.exists()


def test_a_mended_file_that_cannot_be_used_waits_again(waiting: Nights) -> None:
    put(waiting, 0, b"\x00 another")
    ended = start(waiting, 1)  # which has no other file
    assert "files set aside: 1" in ended.err
    assert listed(waiting) == [(f"in/{waiting.date(0)}/broken.csv", "waits")]
    (found,) = list_quarantine(read_configuration(waiting.config))
    assert found["night_id"] == ended.json["night_id"]


def test_an_unchanged_file_is_read_when_it_is_released(nights: Nights) -> None:
    """Its columns had names that were told afterwards, and a pattern without a date names it every night."""
    nights.config.write_text(CONFIGURATION.replace("in/{date}/*.csv", "in/*.csv"), "utf-8")
    nights.write_doses(0, nights.town.doses[:60])
    path = nights.folder / "in" / "station.csv"
    path.write_bytes(as_text(nights, 60, 90).replace(b"full_name", b"whoever").replace(b"dose_id", b"which"))
    start(nights, 0)
    assert listed(nights) == [("in/station.csv", "waits")]
    with nights.config.open("a") as configuration:
        configuration.write('[columns]\nwhoever = "full_name"\nwhich = "dose_id"\n')
    nights.write_doses(1, nights.town.doses[:60])
    ended = start(nights, 1)
    assert "not read, for it holds what is in quarantine: in/station.csv" in ended.err
    assert sum(ended.json["counts"].values()) == 60
    said = release(nights, "station.csv")
    assert (said.code, said.json["standing"]) == (0, "released")
    assert release(nights, path).json == release(nights, said.json["id"]).json == said.json
    assert sum(start(nights, 1).json["counts"].values()) == 90  # of the same files on the same date, but for it
    assert listed(nights) == []
    assert "already done" in start(nights, 1).err


def test_a_file_whose_name_is_no_text_waits_and_is_read_when_mended(nights: Nights) -> None:
    nights.write_doses(0, nights.town.doses[:60])
    name = os.fsdecode(b"tr\xe1m.csv")
    put(nights, 0, name=name)
    start(nights, 0)
    shown = f"in/{nights.date(0)}/tr\\xe1m.csv"
    assert listed(nights) == [(shown, "waits")]
    put(nights, 0, as_text(nights, 60, 90), name)
    assert listed(nights) == [(shown, "mended")]
    assert sum(start(nights, 1).json["counts"].values()) == 90
    assert listed(nights) == []


def test_what_was_released_by_mistake_waits_again_and_stops_no_night(waiting: Nights) -> None:
    put(waiting, 0, JUNK, "withdrawals.csv")
    put(waiting, 0, b"dose_id\n", "withdrawals_2.csv")
    start(waiting, 0)
    assert [Path(path).name for path, _ in listed(waiting)] == ["broken.csv", "withdrawals.csv"]
    for name in ("broken.csv", "withdrawals.csv"):
        assert release(waiting, name).code == 0
    ended = start(waiting, 1)
    assert "files set aside: 2" in ended.err
    assert [standing for _, standing in listed(waiting)] == ["waits", "waits"]


def test_a_file_that_is_gone_waits_until_it_is_released(waiting: Nights) -> None:
    shutil.rmtree(waiting.folder / "in" / str(waiting.date(0)))
    waiting.write_doses(1, waiting.town.doses[60:70])
    start(waiting, 1)
    assert [standing for _, standing in listed(waiting)] == ["gone"]
    assert release(waiting, "broken.csv").json["standing"] == "gone"
    waiting.write_doses(2, waiting.town.doses[60:71])
    start(waiting, 2)
    assert listed(waiting) == []


def test_a_night_taken_back_takes_its_part_of_the_quarantine_back(waiting: Nights) -> None:
    configuration = read_configuration(waiting.config)
    put(waiting, 0, as_text(waiting, 60, 90))
    start(waiting, 1)
    take_back(configuration, "2")
    assert [standing for _, standing in listed(waiting)] == ["mended"]
    take_back(configuration, "1")
    assert listed(waiting) == []


def test_what_an_older_file_states_otherwise_is_told(waiting: Nights) -> None:
    put(waiting, 0, as_text(waiting, 0, 2))  # without most of what is known of these doses
    ended = start(waiting, 1)
    ids = ", ".join(row["dose_id"] for row in waiting.town.doses[:2])
    assert "doses that a file from quarantine states otherwise than what came before" in ended.err
    assert ids in ended.err
    waiting.write_doses(2, waiting.town.doses[:2])
    assert "from quarantine" not in start(waiting, 2).err


def test_later_files_of_the_night_take_the_place_of_what_was_in_quarantine(waiting: Nights) -> None:
    rows = waiting.town.doses
    put(waiting, 0, as_text(waiting, 60, 61))
    waiting.write_doses(1, rows[60:61])
    ended = start(waiting, 1)
    assert manifest(Path(ended.json["night_dir"]))["doses"]["replaced"] == 1
    last = versions_of(open_state(waiting.folder / "state"), DOSE_VERSIONS, pa.array([rows[60]["dose_id"]]))
    assert last["file"].to_pylist() == ["broken.csv", "doses.parquet"]


@pytest.mark.parametrize(("named", "why"), [("other.csv", "no file in quarantine"), ("broken.csv", "by its id")])
def test_what_is_meant_must_be_clear(waiting: Nights, named: str, why: str) -> None:
    put(waiting, 1, b"\x00 another")
    waiting.write_doses(1, waiting.town.doses[60:70])
    start(waiting, 1)
    ended = release(waiting, named)
    assert (ended.code, why in ended.json["error"]) == (2, True), ended.err
    assert [standing for _, standing in listed(waiting)] == ["waits", "waits"]
