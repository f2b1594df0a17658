"""``./run bench faults``: tries every kind of fault on a made-up town, and counts what the commands do."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import benchmarks.faults as package
from benchmarks.faults.table import write
from benchmarks.faults.town import Town, make_town
from benchmarks.faults.trials import WRONG, Trial
from benchmarks.origin import ROOT, heading

Trials = Callable[[Town, int, random.Random], Iterator[Trial]]
_TRIALS, _SEED = 100, 1


def kinds() -> dict[str, Trials]:
    """The kinds of faults: every module of this folder that has ``KIND`` and ``trials``."""
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if found.name != "__main__"
    ]
    return {module.KIND: module.trials for module in modules if hasattr(module, "KIND")}


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="./run bench faults", description=__doc__)
    known = sorted(kinds())
    parser.add_argument("--only", nargs="+", metavar="KIND", choices=known, default=known, help=", ".join(known))
    parser.add_argument("--trials", type=int, default=_TRIALS, metavar="N", help=f"of each kind; {_TRIALS} unless told")
    parser.add_argument("--seed", type=int, default=_SEED, help="the same seed tries the same faults")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the results")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Try and write, kind by kind, so that a broken benchmark keeps what it has; 1 when a trial went wrong."""
    asked = arguments(argv)
    found = heading(["./run", "bench", "faults", *(sys.argv[1:] if argv is None else argv)])
    n_wrong = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        town = make_town(Path(folder) / "town")
        for kind in asked.only:
            trials = []
            for trial in kinds()[kind](town, asked.trials, random.Random(f"{asked.seed} {kind}")):
                trials.append(trial)
                print(f"{kind:12} {trial.command:18} {trial.fault:40} {trial.outcome}  {trial.detail}", flush=True)
            write(trials, found, asked.out)
            n_wrong += sum(trial.outcome == WRONG for trial in trials)
    print(f"results: {asked.out / 'faults.md'}; wrong: {n_wrong}")
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
