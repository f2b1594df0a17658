"""A process that runs one command after the other, for trials by the thousand; one that dies is replaced."""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any
from unittest import mock

from benchmarks.faults.processes import LIMIT_SECONDS, Ended, is_at_work, processor_seconds

_MOST_BYTES = 24 << 30  # of address space: what asks for more than the machine has is to fail, not to take it


class CommandProcess:
    """Runs commands in a process of its own; a context, which ends it.

    settings : constants of the program that hold in it, by "module.NAME"
    """

    def __init__(self, settings: Mapping[str, int]) -> None:
        self._settings = dict(settings)
        self._spawning = multiprocessing.get_context("spawn")
        self._start()

    def __enter__(self) -> CommandProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def call(self, arguments: Sequence[object]) -> Ended:
        """A command as a user starts it: how it ended, and what it printed."""
        try:
            self._pipe.send([str(word) for word in arguments])
            if is_answered(self._pipe, self._process.pid or 0, LIMIT_SECONDS):
                return Ended(*self._pipe.recv())
            code = None
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
        self._stop()
        self._start()
        return Ended(code, "", "")

    def _start(self) -> None:
        self._pipe, theirs = self._spawning.Pipe()
        self._process = self._spawning.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def is_answered(pipe: Connection[Any, Any], process: int, seconds: float) -> bool:
    """Whether something comes from a process before it hangs, see `is_at_work`."""
    first, used = processor_seconds(process), 0.0
    while not pipe.poll(seconds):
        before, used = used, processor_seconds(process) - first
        if not is_at_work(before, used, seconds):
            return False
    return True


def _serve(pipe: Connection[Any, Any], settings: Mapping[str, int]) -> None:
    """Answer commands until the other end closes."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    for name, value in settings.items():
        mock.patch(name, value).start()
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(_run(arguments))


def _run(arguments: list[str]) -> tuple[int, str, str]:
    from linkage.cli.entry import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with mock.patch.object(sys, "argv", ["linkage", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:
            traceback.print_exc(file=err)
            code = 1
    return code, out.getvalue(), err.getvalue()
