"""Write a simulated registry, its doses and the truth."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import UsageError
from linkage.schema import DOSES, REGISTRY, TRUTH, TableSchema
from linkage.simulate import doses as dose_model
from linkage.simulate import households, identifiers, population, wording
from linkage.simulate.claims import Source, faithful_claims, registry_births
from linkage.simulate.country import synthetic_country
from linkage.simulate.dose_table import Wordings, dose_tile
from linkage.simulate.errors import ErrorKind, error_table, make_errors
from linkage.simulate.names import load_names
from linkage.simulate.places import place_tables
from linkage.simulate.randomness import Chance, Ints
from linkage.simulate.registry_table import person_ids, person_texts, registry_codes, registry_tile
from linkage.simulate.slips import build_slips
from linkage.simulate.units import Communes, bao_lam, read_units, write_units

OUTSIDE_SHARE = 0.02  # people without a row in the registry
FOREIGN_SHARE = 0.005  # of subjects
TILE_ROWS = 200_000
AREAS = ("country", "bao-lam")
REGISTRY_DATES = ("2021", "2025")


@dataclass(frozen=True)
class SimulationSummary:
    """What was written."""

    n_persons: int
    n_doses: int
    n_subjects: int
    n_communes: int
    n_doses_outside_registry: int
    n_doses_foreign: int
    n_doses_after_death: int
    seconds: float


def simulate(
    persons: int,
    doses: int,
    seed: int,
    out: Path,
    *,
    units: Path | None = None,
    registry_date: str = "2021",
    area: str = "country",
    error_shares: Path | None = None,
    split: str = "default",
) -> SimulationSummary:
    """Simulate a registry and doses; the same arguments give the same bytes.

    Parameters
    ----------
    persons : rows of the registry
    doses : rows of the doses
    seed : not negative
    out : folder for registry.parquet, doses.parquet, truth.parquet, assumptions.json and units/
    units : folder with the official lists of units to live in; without it communes are invented
    registry_date : "2021" or "2025", whose commune codes the registry carries; people and doses do not depend on it
    area : "country", or "bao-lam" for the 14 communes of that district
    error_shares : CSV (kind,share) or TOML file with other shares than the table of errors has
    split : how the errors spread over the fields, one of ``errors.SPLITS``

    Raises
    ------
    UsageError
        An argument is impossible.
    InputError
        ``units`` or ``error_shares`` cannot be used.
    """
    started = time.perf_counter()
    _check(persons, doses, seed, registry_date, area, units)
    table = error_table(split, error_shares)
    chance = Chance(seed)
    communes = _communes(persons, chance, units, area)
    source = draw_source(chance, communes, persons, doses)
    out.mkdir(parents=True, exist_ok=True)
    words = wording.spaced(source.slips.words)
    numbers = _write_registry(source, out / "registry.parquet", words, registry_date)
    changed = _write_doses(source, out, words, numbers, table)
    write_units(communes, out / "units")
    summary = _summary(source, numbers, time.perf_counter() - started)
    _write_assumptions(out / "assumptions.json", summary, table, changed, split, seed, area, registry_date)
    return summary


def _check(persons: int, doses: int, seed: int, registry_date: str, area: str, units: Path | None) -> None:
    for name, value, least in (("persons", persons, 100), ("doses", doses, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name} {value}: too small; give {least} or more")
    if registry_date not in REGISTRY_DATES:
        raise UsageError(f"registry date {registry_date}: not known; choose from {', '.join(REGISTRY_DATES)}")
    if area not in AREAS:
        raise UsageError(f"area {area}: not known; choose from {', '.join(AREAS)}")
    if area == "bao-lam" and units is not None:
        raise UsageError("area bao-lam has units of its own; leave units out or choose area country")


def _communes(persons: int, chance: Chance, units: Path | None, area: str) -> Communes:
    if area == "bao-lam":
        return bao_lam()
    return synthetic_country(persons, chance) if units is None else read_units(units, persons, chance)


def draw_source(chance: Chance, communes: Communes, persons: int, doses: int) -> Source:
    """People, doses and all that claims are drawn from."""
    model = load_names()
    n_foreign = round(FOREIGN_SHARE * min(doses / dose_model.DOSES_PER_SUBJECT, persons))
    people = population.draw_population(chance, communes, model, persons, round(OUTSIDE_SHARE * persons), n_foreign)
    return Source(
        population=people,
        doses=dose_model.draw_doses(chance, people, communes, doses),
        communes=communes,
        slips=build_slips(model.vocabulary),
        chance=chance,
        peoples=["Kinh", *(one.name for one in model.peoples)],
        births=registry_births(people),
    )


def _tiles(n: int) -> Iterator[tuple[int, int]]:
    for first in range(0, n, TILE_ROWS):
        yield first, min(first + TILE_ROWS, n)


def _writer(path: Path, schema: TableSchema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema.arrow(), compression="zstd", compression_level=1, write_page_checksum=True)


def _write_registry(source: Source, path: Path, words: pa.StringArray, date: str) -> Ints:
    """Write the registry in random order; returns the row number of each person, from 1, -1 outside."""
    order = source.chance.stream("registry order").permutation(np.flatnonzero(source.population.registered))
    numbers = person_ids(source, order)
    codes = registry_codes(source, date)
    with _writer(path, REGISTRY) as writer:
        for first, last in _tiles(len(order)):
            writer.write_table(registry_tile(source, order[first:last], numbers, words, codes))
    return numbers


def _write_doses(
    source: Source, out: Path, words: pa.StringArray, numbers: Ints, table: tuple[ErrorKind, ...]
) -> Counter[str]:
    """Write doses and truth; returns how many doses each kind of error changed."""
    wordings = Wordings(words, place_tables(source.communes), pa.array(source.communes.codes, pa.string()))
    changed: Counter[str] = Counter()
    with _writer(out / "doses.parquet", DOSES) as doses, _writer(out / "truth.parquet", TRUTH) as truth:
        for first, last in _tiles(len(source.doses)):
            claims = faithful_claims(source, first, last)
            changed.update(make_errors(claims, table))
            tile = dose_tile(claims, source.doses, first, wordings)
            doses.write_table(tile)
            persons = person_texts(numbers[claims.persons])
            truth.write_table(pa.table({"dose_id": tile["dose_id"], "person_id": persons}, schema=TRUTH.arrow()))
    return changed


def _summary(source: Source, numbers: Ints, seconds: float) -> SimulationSummary:
    doses, people = source.doses, source.population
    return SimulationSummary(
        n_persons=int(people.registered.sum()),
        n_doses=len(doses),
        n_subjects=len(np.unique(doses.subjects)),
        n_communes=len(source.communes),
        n_doses_outside_registry=int((numbers[doses.persons] < 0).sum()),
        n_doses_foreign=int((people.countries[doses.persons] > 0).sum()),
        n_doses_after_death=int(dose_model.died_before(people, doses).sum()),
        seconds=seconds,
    )


def _write_assumptions(
    path: Path,
    summary: SimulationSummary,
    table: tuple[ErrorKind, ...],
    changed: Counter[str],
    split: str,
    seed: int,
    area: str,
    registry_date: str,
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
        "shares": {
            "simulation.OUTSIDE_SHARE": OUTSIDE_SHARE,
            "simulation.FOREIGN_SHARE": FOREIGN_SHARE,
            **shares,
            "origin": "assumption",
        },
        "published": [
            "age pyramid (UN WPP 2019)",
            "surname shares",
            "share of Thị and syllable counts by cohort",
            "provinces",
        ],
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
