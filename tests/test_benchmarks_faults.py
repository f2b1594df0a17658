"""The benchmark of faults: how an end is judged, what the table keeps, and each kind tried a few times."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.faults.__main__ import arguments, kinds, main
from benchmarks.faults.commands import Command
from benchmarks.faults.processes import Ended, Fault, is_at_work, processor_seconds, start
from benchmarks.faults.table import markdown, write
from benchmarks.faults.town import Town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG, Trial, broken, files_in, leftover, outcome_of, tried

TOLD_END = "note: two files\nlinkage: a.csv: is empty: send it again\n"


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        (Ended(0, "{}", "note: two files\n"), None),
        (Ended(2, "", TOLD_END), None),
        (Ended(2, "", "Usage: linkage run\n╭─ Error ─╮\n│ No such option │\n╰─╯\n"), None),
        (Ended(None, "", ""), "hangs; last said: nothing on standard error"),
        (Ended(-7, "", ""), "ended by signal SIGBUS; last said: nothing on standard error"),
        (Ended(1, "", "Traceback (most recent call last):\nKeyError: 'a'\n"), "Traceback (most recent call last)"),
        (Ended(0, "", "x.py:3: RuntimeWarning: divide by zero\n"), "RuntimeWarning: "),
        (Ended(134, "", "terminate called\n"), "terminate called"),
        (Ended(5, "", TOLD_END), "undocumented exit code 5"),
        (Ended(1, "", ""), "0 lines of error with exit 1"),
        (Ended(1, "", TOLD_END + TOLD_END), "2 lines of error with exit 1"),
        (Ended(0, "", TOLD_END), "exit 0 with an error: linkage: a.csv"),
    ],
)
def test_an_end_is_broken_or_not(ended: Ended, problem: str | None) -> None:
    found = broken(ended)
    assert found is None if problem is None else found is not None and found.startswith(problem)


def test_what_ended_well_is_right_and_what_says_why_not_is_told() -> None:
    assert outcome_of(Ended(0, "", ""), None) == (RIGHT, "")
    assert outcome_of(Ended(2, "", TOLD_END), None) == (TOLD, "linkage: a.csv: is empty: send it again")
    assert outcome_of(Ended(0, "", ""), "other result") == (WRONG, "other result")


def test_leftovers_are_files_that_are_no_results(tmp_path: Path) -> None:
    out, rest = tmp_path / "out", tmp_path / "tmp"
    for folder in (out, rest):
        folder.mkdir()
    before = files_in([tmp_path])
    (out / "result").write_text("1", "utf-8")
    well, badly = Ended(0, "", ""), Ended(1, "", TOLD_END)
    assert leftover(well, before, files_in([tmp_path]), [out]) is None
    assert leftover(badly, before, files_in([tmp_path]), [out]) == (
        "exit 1, left result; last said: linkage: a.csv: is empty: send it again"
    )
    published = files_in([tmp_path])
    (rest / "work").write_text("1", "utf-8")
    assert (leftover(well, published, files_in([tmp_path]), [out]) or "").startswith("exit 0, left work")
    (out / "result").write_text("2", "utf-8")
    assert (leftover(badly, published, files_in([tmp_path]), [out]) or "").startswith("exit 1, changed result")
    (out / "result").unlink()
    assert (leftover(badly, published, files_in([out]), [out]) or "").startswith("exit 1, changed result")
    assert leftover(well, published, files_in([out]), [out, rest]) is None


def test_a_command_is_started_and_judged(tmp_path: Path) -> None:
    command = Command("model show", ("model", "show", str(tmp_path / "absent.json")), ())
    trial = tried("kind", command, Fault("no file"), tmp_path)
    assert (trial.kind, trial.command, trial.fault, trial.outcome) == ("kind", "model show", "no file", TOLD)
    assert "absent.json" in trial.detail
    hanging = start(["version"], Fault("slow", prefix=("sh", "-c", "sleep 60"), seconds=0.1))
    assert hanging.code is None
    at_work = start(["version"], Fault("busy", prefix=("sh", "-c", "while :; do :; done"), seconds=1))
    assert at_work.code is None


def test_a_program_that_gets_little_of_the_processor_does_not_hang() -> None:
    assert is_at_work(0.0, 2.0, 300)
    assert is_at_work(120.0, 121.0, 300)
    assert not is_at_work(120.0, 120.1, 300)
    assert not is_at_work(290.0, 301.0, 300)
    assert processor_seconds(os.getpid()) == pytest.approx(sum(os.times()[:4]), abs=0.5)


def test_the_table_merges_by_kind(tmp_path: Path) -> None:
    first = [Trial("disks", "run", "1 MiB", TOLD, "linkage: full"), Trial("disks", "run", "2 MiB", WRONG, "hangs")]
    write(first, {"date": "today"}, tmp_path)
    write([Trial("memory", "train", "1 GiB", RIGHT)], {"date": "later"}, tmp_path)
    text = (tmp_path / "faults.md").read_text("utf-8")
    assert "| disks | run | 2 | 0 | 1 | 1 |" in text
    assert "| memory | train | 1 | 1 | 0 | 0 |" in text
    assert "- disks, run, 2 MiB: hangs" in text
    assert "- disks: today" in text
    write([Trial("disks", "run", "2 MiB", TOLD)], {"date": "last"}, tmp_path)
    text = (tmp_path / "faults.md").read_text("utf-8")
    assert "| disks | run | 1 | 0 | 1 | 0 |" in text
    assert "Wrong: 0." in text
    assert markdown(json.loads((tmp_path / "faults.json").read_text("utf-8"))["kinds"]) == text


def test_numbered_trials_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[range] = []

    def numbered(town: Town, seed: int, numbers: range) -> Iterator[Trial]:
        asked.append(numbers)
        yield from (Trial("kind", "read a", str(n), WRONG if n % 50 == 0 else RIGHT) for n in numbers)

    module = SimpleNamespace(KIND="kind", numbered=numbered)
    monkeypatch.setattr("benchmarks.faults.__main__.kinds", lambda: {"kind": module})
    monkeypatch.setattr("benchmarks.faults.__main__.make_town", lambda folder: Town(folder))
    words = ["--only", "kind", "--out", str(tmp_path), "--trials"]
    assert main([*words, "70"]) == main([*words, "120"]) == 1
    assert main([*words, "120"]) == 0
    assert asked == [range(70), range(70, 120), range(120, 120)]
    found = json.loads((tmp_path / "faults.json").read_text("utf-8"))["kinds"]["kind"]
    assert found["commands"] == {"read a": {"right": 117, "told": 0, "wrong": 3}}
    assert (found["done"], [trial["fault"] for trial in found["wrong"]]) == (120, ["0", "50", "100"])
    assert main([*words, "30", "--seed", "2"]) == 1  # another seed begins anew
    assert asked[-1] == range(30)


def test_arguments_choose_kinds() -> None:
    known = kinds()
    assert {"disks", "memory", "parsers"} <= set(known)
    assert arguments([]).only == sorted(known)
    with pytest.raises(SystemExit):
        arguments(["--only", "nothing"])
