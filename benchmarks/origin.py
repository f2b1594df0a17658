"""Where and from which code a result comes."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def origin() -> dict[str, str]:
    """Date, commit, machine and versions."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "linkage", "blocking", "models", "benchmarks/plans")
    packages = [_package(name) for name in ("splink", "duckdb", "numba", "numpy", "pyarrow")]
    model = next((line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit + (" with changes not committed" if changed else ""),
        "machine": f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(filter(None, packages))}",
    }


def _package(name: str) -> str | None:
    """Name and version, None where it is not installed: the program itself needs no Splink."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return None


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def _git(*command: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=False)
    return (
        done.stdout.strip() or "unknown" if done.returncode == 0 and command[0] == "rev-parse" else done.stdout.strip()
    )


def heading(command: list[str]) -> dict[str, str]:
    """The same with the machine's memory and the command, paths left out."""
    found = origin()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = ["DIR" if Path(word).is_absolute() or "/" in word[2:] else word for word in command]
    return found | {"machine": f"{found['machine']}, {memory:.1f} GiB", "command": shlex.join(words)}
