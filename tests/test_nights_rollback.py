"""Nights taken back leave no trace, killed at any step, and can be done again; pruned ones are refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
import pytest

from linkage.nights import unfinished
from linkage.nights.configuration import read_configuration
from linkage.nights.pruning import prune
from linkage.nights.taking_back import take_back
from linkage.state.folder import open_state
from linkage.storage import versions as stored
from linkage.storage.locks import locked
from tests.crashes import recorded
from tests.district import Called, call
from tests.nights import CONFIGURATION, Nights, make_town, table, tree

PLACES = ("index", "state", "nights")


@dataclass(frozen=True)
class Done:
    """Three nights, of which the last two have changes of the registry, and copies of all folders after each."""

    nights: Nights
    copies: list[Path]

    def trees(self, number: int) -> dict[str, dict[str, str]]:
        return trees(self.copies[number])

    def open(self, folder: Path) -> Nights:
        """As it is after the last night, to be changed."""
        shutil.copytree(self.nights.folder, folder, symlinks=True)
        return Nights(self.nights.town, folder)


def trees(folder: Path) -> dict[str, dict[str, str]]:
    return {name: tree(folder / name) for name in PLACES}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("taken-back")
    town = make_town(folder / "town", 1500, 2500)
    nights = town.open(folder / "nights", changing=True)
    people = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    copies = []
    with mock.patch("linkage.state.compacting.MOST_PARTS", 2):
        for number in range(3):
            rows = town.doses[number * 100 : number * 100 + 200]
            nights.write_doses(number, [row | {"lot": f"{number}"} for row in rows])
            if number:
                nights.write_registry(number, [row | {"phone": None} for row in people[number::50]])
                nights.write_withdrawals(number, [rows[0]["dose_id"]])
            nights.run(number)
            copies.append(folder / f"after_{number}")
            for name in PLACES:
                shutil.copytree(nights.folder / name, copies[-1] / name)
        yield Done(nights, copies)


@pytest.fixture
def nights(done: Done, tmp_path: Path) -> Nights:
    return done.open(tmp_path / "nights")


def rollback(nights: Nights, named: object, *options: object) -> Called:
    return call("nights", "rollback", named, "--config", nights.config, "--json", *options)


def id_of(nights: Nights, number: int) -> str:
    return str(open_state(nights.folder / "state").nights[number]["night_id"])


@pytest.mark.parametrize("number", [1, 2])
def test_what_was_taken_back_leaves_no_trace(nights: Nights, done: Done, number: int) -> None:
    ended = rollback(nights, nights.date(number))
    assert ended.code == 0, ended.err
    assert len(ended.json["nights"]) == 3 - number
    assert trees(nights.folder) == done.trees(number - 1)


def test_nights_taken_back_can_be_done_again_and_give_the_same_bytes(nights: Nights, done: Done) -> None:
    assert rollback(nights, 1).json["state"] is None
    assert tree(nights.folder / "state") == tree(nights.folder / "nights") == {}
    assert tree(nights.folder / "index") == tree(done.nights.town.index)
    for number in range(3):
        nights.run(number)
    for name in ("index", "state"):
        assert tree(nights.folder / name) == done.trees(2)[name]
    ours, theirs = tree(nights.folder / "nights"), done.trees(2)["nights"]
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in ours.items() if "parquet" in k} == {k: v for k, v in theirs.items() if "parquet" in k}


class Killed(BaseException):
    """A process that ends here."""


def die_at(monkeypatch: pytest.MonkeyPatch, n: int) -> list[str]:
    """Let the process die before the n-th step that changes a folder."""
    met: list[str] = []

    def dying(module: Any, name: str) -> None:
        real = getattr(module, name)

        def step(*arguments: Any, **options: Any) -> Any:
            met.append(name)
            if len(met) == n:
                raise Killed
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, step)

    for module, name in (
        (stored, "put_in_place"),
        (unfinished, "moved_away"),
        (unfinished, "flush"),
        (Path, "unlink"),
        (shutil, "rmtree"),
    ):
        dying(module, name)
    return met


def test_killed_at_any_step_it_is_done_by_the_next_start_or_not_at_all(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, ends = 0, set[str]()
    while True:
        n += 1
        nights = done.open(tmp_path / f"killed_{n}")
        configuration = read_configuration(nights.config)
        with monkeypatch.context() as patched:
            die_at(patched, n)
            try:
                take_back(configuration, "2")
            except Killed:
                is_killed = True
            else:
                is_killed = False
        if not is_killed:
            break
        open_state(nights.folder / "state")  # can be read at any time
        is_written = (nights.folder / "nights" / unfinished.INTENT).exists()
        unfinished.finish(configuration)
        # What was written down and is not there was done.
        assert trees(nights.folder) in [done.trees(number) for number in ((0,) if is_written else (0, 2))]
        shutil.rmtree(nights.folder / "in")
        take_back(
            configuration, "3" if len(open_state(configuration.state).nights) == 3 else "1"
        )  # sweeps what is left
        number = len(open_state(configuration.state).nights)
        ends.add(f"{is_written} {number}")
        assert (number == 2) == (not is_written) or number == 0
        if number:
            assert trees(nights.folder) == done.trees(number - 1)
        shutil.rmtree(nights.folder)
    assert n > 12
    assert len(ends) >= 2, ends


def test_after_a_kill_or_a_loss_of_power_at_any_event_it_is_done_or_not_at_all(done: Done, tmp_path: Path) -> None:
    nights = done.open(tmp_path / "nights")
    with recorded(nights.folder, tmp_path / "images") as recorder:
        take_back(read_configuration(nights.config), "2")
    assert len(recorder.told) > 10
    wrong, ends = [], set[int]()
    for image, told in zip(sorted((tmp_path / "images").iterdir()), recorder.told, strict=True):
        unfinished.finish(read_configuration(image / "night.toml"))
        found = [number for number in (0, 2) if trees(image) == done.trees(number)]
        ends.update(found)
        wrong += [] if found else [told]
    assert (wrong, ends) == ([], {0, 2})


def test_what_cannot_be_taken_back_is_refused_and_left(nights: Nights, done: Done) -> None:
    before = trees(nights.folder)
    for named in ("2019-01-01", "20260314-nonsense", "4", "0"):
        ended = rollback(nights, named)
        assert (ended.code, ended.json["kind"]) == (2, "usage"), named
    for place in ("state", "nights", "index"):
        with locked(nights.folder / place):
            assert rollback(nights, 2).code == 75
    assert trees(nights.folder) == before
    target = done.copies[0] / "state"
    name = next(path.name for path in target.iterdir() if path.name.startswith("v"))
    damaged = next((nights.folder / "state" / name).rglob("decisions.parquet"))
    whole = damaged.read_bytes()
    damaged.unlink()  # not the file that later versions share with it
    damaged.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    assert rollback(nights, 2).code == 4
    assert open_state(nights.folder / "state").nights[-1]["date"] == nights.date(2).isoformat()


def test_pruned_nights_are_gone_and_told(nights: Nights, done: Done) -> None:
    last = table(nights.folder / "nights" / id_of(nights, 2), "decisions")
    dose = last[0]["dose_id"]
    assert call("nights", "prune", "--config", nights.config).code == 2
    ended = call("nights", "prune", "--keep", 1, "--config", nights.config, "--json")
    assert ended.code == 0, ended.err
    assert (len(ended.json["nights"]), ended.json["kept"]) == (2, 1)
    assert [path.name for path in (nights.folder / "nights").glob("2*")] == [id_of(nights, 2)]
    assert len(list((nights.folder / "state").glob("v*"))) == 2  # in force, and before the night that is left
    assert len(list((nights.folder / "index").glob("v*"))) == 2
    again = call("night", "--config", nights.config, "--date", nights.date(0), "--json")
    assert (again.code, again.json["changes"]["new"]) == (0, 200)
    assert "already done" in again.err
    ended = rollback(nights, 2)
    assert ended.code == 2
    assert "was pruned" in ended.json["error"]
    assert call("history", dose, "--config", nights.config).code == 0
    assert call("explain", nights.config, dose).code == 0
    assert call("nights", "show", 1, "--config", nights.config, "--json").json["night_dir"] is None
    assert rollback(nights, 3).code == 0
    assert len(open_state(nights.folder / "state").nights) == 2
    nights.run(2)
    assert nights.export("again") == done.nights.export(f"of_{nights.folder.parent.name}")


def test_a_pruned_night_is_not_taken_back_although_none_was_before_it(nights: Nights) -> None:
    assert call("nights", "prune", "--keep", 2, "--config", nights.config, "--json").json["kept"] == 2
    before = trees(nights.folder)
    ended = rollback(nights, 1)
    assert (ended.code, "was pruned" in ended.json["error"]) == (2, True)
    assert trees(nights.folder) == before
    assert call("nights", "prune", "--keep", 2, "--before", nights.date(1), "--config", nights.config).code == 2


def test_a_configuration_says_how_many_nights_are_kept(nights: Nights) -> None:
    nights.config.write_text(CONFIGURATION + "[retention]\nnights = 2\n", "utf-8")
    nights.write_doses(3, nights.town.doses[500:520])
    people = pq.read_table(nights.town.index.parent / "data" / "registry.parquet").to_pylist()
    nights.write_registry(3, [row | {"phone": "0912345678"} for row in people[:5]])  # the index is locked meanwhile
    done = call("night", "--config", nights.config, "--date", nights.date(3), "--json")
    assert done.code == 0, done.err
    assert len(list((nights.folder / "nights").glob("2*"))) == 2
    assert prune(read_configuration(nights.config)).nights == []
    ended = call("nights", "prune", "--before", nights.date(9), "--config", nights.config, "--json")
    assert ended.json["kept"] == 1


def test_a_prune_that_was_killed_is_ended_by_the_next(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = read_configuration(nights.config)
    with monkeypatch.context() as patched:
        die_at(patched, 4)
        with pytest.raises(Killed):
            prune(configuration, 1)
    open_state(nights.folder / "state")
    prune(configuration, 1)
    assert len(list((nights.folder / "nights").glob("2*"))) == 1
    assert len(list((nights.folder / "state").glob("v*"))) == 2


def test_nights_are_shown_and_compared(nights: Nights, done: Done, tmp_path: Path) -> None:
    shown = call("nights", "show", nights.date(1), "--config", nights.config, "--json").json
    assert (shown["number"], shown["date"]) == (2, nights.date(1).isoformat())
    assert shown["doses"]["withdrawn"] == 1
    assert [file["file"] for file in shown["inputs"]] == ["doses.parquet"]
    out = tmp_path / "differing.parquet"
    ended = call("nights", "diff", 1, nights.date(2), "--config", nights.config, "--out", out, "--json")
    assert ended.code == 0, ended.err
    decided = []
    for number in (0, 2):
        config = nights.config
        shutil.rmtree(nights.folder / "state")
        shutil.copytree(done.copies[number] / "state", nights.folder / "state")
        call("state", "export", "--config", config, "--out", nights.folder / f"of_{number}")
        decided.append({row["dose_id"]: row for row in table(nights.folder / f"of_{number}", "decisions")})
    names = ("status", "person_id", "match_probability")
    first, second = ({k: tuple(row[n] for n in names) for k, row in rows.items()} for rows in decided)
    nobody = (None, None, None)
    wanted = {k: (first.get(k, nobody), second.get(k, nobody)) for k in first.keys() | second.keys()}
    wanted = {k: both for k, both in wanted.items() if both[0] != both[1]}
    rows = {row["dose_id"]: row for row in pq.read_table(out).to_pylist()}
    assert rows.keys() == wanted.keys()
    for key, row in rows.items():
        assert (tuple(row[f"{n}_before"] for n in names), tuple(row[n] for n in names)) == wanted[key]
    assert sum(ended.json["by_status"].values()) == ended.json["doses"] == len(wanted) > 100
    back = call("nights", "diff", nights.date(2), 1, "--config", nights.config, "--json").json
    assert back["doses"] == len(wanted)
