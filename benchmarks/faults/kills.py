"""Kills: a command ends by a signal at a random moment, and the same one starts again.

Right: the second start has the result of an undisturbed one, and nothing is left of the first. SIGINT and SIGTERM end
with exit code 130 and one line, and leave nothing by themselves.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.commands import command_of
from benchmarks.faults.processes import Ended, Fault, finish, launch, start
from benchmarks.faults.town import Town
from benchmarks.faults.trials import RIGHT, WRONG, Trial, broken, files_in
from benchmarks.faults.undisturbed import Undisturbed, difference, in_turn, n_versions, result

KIND = "kills"
COMMANDS = (
    *("simulate", "index build", "index apply", "index compact", "train", "run", "night", "link"),
    *("report appendix", "report statistics", "rejects", "plan init"),
)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_STOPPED = 130
_LATEST = 1.1  # of the seconds that the command takes: some end before
_SIGTERM_IS_CAUGHT = 1 << signal.SIGTERM - 1


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Commands in turn, each killed by any signal at any moment from when the program is loaded."""
    for name, known, work in in_turn(COMMANDS, town, n, "kills-"):
        moment, by = rng.random() * _LATEST, rng.choice(SIGNALS)
        problem = killed(name, town, work, known, moment, by)
        fault = f"{by.name} after {moment:.0%}"
        yield Trial(KIND, name, fault, RIGHT if problem is None else WRONG, problem or "")


def killed(name: str, town: Town, work: Path, expected: Undisturbed, moment: float, by: signal.Signals) -> str | None:
    """Kill a command and start it again; what is wrong then, None where nothing is.

    moment : when it is killed, as a share of the seconds that it takes
    """
    out, fault = work / "out", Fault(by.name, environment={"TMPDIR": str(work / "tmp")})
    command = command_of(name, town, work)
    before, versions = result(out), n_versions(out)
    process = launch(command.arguments, fault)
    _await_program(process)
    time.sleep(moment * expected.seconds)
    process.send_signal(by)
    ended = finish(process)
    is_whole = difference(result(out), expected.files) is None
    problem = _of_stop(ended, by)
    if problem is None and by != signal.SIGKILL and not is_whole:
        problem = difference(result(out), before) or _left(work)
    if problem is not None:
        return f"killed: {problem}"
    again = start(command.arguments, fault)
    # What is whole is not made again: a folder that is there is refused.
    is_refused = is_whole and again.code == 1 and "exists already" in again.err
    problem = broken(again) or (None if again.code == 0 or is_refused else again.err.strip())
    problem = problem or difference(result(out), expected.files) or _left(work)
    if problem is None and n_versions(out) > versions + 1 + is_whole:
        problem = "a version was left that never was in force"
    return None if problem is None else f"started again: {problem}"


def _await_program(process: subprocess.Popen[bytes]) -> None:
    """Wait until the program hears signals: what Python does before is not its own."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        if int(caught, 16) & _SIGTERM_IS_CAUGHT:
            return
        time.sleep(0.001)


def _of_stop(ended: Ended, by: signal.Signals) -> str | None:
    """What is wrong with how a command ended that was killed, or was faster."""
    if by == signal.SIGKILL and ended.code == -by:
        return None
    problem = broken(ended)
    return problem or (None if ended.code in (0, _STOPPED) else f"exit {ended.code}: {ended.err.strip()}")


def _left(work: Path) -> str | None:
    """A file among the work files of commands that have ended."""
    left = list(files_in([work / "tmp"]))
    return f"left {left[0].name} in TMPDIR" if left else None
