"""The program in a process of its own, with what stands against it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.origin import ROOT

LIMIT_SECONDS = 300  # of the processor, for a command that takes seconds, or without any of it: then it hangs
_AT_WORK = 0.5  # seconds of the processor within the limit: on a machine that does other work it may get few


@dataclass(frozen=True)
class Ended:
    """How a process ended; ``code`` is None where it was still at work when its time was over."""

    code: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Fault:
    """What stands against a command.

    name : as the table names it
    prefix : words before the program, such as ``prlimit --as=...``
    environment : beside the usual one; None takes a name out
    seconds : after which the command is held to hang
    """

    name: str
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    seconds: float = LIMIT_SECONDS


NO_FAULT = Fault("none")


def start(arguments: Sequence[str], fault: Fault = NO_FAULT) -> Ended:
    """The program with these arguments, in a process group that ends with it."""
    return finish(launch(arguments, fault), fault.seconds)


def launch(arguments: Sequence[str], fault: Fault = NO_FAULT) -> subprocess.Popen[bytes]:
    """The program, begun."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"} | fault.environment
    return subprocess.Popen(
        [*fault.prefix, sys.executable, "-m", "linkage", *arguments],
        env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    """A shell that started this in the background has it ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process: subprocess.Popen[bytes], seconds: float = LIMIT_SECONDS) -> Ended:
    """How the program ends; it is killed with its group where it hangs, see `is_at_work`."""
    used = 0.0
    code: int | None = None
    while code is None:
        try:
            out, err = process.communicate(timeout=seconds)
            code = process.returncode
        except subprocess.TimeoutExpired:
            before, used = used, processor_seconds(process.pid)
            if not is_at_work(before, used, seconds):
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                break
    return Ended(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def is_at_work(before: float, used: float, seconds: float) -> bool:
    """Whether a program that has not ended within some seconds works still: it got the processor meanwhile, and has not
    had it for so many seconds in all; before, used: of the processor, at the beginning and the end of the wait."""
    return before + _AT_WORK <= used <= seconds


def processor_seconds(process: int) -> float:
    """What a process and those that it has waited for have had of the processor."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
