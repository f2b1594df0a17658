"""``./run bench accuracy --shocks``: worlds in which what a model takes for granted no longer holds.

Every shock of the simulator with three seeds: what a run decides with a model trained on its own doses, what it decides
with one trained on another, plain batch of another country, and Splink on the same doses.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import shock_table, simulations
from benchmarks.accuracy.processes import outcome
from benchmarks.accuracy.simulations import CODES_2025, Simulation
from benchmarks.accuracy.table import write
from benchmarks.origin import ROOT, origin
from linkage.simulate.shocks import SHOCKS

TOOLS = ("ours", "other_model", "splink")
NAMES = (*SHOCKS, CODES_2025)

# Never used in development, as `simulations.EVALUATION`; the last is of the plain batch that the other model is of.
EVALUATION = tuple(
    Simulation("default", seed, 100_000, 170_000, shock) for shock in NAMES for seed in (9101, 9102, 9103)
)
OTHER = Simulation("default", 9100, 100_000, 170_000)
# For a look at the whole way in a few minutes.
QUICK = tuple(Simulation("default", 91, 6_000, 10_000, shock) for shock in NAMES)
QUICK_OTHER = Simulation("default", 92, 6_000, 10_000)


def measure_shocks(
    chosen: tuple[Simulation, ...], other: Simulation, tools: list[str], heading: dict[str, str], out: Path
) -> None:
    """Measure and write, after every linker, so that a broken run keeps what it has."""
    with tempfile.TemporaryDirectory(prefix="shocks-") as folder:
        work = Path(folder)
        if "other_model" in tools:
            _train_elsewhere(other, work)
        for simulation in chosen:
            for row in _measured(simulation, tools, work / simulation.name):
                write([row], heading, out, "shocks", shock_table.markdown)
                seconds = row.get("failure") or f"{sum(row['seconds'].values()):.1f} s"
                print(f"{row['set']:40} {row['tool']:14} {seconds}", flush=True)
    print(f"results: {out / 'shocks.md'}")


def _train_elsewhere(other: Simulation, work: Path) -> None:
    """A model of the plain batch, where `measuring` looks for it."""
    simulations.make(other, work / other.name)
    arguments = ["model", other.name, "ours", str(work / other.name)]
    subprocess.run([sys.executable, "-m", "benchmarks.accuracy.measuring", *arguments], cwd=ROOT, check=True)


def _measured(simulation: Simulation, tools: list[str], work: Path) -> Iterator[dict[str, Any]]:
    simulations.make(simulation, work)
    for tool in tools:
        found = outcome("shock", simulation.name, tool, work)
        yield {"set": simulation.name, "tool": tool} | found | origin()
