"""Thirty nights with everything that comes, a file a week that cannot be used and a kill or a loss of power a week,
decide as one run on what is in force."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from linkage.nights.quarantine import waiting_files
from linkage.state.folder import open_state
from linkage.stations import Stations
from tests.crashes import recorded
from tests.nights import Town, make_town, manifest
from tests.test_nights_equal import Sequence

N_NIGHTS = 30
FEWEST_EVENTS = 300  # of the files of a night


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("town"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_month_of_nights_decides_as_one_run(
    town: Town, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.night.claims.read_stations", lambda *_: Stations())  # which are of a night's files
    sequence = Sequence(town.open(tmp_path / "nights", changing=True), 3000 + seed, 1500)
    nights, chance = sequence.nights, random.Random(seed)
    set_aside = n_cut_off = 0
    for number in range(N_NIGHTS):
        sequence.night(number, *((500, 0, 0) if number == 0 else (chance.randrange(40), 8, 4)))
        if number % 3 == 1:
            sequence.registry(number, 12)
        if number % 3 == 2:
            sequence.verdicts(number, 6)
        if number % 7 == 3:
            broken = nights.folder / "in" / nights.date(number).isoformat() / "broken.csv"
            broken.write_bytes(b"\x00\x01 no table" + bytes([number]))
        if number % 7 == 5:
            with recorded(nights.folder, tmp_path / "images", only=chance.randrange(FEWEST_EVENTS)):
                nights.run(number)
            shutil.rmtree(nights.folder)
            shutil.copytree(chance.choice(sorted((tmp_path / "images").iterdir())), nights.folder)
            shutil.rmtree(tmp_path / "images")
            n_cut_off += 1
        done = sequence.run(number)
        set_aside += len(manifest(done.night_dir)["set_aside"])
        if number in (1, 4, 9, 14, 19, 24, 29):
            sequence.check(number)
    assert (set_aside, n_cut_off) == (4, 4)
    state = open_state(nights.folder / "state")
    assert (len(state.nights), len(waiting_files(state))) == (N_NIGHTS, 4)
