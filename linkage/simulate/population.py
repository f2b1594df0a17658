"""The people of a simulation: where they live, what they are called and which numbers they hold."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from linkage.simulate import households, identifiers
from linkage.simulate.foreigners import Foreigners, draw_foreigners
from linkage.simulate.households import DAYS_PER_YEAR, REFERENCE_DAY, Families, draw_families
from linkage.simulate.issued import Issued
from linkage.simulate.names import SOUTH_FROM, NameModel, draw_names, inherit
from linkage.simulate.randomness import Chance, Floats, Int32s, Ints, Mask, pick
from linkage.simulate.tables import between, read_csv
from linkage.simulate.units import Communes

SNAPSHOT_DAY = np.datetime64("2022-09-01", "D")
OUTSIDE_SHARE = 0.02  # people without a row in the registry, of those with one
MOVED_HOUSEHOLD_SHARE, MOVED_YOUNG_SHARE, MOVED_SHARE = 0.06, 0.14, 0.025
NEAR_SHARE = 0.5  # of movers, who stay in the province
BORN_ELSEWHERE_SHARE = 0.18
CLAN_SHARE = 0.2  # of people who bear one of the leading surnames of their village
N_CLANS = 8
SAME_NAME_AS_FATHER_SHARE, MIDDLE_OF_FATHER_SHARE, MIDDLE_OF_TWIN_SHARE = 0.003, 0.12, 0.6
KINH_SPOUSE_SHARE = 0.05  # of spouses in minority households
NEW_TONE_STYLE_SHARE = 0.2
EMIGRATED_SHARE, DEATH_DATE_UNKNOWN_SHARE = 0.004, 0.05
FIRST_DEATH_DAY = np.datetime64("2018-01-01", "D")
ALIVE, DECEASED, EMIGRATED = 0, 1, 2
FULL_DATE, YEAR_AND_MONTH, YEAR_ONLY, FIRST_OF_JANUARY = 0, 1, 2, 3
_DIED = ((0, 0.001), (30, 0.003), (50, 0.012), (60, 0.026), (70, 0.065), (80, 0.17), (90, 0.38), (100, 0.6))


@dataclass(frozen=True)
class Population:
    """All people, in order of commune and household; arrays of shape (n,), relatives as row numbers, -1 none."""

    sexes: Int32s  # 0 men, 1 women
    births: Int32s  # days since 1970-01-01
    households: Int32s
    fathers: Int32s
    mothers: Int32s
    spouses: Int32s
    twins: Int32s
    communes: Int32s  # permanent residence, number of the commune
    residences: Int32s  # where they live when elsewhere, -1 at the permanent residence
    peoples: Int32s  # 0 Kinh, i the i-th of the minorities
    names: Int32s  # (n, 3) word numbers
    new_tone_style: Mask
    id_numbers: Ints  # 12 digits
    old_ids: Ints  # 9 digits, -1 none
    insurance: Ints  # 10 digits, -1 none
    phones: Ints  # without the leading zero, -1 none
    birth_forms: Int32s  # how precisely the registry knows the birthday
    statuses: Int32s
    deaths: Int32s  # days since 1970-01-01, far in the future for the living
    death_known: Mask
    registered: Mask  # has a row in the registry
    countries: Int32s  # 0 Viet Nam, i the i-th foreign country
    numberless: Mask  # shows no number at any station; nobody, but for a shock

    def __len__(self) -> int:
        return len(self.sexes)


def draw_population(
    chance: Chance,
    communes: Communes,
    model: NameModel,
    n_registered: int,
    n_outside: int,
    n_foreign: int,
    *,
    home_weights: Floats | None = None,
    issued: Issued | None = None,
    twin_share: float = households.TWIN_SHARE,
) -> Population:
    """People in and outside the registry; the outsiders are members of the same families.

    Foreigners come last and have neither family nor personal number (``id_numbers`` holds their passport's digits).

    Parameters
    ----------
    home_weights : float array, shape (communes,), where people live, for a region 0 outside it; None: anywhere.
        Movers go and births were anywhere in both cases.
    issued : numbers held in other regions, to which those of this one are added; None: there are no other regions
    twin_share : of births, in pairs
    """
    n = n_registered + n_outside
    families = draw_families(chance.stream("families"), n, twin_share)
    weights = communes.weights if home_weights is None else home_weights
    homes, families = _settle(chance.stream("homes"), families, weights)
    provinces = communes.province_index()[homes]
    peoples = _draw_peoples(chance.stream("peoples"), families, homes, communes, model)
    years, ages = birth_years(families.births), _ages(families.births)
    statuses, deaths, death_known = _deaths(chance.stream("deaths"), ages)
    born_in = _birth_provinces(chance.stream("birth provinces"), provinces)
    rng = chance.stream("population")
    outside = rng.choice(n, n_outside, replace=False)
    registered = np.ones(n, bool)
    registered[outside] = False
    population = Population(
        **{field.name: getattr(families, field.name) for field in fields(Families)},
        communes=homes,
        residences=_residences(chance.stream("movers"), families, ages, homes, communes),
        peoples=peoples,
        names=_name(chance.stream("names"), families, homes, provinces, peoples, model),
        new_tone_style=rng.random(n) < NEW_TONE_STYLE_SHARE,
        id_numbers=identifiers.personal_numbers(chance.stream("id numbers"), born_in, families.sexes, years, issued),
        old_ids=identifiers.old_numbers(chance.stream("old ids"), born_in, years, issued),
        insurance=identifiers.insurance_numbers(chance.stream("insurance"), provinces, issued),
        phones=identifiers.phones(chance.stream("phones"), ages, families, issued),
        birth_forms=_birth_forms(rng, years),
        statuses=statuses,
        deaths=deaths,
        death_known=death_known,
        registered=registered,
        countries=np.zeros(n, np.int32),
        numberless=np.zeros(n, bool),
    )
    return _with_foreigners(
        population, draw_foreigners(chance.stream("foreigners"), n_foreign, len(communes), model.vocabulary)
    )


def birth_years(births: Int32s) -> Int32s:
    """The calendar year of each birth."""
    return (births.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970).astype(np.int32)


def _ages(births: Int32s) -> Floats:
    return (REFERENCE_DAY.astype(np.int64) - births) / DAYS_PER_YEAR


def _settle(rng: np.random.Generator, families: Families, weights: Floats) -> tuple[Int32s, Families]:
    """Give every household a commune and sort the people by commune and household."""
    sizes = np.bincount(families.households)
    order = rng.permutation(len(sizes))
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    limits = np.cumsum(weights) / weights.sum() * len(families.sexes)
    commune_of = np.empty(len(sizes), np.int32)
    commune_of[order] = np.minimum(np.searchsorted(limits, middles), len(weights) - 1)
    homes = commune_of[families.households]
    rows = np.lexsort((families.households, homes))
    place = np.empty(len(rows) + 1, np.int32)
    place[rows] = np.arange(len(rows))
    place[-1] = -1
    moved = {name: place[getattr(families, name)[rows]] for name in ("fathers", "mothers", "spouses", "twins")}
    kept = {name: getattr(families, name)[rows] for name in ("sexes", "births", "households")}
    return homes[rows], Families(**kept, **moved)


def _draw_peoples(
    rng: np.random.Generator, families: Families, homes: Int32s, communes: Communes, model: NameModel
) -> Int32s:
    """The people of each household, in communes that differ more than their province would have it."""
    provinces = [row["code"] for row in read_csv("provinces.csv")]
    shares = np.array([[people.provinces.get(code, 0.0) for people in model.peoples] for code in provinces])
    shares = shares[communes.province_index()]
    shares = shares * rng.gamma(0.6, 1 / 0.6, shares.shape)
    shares *= np.minimum(1.0, 0.97 / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9))
    known = np.isfinite(communes.kinh_shares) & (shares.sum(axis=1) > 0)
    shares[known] *= ((1 - communes.kinh_shares[known]) / shares[known].sum(axis=1))[:, None]
    edges = np.cumsum(np.concatenate([1 - shares.sum(axis=1, keepdims=True), shares], axis=1), axis=1)[:, :-1]
    _, first, household = np.unique(families.households, return_index=True, return_inverse=True)
    # An edge at a time: households × peoples at once would be the largest array of the simulation.
    drawn, of_commune = rng.random(len(first)), homes[first]
    chosen = np.zeros(len(first), np.int32)
    for edge in edges.T:
        chosen += drawn >= edge[of_commune]
    peoples = chosen[household]
    wives = (families.sexes == 1) & (families.spouses >= 0) & (rng.random(len(peoples)) < KINH_SPOUSE_SHARE)
    peoples[wives] = 0
    return peoples


def _name(
    rng: np.random.Generator, families: Families, homes: Int32s, provinces: Int32s, peoples: Int32s, model: NameModel
) -> Int32s:
    """Names with what families and villages share."""
    codes = np.array([row["code"] for row in read_csv("provinces.csv")])
    south = (codes >= SOUTH_FROM)[provinces]
    names = draw_names(rng, model, families.sexes, birth_years(families.births), peoples, south)
    _village_surnames(rng, names, homes, peoples)
    n = len(names)
    sons = np.flatnonzero((families.sexes == 0) & (families.fathers >= 0) & (peoples == 0))
    like = sons[rng.random(len(sons)) < MIDDLE_OF_FATHER_SHARE]
    names[like, 1] = names[families.fathers[like], 1]
    same = sons[rng.random(len(sons)) < SAME_NAME_AS_FATHER_SHARE]
    names[same, 1:] = names[families.fathers[same], 1:]
    twins = np.flatnonzero((families.twins > np.arange(n)) & (families.sexes == families.sexes[families.twins]))
    similar = twins[rng.random(len(twins)) < MIDDLE_OF_TWIN_SHARE]
    names[families.twins[similar], 1] = names[similar, 1]
    alike = twins[names[twins, 2] == names[families.twins[twins], 2]]
    names[families.twins[alike], 2] = names[rng.permutation(alike), 2]
    inherit(names, model, peoples, families.fathers, families.mothers)
    return names


def _village_surnames(rng: np.random.Generator, names: Int32s, homes: Int32s, peoples: Int32s) -> None:
    """A share of the Kinh of a commune bears one of a few surnames drawn there; national shares stay as they are."""
    kinh = np.flatnonzero(peoples == 0)
    starts = np.searchsorted(homes[kinh], np.arange(homes[-1] + 2))
    widths = np.maximum(np.diff(starts), 1)[:, None]
    at = starts[:-1, None] + np.floor(rng.random((len(widths), N_CLANS)) * widths).astype(np.int64)
    clans = names[kinh[np.minimum(at, len(kinh) - 1)], 0]
    rows = kinh[rng.random(len(kinh)) < CLAN_SHARE]
    names[rows, 0] = clans[homes[rows], rng.integers(0, N_CLANS, len(rows))]


def _residences(
    rng: np.random.Generator, families: Families, ages: Floats, homes: Int32s, communes: Communes
) -> Int32s:
    """Where the movers live: half of them in their province, half anywhere, larger communes likelier."""
    n = len(homes)
    household = (rng.random(families.households.max() + 1) < MOVED_HOUSEHOLD_SHARE)[families.households]
    alone = rng.random(n) < np.where((ages >= 18) & (ages < 35), MOVED_YOUNG_SHARE, MOVED_SHARE)
    rows = np.flatnonzero(household | alone)
    # A household moves together: its members share one draw.
    together = np.where(alone[rows], np.arange(len(rows)), len(rows) + families.households[rows])
    _, draw = np.unique(together, return_inverse=True)
    n_draws = draw.max(initial=-1) + 1
    anywhere = pick(rng, communes.weights**1.3, n_draws)[draw]
    provinces = communes.province_index()
    starts, ends = (np.searchsorted(provinces, provinces[homes[rows]], side=side) for side in ("left", "right"))
    others = ends - starts - 1
    step = 1 + np.floor(rng.random(n_draws)[draw] * others).astype(np.int64)
    near = starts + (homes[rows] - starts + step) % (others + 1)
    target = np.where((rng.random(n_draws) < NEAR_SHARE)[draw] & (others > 0), near, anywhere)
    target = np.where(target == homes[rows], (target + 1) % len(communes), target)
    residences = np.full(n, -1, np.int32)
    residences[rows] = np.where(target == homes[rows], -1, target)
    return residences


def _birth_provinces(rng: np.random.Generator, provinces: Int32s) -> Int32s:
    weights = np.array([float(row["people_thousand"]) for row in read_csv("provinces.csv")])
    elsewhere = rng.random(len(provinces)) < BORN_ELSEWHERE_SHARE
    return np.where(elsewhere, pick(rng, weights, len(provinces)), provinces).astype(np.int32)


def _birth_forms(rng: np.random.Generator, years: Int32s) -> Int32s:
    """Year only, or 1 January for an unknown day: some of the old, rare after 1975."""
    old = np.interp(years, (1930, 1950, 1965, 1980, 2005), (0.30, 0.18, 0.07, 0.015, 0.002))
    forms = np.where(rng.random(len(years)) < 0.48, YEAR_ONLY, FIRST_OF_JANUARY)
    forms = np.where(rng.random(len(years)) < 0.04, YEAR_AND_MONTH, forms)
    return np.where(rng.random(len(years)) < old, forms, FULL_DATE).astype(np.int32)


def _deaths(rng: np.random.Generator, ages: Floats) -> tuple[Int32s, Int32s, Mask]:
    n = len(ages)
    dead = rng.random(n) < between(_DIED, ages)
    first, last = FIRST_DEATH_DAY.astype(np.int64), SNAPSHOT_DAY.astype(np.int64)
    days = np.where(dead, np.maximum(rng.integers(first, last, n), last - np.floor(ages * 365).astype(np.int64)), 10**6)
    emigrated = ~dead & (rng.random(n) < EMIGRATED_SHARE)
    statuses = np.where(dead, DECEASED, np.where(emigrated, EMIGRATED, ALIVE)).astype(np.int32)
    return statuses, days.astype(np.int32), rng.random(n) >= DEATH_DATE_UNKNOWN_SHARE


def _with_foreigners(population: Population, foreigners: Foreigners) -> Population:
    """Append people without family, registry row or Vietnamese numbers."""
    n = len(foreigners.sexes)
    absent = np.full(n, -1, np.int32)
    values = {
        "sexes": foreigners.sexes,
        "births": foreigners.births,
        "households": population.households.max() + 1 + np.arange(n, dtype=np.int32),
        "communes": foreigners.communes,
        "names": foreigners.names,
        "id_numbers": foreigners.passports,
        "phones": foreigners.phones,
        "countries": foreigners.countries,
        "deaths": np.full(n, 10**6, np.int32),
    }
    values |= dict.fromkeys(("fathers", "mothers", "spouses", "twins", "residences"), absent)
    values |= dict.fromkeys(("old_ids", "insurance"), absent.astype(np.int64))
    columns = {}
    for field in fields(Population):
        own = getattr(population, field.name)
        columns[field.name] = np.concatenate([own, values.get(field.name, np.zeros(n, own.dtype)).astype(own.dtype)])
    return replace(population, **columns)
