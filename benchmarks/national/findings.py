"""What the measured steps say: which targets are reached, and how the time grows with the batch.

A result is what `measure` wrote for a step: its kind, its facts, seconds, bytes, and what the command printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Result = dict[str, Any]

MINUTE = 60.0
COUNTRY, NIGHT, BACKLOG = 100_000_000, 5_000_000, 60_000_000
# The range of batches over which the growth of time is held to a target.
LEAST_FITTED, MOST_FITTED = 100_000, 5_000_000


def wall(result: Result) -> float:
    return float(result["wall_seconds"])


def read_and_encoded(result: Result) -> float:
    stages = result["output"]["seconds"]
    return float(stages["ingest"] + stages["encode"])


def opening(result: Result) -> float:
    return float(result["output"]["open_seconds"])


@dataclass(frozen=True)
class Target:
    """Limits for one figure of one step; doses None where the step has none, most_gib where memory is not limited."""

    name: str
    kind: str
    doses: int | None
    most_seconds: float
    most_gib: float | None = None
    figure: Callable[[Result], float] = wall


TARGETS = (
    Target("100 million people and 5 million doses simulated", "simulate", NIGHT, 15 * MINUTE, 8),
    Target("index of 100 million built", "build", None, 30 * MINUTE, 16),
    Target("index opened", "open", None, 1, None, opening),
    Target("100,000 changes applied", "apply", None, 60),
    Target("1,000 doses, warm", "run", 1_000, 3),
    Target("5 million doses, Parquet to published queues", "run", NIGHT, 180, 8),
    Target("5 million doses read and encoded, Parquet", "run", NIGHT, 25, None, read_and_encoded),
    Target("5 million doses read and encoded, CSV", "run-csv", NIGHT, 45, None, read_and_encoded),
    Target("60 million doses", "run-backlog", BACKLOG, 30 * MINUTE, 8),
)


@dataclass(frozen=True)
class Judged:
    """A target and what was found; None where it was not measured at that size."""

    name: str
    most_seconds: float
    most_gib: float | None
    seconds: float | None
    anon_bytes: int | None

    @property
    def is_reached(self) -> bool | None:
        if self.seconds is None or self.anon_bytes is None:
            return None
        return self.seconds <= self.most_seconds and (self.most_gib is None or self.anon_bytes <= self.most_gib * 2**30)


def judge(results: Sequence[Result]) -> list[Judged]:
    """Every target against the result of its step."""
    return [_judged(target, results) for target in TARGETS]


def _judged(target: Target, results: Sequence[Result]) -> Judged:
    limits = (target.name, target.most_seconds, target.most_gib)
    for result in results:
        facts = (result["kind"], result["persons"], result.get("doses") if target.doses else None)
        if facts == (target.kind, COUNTRY, target.doses) and not result["failure"]:
            return Judged(*limits, target.figure(result), result["peak_anon_bytes"])
    return Judged(*limits, None, None)


@dataclass(frozen=True)
class Growth:
    """How the seconds of runs against one registry grow with the doses.

    exponent: of the power fitted between LEAST_FITTED and MOST_FITTED doses, None with fewer than two sizes there;
    steepest: the largest exponent between two neighbouring sizes; fit: exponent and log of the seconds of one dose.
    """

    persons: int
    exponent: float | None
    steepest: float | None
    fit: tuple[float, float] | None

    def seconds(self, doses: float) -> float | None:
        return None if self.fit is None else float(np.exp(self.fit[1] + self.fit[0] * np.log(doses)))


def growth(results: Sequence[Result]) -> list[Growth]:
    """The growth of each registry's runs, by registry."""
    return [_growth(persons, runs_of(results, persons)) for persons in registries(results)]


def _growth(persons: int, runs: Sequence[Result]) -> Growth:
    points = [(run["doses"], wall(run)) for run in runs if LEAST_FITTED <= run["doses"] <= MOST_FITTED]
    if len(points) < 2:
        return Growth(persons, None, None, None)
    logs = np.log(points)
    exponent, constant = np.polyfit(logs[:, 0], logs[:, 1], 1)
    steepest = max(float((b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(logs))
    return Growth(persons, float(exponent), steepest, (float(exponent), float(constant)))


def registries(results: Sequence[Result]) -> list[int]:
    return sorted({result["persons"] for result in results})


def runs_of(results: Sequence[Result], persons: int) -> list[Result]:
    """Runs of Parquet doses against a registry that came to an end, the backlog last."""
    found = [r for r in results if r["persons"] == persons and r["kind"] in ("run", "run-backlog") and not r["failure"]]
    return sorted(found, key=lambda result: int(result["doses"]))


def stage_seconds(run: Result) -> dict[str, float]:
    """Seconds by stage, and what the run does not count: starting Python, opening the index, the last writes."""
    stages = {name: float(value) for name, value in run["output"]["seconds"].items()}
    return stages | {"start and rest": max(wall(run) - sum(stages.values()), 0.0)}


def as_json(results: Sequence[Result], more: Sequence[Judged] = ()) -> dict[str, Any]:
    """Targets, growth and all results; more: other targets that were judged."""
    return {
        "targets": [asdict(target) | {"is_reached": target.is_reached} for target in (*judge(results), *more)],
        "growth": [asdict(one) for one in growth(results)],
        "steps": list(results),
    }
