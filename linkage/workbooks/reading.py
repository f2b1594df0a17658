"""Asks the process that parses workbooks (see child), which works within limits of time and memory."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

from linkage.errors import InputError
from linkage.workbooks import child
from linkage.workbooks.child import Answer

_CPU_SECONDS, _BYTES_A_SECOND = 10, 50_000  # for any workbook, and for its size; a million rows need a tenth of it
_CLOCK_FACTOR = 20  # what a process may wait for others
_END_SECONDS = 10


def read_workbook(path: Path, file: str, n_head: int) -> Answer:
    """The sheets of a workbook; n_head: rows of their heads.

    Raises InputError when it cannot be parsed, or not within the time and memory that its size allows.
    """
    answer = _CHILD.ask(path, file, n_head)
    if answer.refusal is not None:
        raise InputError(answer.refusal)
    return answer


class _Child:
    """The process, started when first asked, and again after one that had to end. Safe to ask from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, path: Path, file: str, n_head: int) -> Answer:
        """The answer of the child about one workbook; InputError when it ended instead."""
        resolved = os.fsencode(path.resolve())
        if resolved != resolved.decode("utf-8", "replace").encode():
            raise InputError(f"{file}: its path is not UTF-8, and no workbook is read by such a one: rename it")
        seconds = _CPU_SECONDS + path.stat().st_size // _BYTES_A_SECOND
        request = {"path": os.fsdecode(resolved), "file": file, "n_head": n_head, "cpu_seconds": seconds}
        with self._lock:
            process = self._process = self._alive() or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            clock = threading.Timer(seconds * _CLOCK_FACTOR, process.kill)
            clock.start()
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                length = process.stdout.read(child.LENGTH.size)
                if len(length) == child.LENGTH.size:
                    content = process.stdout.read(*child.LENGTH.unpack(length))
                    return pickle.loads(content)  # type: ignore[no-any-return]
            except (BrokenPipeError, EOFError, pickle.UnpicklingError):
                pass  # it ended, which is told below
            finally:
                clock.cancel()
            raise InputError(f"{file}: {self._reason(process, seconds)}: delete stray cells and sheets, or save as CSV")

    def _alive(self) -> subprocess.Popen[bytes] | None:
        return self._process if self._process is not None and self._process.poll() is None else None

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(__file__).parents[2])
        # As a module of this package and of no other that lies where the user stands.
        start = f"import sys; sys.path.insert(0, {root!r}); from linkage.workbooks.child import main; main()"
        command = [sys.executable, "-P", "-c", start]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def _reason(self, process: subprocess.Popen[bytes], seconds: int) -> str:
        """Why the child ended."""
        process.kill()
        code = process.wait(_END_SECONDS)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"not parsed within {seconds} seconds"
        return f"its parser needs more memory than a workbook of its size may, or breaks off (exit {code})"


_CHILD = _Child()
