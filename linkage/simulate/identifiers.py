"""Personal numbers, old identity cards, insurance numbers and phones, with the structure the real ones have."""

from __future__ import annotations

import numpy as np

from linkage.simulate.households import Families
from linkage.simulate.issued import Issued
from linkage.simulate.randomness import Floats, Int32s, Ints, Mask, distinct, pick
from linkage.simulate.tables import between, read_csv

NONE = -1
OLD_ID_LAST_BIRTH_YEAR = 2006
OLD_ID_SHARE = 0.93  # of those born before 1999; the later ones met the 12-digit card first
OLD_ID_SHARE_YOUNG = 0.45
OLD_ID_ISSUED_TWICE_SHARE = 0.0007  # 50,000 numbers of some 70 million
INSURED_SHARE = 0.9
LONG_PREFIXES = 4  # successive three-digit prefixes of old numbers that such a province has at most

# Two digits after the zero of a mobile number, with market shares; the first group was moved there in September 2018.
MOVED_PREFIXES = {
    70: 120, 79: 121, 77: 122, 76: 126, 78: 128, 83: 123, 84: 124, 85: 125, 81: 127, 82: 129, 32: 162, 33: 163, 34: 164,
    35: 165, 36: 166, 37: 167, 38: 168, 39: 169, 56: 186, 58: 188, 59: 199,
}  # fmt: skip
_PREFIX_WEIGHTS = {
    **dict.fromkeys(MOVED_PREFIXES, 2.2), **dict.fromkeys((96, 97, 98), 7.0), **dict.fromkeys((86, 88, 89), 3.0),
    **dict.fromkeys((90, 91, 93, 94), 4.5), 56: 0.8, 58: 0.8, 59: 0.4, 92: 1.0, 99: 0.5,
}  # fmt: skip
_OWNS_PHONE = ((11, 0.0), (14, 0.35), (18, 0.93), (60, 0.90), (75, 0.55), (90, 0.2))


def personal_numbers(
    rng: np.random.Generator,
    birth_provinces: Int32s,
    sexes: Int32s,
    birth_years: Int32s,
    issued: Issued | None = None,
) -> Ints:
    """12-digit numbers, all different: 3 digits province of birth, 1 century and sex, 2 year, 6 random.

    Parameters
    ----------
    birth_provinces : int array, number in the table of provinces
    sexes : int array, 0 men, 1 women
    birth_years : int array, four digits
    issued : numbers held in other regions, as in the functions below; None: there are no other regions
    """
    codes = np.array([int(row["code"]) for row in read_csv("provinces.csv")], np.int64)
    century: Ints = np.clip(birth_years // 100 - 19, 0, 4).astype(np.int64) * 2 + sexes
    prefixes = (codes[birth_provinces] * 10 + century) * 100 + birth_years % 100
    return distinct(rng, prefixes, 6) if issued is None else issued.numbers("id", prefixes)


def old_numbers(
    rng: np.random.Generator, birth_provinces: Int32s, birth_years: Int32s, issued: Issued | None = None
) -> Ints:
    """9-digit numbers of the old identity card, -1 for those who never had one; a few are given to two people."""
    prefixes = [row["cmnd_prefix"] for row in read_csv("provinces.csv")]
    # Two-digit and three-digit prefixes: a free third digit makes them the same length.
    short = np.array([len(prefix) == 2 for prefix in prefixes])[birth_provinces]
    stems = np.array([int(prefix) for prefix in prefixes], np.int64)[birth_provinces]
    third = rng.integers(0, 10, len(stems))
    # A million numbers are too few for the people of a whole province: in a region it has the next prefixes as well.
    stems = np.where(short, stems * 10 + third, stems if issued is None else stems + third % LONG_PREFIXES)
    numbers = np.full(len(stems), NONE) if issued else distinct(rng, stems, 6)
    share = np.where(birth_years < 1999, OLD_ID_SHARE, OLD_ID_SHARE_YOUNG)
    held = (birth_years <= OLD_ID_LAST_BIRTH_YEAR) & (rng.random(len(stems)) < share)
    if issued:
        numbers[held] = issued.numbers("old id", stems[held])
    twice = np.flatnonzero(held & (rng.random(len(stems)) < OLD_ID_ISSUED_TWICE_SHARE))
    numbers[twice] = numbers[rng.permutation(np.flatnonzero(held))[: len(twice)]]
    return np.where(held, numbers, NONE)


def insurance_numbers(rng: np.random.Generator, provinces: Int32s, issued: Issued | None = None) -> Ints:
    """10-digit insurance numbers, all different, that begin with the province; -1 without insurance."""
    codes = np.array([int(row["code"]) for row in read_csv("provinces.csv")], np.int64)
    if issued is None:
        numbers = distinct(rng, codes[provinces], 8)
    else:
        numbers = issued.numbers("insurance", codes[provinces] * 100 + rng.integers(0, 100, len(provinces)))
    return np.where(rng.random(len(provinces)) < INSURED_SHARE, numbers, NONE)


def phones(rng: np.random.Generator, ages: Floats, families: Families, issued: Issued | None = None) -> Ints:
    """Mobile numbers without the leading zero (9 digits), -1 none: one's own, the husband's, a parent's.

    A simulation drawn whole gives a few owners the number of another by chance. Among the owners of a whole country it
    would be every third, so in regions each owner has a number.
    """
    n = len(ages)
    prefixes = np.array(list(_PREFIX_WEIGHTS))[pick(rng, np.array(list(_PREFIX_WEIGHTS.values())), n)]
    own: Mask = rng.random(n) < between(_OWNS_PHONE, ages)
    drawn = rng.integers(0, 10_000_000, n)
    numbers = np.where(own, prefixes * 10_000_000 + drawn, NONE)
    if issued:
        numbers[own] = issued.numbers("phone", prefixes[own] * 10 + drawn[own] % 10)
    spouses = families.spouses
    wives = np.flatnonzero((families.sexes == 1) & (spouses >= 0) & (rng.random(n) < 0.18))
    numbers[wives] = np.where(numbers[spouses[wives]] >= 0, numbers[spouses[wives]], numbers[wives])
    mothers, fathers = families.mothers, families.fathers
    first, second = np.where(rng.random(n) < 0.65, [mothers, fathers], [fathers, mothers])
    for parents in (first, second):
        rows = np.flatnonzero((numbers < 0) & (parents >= 0))
        numbers[rows] = numbers[parents[rows]]
    return numbers
