"""A command watched from outside: time, memory of its whole family of processes, and disk.

Memory is read from /proc five times a second, so a peak of less than that may go unseen. Anonymous memory is what the
processes hold themselves; file memory is mapped from files, which the system can take back at any time.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Watched:
    """What a command took.

    cpu_seconds: of all its processes; peak_disk_bytes: space taken on the disk of the work folder at the worst moment,
    work files without a name included; read_bytes: brought in from the disk, not from the system's cache; output: the
    JSON it printed; failure: why there is none.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_anon_bytes: int
    peak_file_bytes: int
    peak_disk_bytes: int
    read_bytes: int
    output: Any
    failure: str | None


class _Peaks:
    """The highest readings of a family of processes so far."""

    def __init__(self, root: int, work: Path) -> None:
        self.root, self.work = root, work
        self.free_before = shutil.disk_usage(work).free
        self.anon = self.file = self.disk = 0
        self._read: dict[int, int] = {}

    def update(self) -> None:
        family = _family(self.root)
        memory = [_memory(pid) for pid in family]
        self.anon = max(self.anon, sum(anon for anon, _ in memory))
        self.file = max(self.file, sum(file for _, file in memory))
        self.disk = max(self.disk, self.free_before - shutil.disk_usage(self.work).free)
        self._read |= {pid: _number(_lines(pid, "io"), "read_bytes") for pid in family}

    @property
    def read(self) -> int:
        return sum(self._read.values())


def watch(command: list[str], folder: Path, work: Path, log: Path, anon_limit: int) -> Watched:
    """Run a command in ``folder``; what it says stands in ``log``.out and ``log``.err.

    work: a folder on the disk that is watched; anon_limit: bytes of anonymous memory over which the command is killed,
    before the system kills something else.
    """
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    with out.open("wb") as stdout, err.open("wb") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr, start_new_session=True)
        peaks = _Peaks(process.pid, work)
        try:
            is_over, usage = _until_it_ends(process, peaks, anon_limit)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        wall = time.perf_counter() - start
    failure = f"killed: more than {anon_limit / 2**30:.0f} GiB of anonymous memory" if is_over else None
    if process.returncode and failure is None:
        said = err.read_text("utf-8", "replace").strip().splitlines()
        failure = f"exit code {process.returncode}: {said[-1] if said else 'it said nothing'}"
    output = None if failure else _printed(out)
    cpu = usage.ru_utime + usage.ru_stime
    return Watched(wall, cpu, peaks.anon, peaks.file, peaks.disk, peaks.read, output, failure)


def _until_it_ends(process: subprocess.Popen[bytes], peaks: _Peaks, anon_limit: int) -> tuple[bool, Any]:
    """Wait for the process; whether it was killed for its memory, and its resource usage with that of its children."""
    is_over = False
    descriptor = os.pidfd_open(process.pid)
    try:
        end = select.poll()
        end.register(descriptor, select.POLLIN)
        while not end.poll(POLL_SECONDS * 1000):
            peaks.update()
            if peaks.anon > anon_limit and not is_over:
                is_over = True
                os.killpg(process.pid, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return is_over, usage


def _family(pid: int) -> list[int]:
    """A process and all that come from it."""
    family = [pid]
    for member in family:
        for path in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                family += map(int, path.read_text().split())
            except OSError:
                continue  # it has just ended
    return family


def _lines(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text().splitlines()
    except OSError:
        return []  # it has just ended


def _number(lines: list[str], name: str) -> int:
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def _memory(pid: int) -> tuple[int, int]:
    """Anonymous and file memory of a process in bytes."""
    status = _lines(pid, "status")
    return _number(status, "RssAnon") << 10, (_number(status, "RssFile") + _number(status, "RssShmem")) << 10


def _printed(path: Path) -> Any:
    """The JSON that the command printed, if any."""
    text = path.read_text("utf-8", "replace").strip()
    return json.loads(text) if text.startswith("{") else None
