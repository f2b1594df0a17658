"""Workbooks parsed in a process of their own, within limits of time and memory (see workbook_child)."""

from __future__ import annotations

import datetime
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkage.errors import InputError
from linkage.ingest import workbook_child

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta

MAX_CELLS = 100_000_000
_CPU_SECONDS, _BYTES_A_SECOND = 10, 50_000  # for any workbook, and for its size; a million rows need a tenth of it
_ADDRESS_BYTES = 8 << 30
_CLOCK_FACTOR = 20  # what a process may wait for others
_END_SECONDS = 10


@dataclass(frozen=True)
class Sheet:
    """A worksheet: rows of cells that are not blank, as a person sees them.

    rows : those of merged cells have the value of the merge in its first column
    head : the first rows, with the value of a merge in all its columns: headings over several columns
    """

    name: str
    is_visible: bool
    rows: list[list[Cell]]
    head: list[list[Cell]]


def read_workbook(path: Path, file: str, n_head: int) -> list[Sheet]:
    """The sheets of a workbook.

    Raises InputError when it cannot be parsed, or not within the time and memory that its size allows.
    """
    answer = _CHILD.ask(path, file)
    if isinstance(answer, str):
        raise InputError(f"{file}: not a readable workbook ({answer}): save it again, without a password")
    return [_sheet(found, n_head) for found in answer]


def _sheet(found: dict[str, Any], n_head: int) -> Sheet:
    rows: list[list[Cell]] = found["rows"]
    stated = [number for number, row in enumerate(rows) if any(cell != "" for cell in row)]
    first_row, first_column = found["start"]
    merged = [
        (top - first_row, left - first_column, bottom - first_row, right - first_column)
        for (top, left), (bottom, right) in found["merged"]
    ]
    heads = {number: list(rows[number]) for number in stated[:n_head]}
    for top, left, bottom, right in merged:
        if not (0 <= top < len(rows) and 0 <= left < len(rows[top])) or rows[top][left] == "":
            continue
        value = rows[top][left]
        for number in range(top, min(bottom + 1, len(rows))):
            rows[number][left] = value
            if number in heads:
                heads[number][left : right + 1] = [value] * len(heads[number][left : right + 1])
    return Sheet(found["name"], found["is_visible"], [rows[number] for number in stated], list(heads.values()))


class _Child:
    """The process, started when first asked, and again after one that had to end. Safe to ask from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, path: Path, file: str) -> list[dict[str, Any]] | str:
        """The answer of the child about one workbook; InputError when it ended instead."""
        seconds = _CPU_SECONDS + path.stat().st_size // _BYTES_A_SECOND
        request = {
            "path": os.fsdecode(path.resolve()),
            "cpu_seconds": seconds,
            "address_bytes": _ADDRESS_BYTES,
            "most_cells": MAX_CELLS,
        }
        with self._lock:
            process = self._process = self._alive() or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            clock = threading.Timer(seconds * _CLOCK_FACTOR, process.kill)
            clock.start()
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                length = process.stdout.read(workbook_child.LENGTH.size)
                if len(length) == workbook_child.LENGTH.size:
                    content = process.stdout.read(*workbook_child.LENGTH.unpack(length))
                    return pickle.loads(content)  # type: ignore[no-any-return]
            except (BrokenPipeError, EOFError, pickle.UnpicklingError):
                pass  # it ended, which is told below
            finally:
                clock.cancel()
            raise InputError(f"{file}: {self._reason(process, seconds)}: delete stray cells and sheets, or save as CSV")

    def _alive(self) -> subprocess.Popen[bytes] | None:
        return self._process if self._process is not None and self._process.poll() is None else None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", workbook_child.__file__]
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
        return f"its parser needs more than {_ADDRESS_BYTES >> 30} GiB, or breaks off (exit {code})"


_CHILD = _Child()
