"""The commands that trials start: all they write lies in ``out`` of a work folder, all work files in its ``tmp``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.town import PERSONS, SECOND_NIGHT, SEED, Town

_ACCEPT = ("--accept", "a trial")  # the town is small, and the gates are no matter of these trials


@dataclass(frozen=True)
class Command:
    """A command line; ``writes``: what may be there, or be changed, after it ended well."""

    name: str
    arguments: tuple[str, ...]
    writes: tuple[Path, ...]


def command_of(name: str, town: Town, work: Path) -> Command:
    """A command on the town; what it changes in place is a copy in ``work``, which must have a folder ``out``."""
    arguments = COMMANDS[name](town, work / "out")
    return Command(name, tuple(map(str, arguments)), (work / "out",))


def make_work(folder: Path) -> Path:
    """An empty work folder, with ``out`` and ``tmp`` in it."""
    for part in ("out", "tmp"):
        (folder / part).mkdir(parents=True)
    return folder


def _simulate(town: Town, out: Path) -> list[object]:
    return ["simulate", "--persons", PERSONS, "--doses", PERSONS, "--seed", SEED, "--out", out / "data"]


def _index_build(town: Town, out: Path) -> list[object]:
    return ["index", "build", town.data("registry"), "--units", town.units, "--out", out / "index"]


def _index_apply(town: Town, out: Path) -> list[object]:
    return ["index", "apply", town.changes, "--partial", "--index", shutil.copytree(town.index, out / "index")]


def _compact(town: Town, out: Path) -> list[object]:
    return ["index", "compact", "--index", shutil.copytree(town.changed, out / "index")]


def _train(town: Town, out: Path) -> list[object]:
    return ["train", "--doses", town.data("doses"), "--index", town.index, "--out", out / "model.json", *_ACCEPT]


def _run(town: Town, out: Path) -> list[object]:
    inputs = ("--doses", town.data("doses"), "--index", town.index, "--model", town.model)
    return ["run", *inputs, "--out", out / "runs", *_ACCEPT]


def _night(town: Town, out: Path) -> list[object]:
    nights = shutil.copytree(town.nights, out / "nights")
    return ["night", "--config", nights / "night.toml", "--date", SECOND_NIGHT]


def _link(town: Town, out: Path) -> list[object]:
    return ["link", *town.customers, "--plan", town.plan, "--out", out / "linked", *_ACCEPT]


def _plan_init(town: Town, out: Path) -> list[object]:
    return ["plan", "init", *town.customers, "--out", out / "plan.toml"]


def _evaluate(town: Town, out: Path) -> list[object]:
    return ["evaluate", town.run, "--truth", town.data("truth")]


def _explain(town: Town, out: Path) -> list[object]:
    return ["explain", town.run, town.a_dose]


def _report(town: Town, out: Path) -> list[object]:
    return ["report", town.run, "--form", "appendix", "--out", out / "appendix.xlsx"]


def _statistics(town: Town, out: Path) -> list[object]:
    return ["report", town.run, "--form", "statistics", "--format", "html", "--out", out / "page.html"]


def _rejects(town: Town, out: Path) -> list[object]:
    return ["rejects", town.run, "--export", out / "rejected.csv"]


def _model_export(town: Town, out: Path) -> list[object]:
    of_tables = ("--tables", town.data("doses"), town.data("registry"), "--units", town.units, "--nearest")
    return ["model", "export", town.model, "--splink", *of_tables, "--out", out / "splink"]


COMMANDS: dict[str, Callable[[Town, Path], list[object]]] = {
    "simulate": _simulate,
    "index build": _index_build,
    "index apply": _index_apply,
    "index compact": _compact,
    "train": _train,
    "run": _run,
    "night": _night,
    "link": _link,
    "plan init": _plan_init,
    "evaluate": _evaluate,
    "explain": _explain,
    "report appendix": _report,
    "report statistics": _statistics,
    "rejects": _rejects,
    "model export": _model_export,
}
