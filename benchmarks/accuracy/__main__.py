"""``./run bench accuracy``: measures every linker on every set and writes the table."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import labelled, self_links, shocks, simulations
from benchmarks.accuracy.measuring import RECORDLINKAGE_SETS, TOOLS
from benchmarks.accuracy.processes import outcome
from benchmarks.accuracy.table import write
from benchmarks.origin import ROOT, origin

QUICK_SETS = ("fake_1000", "ons_pes")

Chosen = labelled.LabelledSet | simulations.Simulation
ALL_SETS: tuple[Chosen, ...] = (*labelled.SETS, *simulations.EVALUATION, *simulations.QUICK)
ALL_SHOCKS = (*shocks.EVALUATION, *shocks.QUICK)
ALL_SELF_LINKS = (*self_links.EVALUATION, *self_links.QUICK)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="./run bench accuracy", description=__doc__)
    names = [chosen.name for chosen in ALL_SETS]
    of_shocks = [chosen.name for chosen in ALL_SHOCKS]
    known = (
        f"of {', '.join(names)}; with --shocks {', '.join(shocks.NAMES)}, each with _ and a seed; with --self-links "
        f"names as {self_links.EVALUATION[0].name}"
    )
    of_self_links = [case.name for case in ALL_SELF_LINKS]
    parser.add_argument("--only", nargs="+", metavar="SET", choices=[*names, *of_shocks, *of_self_links], help=known)
    tools = list(dict.fromkeys([*TOOLS, *shocks.TOOLS]))
    known = f"{', '.join(TOOLS)}; with --shocks {', '.join(shocks.TOOLS)} (ours with a model of another batch)"
    parser.add_argument("--tools", nargs="+", metavar="TOOL", choices=tools, default=tools, help=known)
    parser.add_argument("--shocks", action="store_true", help="worlds unlike the usual one, into shocks.md")
    parser.add_argument(
        "--self-links", action="store_true", help="people entered 1 to 10,000 times, into self_links.md"
    )
    parser.add_argument("--quick", action="store_true", help="small simulations, and two small sets with --data")
    parser.add_argument("--data", type=Path, help="folder that holds labelled/; without it simulations only")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results")
    return parser.parse_args(argv)


def chosen_sets(asked: argparse.Namespace) -> list[Chosen]:
    """The sets to measure, simulations last."""
    if asked.only is not None:
        return [candidate for candidate in ALL_SETS if candidate.name in asked.only]
    sets = [] if asked.data is None else [s for s in labelled.SETS if not asked.quick or s.name in QUICK_SETS]
    return [*sets, *(simulations.QUICK if asked.quick else simulations.EVALUATION)]


def measured(chosen: Chosen, tools: list[str], data: Path | None) -> Iterator[Any]:
    """A row per linker, each from a process of its own; what fails is a row that says why."""
    with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
        work = Path(folder)
        if isinstance(chosen, simulations.Simulation):
            simulations.make(chosen, work)
        elif data is None:
            sys.exit(f"{chosen.name} is a labelled set: name the folder that holds labelled/ with --data")
        else:
            labelled.prepare(chosen, data, work)
        for tool in tools:
            kind = "simulation" if isinstance(chosen, simulations.Simulation) else "labelled"
            yield {"set": chosen.name, "tool": tool} | outcome(kind, chosen.name, tool, work) | origin()


def chosen_shocks(asked: argparse.Namespace) -> tuple[simulations.Simulation, ...]:
    """The shocks to measure."""
    if asked.only is not None:
        return tuple(candidate for candidate in ALL_SHOCKS if candidate.name in asked.only)
    return shocks.QUICK if asked.quick else shocks.EVALUATION


def tools_for(name: str, asked: list[str]) -> list[str]:
    """The linkers that have a model of the set and are installed."""
    has_it = importlib.util.find_spec("recordlinkage") is not None and name in RECORDLINKAGE_SETS
    return [tool for tool in asked if tool in TOOLS and (tool != "recordlinkage" or has_it)]


def main(argv: list[str] | None = None) -> None:
    """Measure and write; results are written after every set, so that a broken run keeps what it has."""
    asked = arguments(argv)
    if asked.data is not None and not (asked.data / "labelled").is_dir():
        sys.exit(f"{asked.data}: no folder labelled/ in it: name the folder that holds it with --data")
    words = ["DIR" if "/" in word else word for word in (sys.argv[1:] if argv is None else argv)]
    heading = origin() | {"last command": shlex.join(["./run", "bench", "accuracy", *words])}
    if asked.shocks:
        of_shocks = chosen_shocks(asked)
        other = shocks.QUICK_OTHER if set(of_shocks) <= set(shocks.QUICK) else shocks.OTHER
        tools = [tool for tool in shocks.TOOLS if tool in asked.tools]
        shocks.measure_shocks(of_shocks, other, tools, heading, asked.out)
        return
    if asked.self_links:
        cases = [case for case in ALL_SELF_LINKS if case.name in asked.only] if asked.only else self_links.EVALUATION
        self_links.measure_self_links(self_links.QUICK if asked.quick else cases, heading, asked.out)
        return
    for chosen in chosen_sets(asked):
        for row in measured(chosen, tools_for(chosen.name, list(asked.tools)), asked.data):
            write([row], heading, asked.out)
            seconds = row.get("failure") or f"{sum(row['seconds'].values()):.1f} s"
            print(f"{row['set']:24} {row['tool']:14} {seconds}", flush=True)
    print(f"results: {asked.out / 'accuracy.md'}")


if __name__ == "__main__":
    main()
