"""What a simulation came to, and every share it was drawn with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from linkage.simulate import doses as dose_model
from linkage.simulate import households, identifiers, population
from linkage.simulate.claims import Source, Start
from linkage.simulate.errors import ErrorKind
from linkage.simulate.randomness import Ints
from linkage.simulate.shocks import Shock


@dataclass(frozen=True)
class SimulationSummary:
    """What was written."""

    n_persons: int
    n_doses: int
    n_subjects: int
    n_communes: int
    n_regions: int  # 1: drawn whole
    largest_commune: int  # persons of the registry with their permanent residence there
    n_doses_outside_registry: int
    n_doses_foreign: int
    n_doses_after_death: int
    seconds: float


class Tally:
    """Counts over the regions written so far."""

    def __init__(self) -> None:
        self.start = Start()  # of the next region
        self.changed: Counter[str] = Counter()  # doses by kind of error
        self._counts: Counter[str] = Counter()
        self._largest_commune = 0

    def add(self, source: Source, known: Source, numbers: Ints, changed: Counter[str]) -> None:
        """Count a region; ``known``: as the registry knows it, ``numbers`` of ``registry_table.person_ids``."""
        doses, people = source.doses, source.population
        self.changed.update(changed)
        self._counts.update(
            n_subjects=len(np.unique(doses.subjects)),
            n_doses_outside_registry=int((numbers[doses.persons] < 0).sum()),
            n_doses_foreign=int((people.countries[doses.persons] > 0).sum()),
            n_doses_after_death=int(dose_model.died_before(people, doses).sum()),
        )
        residents = np.bincount(known.population.communes[people.registered])
        self._largest_commune = max(self._largest_commune, int(residents.max()))
        self.start = Start(
            persons=self.start.persons + int(people.registered.sum()),
            doses=self.start.doses + len(doses),
            subjects=self.start.subjects + int(doses.subjects.max(initial=-1)) + 1,
        )

    def summary(self, n_communes: int, n_regions: int, seconds: float) -> SimulationSummary:
        """The sum of all regions."""
        return SimulationSummary(
            n_persons=self.start.persons,
            n_doses=self.start.doses,
            n_communes=n_communes,
            n_regions=n_regions,
            largest_commune=self._largest_commune,
            seconds=seconds,
            **self._counts,
        )


def write_assumptions(
    path: Path,
    summary: SimulationSummary,
    table: tuple[ErrorKind, ...],
    changed: Counter[str],
    split: str,
    seed: int,
    area: str,
    registry_date: str,
    shocks: Mapping[str, Shock],
) -> None:
    """Every share that was used and what it came to; without times, so that the same arguments give the same bytes."""
    counts: dict[str, Any] = asdict(summary)
    del counts["seconds"]
    kinds = [
        {
            "kind": row.kind,
            "field": row.field,
            "effect": row.effect,
            "among": row.among,
            "share": row.share,
            "changed_doses_share": changed[row.kind] / summary.n_doses,
            "origin": "assumption",
        }
        for row in table
    ]
    shares = {
        f"{module.__name__.rsplit('.', 1)[-1]}.{name}": value
        for module in (households, population, identifiers, dose_model)
        for name, value in vars(module).items()
        if name.endswith("_SHARE")
    }
    document = {
        "seed": seed,
        "area": area,
        "registry_date": registry_date,
        "split": split,
        "counts": counts,
        "targets": {
            "wrong_among_usable_id": {"range": [0.24, 0.26], "origin": "published, March to April 2022"},
            "no_usable_id": {"range": [0.05, 0.12], "origin": "published, March to April 2022"},
        },
        "error_kinds": kinds,
        "shares": {**shares, "origin": "assumption"},
        "published": [
            "sizes of communes (2021)",
            "age pyramid (UN WPP 2019)",
            "surname shares",
            "share of Thị and syllable counts by cohort",
            "provinces",
        ],
    }
    if shocks:
        document["shocks"] = {
            name: {"says": shock.says, "shares": dict(shock.shares), "origin": "assumption"}
            for name, shock in shocks.items()
        }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
