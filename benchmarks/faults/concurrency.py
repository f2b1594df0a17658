"""Two commands at once in one place: the same twice, or one that reads what the other changes.

Right: each ends well or is told to try later, and what is there afterwards is what one after the other would have made.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.commands import command_of, make_work
from benchmarks.faults.processes import Ended, Fault, finish, launch
from benchmarks.faults.town import Town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG, Trial, broken, files_in
from benchmarks.faults.undisturbed import Result, difference, must, result, undisturbed

KIND = "concurrency"
_LATER = 75
_LATEST_SECONDS = 4.0  # that the second one starts after the first
_INDEX, _RUNS = "index", "runs"
Pair = tuple[Sequence[str], Sequence[str]]

# Started twice into one place.
TWICE = (
    *("simulate", "index build", "index apply", "index compact", "train", "run", "night", "link"),
    *("report appendix", "plan init"),
)
# Changes of an index while runs read it.
CHANGES = ("index build", "index apply", "index compact")


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Every pair in turn, the second command some moments after the first."""
    pairs: list[tuple[str, Callable[[Path], Pair]]] = [
        *((f"{name} twice", partial(_twice, name, town)) for name in TWICE),
        *((f"run beside {name}", partial(_beside, name, town)) for name in CHANGES),
    ]
    known: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory(prefix="concurrency-") as folder:
        for number in range(n):
            label, commands = pairs[number % len(pairs)]
            if label not in known:
                known[label] = _expected(label, town, Path(folder) / "expected" / label)
            work = make_work(Path(folder) / str(number))
            seconds = rng.random() * _LATEST_SECONDS
            outcome, detail = at_once(commands(work), work, known[label], seconds)
            yield Trial(KIND, label, f"second after {seconds:.2f} s", outcome, detail)
            shutil.rmtree(work)


def _twice(name: str, town: Town, work: Path) -> Pair:
    command = command_of(name, town, work)
    return command.arguments, command.arguments


def _beside(name: str, town: Town, work: Path) -> Pair:
    """A change of an index, and a run with it."""
    if name == "index build":
        shutil.copytree(town.index, work / "out" / _INDEX)
    return command_of(name, town, work).arguments, _run(town, work)


def _run(town: Town, work: Path) -> Sequence[str]:
    inputs = ("--doses", town.data("doses"), "--model", town.model, "--index", work / "out" / _INDEX)
    return [str(word) for word in ("run", *inputs, "--out", work / "out" / _RUNS, "--accept", "a trial")]


def _expected(label: str, town: Town, folder: Path) -> list[Result]:
    """What one after the other makes, in either order."""
    name = label.removesuffix(" twice")
    if name != label:
        return [undisturbed(name, town, folder).files]
    found = []
    for order in (1, -1):
        work = make_work(folder / str(order))
        for arguments in _beside(label.removeprefix("run beside "), town, work)[::order]:
            must(arguments)
        found.append(result(work / "out"))
    return found


def at_once(commands: Pair, work: Path, expected: Sequence[Result], seconds: float) -> tuple[str, str]:
    """Start both, the second after some seconds; outcome and detail."""
    fault = Fault("at once", environment={"TMPDIR": str(work / "tmp")})
    first = launch(commands[0], fault)
    time.sleep(seconds)
    second = launch(commands[1], fault)
    ends = finish(first), finish(second)
    problem = next((problem for ended in ends if (problem := _of_end(ended)) is not None), None)
    if problem is None and all(ended.code for ended in ends):
        problem = f"neither ended well: {ends[0].err.strip()} / {ends[1].err.strip()}"
    differences = [difference(result(work / "out"), one) for one in expected]
    if problem is None and None not in differences:
        problem = differences[0]
    if problem is None and (left := list(files_in([work / "tmp"]))):
        problem = f"left {left[0].name} in TMPDIR"
    if problem is not None:
        return WRONG, problem
    told = [ended.err.strip().splitlines()[-1] for ended in ends if ended.code]
    return (TOLD, told[0]) if told else (RIGHT, "")


def _of_end(ended: Ended) -> str | None:
    """What is wrong with the end of one of two: it may be sent away, and what it was to make may be there."""
    is_told = ended.code in (0, _LATER) or (ended.code == 1 and "exists already" in ended.err)
    return broken(ended) or (None if is_told else f"exit {ended.code}: {ended.err.strip()}")
