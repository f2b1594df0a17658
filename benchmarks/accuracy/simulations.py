"""Simulated doses: three splits of the errors, each with a seed of its own, and what their truth says of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.accuracy.labelled import Prepared
from linkage.simulate import simulate

CODES_2025 = "codes_2025"  # the registry has the communes of 2025, the doses those of 2021


@dataclass(frozen=True)
class Simulation:
    """Arguments of one simulation."""

    split: str
    seed: int
    persons: int
    doses: int
    shock: str = ""  # of linkage.simulate.shocks, or CODES_2025

    @property
    def name(self) -> str:
        return f"{self.shock}_{self.seed}" if self.shock else f"doses_{self.split}_{self.seed}"

    @property
    def options(self) -> dict[str, Any]:
        """Further arguments of `simulate`."""
        if self.shock == CODES_2025:
            return {"registry_date": "2025"}
        return {"shocks": [self.shock] if self.shock else []}


# Never used in development: no error of theirs was looked at, no value set by them.
EVALUATION = (
    Simulation("id_heavy", 9001, 300_000, 500_000),
    Simulation("name_heavy", 9002, 300_000, 500_000),
    Simulation("date_heavy", 9003, 300_000, 500_000),
)
# For a look at the whole way in under a minute.
QUICK = (Simulation("default", 101, 2_000, 3_500),)


@dataclass(frozen=True)
class SimulatedFiles:
    """What `make` wrote: inputs of a run, and pairs of dose and person as `labelled.judge` reads them."""

    registry: Path
    doses: Path
    truth: Path
    units: Path
    judged: Prepared


def make(chosen: Simulation, work: Path) -> SimulatedFiles:
    """Simulate into ``work``."""
    simulate(chosen.persons, chosen.doses, chosen.seed, work, split=chosen.split, **chosen.options)
    files = made(work)
    with duckdb.connect() as connection:
        for source, id_, entity, target in (
            (files.truth, "dose_id", "person_id", files.judged.truth_left),
            (files.registry, "person_id", "person_id", files.judged.truth_right),
        ):
            connection.execute(
                f"COPY (SELECT {id_} AS id, {entity} AS entity FROM read_parquet('{source}')) TO '{target}'"
            )
    return files


def made(work: Path) -> SimulatedFiles:
    """The files that `make` wrote."""
    doses, registry = work / "doses.parquet", work / "registry.parquet"
    judged = Prepared(doses, registry, work / "truth_left.parquet", work / "truth_right.parquet")
    return SimulatedFiles(registry, doses, work / "truth.parquet", work / "units", judged)
