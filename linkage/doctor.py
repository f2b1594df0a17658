"""Checks of the machine: what a run needs and what an operator can mend before the night."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numba
import numpy as np
import pyarrow as pa

from models.comparators.category import category_levels

LEAST_DISK_BYTES = 5 << 30
LEAST_MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class Check:
    """One finding; ``finding`` says the remedy when it is not ok."""

    name: str
    ok: bool
    finding: str


def examine() -> list[Check]:
    """All checks, in the order in which they are best mended."""
    return [_python(), _libraries(), _memory(), _disk(), _kernels()]


def _python() -> Check:
    version = platform.python_version()
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, version if ok else f"{version}; install Python 3.11 or newer")


def _libraries() -> Check:
    return Check(
        "libraries",
        True,
        f"numpy {np.__version__}, numba {numba.__version__}, duckdb {duckdb.__version__}, pyarrow {pa.__version__}",
    )


def _memory() -> Check:
    n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    ok = n_bytes >= LEAST_MEMORY_BYTES
    finding = f"{n_bytes / 2**30:.1f} GiB"
    return Check("memory", ok, finding if ok else f"{finding}; a district needs 4 GiB, the country 24 GiB")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    ok = free >= LEAST_DISK_BYTES
    finding = f"{free / 2**30:.1f} GiB free in {Path.cwd()}"
    return Check("disk", ok, finding if ok else f"{finding}; free at least 5 GiB")


def _kernels() -> Check:
    """Compile and run one kernel, and see that compiled code can be kept."""
    codes = np.zeros(1, np.uint32)
    one = np.ones(1, np.uint8)
    category_levels(np.array([0, 1]), np.zeros(1, np.uint32), one, one, np.uint32(1), codes)
    if codes[0] != 1:
        return Check("kernels", False, "a compiled kernel computes wrong results; reinstall numba")
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(category_levels.py_func.__code__.co_filename).parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check("kernels", True, "compiled, cached beside the code")
    except OSError:
        return Check(
            "kernels", True, f"compiled at every start, {folder} is not writable; set NUMBA_CACHE_DIR to save seconds"
        )
