"""The program in a fork of this process, which has imported all of it and run nothing: threads do not survive a fork.

Thousands of trials need that; a command of few rows is otherwise mostly the start of Python. What a fork does wrong is
tried again in a process of its own before it counts.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import linkage
from benchmarks.faults.processes import Ended, is_at_work, processor_seconds

_POLL_SECONDS = 0.005
_LEFT_OUT = ("__main__", "checking", "review")  # what starts at once, and what needs other packages


def preload() -> None:
    """Import every module of the program."""
    for module in pkgutil.walk_packages(linkage.__path__, "linkage."):
        if not any(f".{part}." in f"{module.name}." for part in _LEFT_OUT):
            importlib.import_module(module.name)


def start_forked(arguments: Sequence[str], work: Path, seconds: float) -> Ended:
    """The program with these arguments; its temporary files lie in ``work / "tmp"``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if process == 0:
            _be_the_program(arguments, work, out.fileno(), err.fileno())
        code = _waited_for(process, seconds)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode("utf-8", "replace"))
        return Ended(code, *said)


def _be_the_program(arguments: Sequence[str], work: Path, out: int, err: int) -> None:
    """Never returns."""
    code: object = 1
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (open(of, "w", encoding="utf-8", closefd=False) for of in (1, 2))  # noqa: SIM115
        os.environ["TMPDIR"] = tempfile.tempdir = str(work / "tmp")
        sys.argv = ["linkage", *arguments]
        importlib.import_module("linkage.cli.entry").main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _waited_for(process: int, seconds: float) -> int | None:
    """The exit code; None where the process hung, and was ended."""
    before, used, is_there = 0.0, 0.0, True
    while is_there:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_POLL_SECONDS)
        before, used = used, processor_seconds(process)
        is_there = is_at_work(before, used, seconds)
    with suppress(ProcessLookupError):  # it has no group of its own yet
        os.killpg(process, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None
