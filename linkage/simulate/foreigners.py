"""Foreigners who were vaccinated in Viet Nam: passports instead of personal numbers, no row in the registry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.simulate.households import REFERENCE_DAY
from linkage.simulate.names import Vocabulary
from linkage.simulate.randomness import Int32s, Ints, pick
from linkage.simulate.tables import read_csv


@dataclass(frozen=True)
class Foreigners:
    """Arrays of shape (n,)."""

    sexes: Int32s
    births: Int32s
    communes: Int32s
    names: Int32s  # (n, 3)
    passports: Ints  # eight digits; the letter belongs to the country
    phones: Ints
    countries: Int32s  # 1 ...


def add_foreign_words(vocabulary: Vocabulary) -> None:
    """Number the words of foreign names, so that the vocabulary is complete before anyone is drawn."""
    for row in read_csv("foreigners.csv"):
        for column in ("families", "given_men", "given_women"):
            vocabulary.numbers_of(row[column].split())


def draw_foreigners(rng: np.random.Generator, n: int, n_communes: int, vocabulary: Vocabulary) -> Foreigners:
    """``n`` grown-up foreigners; words the vocabulary lacks are added."""
    rows_of_table = read_csv("foreigners.csv")
    countries = pick(rng, np.array([float(row["share"]) for row in rows_of_table]), n)
    sexes = (rng.random(n) < 0.35).astype(np.int32)
    names = np.zeros((n, 3), np.int32)
    for number, row in enumerate(rows_of_table):
        families = vocabulary.numbers_of(row["families"].split())
        for sex, column in enumerate(("given_men", "given_women")):
            given = vocabulary.numbers_of(row[column].split())
            rows = np.flatnonzero((countries == number) & (sexes == sex))
            names[rows, 0] = families[rng.integers(0, len(families), len(rows))]
            names[rows, 2] = given[rng.integers(0, len(given), len(rows))]
    ages = rng.gamma(9, 4.2, n).clip(18, 80)
    return Foreigners(
        sexes,
        (REFERENCE_DAY.astype(np.int64) - np.floor(ages * 365.2425)).astype(np.int32),
        rng.integers(0, n_communes, n).astype(np.int32),
        names,
        rng.integers(10_000_000, 100_000_000, n),
        900_000_000 + rng.integers(0, 100_000_000, n),
        (countries + 1).astype(np.int32),
    )
