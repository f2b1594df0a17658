"""Runs the benchmarks of speed and writes benchmarks/results/speed.json and .md.

Arguments go to pytest: ``-k scoring`` measures some and leaves the other rows as they were.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.origin import heading
from benchmarks.speed.report import rows_of, write_report

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def main(argv: list[str], out: Path = RESULTS) -> int:
    """pytest's exit code; what was measured is written even when another benchmark failed."""
    told = heading(["./run", "bench", *argv])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = Path(folder) / "found.json"
        options = [f"--benchmark-json={found}", "--benchmark-columns=median,rounds", "--benchmark-warmup=off"]
        code = int(pytest.main([str(ROOT / "benchmarks" / "speed"), *options, *argv]))
        if found.is_file() and found.stat().st_size:
            write_report(rows_of(json.loads(found.read_text("utf-8")), told), out)
            print(f"results: {out / 'speed.md'}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
