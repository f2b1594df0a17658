"""What becomes of people in the registry: each has one event at most, between the eve of the first night and its end.

The population drawn is that at the end. What the registry held before is put in its place for the nights before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from linkage.simulate.claims import Rows, Source, registry_births
from linkage.simulate.identifiers import NONE
from linkage.simulate.nights.shares import divided
from linkage.simulate.population import ALIVE, DECEASED, EMIGRATED, FULL_DATE, Population
from linkage.simulate.randomness import Chance, Int32s, Ints, Mask
from linkage.simulate.units import Communes

BORN, ENTERED_LATE = "person_born", "person_entered_late"
DIED, LEFT = "person_died", "person_emigrated"
MOVED, LIVES_ELSEWHERE = "person_moved", "residence_changed"
RENAMED, BIRTHDAY, NUMBER = "name_corrected", "birthday_corrected", "number_corrected"
MERGED = "commune_merged"
KINDS = {
    BORN: 0.2, ENTERED_LATE: 0.1, DIED: 0.15, LEFT: 0.03, MOVED: 0.22, LIVES_ELSEWHERE: 0.1, RENAMED: 0.08,
    BIRTHDAY: 0.06, NUMBER: 0.06,
}  # fmt: skip
NEWCOMERS = (BORN, ENTERED_LATE)
# After all vaccinations by more days than it takes to enter a death, so nobody is vaccinated after a death told here.
FIRST_NIGHT = np.datetime64("2022-10-01", "D")
_DAYS_UNTIL_ENTERED = 25
_SERIALS = 10**6
_SLIPS = ("hook_tilde", "i_for_y")
# What the registry may hold otherwise before an event.
_CHANGING = ("names", "births", "id_numbers", "communes", "residences", "statuses", "registered")


@dataclass(frozen=True)
class Merger:
    """A commune whose people get the code of another one of its district."""

    night: int
    gone: int
    into: int


@dataclass(frozen=True)
class Changes:
    """The people at the end and on the eve, and what happens between; arrays of shape (n,)."""

    final: Population
    eve: Population
    kinds: Int32s  # number in KINDS, -1 nothing
    nights: Int32s  # when it happens, -1 never
    merger: Merger | None

    def at(self, night: int) -> Population:
        """As the registry knows them after a night; -1: on the eve."""
        people = self._before_merger(night)
        if self.merger is None or night < self.merger.night:
            return people
        gone, into = self.merger.gone, np.int32(self.merger.into)
        communes = np.where(people.communes == gone, into, people.communes)
        residences = np.where(people.residences == gone, into, people.residences)
        residences = np.where(residences == communes, np.int32(NONE), residences)
        return replace(people, communes=communes, residences=residences)

    def recoded(self, night: int) -> Rows:
        """Who gets another code in a night because communes merge."""
        if self.merger is None or self.merger.night != night:
            return np.zeros(0, np.intp)
        people, gone = self._before_merger(night), self.merger.gone
        return np.flatnonzero(people.registered & ((people.communes == gone) | (people.residences == gone)))

    def _before_merger(self, night: int) -> Population:
        told = self.nights <= night
        return replace(
            self.final,
            **{
                name: np.where(told.reshape(-1, *[1] * (end.ndim - 1)), end, before)
                for name in _CHANGING
                if (end := getattr(self.final, name)) is not (before := getattr(self.eve, name))
            },
        )

    def of(self, night: int, kind: str) -> Rows:
        """To whom something happens in a night."""
        return np.flatnonzero((self.nights == night) & (self.kinds == list(KINDS).index(kind)))


def n_newcomers(total: int) -> int:
    """How many of ``total`` events bring somebody into the registry."""
    return int(divided(total, KINDS)[: len(NEWCOMERS)].sum())


def draw_changes(source: Source, total: int, n_nights: int) -> Changes:
    """``total`` events, or fewer where too few people are left to whom something can happen.

    source : people, newcomers among the registered, and all their doses
    """
    chance, people = source.chance, source.population
    rng = chance.stream("registry events")
    free = people.registered & (people.statuses == ALIVE)
    kinds = np.full(len(people), -1, np.int32)
    vaccinated = np.zeros(len(people), bool)
    vaccinated[source.doses.persons] = True
    former_names = _former_names(rng, source)
    able: dict[str, Mask] = {
        BORN: ~vaccinated,
        ENTERED_LATE: vaccinated,
        LIVES_ELSEWHERE: people.residences >= 0,
        MOVED: np.full(len(people), len(source.communes) > 1),
        RENAMED: (former_names != people.names).any(axis=1),
        BIRTHDAY: people.birth_forms == FULL_DATE,
    }
    for number, (kind, n) in enumerate(zip(KINDS, divided(total, KINDS), strict=True)):
        rows = np.flatnonzero(free & able.get(kind, free))
        if kind in NEWCOMERS and len(rows) < n:
            rows = np.flatnonzero(free)
        youngest = rows[np.argsort(-people.births[rows], kind="stable")[:n]]
        chosen = youngest if kind == BORN else rng.choice(rows, min(int(n), len(rows)), replace=False)
        kinds[chosen], free[chosen] = number, False
    happening = np.flatnonzero(kinds >= 0)
    nights = np.full(len(people), -1, np.int32)
    nights[rng.permutation(happening)] = np.arange(len(happening)) % n_nights
    final = _at_the_end(rng, people, kinds, nights)
    eve = _on_the_eve(rng, final, kinds, former_names, len(source.communes))
    return Changes(final, eve, kinds, nights, _merger(source.communes, people, n_nights) if total else None)


def _is(kinds: Int32s, kind: str) -> Mask:
    return np.asarray(kinds == list(KINDS).index(kind))


def _at_the_end(rng: np.random.Generator, people: Population, kinds: Int32s, nights: Int32s) -> Population:
    """The living who die or leave, and the newborn with a birthday shortly before their night."""
    day = FIRST_NIGHT.astype(np.int64) + nights - 1 - rng.integers(0, _DAYS_UNTIL_ENTERED, len(people))
    died, born = _is(kinds, DIED), np.flatnonzero(_is(kinds, BORN))
    statuses = np.select([died, _is(kinds, LEFT)], [DECEASED, EMIGRATED], people.statuses)
    births, ids = people.births.copy(), people.id_numbers.copy()
    births[born] = day[born]
    years = births[born].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    ids[born] = _free_numbers(rng, (ids[born] // (100 * _SERIALS) * 100 + years % 100) * _SERIALS, ids)
    forms = people.birth_forms.copy()
    forms[born] = FULL_DATE
    return replace(
        people,
        statuses=statuses.astype(np.int32),
        deaths=np.where(died, day, people.deaths).astype(np.int32),
        death_known=people.death_known | died,
        births=births,
        id_numbers=ids,
        birth_forms=forms,
    )


def _on_the_eve(
    rng: np.random.Generator, final: Population, kinds: Int32s, former_names: Int32s, n_communes: int
) -> Population:
    """What the registry holds before anything happened."""
    registered = final.registered & ~_is(kinds, BORN) & ~_is(kinds, ENTERED_LATE)
    alive = _is(kinds, DIED) | _is(kinds, LEFT)
    # A step within the communes is another one, wherever it leads.
    step = 1 + rng.integers(0, max(1, n_communes - 1), len(kinds))
    communes = np.where(_is(kinds, MOVED), (final.communes + step) % n_communes, final.communes)
    residences = np.where(_is(kinds, LIVES_ELSEWHERE) | (final.residences == communes), NONE, final.residences)
    starts = final.births.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    day = final.births - starts
    births = np.where(_is(kinds, BIRTHDAY), starts + (day + 1 + rng.integers(0, 364, len(kinds))) % 365, final.births)
    ids, wrong = final.id_numbers.copy(), np.flatnonzero(_is(kinds, NUMBER))
    ids[wrong] = _free_numbers(rng, ids[wrong] // _SERIALS * _SERIALS, ids)
    return replace(
        final,
        registered=registered,
        statuses=np.where(alive, ALIVE, final.statuses).astype(np.int32),
        communes=communes.astype(np.int32),
        residences=residences.astype(np.int32),
        names=np.where(_is(kinds, RENAMED)[:, None], former_names, final.names),
        births=births.astype(np.int32),
        id_numbers=ids,
    )


def _free_numbers(rng: np.random.Generator, starts: Ints, held: Ints) -> Ints:
    """Numbers from each of ``starts`` on, below the next million, that nobody holds."""
    numbers = starts + rng.integers(0, _SERIALS, len(starts))
    while True:
        order = np.argsort(numbers, kind="stable")
        taken = np.isin(numbers, held)
        taken[order[1:]] |= numbers[order[1:]] == numbers[order[:-1]]
        if not taken.any():
            return numbers
        numbers[taken] = starts[taken] + rng.integers(0, _SERIALS, int(taken.sum()))


def _former_names(rng: np.random.Generator, source: Source) -> Int32s:
    """A name for everybody that the registry may have held by mistake: misspelt, or with another middle part."""
    people, slips = source.population, source.slips
    names = people.names.copy()
    rows, part = np.arange(len(people)), rng.integers(1, 3, len(people))
    lot = rng.integers(0, len(_SLIPS) + 1, len(people))
    word = names[rows, part]
    for number, kind in enumerate(_SLIPS):
        misspelt = slips.tables[kind][word, 0]
        # Only words that people bear: another spelling of many is no name.
        chosen = (lot == number) & (misspelt < slips.n_words)
        names[rows[chosen], part[chosen]] = misspelt[chosen]
    others = rng.permutation(len(people))
    chosen = (names == people.names).all(axis=1)
    names[chosen, 1] = people.names[others[chosen], 1]
    return names


def _merger(communes: Communes, people: Population, n_nights: int) -> Merger | None:
    """The smallest commune that has a neighbour in its district joins it, halfway through the nights."""
    districts = communes.district_index()
    n_people = np.bincount(people.communes[people.registered], minlength=len(communes))
    alone = np.bincount(districts)[districts] == 1
    if alone.all():
        return None
    gone = int(np.argmin(np.where(alone | (n_people == 0), np.iinfo(np.int64).max, n_people)))
    others = np.flatnonzero((districts == districts[gone]) & (np.arange(len(communes)) != gone))
    return Merger(n_nights // 2, gone, int(others[np.argmax(n_people[others])]))


def as_registered(source: Source, people: Population) -> Source:
    """The source of the rows of the registry."""
    return replace(source, population=people, births=registry_births(people))


def number_people(chance: Chance, changes: Changes) -> Rows:
    """Those with a row on the eve in random order, and after them the newcomers in the order in which they come."""
    first = chance.stream("registry order").permutation(np.flatnonzero(changes.eve.registered))
    new = np.flatnonzero(changes.final.registered & ~changes.eve.registered)
    return np.concatenate([first, new[np.argsort(changes.nights[new], kind="stable")]])
