"""Checks of the machine: what a run needs and what an operator can mend before the night."""

from __future__ import annotations

import datetime
import locale
import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from linkage.machine.clock import ZONE, today
from linkage.machine.kernel_cache import VARIABLE
from linkage.machine.memory import memory_bytes
from models.comparators.category import DIFFERENT, MISSING, SAME, category_levels

LEAST_DISK_BYTES = 5 << 30
LEAST_MEMORY_BYTES = 4 << 30
LEAST_OPEN_FILES = 1024
WRITTEN = datetime.date(2025, 1, 1)  # this program was not written before: a clock that says so is wrong
_LOCK = Path(__file__).parents[2] / "requirements.lock"
_LIBRARIES = ("numpy", "numba", "duckdb", "pyarrow")


@dataclass(frozen=True)
class Check:
    """One finding; ``finding`` says the remedy when it is not ok."""

    name: str
    ok: bool
    finding: str


def examine(folder: Path | None = None) -> list[Check]:
    """All checks, in the order in which they are best mended.

    folder : where the program is to write; None is the folder where the user stands
    """
    place = (folder or Path.cwd()).absolute()
    checks: list[Callable[[], Check]] = [
        _python,
        _libraries,
        _memory,
        lambda: _disk(place),
        lambda: _writable(place),
        _open_files,
        _locale,
        _clock,
        _kernels,
        _cache,
    ]
    return [check() for check in checks]


def _python() -> Check:
    found = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, found if ok else f"{found}; install Python 3.11 or newer")


def _libraries() -> Check:
    """What is installed against what the lock pins; without a lock, as in an installed package, what is needed."""
    found = {name: _installed(name) for name in _locked() or dict.fromkeys(_LIBRARIES, frozenset[str]())}
    missing = [name for name, installed in found.items() if installed is None]
    others = [f"{name} {found[name]}" for name, pins in _locked().items() if found[name] not in {None, *pins}]
    if missing:
        return Check("libraries", False, f"{', '.join(missing)} missing; start ./run once, or install the package anew")
    if others:
        return Check("libraries", False, f"{', '.join(others)} not as in {_LOCK.name}; start ./run once")
    return Check("libraries", True, ", ".join(f"{name} {found[name] or _installed(name)}" for name in _LIBRARIES))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _locked() -> dict[str, frozenset[str]]:
    """The versions that the lock has of each package that every machine needs."""
    pins: dict[str, frozenset[str]] = {}
    for line in _LOCK.read_text("utf-8").splitlines() if _LOCK.is_file() else ():
        name, is_pin, rest = line.partition("==")
        if is_pin and not line[0].isspace() and "sys_platform == 'win32'" not in rest:
            pins[name] = pins.get(name, frozenset()) | {rest.split(" ")[0]}
    return pins


def _memory() -> Check:
    n_bytes = memory_bytes()
    ok = n_bytes >= LEAST_MEMORY_BYTES
    finding = f"{n_bytes / 2**30:.1f} GiB"
    return Check("memory", ok, finding if ok else f"{finding}; a district needs 4 GiB, the country 24 GiB")


def _disk(place: Path) -> Check:
    free = shutil.disk_usage(place).free
    ok = free >= LEAST_DISK_BYTES
    finding = f"{free / 2**30:.1f} GiB free in {place}"
    return Check("disk", ok, finding if ok else f"{finding}; free at least 5 GiB")


def _writable(place: Path) -> Check:
    ok = _can_write(place)
    return Check("folder", ok, f"{place} is writable" if ok else f"{place} is not writable; write to another folder")


def _can_write(place: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def _open_files() -> Check:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = limit == resource.RLIM_INFINITY or limit >= LEAST_OPEN_FILES
    finding = "no limit" if limit == resource.RLIM_INFINITY else f"{limit:,} at once"
    return Check("open files", ok, finding if ok else f"{finding}; ulimit -n {LEAST_OPEN_FILES}")


def _locale() -> Check:
    """Names of files, and what is printed, are Vietnamese."""
    found = {"file names": sys.getfilesystemencoding(), "text": locale.getpreferredencoding(False)}
    if sys.stdout is not None and sys.stdout.encoding:
        found["output"] = sys.stdout.encoding
    ok = all(encoding.lower().replace("_", "-") in ("utf-8", "utf8") for encoding in found.values())
    finding = ", ".join(f"{name} {encoding}" for name, encoding in found.items())
    return Check("locale", ok, finding if ok else f"{finding}; export LC_ALL=C.UTF-8")


def _clock() -> Check:
    says = today()
    ok = says >= WRITTEN
    finding = f"{says} in {ZONE.tzname(None)}"
    return Check("clock", ok, finding if ok else f"{finding}, before this program was written; set the clock")


def _kernels() -> Check:
    """Compile and run one kernel: a category against three others, one of them missing."""
    levels = np.zeros(3, np.uint32)
    starts, ends = np.zeros(1, np.uint32), np.array([0, 3])
    right = np.array([1, 2, 0], np.uint8)
    category_levels(starts, ends, np.ones(1, np.uint8), right, np.uint32(1), levels)
    if levels.tolist() != [SAME, DIFFERENT, MISSING]:
        return Check("kernels", False, "a compiled kernel computes wrong results; reinstall numba")
    return Check("kernels", True, "compiled, and right")


def _cache() -> Check:
    """Whether compiled code is kept, which saves a minute of every start."""
    folder = Path(os.environ.get(VARIABLE) or Path(category_levels.py_func.__code__.co_filename).parent)
    ok = _can_write(folder)
    where = "beside the code" if VARIABLE not in os.environ else f"in {folder}"
    said = f"compiled code is kept {where}"
    return Check("kernel cache", ok, said if ok else f"{folder} is not writable; set {VARIABLE} to a folder of yours")
