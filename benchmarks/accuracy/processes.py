"""A measurement in a process of its own: its result, or why there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.origin import ROOT

LIMIT_SECONDS = 20 * 60


def outcome(kind: str, name: str, tool: str, work: Path) -> dict[str, Any]:
    """What `measuring` wrote, or ``{"failure": why}``."""
    command = [sys.executable, "-m", "benchmarks.accuracy.measuring", kind, name, tool, str(work)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failure": f"took longer than {LIMIT_SECONDS // 60} minutes"}
    if done.returncode:
        return {"failure": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    result: dict[str, Any] = json.loads((work / f"{tool}.json").read_text("utf-8"))
    return result
