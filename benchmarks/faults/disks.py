"""Full disks: small ones mounted where a command writes, or a limit on the size of its files."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.faults.commands import COMMANDS, command_of
from benchmarks.faults.processes import Fault
from benchmarks.faults.town import Town
from benchmarks.faults.trials import Trial, tried
from benchmarks.faults.undisturbed import Undisturbed, in_turn

KIND = "disks"

_LARGEST_WORK_BYTES = 8 << 20
_PAGE_BYTES = 4096
_FEW_FILES = 40  # that a disk has room for which is full of files and not of bytes
# What is full; a name stands as often as it is to be tried.
_FULL = ("out", "out", "tmp", "out and tmp", "files of out", "size of files")


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Every command in turn: its results, its work files or both on a disk that is nearly full."""
    can_mount = os.geteuid() == 0 and shutil.which("mount") is not None
    for name, known, work in in_turn(list(COMMANDS), town, n, "disks-"):
        full = rng.choice(_FULL) if can_mount else _FULL[-1]
        yield _tried(name, full, town, known, work, rng)


def _tried(name: str, full: str, town: Town, expected: Undisturbed, work: Path, rng: random.Random) -> Trial:
    """One trial: the disk, or the file, ends at any byte up to a little more than all that is written."""
    needed = _LARGEST_WORK_BYTES if full == "tmp" else expected.n_bytes
    # More of the small sizes: there commands stop before they are done.
    room = int(needed * rng.random() ** 2 * 1.2) // _PAGE_BYTES * _PAGE_BYTES
    environment, check = {"TMPDIR": str(work / "tmp")}, partial(expected.check, work)
    if full == _FULL[-1]:
        command = command_of(name, town, work)
        fault = Fault(f"files of {room:,} bytes at most", ("prlimit", f"--fsize={room}"), environment)
        return tried(KIND, command, fault, work, check)
    n_files = rng.randrange(_FEW_FILES) if full.startswith("files") else None
    places = [work / place for place in ("out", "tmp") if place in full]
    with _mounted(places):
        command = command_of(name, town, work)
        for place in places:
            _fill(place, room, n_files)
        what = f"{room:,} bytes" if n_files is None else f"{n_files} more files"
        where = " and ".join(place.name for place in places)
        return tried(KIND, command, Fault(f"{what} in {where}", (), environment), work, check)


@contextmanager
def _mounted(places: list[Path]) -> Iterator[None]:
    """A disk in memory at each place."""
    mounted: list[Path] = []
    try:
        for place in places:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=0700", "tmpfs", place], check=True)
            mounted.append(place)
        yield
    finally:
        for place in mounted:
            subprocess.run(["umount", place], check=True)


def _fill(place: Path, room: int, n_files: int | None) -> None:
    """Leave that many bytes on the disk, or room for that many files."""
    disk = os.statvfs(place)
    if n_files is None:
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        option = f"size={max(used + room, _PAGE_BYTES)}"
    else:
        option = f"nr_inodes={disk.f_files - disk.f_ffree + n_files}"
    subprocess.run(["mount", "-o", f"remount,{option}", place], check=True)
