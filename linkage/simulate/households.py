"""Ages, couples, parents and children: who lives with whom.

Ages follow the published pyramid exactly; families are then found among the people of fitting ages, so that the pyramid
never bends to the families.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.simulate.randomness import Floats, Int32s, Mask, pick
from linkage.simulate.tables import between, read_csv

REFERENCE_DAY = np.datetime64("2022-01-01", "D")
DAYS_PER_YEAR = 365.2425
TWIN_SHARE = 0.012  # of births, in pairs
MOTHERS_AGE = (27.5, 5.2)  # at birth, mean and standard deviation
LEAST_GAP = 15.0  # years between parent and child
THREE_GENERATION_SHARE = 0.42  # of couples with a husband up to 48
SINGLES_AT_HOME_SHARE = 0.7  # of adults under 50 without a partner
HUSBANDS_OLDER = 3.0  # years by which men leave home and marry later
# By age: lives with the parents; has a partner (men, women).
_AT_HOME = ((17, 1.0), (18, 0.95), (22, 0.75), (26, 0.42), (30, 0.15), (40, 0.03), (42, 0.0))
_MEN_PARTNERED = ((18, 0.80), (30, 0.93), (70, 0.88), (90, 0.55))
_WOMEN_PARTNERED = ((18, 0.85), (30, 0.93), (50, 0.90), (60, 0.80), (70, 0.60), (80, 0.33), (95, 0.05))


@dataclass(frozen=True)
class Families:
    """People by family; arrays of shape (n,), relatives as row numbers, -1 none or not simulated."""

    sexes: Int32s  # 0 men, 1 women
    births: Int32s  # days since 1970-01-01
    households: Int32s  # 0 ...
    fathers: Int32s
    mothers: Int32s
    spouses: Int32s
    twins: Int32s  # the other of a pair


def draw_families(rng: np.random.Generator, n: int, twin_share: float = TWIN_SHARE) -> Families:
    """``n`` people in households."""
    sexes, births = _draw_people(rng, n)
    ages = (REFERENCE_DAY.astype(np.int64) - births) / DAYS_PER_YEAR
    ripeness = np.where(ages >= 18, np.maximum(ages - HUSBANDS_OLDER * (sexes == 0), 17), ages)
    child = rng.random(n) < between(_AT_HOME, ripeness)
    spouses = _couples(rng, sexes, ages, ~child)
    child |= (spouses < 0) & (ages < 50) & (rng.random(n) < SINGLES_AT_HOME_SHARE)
    mothers = _mothers(rng, sexes, ages, child, spouses)
    fathers = np.where(mothers >= 0, spouses[mothers], -1).astype(np.int32)
    twins = _twins(rng, twin_share, births, child, mothers, fathers)
    heads = np.arange(n, dtype=np.int32)
    heads = np.where(spouses >= 0, np.minimum(heads, spouses), heads)
    heads = np.where(child & (mothers >= 0), heads[mothers], heads)
    heads = _three_generations(rng, sexes, ages, spouses, fathers, mothers, heads)
    households = np.unique(heads, return_inverse=True)[1].astype(np.int32)
    return Families(sexes, births, households, fathers, mothers, spouses, twins)


def _draw_people(rng: np.random.Generator, n: int) -> tuple[Int32s, Int32s]:
    rows = read_csv("pyramid.csv")
    weights = np.array([[float(row["men_thousand"]), float(row["women_thousand"])] for row in rows])
    cells = pick(rng, weights.ravel(), n)
    ages = np.array([float(row["age_from"]) for row in rows])[cells // 2] + 5 * rng.random(n)
    births = REFERENCE_DAY.astype(np.int64) - np.floor(ages * DAYS_PER_YEAR)
    return (cells % 2).astype(np.int32), births.astype(np.int32)


def _couples(rng: np.random.Generator, sexes: Int32s, ages: Floats, adult: Mask) -> Int32s:
    """Spouse of each person: both sexes in order of age (with noise), husbands some three years older."""
    n = len(sexes)
    chance = np.where(
        sexes == 0,
        between(_MEN_PARTNERED, ages),
        between(_WOMEN_PARTNERED, ages),
    )
    partnered = adult & (rng.random(n) < chance)
    men, women = (np.flatnonzero(partnered & (sexes == sex)) for sex in (0, 1))
    n_couples = min(len(men), len(women))
    men, women = (rng.choice(group, n_couples, replace=False) for group in (men, women))
    men = men[np.argsort(ages[men] + rng.normal(0, 2, n_couples), kind="stable")]
    women = women[np.argsort(ages[women] + rng.normal(0, 2, n_couples), kind="stable")]
    spouses = np.full(n, -1, np.int32)
    spouses[men], spouses[women] = women, men
    return spouses


def _of_age(rng: np.random.Generator, pool: Int32s, ages: Floats, wanted: Floats) -> Int32s:
    """For each wanted age someone of the pool (row numbers sorted by age) within about half a year of it."""
    low = np.searchsorted(ages[pool], wanted - 0.5)
    high = np.searchsorted(ages[pool], wanted + 0.5)
    at = low + np.floor(rng.random(len(wanted)) * np.maximum(high - low, 1)).astype(np.int64)
    chosen: Int32s = pool[np.minimum(at, len(pool) - 1)]
    return chosen


def _mothers(rng: np.random.Generator, sexes: Int32s, ages: Floats, child: Mask, spouses: Int32s) -> Int32s:
    """The mother of each one who lives with the parents: women in couples and one single woman in eight."""
    mothers = np.full(len(sexes), -1, np.int32)
    single = ~child & (sexes == 1) & (spouses < 0)
    women = np.flatnonzero(~child & (sexes == 1) & ((spouses >= 0) | (single & (rng.random(len(sexes)) < 0.125))))
    if not len(women):
        return mothers
    pool = women[np.argsort(ages[women], kind="stable")].astype(np.int32)
    rows = np.flatnonzero(child)
    gaps = np.clip(rng.normal(*MOTHERS_AGE, len(rows)), 17, 45)
    chosen = _of_age(rng, pool, ages, ages[rows] + gaps)
    husbands_ages = np.where(spouses[chosen] >= 0, ages[spouses[chosen]], np.inf)
    possible = np.minimum(ages[chosen], husbands_ages) - ages[rows] >= LEAST_GAP
    mothers[rows[possible]] = chosen[possible]
    return mothers


def _twins(
    rng: np.random.Generator, share: float, births: Int32s, child: Mask, mothers: Int32s, fathers: Int32s
) -> Int32s:
    """Make pairs: the second takes birthday and parents of the first; arrays are changed in place."""
    twins = np.full(len(births), -1, np.int32)
    rows = np.flatnonzero(child & (mothers >= 0))
    rows = rows[np.argsort(births[rows], kind="stable")]
    # Neighbours in order of birth, so that the pyramid stays as it is.
    starts = np.flatnonzero(rng.random(len(rows) // 2) < share) * 2
    first, second = rows[starts], rows[starts + 1]
    births[second], mothers[second], fathers[second] = births[first], mothers[first], fathers[first]
    twins[first], twins[second] = second, first
    return twins


def _three_generations(
    rng: np.random.Generator,
    sexes: Int32s,
    ages: Floats,
    spouses: Int32s,
    fathers: Int32s,
    mothers: Int32s,
    heads: Int32s,
) -> Int32s:
    """Couples move in with the husband's parents; sets those parents in place and returns the new heads."""
    husbands = np.flatnonzero((sexes == 0) & (spouses >= 0) & (ages < 48) & (mothers < 0))
    husbands = husbands[rng.random(len(husbands)) < THREE_GENERATION_SHARE]
    elders = np.flatnonzero((sexes == 1) & (ages >= 46) & (mothers < 0))
    elders = elders[(spouses[elders] < 0) | (ages[spouses[elders]] >= 48)]
    if not len(elders) or not len(husbands):
        return heads
    pool = elders[np.argsort(ages[elders], kind="stable")].astype(np.int32)
    mother = _of_age(rng, pool, ages, ages[husbands] + np.clip(rng.normal(*MOTHERS_AGE, len(husbands)), 17, 45))
    _, first = np.unique(mother, return_index=True)
    husbands, mother = husbands[first], mother[first]
    fathers_ages = np.where(spouses[mother] >= 0, ages[spouses[mother]], np.inf)
    fits = np.minimum(ages[mother], fathers_ages) - ages[husbands] >= LEAST_GAP
    husbands, mother = husbands[fits], mother[fits]
    mothers[husbands], fathers[husbands] = mother, spouses[mother]
    moved_to = np.arange(len(heads), dtype=np.int32)
    moved_to[heads[husbands]] = heads[mother]
    return moved_to[heads]
