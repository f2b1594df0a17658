"""Kills and commands at once, as the benchmark of faults tries them: a few of each, on what needs no town."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from benchmarks.faults import concurrency, kills
from benchmarks.faults.commands import command_of, make_work
from benchmarks.faults.processes import Ended
from benchmarks.faults.town import Town
from benchmarks.faults.trials import TOLD, WRONG
from benchmarks.faults.undisturbed import Undisturbed, difference, result, undisturbed

NO_TOWN = Town(Path("nowhere"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed("simulate", NO_TOWN, tmp_path_factory.mktemp("undisturbed") / "simulate")


@pytest.mark.parametrize("by", kills.SIGNALS, ids=lambda by: by.name)
def test_a_killed_command_leaves_nothing_to_the_next(expected: Undisturbed, tmp_path: Path, by: signal.Signals) -> None:
    work = make_work(tmp_path / "work")
    moment = random.Random(by.name).uniform(0.3, 0.9)
    assert kills.killed("simulate", NO_TOWN, work, expected, moment, by) is None


def test_the_same_command_twice_at_once_is_done_once(expected: Undisturbed, tmp_path: Path) -> None:
    work = make_work(tmp_path / "work")
    arguments = command_of("simulate", NO_TOWN, work).arguments
    outcome, detail = concurrency.at_once((arguments, arguments), work, [expected.files], expected.seconds / 3)
    assert outcome != WRONG, detail
    assert outcome != TOLD or "another run is at work here" in detail


def test_an_end_by_a_kill_is_judged() -> None:
    assert kills._of_stop(Ended(-9, "", ""), signal.SIGKILL) is None
    assert "ended by signal SIGTERM" in str(kills._of_stop(Ended(-15, "", ""), signal.SIGTERM))
    stopped = Ended(130, "", "linkage: terminated; what was not finished is removed\n")
    assert kills._of_stop(stopped, signal.SIGTERM) is None
    assert "exit 1" in str(kills._of_stop(Ended(1, "", "linkage: a: is empty\n"), signal.SIGINT))


def test_what_differs_is_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "index" / "v000001").mkdir(parents=True)
    (out / "index" / "v000002").mkdir()
    (out / "index" / "v000002" / "a.npy").write_text("1")
    (out / "index" / "current").write_text("v000002\n")
    (out / "index" / "v000002" / "manifest.json").write_text('{"seconds": 1, "rows": 2}')
    found = result(out)
    assert set(found) == {"index/version/a.npy", "index/version/manifest.json"}
    assert found["index/version/manifest.json"] == '{"rows": 2}'
    (out / "index" / ".linkage-work-0").mkdir()
    assert difference(result(out), found) == "index/.linkage-work-0 was left"
    assert difference({}, found) == "index/version/a.npy is missing"
    assert difference(found | {"index/version/a.npy": "0"}, found) == "index/version/a.npy has other bytes"
    assert difference(found, found) is None
