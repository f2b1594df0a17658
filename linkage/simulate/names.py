"""Full names with the joint frequencies of real ones: who shares a name with whom decides what a name is worth.

A name is three part numbers: family part, middle part, last part, each a number in one vocabulary of words (0 is none).
Kinh given and middle parts are drawn jointly by sex and cohort, so that two random people of one sex share the full
name with probability 7-8e-5 (published counts), and "Thị" fades from five women in six to one in six.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from linkage.simulate.randomness import Floats, Int32s, Mask, pick
from linkage.simulate.tables import read_toml, weighted

COHORT_ENDS = (1960, 1980, 1995, 2004)  # cohorts: before the first, between, from the last
COHORT_AGES = (0.0, 0.25, 0.55, 0.8, 1.0)  # how far each cohort is from the old weights to the new ones
SOUTH_FROM = "48"  # provinces from Đà Nẵng on use the southern forms (Huỳnh, Võ)
MEN, WOMEN = 0, 1
_MARKERS = ("Văn", "Thị")
_PAIR_BOOST = 4.0
_N_DOUBLE_FIRST, _N_DOUBLE_SECOND = 40, 48


@dataclass
class Vocabulary:
    """All words names are made of; a word gets its number when it is first seen."""

    words: list[str] = field(default_factory=lambda: [""])
    numbers: dict[str, int] = field(default_factory=lambda: {"": 0})

    def number(self, word: str) -> int:
        """The number of a word."""
        if word not in self.numbers:
            self.numbers[word] = len(self.words)
            self.words.append(word)
        return self.numbers[word]

    def numbers_of(self, words: list[str]) -> Int32s:
        """The numbers of words, same order."""
        return np.array([self.number(word) for word in words], np.int32)


@dataclass(frozen=True)
class PartList:
    """Words of one place in a name with their weights by cohort, shape (words, cohorts)."""

    words: list[str]
    numbers: Int32s
    weights: Floats

    def draw(self, rng: np.random.Generator, cohorts: Int32s) -> Int32s:
        """One word number for each entry of ``cohorts``."""
        chosen = np.zeros(len(cohorts), np.int32)
        for cohort in range(self.weights.shape[1]):
            rows = np.flatnonzero(cohorts == cohort)
            chosen[rows] = self.numbers[pick(rng, self.weights[:, cohort], len(rows))]
        return chosen


@dataclass(frozen=True)
class KinhNames:
    """Middle and given parts of one sex: joint[cohort] has shape (middles, given), sum 1."""

    middles: PartList
    given: PartList
    joint: list[Floats]

    def draw(self, rng: np.random.Generator, cohorts: Int32s) -> tuple[Int32s, Int32s]:
        """Middle and given part for each entry of ``cohorts``."""
        middle = np.zeros(len(cohorts), np.int32)
        given = np.zeros(len(cohorts), np.int32)
        for cohort, joint in enumerate(self.joint):
            rows = np.flatnonzero(cohorts == cohort)
            chosen = pick(rng, joint.ravel(), len(rows))
            middle[rows] = self.middles.numbers[chosen // joint.shape[1]]
            given[rows] = self.given.numbers[chosen % joint.shape[1]]
        return middle, given


@dataclass(frozen=True)
class People:
    """One of the peoples of Viet Nam: how its names are built; lists by sex, None where the Kinh model is used."""

    code: str
    name: str
    inherits: str
    kinh_given: float  # share with a Kinh personal name
    provinces: dict[str, float]
    families: tuple[PartList, PartList]
    middles: tuple[PartList, PartList] | None
    given: tuple[PartList, PartList] | None


@dataclass(frozen=True)
class NameModel:
    """Everything names are drawn from."""

    vocabulary: Vocabulary
    kinh: tuple[KinhNames, KinhNames]
    surnames_north: PartList
    surnames_south: PartList
    peoples: list[People]  # people number 0 is Kinh; entry i of the list is number i + 1


def cohort_of(birth_years: Int32s) -> Int32s:
    """The cohort number of a birth year."""
    return np.searchsorted(np.array(COHORT_ENDS), birth_years, side="right").astype(np.int32)


def load_names() -> NameModel:
    """Read the tables of names; nothing random happens here."""
    table = read_toml("names.toml")
    vocabulary = Vocabulary()
    names, weights = weighted(table["surnames"])
    numbers = vocabulary.numbers_of(names)
    north, south = np.array(weights).T
    kinh = tuple(_kinh_names(table, vocabulary, sex) for sex in (MEN, WOMEN))
    return NameModel(
        vocabulary,
        (kinh[MEN], kinh[WOMEN]),
        PartList(names, numbers, north[:, None]),
        PartList(names, numbers, south[:, None]),
        [_people(row, vocabulary) for row in read_toml("peoples.toml")["people"]],
    )


def _part_list(text: str, vocabulary: Vocabulary) -> PartList:
    names, weights = weighted(text)
    old, new = np.array(weights).T
    by_cohort = np.stack([old + (new - old) * age for age in COHORT_AGES], axis=1)
    return PartList(names, vocabulary.numbers_of(names), by_cohort / by_cohort.sum(axis=0))


def _people(row: dict[str, Any], vocabulary: Vocabulary) -> People:
    def both(part: str) -> tuple[PartList, PartList]:
        men = row[f"{part}_men"]
        return _part_list(men, vocabulary), _part_list(row.get(f"{part}_women", men), vocabulary)

    own = row["names"] == "own"
    return People(
        row["code"],
        row["name"],
        row["inherits"],
        row.get("kinh_given", 1.0),
        row["provinces"],
        both("families"),
        both("middles") if own else None,
        both("given") if own else None,
    )


def _kinh_names(table: dict[str, Any], vocabulary: Vocabulary, sex: int) -> KinhNames:
    label = ("men", "women")[sex]
    given = _part_list(table[f"given_{label}"], vocabulary)
    middles = _middles(_part_list(table[f"middle_{label}"], vocabulary), table["structure"][label], vocabulary, sex)
    pairs = {tuple(entry.split()) for entry in table[f"pairs_{label}"].replace("\n", " ").split(";")}
    affinity = _affinity(middles.words, given.words, pairs)
    joint = []
    for cohort in range(len(COHORT_AGES)):
        conditional = affinity * given.weights[:, cohort]
        conditional /= conditional.sum(axis=1, keepdims=True)
        joint.append(conditional * middles.weights[:, [cohort]])
    return KinhNames(middles, given, joint)


def _middles(singles: PartList, structure: dict[str, list[float]], vocabulary: Vocabulary, sex: int) -> PartList:
    """All middle parts, from none to two words, with the share of each structure by cohort as the table says."""
    marker, words = _MARKERS[sex], singles.words
    first, second = words[:_N_DOUBLE_FIRST], words[:_N_DOUBLE_SECOND]
    double = np.einsum("ic,jc->ijc", singles.weights[: len(first)], singles.weights[: len(second)])
    double[np.arange(len(first)), np.arange(len(first))] = 0.0
    double = double.reshape(-1, len(COHORT_AGES))
    blocks = {
        "none": ([""], np.ones((1, len(COHORT_AGES)))),
        "marker": ([marker], np.ones((1, len(COHORT_AGES)))),
        "single": (words, singles.weights),
        "marker_and_single": ([f"{marker} {word}" for word in words], singles.weights),
        "double": ([f"{a} {b}" for a in first for b in second], double / double.sum(axis=0)),
    }
    texts = [text for block, _ in blocks.values() for text in block]
    weights = np.concatenate([weights * structure[name] for name, (_, weights) in blocks.items()])
    return PartList(texts, vocabulary.numbers_of(texts), weights)


def _affinity(middles: list[str], given: list[str], pairs: set[tuple[str, ...]]) -> Floats:
    """How much more often than by their product a middle and a given part meet, shape (middles, given)."""
    column = {word: i for i, word in enumerate(given)}
    affinity = np.ones((len(middles), len(given)))
    following: dict[str, list[int]] = {}
    for last, word in pairs:
        if word in column:
            following.setdefault(last, []).append(column[word])
    for row, middle in enumerate(middles):
        syllables = middle.split()
        affinity[row, following.get(syllables[-1], []) if syllables else []] = _PAIR_BOOST
        affinity[row, [column[syllable] for syllable in syllables if syllable in column]] = 0.0
    return affinity


def draw_names(
    rng: np.random.Generator, model: NameModel, sexes: Int32s, birth_years: Int32s, peoples: Int32s, south: Mask
) -> Int32s:
    """A name of its own for each person, family ties not yet regarded; shape (n, 3), numbers of the vocabulary."""
    cohorts = cohort_of(birth_years)
    names = np.zeros((len(sexes), 3), np.int32)
    for sex in (MEN, WOMEN):
        rows = np.flatnonzero(sexes == sex)
        names[rows, 1], names[rows, 2] = model.kinh[sex].draw(rng, cohorts[rows])
    for surnames, where in ((model.surnames_north, ~south), (model.surnames_south, south)):
        rows = np.flatnonzero(where)
        names[rows, 0] = surnames.draw(rng, np.zeros(len(rows), np.int32))
    for number, people in enumerate(model.peoples, start=1):
        for sex in (MEN, WOMEN):
            rows = np.flatnonzero((peoples == number) & (sexes == sex))
            names[rows, 0] = people.families[sex].draw(rng, cohorts[rows])
            if people.middles and people.given:
                kinh_given = np.where(rng.random(len(rows)) < people.kinh_given, names[rows, 2], 0)
                names[rows, 1] = people.middles[sex].draw(rng, cohorts[rows])
                names[rows, 2] = people.given[sex].draw(rng, cohorts[rows])
                personal = 1 if people.inherits == "clan" else 2
                names[rows, personal] = np.where(kinh_given, kinh_given, names[rows, personal])
    return names


def inherit(names: Int32s, model: NameModel, peoples: Int32s, fathers: Int32s, mothers: Int32s) -> None:
    """Pass family parts and clans on, in place; parents are row numbers, -1 unknown."""
    rules = np.array(["family", *(people.inherits for people in model.peoples)])[peoples]
    # Three generations at most live together, so two rounds reach the youngest.
    for _ in range(2):
        for rule, column, parents in (
            ("family", 0, np.where(fathers >= 0, fathers, mothers)),
            ("mother_family", 0, mothers),
            ("clan", 2, mothers),
        ):
            rows = np.flatnonzero((rules == rule) & (parents >= 0))
            rows = rows[peoples[parents[rows]] == peoples[rows]] if column == 2 else rows
            names[rows, column] = names[parents[rows], column]
