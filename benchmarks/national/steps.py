"""The steps of the national benchmark: what each runs, what it needs, and in which order they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.national.nights import NightSizes, night_steps

LINKAGE = (sys.executable, "-m", "linkage.cli")
TASK = (sys.executable, "-m", "benchmarks.national.tasks")


@dataclass(frozen=True)
class Sizes:
    """What is measured. night, backlog: doses simulated for the largest registry (backlog 0: none); smaller: further
    registries; batches: sizes of the samples of a night; repeats: how often at most a short step is measured; history,
    quiet: of nights, see `NightSizes`."""

    persons: int
    night: int
    backlog: int
    smaller: tuple[int, ...]
    batches: tuple[int, ...]
    changes: int
    seed: int
    repeats: int = 5
    history: tuple[int, ...] = ()
    quiet: int = 10_000


@dataclass(frozen=True)
class Step:
    """One command.

    kind and facts: what the report groups by; needs: paths without which it cannot start; makes: what it writes, whose
    size is measured; is_fresh: whether that is removed before it starts; is_kept: whether it stays when measured;
    before: a command that comes before each try and is not measured.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    facts: dict[str, Any]
    needs: tuple[Path, ...] = ()
    makes: Path | None = None
    is_fresh: bool = True
    is_kept: bool = True
    repeats: int = 1
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Registry:
    """A registry of the benchmark and the files about it."""

    persons: int
    night: int
    backlog: int
    work: Path
    sizes: Sizes

    def path(self, name: str) -> Path:
        return self.work / str(self.persons) / name

    def step(self, what: str, command: tuple[object, ...], **more: Any) -> Step:
        facts = {"persons": self.persons} | more.pop("facts", {})
        kind = what.split(".")[0]
        return Step(f"{self.persons}.{what}", kind, tuple(map(str, command)), facts, **more)


def steps(sizes: Sizes, work: Path) -> list[Step]:
    """All steps, the smaller registries first, so that what does not work shows early."""
    registries = [_Registry(n, min(sizes.night, n), 0, work, sizes) for n in sorted(sizes.smaller)]
    largest = _Registry(sizes.persons, sizes.night, sizes.backlog, work, sizes)
    return [step for registry in [*registries, largest] for step in _steps_of(registry, registry is largest)]


def _steps_of(registry: _Registry, is_largest: bool) -> Iterator[Step]:
    yield from _data(registry)
    yield from _index(registry, is_largest)
    yield from _runs(registry)
    if is_largest:
        yield from _special_runs(registry)
    sizes = registry.sizes
    given = sizes.history, registry.night, sizes.quiet, sizes.changes, sizes.seed, sizes.repeats
    yield from night_steps(registry, NightSizes(*given))


def _batch_sizes(registry: _Registry) -> list[int]:
    return sorted(size for size in registry.sizes.batches if size < registry.night)


def _data(registry: _Registry) -> Iterator[Step]:
    """The registry, the doses of a night and of the backlog, and samples of the night."""
    simulations = {"night": registry.night, "backlog": registry.backlog}
    for name, n_doses in simulations.items():
        if n_doses:
            out = registry.path(name)
            sizes = (f"--persons={registry.persons}", f"--doses={n_doses}", f"--seed={registry.sizes.seed}")
            simulate = (*LINKAGE, "simulate", *sizes, "--out", out, "--json")
            yield registry.step(f"simulate.{name}", simulate, facts={"doses": n_doses}, makes=out)
    registries = registry.path("night/registry.parquet"), registry.path("backlog/registry.parquet")
    if registry.backlog:
        yield registry.step("same", (*TASK, "same", *registries), needs=registries)
    doses, folder = registry.path("night/doses.parquet"), registry.path("samples")
    command = (*TASK, "samples", doses, folder, *_batch_sizes(registry))
    yield registry.step("samples", command, needs=(doses,), makes=folder)


def _index(registry: _Registry, is_largest: bool) -> Iterator[Step]:
    """The index, built and opened; of the largest registry also changed. And a model."""
    persons, units, index = (registry.path(name) for name in ("night/registry.parquet", "night/units", "index"))
    build = (*LINKAGE, "index", "build", persons, "--units", units, "--out", index, "--json")
    yield registry.step("build", build, needs=(persons, units), makes=index)
    yield registry.step("open", (*TASK, "open", index), needs=(index / "current",), repeats=registry.sizes.repeats)
    if is_largest:
        changes, n = registry.path("changes.parquet"), registry.sizes.changes
        yield registry.step("changes", (*TASK, "changes", persons, changes, n), needs=(persons,), makes=changes)
        apply = (*LINKAGE, "index", "apply", changes, "--index", index, "--json")
        yield registry.step(
            "apply", apply, facts={"changes": n}, needs=(changes, index / "current"), makes=index, is_fresh=False
        )
    doses, model = registry.path("night/doses.parquet"), registry.path("model.json")
    train = (*LINKAGE, "train", "--doses", doses, "--index", index, "--out", model, "--json")
    yield registry.step("train", train, facts={"doses": registry.night}, needs=(doses, index / "current"), makes=model)


def _runs(registry: _Registry) -> Iterator[Step]:
    """Batches of growing size; the first run compiles, and stands apart."""
    sizes = _batch_sizes(registry)
    samples = {size: registry.path(f"samples/{size}.parquet") for size in sizes}
    if sizes:
        yield _run(registry, "first", samples[sizes[0]], sizes[0])
    for size in sizes:
        yield _run(registry, "run", samples[size], size, repeats=registry.sizes.repeats if size <= 10_000 else 1)
    yield _run(registry, "run", registry.path("night/doses.parquet"), registry.night, is_kept=True)


def _special_runs(registry: _Registry) -> Iterator[Step]:
    """How right the night was, the night from CSV, and the backlog."""
    night, runs = registry.path("night"), registry.path(f"runs/run.{registry.night}")
    evaluate = (*TASK, "evaluate", runs, night / "truth.parquet")
    yield registry.step("evaluate", evaluate, facts={"doses": registry.night}, needs=(runs,))
    table = registry.path("night.csv")
    yield registry.step("csv", (*TASK, "csv", night / "doses.parquet", table), needs=(night,), makes=table)
    yield _run(registry, "run-csv", table, registry.night)
    if registry.backlog:
        yield _run(registry, "run-backlog", registry.path("backlog/doses.parquet"), registry.backlog)


def _run(registry: _Registry, kind: str, doses: Path, n_doses: int, *, repeats: int = 1, is_kept: bool = False) -> Step:
    """A run of a dose file with the model, published into a folder of its own."""
    index, model, runs = (registry.path(name) for name in ("index", "model.json", f"runs/{kind}.{n_doses}"))
    command = (*LINKAGE, "run", "--doses", doses, "--index", index, "--model", model, "--out", runs, "--json")
    needs = (doses, model, index / "current")
    facts, name = {"doses": n_doses}, f"{kind}.{n_doses}"
    return registry.step(name, command, facts=facts, needs=needs, makes=runs, is_kept=is_kept, repeats=repeats)
