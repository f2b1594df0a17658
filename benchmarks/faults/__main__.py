"""``./run bench faults``: tries every kind of fault on a made-up town, and counts what the commands do."""

from __future__ import annotations

import argparse
import importlib
import itertools
import pkgutil
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import benchmarks.faults as package
from benchmarks.faults.table import add, done_of, write
from benchmarks.faults.town import Town, make_town
from benchmarks.faults.trials import WRONG, Trial
from benchmarks.origin import ROOT, heading

Trials = Callable[[Town, int, random.Random], Iterator[Trial]]
_TRIALS, _SEED = 100, 1
_AT_ONCE = 1000  # numbered trials, between two times that they are counted


def kinds() -> dict[str, ModuleType]:
    """The kinds of faults: every module of this folder that has ``KIND``. It has ``trials``; or ``numbered``, where a
    trial is made from its number alone and a count goes on where it stopped."""
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if found.name != "__main__"
    ]
    return {module.KIND: module for module in modules if hasattr(module, "KIND")}


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
            module = kinds()[kind]
            if hasattr(module, "numbered"):
                n_wrong += _count_on(module, town, asked, found)
                continue
            trials = []
            tried: Trials = module.trials
            for trial in tried(town, asked.trials, random.Random(f"{asked.seed} {kind}")):
                trials.append(trial)
                _tell(trial)
            write(trials, found, asked.out)
            n_wrong += sum(trial.outcome == WRONG for trial in trials)
    print(f"results: {asked.out / 'faults.md'}; wrong: {n_wrong}")
    return int(n_wrong > 0)


def _count_on(module: ModuleType, town: Town, asked: argparse.Namespace, found: dict[str, str]) -> int:
    """Try the numbered trials of a kind that the seed has not had yet; how many went wrong."""
    done, n_wrong = done_of(asked.out, module.KIND, asked.seed), 0
    print(f"{module.KIND}: {done:,} of {asked.trials:,} with seed {asked.seed} are done", flush=True)
    trials = module.numbered(town, asked.seed, range(done, asked.trials))
    while part := list(itertools.islice(trials, _AT_ONCE)):
        done += len(part)
        add(part, found, asked.out, asked.seed, done)
        wrong = [trial for trial in part if trial.outcome == WRONG]
        for trial in wrong:
            _tell(trial)
        n_wrong += len(wrong)
        print(f"{module.KIND}: {done:,} of {asked.trials:,} are done, {n_wrong:,} of them wrong", flush=True)
    return n_wrong


def _tell(trial: Trial) -> None:
    print(f"{trial.kind:12} {trial.command:18} {trial.fault:40} {trial.outcome}  {trial.detail}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
