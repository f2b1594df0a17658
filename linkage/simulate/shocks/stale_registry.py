"""The registry is years behind: it lacks children, moves, corrections of names and birthdays, new phones and deaths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.simulate.claims import Source
from linkage.simulate.doses import LAST_DAY
from linkage.simulate.households import DAYS_PER_YEAR
from linkage.simulate.identifiers import NONE
from linkage.simulate.population import ALIVE, DECEASED, Population
from linkage.simulate.randomness import Chance, Int32s, Ints
from linkage.simulate.shocks.shock import Shock
from linkage.simulate.tables import between

MISSING_SHARE = 0.11  # people, nearly all children, of those with a row
_MISSING = ((0, 0.9), (5, 0.6), (10, 0.25), (18, 0.01))  # relative, by age
MOVED_SHARE = 0.15  # households whose permanent residence is another one by now
CORRECTED_NAME_SHARE = 0.03
CORRECTED_BIRTHDAY_SHARE = 0.02
NEW_PHONE_SHARE = 0.3
DEATH_NOT_ENTERED_SHARE = 0.9
_NAME_KINDS = ("hook_tilde", "i_for_y", "shorter", "without_marker")


def leave_out_births(chance: Chance, people: Population, n: int) -> Population:
    """Take ``n`` people out of the registry, the younger the likelier."""
    rng = chance.stream("births not entered")
    rows = np.flatnonzero(people.registered)
    ages = (LAST_DAY.astype(np.int64) - people.births[rows]) / DAYS_PER_YEAR
    # The smallest exponential waiting times are a sample by weight.
    waits = rng.exponential(size=len(rows)) / between(_MISSING, ages)
    registered = people.registered.copy()
    registered[rows[np.argsort(waits)[:n]]] = False
    return replace(people, registered=registered)


def as_years_ago(source: Source) -> Population:
    """The people as the registry knew them."""
    people = source.population
    rng = source.chance.stream("stale registry")
    n = len(people)
    not_entered = (people.statuses == DECEASED) & (rng.random(n) < DEATH_NOT_ENTERED_SHARE)
    new_phone = (people.phones >= 0) & (rng.random(n) < NEW_PHONE_SHARE)
    other = people.phones // 10_000_000 * 10_000_000 + rng.integers(0, 10_000_000, n)
    return replace(
        people,
        communes=_former_communes(rng, source),
        residences=np.full(n, NONE, np.int32),
        names=_former_names(rng, source),
        births=_former_births(rng, people),
        phones=np.where(new_phone, other, people.phones),
        statuses=np.where(not_entered, ALIVE, people.statuses).astype(np.int32),
    )


def _former_communes(rng: np.random.Generator, source: Source) -> Int32s:
    """Where the households lived that have moved: anywhere, large communes likelier."""
    people, communes = source.population, source.communes
    n = int(people.households.max()) + 1
    moved = (rng.random(n) < MOVED_SHARE)[people.households]
    weights = communes.weights / communes.weights.sum()
    former = rng.choice(len(communes), n, p=weights).astype(np.int32)[people.households]
    return np.where(moved, former, people.communes)


def _former_names(rng: np.random.Generator, source: Source) -> Int32s:
    """The name before a correction: one part spelt otherwise, or another middle part."""
    people, slips = source.population, source.slips
    names = people.names.copy()
    rows = np.flatnonzero(rng.random(len(people)) < CORRECTED_NAME_SHARE)
    kinds = rng.integers(0, len(_NAME_KINDS) + 1, len(rows))
    for number, kind in enumerate(_NAME_KINDS):
        some = rows[kinds == number]
        parts = rng.integers(1, 3, len(some))
        former = slips.tables[kind][names[some, parts], 0]
        # Only words that people bear: another spelling of many is no name.
        known = former < slips.n_words
        names[some[known], parts[known]] = former[known]
    some = rows[kinds == len(_NAME_KINDS)]
    names[some, 1] = names[rng.permutation(some), 1]
    return names


def _former_births(rng: np.random.Generator, people: Population) -> Int32s:
    """Another day of the same year, as the number states the year."""
    starts = people.births.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    other: Ints = starts + rng.integers(0, 365, len(people))
    corrected = rng.random(len(people)) < CORRECTED_BIRTHDAY_SHARE
    return np.where(corrected, other, people.births).astype(np.int32)


SHOCK = Shock(
    says="the registry lacks children, moves, corrected names and birthdays, new phones and deaths of several years",
    shares={
        "missing": MISSING_SHARE,
        "moved_households": MOVED_SHARE,
        "corrected_name": CORRECTED_NAME_SHARE,
        "corrected_birthday": CORRECTED_BIRTHDAY_SHARE,
        "new_phone": NEW_PHONE_SHARE,
        "death_not_entered": DEATH_NOT_ENTERED_SHARE,
    },
    missing_share=MISSING_SHARE,
    people=leave_out_births,
    registry=as_years_ago,
)
