"""Write the world of some nights: the registry on their eve, what comes in each night, every event and the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.errors import UsageError
from linkage.schema import REGISTRY, TRUTH
from linkage.simulate import wording
from linkage.simulate.claims import Start
from linkage.simulate.dose_table import dose_ids
from linkage.simulate.folder import ASSUMPTIONS, UNITS, nights_folder
from linkage.simulate.nights.arrivals import Arrivals
from linkage.simulate.nights.files import write_parquet
from linkage.simulate.nights.journal import EVENTS, Journal, write_json
from linkage.simulate.nights.registry_events import (
    FIRST_NIGHT,
    as_registered,
    draw_changes,
    n_newcomers,
    number_people,
)
from linkage.simulate.nights.shares import USUAL, Shares, at_least_one
from linkage.simulate.nights.world import World
from linkage.simulate.randomness import Chance, Ints
from linkage.simulate.regions import REGION_PERSONS, Region, apportion
from linkage.simulate.registry_table import person_ids, person_texts
from linkage.simulate.simulation import (
    check_arguments,
    draw_communes,
    draw_source,
    make_country,
    make_texts,
    table_writer,
    tiles,
)
from linkage.simulate.summary import Tally, write_assumptions
from linkage.simulate.units import write_units

NIGHT_TOML = """\
format = 1
index = "index"          # and state, nights: folders, relative to this file
state = "state"
nights = "nights"
model = "model.json"     # the first epoch; afterwards the state's
[sources]                # {date} is the night's; a missing file is told, not an error
doses = ["in/{date}/doses*.parquet", "in/{date}/*.csv", "in/{date}/*.xlsx"]
withdrawals = ["in/{date}/withdrawals*.csv"]
registry_changes = ["in/{date}/registry*.parquet"]
verdicts = ["in/{date}/verdicts*.csv"]
[gates]
rejected_share = 0.05
expected_false_match_rate = 2e-4
"""
MOST_NIGHTS = 1000
MOST_CHANGED_SHARE = 0.25  # of the people, in all nights: each changes once
GROWTH = 2.0  # doses of the last night, to those of the first
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class NightsSummary:
    """What was written."""

    n_persons: int  # on the eve
    n_doses: int
    nights: list[str]
    n_files: int
    events: dict[str, int]  # by kind
    seconds: float


def simulate_nights(
    persons: int,
    doses: int,
    nights: int,
    seed: int,
    out: Path,
    *,
    shares: Shares = USUAL,
    units: Path | None = None,
    area: str = "country",
    on_progress: Progress = lambda stage, done, total: None,
) -> NightsSummary:
    """Simulate consecutive nights; the same arguments give the same bytes.

    Parameters
    ----------
    persons : rows of the registry on the eve of the first night
    doses : new doses of all nights, more of them each night
    nights : how many, one a day
    seed : not negative
    out : folder, new or empty, for registry.parquet, units/, night.toml, in/{date}/, truth.parquet, events.csv,
        events.json and assumptions.json
    shares : what happens beside new doses
    units, area : as of ``simulate``

    Raises
    ------
    UsageError
        An argument is impossible, or the folder holds something.
    InputError
        ``units`` cannot be used.
    """
    started = time.perf_counter()
    n_changes = _check(persons, doses, nights, seed, units, area, shares)
    with nights_folder(out) as work:
        on_progress("simulate", 0, nights)
        world = _draw(persons, doses, nights, seed, units, area, n_changes)
        with table_writer(work / "registry.parquet", REGISTRY.arrow()) as writer:
            for begin, end in tiles(persons):
                writer.write_table(world.registry_rows(world.people[begin:end], -1))
        journal = Journal([str(FIRST_NIGHT + night) for night in range(nights)])
        starts = np.concatenate([[0], np.cumsum(apportion(doses, np.linspace(1.0, GROWTH, nights)))])
        arrivals = Arrivals(world, starts, shares, journal, work / "in")
        for night in range(nights):
            arrivals.write(night)
            on_progress("simulate", night + 1, nights)
        _write_truth(work / "truth.parquet", world, arrivals.ledger.night, journal.dates)
        journal.write(work / EVENTS)
        arguments = {"persons": persons, "doses": doses, "nights": nights, "seed": seed, "area": area}
        write_json(work / "events.json", {**arguments, "shares": asdict(shares), "by_night": journal.by_night()})
        (work / "night.toml").write_text(NIGHT_TOML, encoding="utf-8")
        write_units(world.source.communes, work / UNITS)
        _write_assumptions(work / ASSUMPTIONS, world, persons, seed, area)
    events = dict(sorted(journal.counts.items()))
    return NightsSummary(persons, doses, journal.dates, journal.n_files, events, time.perf_counter() - started)


def _check(persons: int, doses: int, nights: int, seed: int, units: Path | None, area: str, shares: Shares) -> int:
    """How many people change; UsageError where a world cannot be."""
    check_arguments(persons, doses, seed, "2021", area, units)
    shares.check()
    if persons > REGION_PERSONS:
        raise UsageError(
            f"persons {persons}: too many for nights, which are drawn whole; give {REGION_PERSONS} at most"
        )
    if not 1 <= nights <= MOST_NIGHTS:
        raise UsageError(f"nights {nights}: give a number from 1 to {MOST_NIGHTS}")
    if doses < nights:
        raise UsageError(f"doses {doses}: fewer than nights; give {nights} or more")
    n_changes = at_least_one(shares.registry_changes * nights, persons)
    if n_changes > MOST_CHANGED_SHARE * persons:
        most = MOST_CHANGED_SHARE / nights
        raise UsageError(f"registry changes {shares.registry_changes}: too many in all nights; give {most:.4g} at most")
    return n_changes


def _draw(persons: int, doses: int, nights: int, seed: int, units: Path | None, area: str, n_changes: int) -> World:
    chance = Chance(seed)
    country = make_country(draw_communes(persons, chance, units, area))
    region = Region(0, country.communes.weights, persons + n_newcomers(n_changes), doses)
    drawn = draw_source(seed, country, region, Start())
    changes = draw_changes(drawn, n_changes, nights)
    source = as_registered(drawn, changes.final)
    people = number_people(chance, changes)
    return World(source, changes, people, person_ids(source, people), make_texts(country, "2021"))


def _write_truth(path: Path, world: World, nights: Ints, dates: list[str]) -> None:
    """Whose each dose is, and from which night on: that in which it came, or in which the person entered."""
    persons = world.source.doses.persons
    is_new = ~world.changes.eve.registered[persons] & world.changes.final.registered[persons]
    since = np.maximum(nights, np.where(is_new, world.changes.nights[persons], 0))
    rows = np.arange(len(persons))
    columns = {
        "dose_id": dose_ids(world.source, rows),
        "person_id": person_texts(world.numbers[persons]),
        "night": wording.choose(dates, since),
    }
    write_parquet(path, pa.table(columns, schema=TRUTH.arrow().append(pa.field("night", pa.string()))))


def _write_assumptions(path: Path, world: World, persons: int, seed: int, area: str) -> None:
    tally, typist = Tally(), world.typist
    eve = as_registered(world.source, world.changes.eve)
    tally.add(world.source, eve, world.numbers, typist.changed)
    summary = replace(tally.summary(len(world.source.communes), 1, 0.0), n_persons=persons)
    write_assumptions(path, summary, typist.errors, typist.changed, "default", seed, area, "2021", {})
