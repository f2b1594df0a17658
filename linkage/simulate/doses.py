"""Who is vaccinated, when, with what and where: the doses before anyone types them in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.errors import UsageError
from linkage.simulate.identifiers import NONE
from linkage.simulate.population import DECEASED, Population
from linkage.simulate.randomness import Chance, Floats, Int32s, Mask, pick
from linkage.simulate.tables import between
from linkage.simulate.units import Communes

FIRST_DAY = np.datetime64("2021-03-08", "D")
LAST_DAY = np.datetime64("2022-08-31", "D")
LEAST_INTERVAL_DAYS = 21
MAX_DOSES = 4
DOSES_PER_SUBJECT = 2.0
FOREIGN_SHARE = 0.005  # of subjects
SPLIT_SUBJECT_SHARE = 0.01  # subjects whose doses stand under two subject_ids
KEYED_TWICE_SHARE = 0.004  # of second and later doses: a repetition of the one before by another facility
POSTHUMOUS_SHARE = 0.0002  # of subjects: a dose on a dead person's identity, the negative control
OTHER_COMMUNE_SHARE = 0.10  # of doses, given in another commune of the district
RESIDENCE_SHARE = 0.85  # of movers' doses, given where they live
LEVELS = ("commune", "district", "province", "central")
_LEVEL_WEIGHTS = np.array([0.78, 0.14, 0.06, 0.02])
# First doses of adults by month from March 2021; those of 12 to 17 start in October 2021, of 5 to 11 in April 2022.
_MONTHS = np.array([0.2, 1.0, 1.2, 3.5, 7, 17, 22, 18, 12, 7, 4, 2.5, 1.5, 1, 0.8, 0.6, 0.5, 0.4])
_VACCINATED = ((4.9, 0.0), (5, 0.55), (12, 0.9), (18, 1.0), (70, 0.95), (90, 0.8))

# Product, share by quarter from the first of 2021, typed forms; minors get the fourth in nine cases of ten.
PRODUCTS: tuple[tuple[str, tuple[float, ...], tuple[str, ...]], ...] = (
    ("AZ", (100, 70, 38, 24, 10, 2, 1), ("AstraZeneca", "COVID-19 Vaccine AstraZeneca", "AZD1222")),
    ("VC", (0, 6, 32, 34, 12, 6, 4), ("Vero Cell", "Sinopharm", "COVID-19 Vaccine (Vero Cell), Inactivated")),
    ("MO", (0, 8, 10, 8, 18, 24, 26), ("Spikevax", "Moderna", "Spikevax-Moderna")),
    ("PF", (0, 14, 18, 30, 56, 66, 68), ("Comirnaty", "Pfizer", "Comirnaty-Pfizer/BioNTech")),
    ("AB", (0, 0, 1, 3, 4, 2, 1), ("Abdala",)),
    ("HV", (0, 0, 1, 1, 0, 0, 0), ("Hayat-Vax",)),
    ("SP", (0, 2, 0.4, 0.2, 0, 0, 0), ("SPUTNIK V", "Gam-COVID-Vac")),
)
PFIZER = 3
# The other product that a second dose may be, by the first: an mRNA vaccine after AstraZeneca or the other mRNA
# vaccine.
_SECOND_PRODUCT = np.array([3, 1, 3, 2, 4, 5, 6], np.int32)


@dataclass(frozen=True)
class Doses:
    """Doses in the order of dose_id; arrays of shape (n,)."""

    persons: Int32s  # row of the population
    subjects: Int32s  # number of the platform's subject
    numbers: Int32s  # 1 ...
    days: Int32s  # since 1970-01-01
    products: Int32s  # number in PRODUCTS
    communes: Int32s  # of the facility
    levels: Int32s  # of the facility, number in LEVELS

    def __len__(self) -> int:
        return len(self.persons)


def draw_doses(chance: Chance, population: Population, communes: Communes, n: int) -> Doses:
    """``n`` doses in random order.

    Raises
    ------
    UsageError
        There are more doses than the people who can be vaccinated can have.
    """
    rng = chance.stream("doses")
    persons, posthumous = _draw_subjects(rng, population, n)
    counts = _counts(rng, len(persons), n)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    subjects = np.repeat(np.arange(len(persons), dtype=np.int32), counts)
    numbers = (np.arange(n) - first + 1).astype(np.int32)
    ages = (LAST_DAY.astype(np.int64) - population.births[persons]) / 365.25
    days = _days(rng, population.deaths[persons], posthumous, ages, counts)
    products = _products(rng, days, subjects, ages[subjects] < 18)
    repeated = np.flatnonzero((numbers > 1) & (rng.random(n) < KEYED_TWICE_SHARE))
    days[repeated], numbers[repeated] = days[repeated - 1], numbers[repeated - 1]
    products[repeated] = products[repeated - 1]
    where = _facility_communes(rng, population, communes, persons[subjects])
    levels = pick(rng, _LEVEL_WEIGHTS, n)
    split = (rng.random(len(persons)) < SPLIT_SUBJECT_SHARE)[subjects] & (numbers > 1)
    labels = rng.permutation(2 * len(persons))
    order = rng.permutation(n)
    return Doses(
        persons=persons[subjects][order],
        subjects=labels[np.where(split, subjects + len(persons), subjects)][order].astype(np.int32),
        numbers=numbers[order],
        days=days[order],
        products=products[order],
        communes=where[order],
        levels=levels[order].astype(np.int32),
    )


def _draw_subjects(rng: np.random.Generator, population: Population, n_doses: int) -> tuple[Int32s, Mask]:
    """Rows of the vaccinated people, and which of them were dead by then."""
    foreign = np.flatnonzero(population.countries > 0)
    ages = (LAST_DAY.astype(np.int64) - population.births) / 365.25
    weights = between(_VACCINATED, ages) * (population.countries == 0)
    # Who died during the campaign lived long enough for the doses given here.
    weights[population.deaths < FIRST_DAY.astype(np.int64) + 180] = 0.0
    eligible = np.flatnonzero(weights)
    # A single dose has a subject too, where there is anybody.
    n_subjects = max(min(1, n_doses, len(eligible)), round(min(n_doses / DOSES_PER_SUBJECT, 0.9 * len(eligible))))
    if n_doses > MAX_DOSES * n_subjects:
        raise UsageError(
            f"{n_doses} doses are too many for {len(eligible)} people who can be vaccinated; ask for fewer"
        )
    dead = np.flatnonzero((population.statuses == DECEASED) & (population.deaths < LAST_DAY.astype(np.int64) - 200))
    dead = rng.choice(dead, min(len(dead), round(n_subjects * POSTHUMOUS_SHARE)), replace=False)
    foreign = foreign[: max(0, n_subjects - len(dead))]
    # The foreigners are drawn apart, so the rest is sampled by weight: the smallest exponential waiting times.
    waits = rng.exponential(size=len(eligible)) / weights[eligible]
    n_natives = n_subjects - len(foreign) - len(dead)
    natives = eligible[np.argpartition(waits, min(n_natives, len(waits) - 1))[:n_natives]]
    natives = natives[~np.isin(natives, dead)]
    persons = np.concatenate([np.sort(natives), foreign, dead]).astype(np.int32)
    return persons, np.arange(len(persons)) >= len(natives) + len(foreign)


def _counts(rng: np.random.Generator, n_subjects: int, n_doses: int) -> Int32s:
    """Doses of each subject, sum exactly ``n_doses``; at two on average 25 % have one, 50 % two, 25 % three."""
    counts = np.ones(n_subjects, np.int32)
    order = rng.permutation(n_subjects)
    extra = n_doses - n_subjects
    reach = max(round(min(0.75 * extra, 0.97 * n_subjects)), -(-extra // (MAX_DOSES - 1)))
    while extra:
        reach = min(reach, extra)
        counts[order[:reach]] += 1
        extra -= reach
    return counts


def _days(rng: np.random.Generator, deaths: Int32s, posthumous: Mask, ages: Floats, counts: Int32s) -> Int32s:
    """The days of all doses, in order of subject and number, before the death unless ``posthumous``."""
    n, start, end = len(counts), FIRST_DAY.astype(np.int64), LAST_DAY.astype(np.int64)
    gaps = LEAST_INTERVAL_DAYS + rng.gamma(2.0, [[12], [45], [30]], (3, n)).astype(np.int64)
    offsets = np.concatenate([np.zeros((1, n), np.int64), np.cumsum(gaps, axis=0)])
    opening = start + np.select([ages < 12, ages < 18], [400, 220], 0)
    drawn = start + pick(rng, _MONTHS, n) * 30 + rng.integers(0, 30, n)
    drawn = np.where(ages < 18, opening + rng.gamma(2.0, 20, n).astype(np.int64), drawn)
    last = np.where(posthumous, end, np.minimum(end, deaths))
    # Where the time does not suffice the intervals shrink to the least allowed ones, then the first dose moves forward.
    tight = posthumous | (drawn + offsets[counts - 1, np.arange(n)] > last)
    offsets[:, tight] = LEAST_INTERVAL_DAYS * np.arange(4)[:, None]
    drawn = np.minimum(drawn, last - offsets[counts - 1, np.arange(n)])
    drawn = np.where(posthumous, np.maximum(drawn, deaths + 10), drawn)
    within = np.arange(4)[:, None] < counts
    days: Int32s = (drawn + offsets).T[within.T].astype(np.int32)
    return days


def _products(rng: np.random.Generator, days: Int32s, subjects: Int32s, minor: Mask) -> Int32s:
    """The product of each dose; the second dose repeats the first, or is one that may follow it."""
    quarters = np.clip((days - np.datetime64("2021-01-01", "D").astype(np.int64)) // 91, 0, 6)
    products = np.zeros(len(days), np.int32)
    for quarter in range(7):
        rows = np.flatnonzero(quarters == quarter)
        products[rows] = pick(rng, np.array([shares[quarter] for _, shares, _ in PRODUCTS]), len(rows))
    products[minor & (rng.random(len(days)) < 0.9)] = PFIZER
    starts = np.flatnonzero(np.diff(subjects, prepend=-1))
    second = starts[:-1][np.diff(starts) > 1] + 1
    other = _SECOND_PRODUCT[products[second - 1]]
    products[second] = np.where(rng.random(len(second)) < 0.85, products[second - 1], other)
    return products


def _facility_communes(rng: np.random.Generator, population: Population, communes: Communes, persons: Int32s) -> Int32s:
    """Where each dose is given: near the residence, now and then in another commune of the district."""
    n = len(persons)
    homes, residences = population.communes[persons], population.residences[persons]
    there = (residences != NONE) & (rng.random(n) < RESIDENCE_SHARE)
    where = np.where(there, residences, homes)
    districts = communes.district_index()
    order = np.argsort(districts, kind="stable").astype(np.int32)
    starts, ends = (np.searchsorted(districts[order], districts[where], side=side) for side in ("left", "right"))
    other = order[starts + np.floor(rng.random(n) * (ends - starts)).astype(np.int64)]
    return np.where(rng.random(n) < OTHER_COMMUNE_SHARE, other, where).astype(np.int32)


def died_before(population: Population, doses: Doses) -> Mask:
    """Doses dated after the death of the person whose identity they bear (the negative control)."""
    return doses.days > population.deaths[doses.persons]
