"""The steps that measure nights: a state of growing size, and on each size a quiet night and a full one.

The state grows by nights of as many doses as the simulated night has. At each size of it both nights are done, taken
back and done again; then the state grows on.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# Doses for each claim that the history is to hold: somewhat more than there are for each in 60 million doses.
_DOSES_OF_A_CLAIM = 1.25
_FILES = (sys.executable, "-m", "benchmarks.national.night_files")
_LINKAGE = (sys.executable, "-m", "linkage.cli")
_FIRST_NIGHT, _FULL_NIGHT, _QUIET_NIGHT = (datetime.date(2024, month, 1) for month in (1, 7, 8))
_SEEDS = {"quiet": 8, "full": 9}  # of who changes: others than in the changes of the index


@dataclass(frozen=True)
class NightSizes:
    """history: claims in force, about, on which nights are measured; full, quiet: doses of a night; changes: of the
    registry in a full one (in a quiet one as many as doses, and a tenth as many verdicts); repeats: of each night."""

    history: tuple[int, ...]
    full: int
    quiet: int
    changes: int
    seed: int
    repeats: int


class _Registry(Protocol):
    """What the steps need to know of a registry, see benchmarks.national.steps."""

    @property
    def persons(self) -> int: ...
    def path(self, name: str) -> Path: ...
    def step(self, what: str, command: tuple[object, ...], **more: Any) -> Any: ...


def night_steps(registry: _Registry, sizes: NightSizes) -> Iterator[Any]:
    """All steps of the nights of one registry, in their order."""
    marks = sorted({round(claims * _DOSES_OF_A_CLAIM) for claims in sizes.history if claims <= registry.persons})
    if not marks:
        return
    grown = _grown(marks, sizes.full)
    yield from _inputs(registry, sizes, marks, grown)
    done = 0
    for number, mark in enumerate(marks):
        while done < len(grown) and grown[done][1] <= mark:
            start, end = grown[done]
            yield _history(registry, done, start, end - start)
            done += 1
        yield from _measured(registry, sizes, mark, number, done)


def _grown(marks: list[int], most: int) -> list[tuple[int, int]]:
    """The doses of each night by which the history grows, from and to, so that a night ends at each mark."""
    found, start = [], 0
    for mark in marks:
        while start < mark:
            found.append((start, min(start + most, mark)))
            start = found[-1][1]
    return found


def _date(first: datetime.date, number: int) -> str:
    return (first + datetime.timedelta(days=number)).isoformat()


def _inputs(registry: _Registry, sizes: NightSizes, marks: list[int], grown: list[tuple[int, int]]) -> Iterator[Any]:
    """The doses of all nights, cut from one simulation, and who changes in the registry."""
    out, nights = registry.path("history"), registry.path("nights")
    n_doses = marks[-1] + sizes.full + sizes.quiet
    said = (f"--persons={registry.persons}", f"--doses={n_doses}", f"--seed={sizes.seed}")
    simulate = (*_LINKAGE, "simulate", *said, "--out", out, "--json")
    yield registry.step("simulate.history", simulate, facts={"doses": n_doses}, makes=out)
    registries = registry.path("night/registry.parquet"), out / "registry.parquet"
    same = (sys.executable, "-m", "benchmarks.national.tasks", "same", *registries)
    yield registry.step("same.history", same, needs=registries)
    pieces = [(_date(_FIRST_NIGHT, number), start, end) for number, (start, end) in enumerate(grown)]
    pieces.append((_FULL_NIGHT.isoformat(), marks[-1], marks[-1] + sizes.full))
    quiet = (n_doses - sizes.quiet, n_doses)
    pieces += [(_date(_QUIET_NIGHT, number), *quiet) for number in range(len(marks))]
    cut = (*_FILES, "cut", out / "doses.parquet", nights, *(f"{date}:{start}:{end}" for date, start, end in pieces))
    yield registry.step("cut", cut, needs=(out / "doses.parquet",), makes=nights)
    quiets = [_date(_QUIET_NIGHT, number) for number in range(len(marks))]
    for name, n, dates in (("quiet", sizes.quiet, quiets), ("full", sizes.changes, [_FULL_NIGHT.isoformat()])):
        table = nights / f"{name}.parquet"
        inputs = [nights / "in" / date / "registry.parquet" for date in dates]
        command = (*_FILES, "changes", registries[0], table, n, _SEEDS[name], *inputs)
        yield registry.step(f"changes.{name}", command, needs=(registries[0], nights), makes=table)


def _history(registry: _Registry, number: int, start: int, n_doses: int) -> Any:
    """One of the nights by which the state grows."""
    facts = {"doses": n_doses, "history": start}
    return _night(registry, f"history.{number + 1}", _date(_FIRST_NIGHT, number), number, facts, 1)


def _measured(registry: _Registry, sizes: NightSizes, mark: int, number: int, n_nights: int) -> Iterator[Any]:
    """A quiet night and a full one on the state as it is."""
    nights = registry.path("nights")
    state, date = nights / "state", _date(_QUIET_NIGHT, number)
    yield registry.step(
        f"known.{mark}",
        (*_FILES, "known", nights / "night.toml", n_nights),
        facts={"history": mark},
        needs=(state / "current",),
    )
    verdicts = nights / "in" / date / "verdicts.csv"
    n_verdicts = sizes.quiet // 10
    command = (*_FILES, "verdicts", nights / "published", verdicts, n_verdicts)
    yield registry.step(f"verdicts.{mark}", command, needs=(state / "current",), makes=verdicts)
    facts = {"doses": sizes.quiet, "changes": sizes.quiet, "verdicts": n_verdicts, "history": mark}
    yield _night(registry, f"quiet.{mark}", date, n_nights, facts, sizes.repeats)
    facts = {"doses": sizes.full, "changes": sizes.changes, "verdicts": 0, "history": mark}
    yield _night(registry, f"full.{mark}", _FULL_NIGHT.isoformat(), n_nights, facts, min(3, sizes.repeats))


def _night(registry: _Registry, name: str, date: str, n_before: int, facts: dict[str, Any], repeats: int) -> Any:
    """A night as the one after ``n_before`` others."""
    nights = registry.path("nights")
    toml, inputs = nights / "night.toml", nights / "in" / date
    return registry.step(
        name,
        (*_LINKAGE, "night", "--config", toml, "--date", date, "--json"),
        facts=facts,
        needs=(inputs, registry.path("model.json"), registry.path("index/current")),
        makes=nights / "state",
        is_fresh=False,
        before=tuple(map(str, (*_FILES, "back", toml, n_before))),
        repeats=repeats,
    )
