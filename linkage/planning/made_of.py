"""Columns whose values are made of those of others: an e-mail address of the names, a code of the date of birth.

Whoever has a name in common has most of such an address in common too, match or not, so to count both as if they were
independent counts one thing twice. Seen row by row: how many values hold a part of the other column's value of the
same row, beyond those that hold it of another row's by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.planning.correspondences import Correspondence
from linkage.planning.fields import Planned
from linkage.planning.left_out import LeftOut
from linkage.planning.roles import Role
from linkage.standardise.dates import day_of, month_of, standardise_dates, year_of
from linkage.standardise.syllables import ascii_fold

_SAMPLE = 4000  # rows looked at
_FEWEST = 50  # rows that state both, to say anything
_SEED = 3
_HELD, _BEGUN = 0.2, 0.5  # share of the values, beyond chance, that hold a word or a date, or begin with its letter
_SAID = 0.9  # the same of values that say nothing besides
_STEM, _SHORTEST = 4, 3  # letters of a word that are looked for
_NAMES = {Role.GIVEN_NAME, Role.MIDDLE_NAME, Role.FAMILY_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME, Role.COMPANY}
_DATES = {Role.BIRTH_DATE, Role.DATE, Role.YEAR}
_MADE = dict.fromkeys((Role.EMAIL, Role.IDENTIFIER, Role.TEXT, Role.CATEGORY), _NAMES | _DATES)
# What other columns may say whole.
_WHOLE = {
    Role.FULL_NAME: {Role.GIVEN_NAME, Role.MIDDLE_NAME, Role.FAMILY_NAME},
    Role.YEAR: {Role.BIRTH_DATE},
}
_SLIPS = [1.0]
_WORD, _NO_LETTER, _NO_DIGIT = re.compile(r"[^\W\d_]+"), re.compile(r"[\W\d_]+"), re.compile(r"\D+")

Holds = Callable[[str, str], bool]  # of a value and one of another column


@dataclass(frozen=True)
class Made:
    """A field whose values are made of those of others; shares: of the values that hold each of these, beyond chance.

    is_whole: nothing else is in them, so that the others say it already
    """

    pair: Correspondence
    of: tuple[Correspondence, ...]
    shares: tuple[float, ...]
    is_whole: bool


def made_of_others(pairs: Sequence[Correspondence], tables: Mapping[str, pa.Table]) -> list[Made]:
    """The fields that are made of others on both sides, those first that others say whole."""
    whole = []
    for pair in pairs:
        said = [p for p in pairs if p.role in _WHOLE.get(pair.role, ())]
        if said and min(_said_share(table, side, pair, said) for side, table in tables.items()) > _SAID:
            whole.append(Made(pair, tuple(said), (1.0,) * len(said), is_whole=True))
    rest = [pair for pair in pairs if all(pair is not made.pair for made in whole)]
    found = []
    for pair in rest:
        of, shares = [], []
        for other in rest:
            if other is not pair and other.role in _MADE.get(pair.role, ()):
                share = min(_made_share(table, side, pair, other) for side, table in tables.items())
                if share > _HELD:
                    of.append(other)
                    shares.append(share)
        if of:
            found.append(Made(pair, tuple(of), tuple(shares), is_whole=False))
    return [*whole, *found]


def _values(table: pa.Table, pair: Correspondence, side: str) -> list[str]:
    """Values of a field by row, folded to plain letters; several columns as one text."""
    columns = [pc.fill_null(table.column(c.name), "").to_pylist() for c in getattr(pair, side)]
    return [ascii_fold(" ".join(parts)).lower().strip() for parts in zip(*columns, strict=True)]


def _rows(values: Sequence[list[str]]) -> np.ndarray:
    """Some rows that state all values, in a random order."""
    stated = np.flatnonzero(np.all([np.array(of, object) != "" for of in values], axis=0))
    return np.random.default_rng(_SEED).permutation(stated)[:_SAMPLE]


def _made_share(table: pa.Table, side: str, pair: Correspondence, other: Correspondence) -> float:
    """The share of values, beyond chance, that hold a word or the date of another field, or begin with its letter."""
    values, parts = (_values(table, p, side) for p in (pair, other))
    rows = _rows([values, parts])
    if rows.size < _FEWEST:
        return 0.0
    if other.role in _DATES:
        parts = _digits_of_dates(parts)
        return _beyond_chance(values, parts, rows, _holds_date)
    begun = _beyond_chance(values, parts, rows, _begins)
    held = _beyond_chance(values, parts, rows, _holds_word)
    return max(held, begun if begun > _BEGUN else 0.0)


def _beyond_chance(values: list[str], parts: list[str], rows: np.ndarray, holds: Holds) -> float:
    """(p - q) / (1 - q) of the shares p of rows where a value holds its own part, and q where that of the next row."""
    own = np.mean([holds(values[i], parts[i]) for i in rows])
    chance = np.mean([holds(values[i], parts[j]) for i, j in zip(rows, np.roll(rows, 1), strict=True)])
    return float((own - chance) / (1.0 - chance)) if chance < 1.0 else 0.0


def _holds_word(value: str, part: str) -> bool:
    return any(len(word) >= _SHORTEST and word[:_STEM] in value for word in _WORD.findall(part))


def _begins(value: str, part: str) -> bool:
    letters = _NO_LETTER.sub("", value)
    return bool(letters) and part[:1] in (letters[:1], letters[1:2])


def _digits_of_dates(texts: list[str]) -> list[str]:
    """The forms in which a code may hold each date, parted by blanks, "" where there is none."""
    dates = standardise_dates(pa.array(texts, pa.string()))
    years, months, days = (of(dates) for of in (year_of, month_of, day_of))
    found = []
    for text, year, month, day in zip(texts, years, months, days, strict=True):
        if re.fullmatch(r"\d{4}", text):
            found.append(f"{text} {text[2:]}")
        elif year and month and day:
            y, m, d = f"{year % 100:02}", f"{month:02}", f"{day:02}"
            found.append(f"{year} {y}{m}{d} {d}{m}{y} {m}{d}{y}")
        else:
            found.append(str(year) if year else "")
    return found


def _holds_date(value: str, part: str) -> bool:
    digits = _NO_DIGIT.sub("", value)
    return any(form in digits for form in part.split())


def _said_share(table: pa.Table, side: str, pair: Correspondence, others: Sequence[Correspondence]) -> float:
    """The share of values that other fields say whole."""
    values, *parts = (_values(table, p, side) for p in (pair, *others))
    stated = [any(of[i] for of in parts) for i in range(len(values))]
    rows = _rows([values, ["x" if is_stated else "" for is_stated in stated]])
    if rows.size < _FEWEST:
        return 0.0
    if pair.role is Role.YEAR:
        years = year_of(standardise_dates(pa.array(parts[0], pa.string())))
        return float(np.mean([values[i][:4] == str(years[i]) for i in rows]))
    words = [set(_WORD.findall(" ".join(of[i] for of in parts))) for i in rows]
    return float(np.mean([set(_WORD.findall(values[i])) <= of for i, of in zip(rows, words, strict=True)]))


def without_whole(pairs: Sequence[Correspondence], made: Sequence[Made]) -> tuple[list[Correspondence], list[LeftOut]]:
    """The pairs without those that others say whole, and why these are left out."""
    whole = [each for each in made if each.is_whole]
    left_out = [
        LeftOut("both", each.pair.right[0].name, f"{_listed([p.right[0].name for p in each.of])} say it already")
        for each in whole
    ]
    return [pair for pair in pairs if all(pair is not each.pair for each in whole)], left_out


def with_made_of(planned: Sequence[Planned], made: Sequence[Made]) -> list[Planned]:
    """The fields, comparisons of those made of others saying of which."""
    of = {id(each.pair): each for each in made}
    names = {id(p.pair): p.field.name for p in planned}
    found = []
    for p in planned:
        bases = [names[id(base)] for base in of[id(p.pair)].of if id(base) in names] if id(p.pair) in of else []
        found.append(replace(p, comparison=msgspec.structs.replace(p.comparison, made_of=bases)))
    return found


def of_strangers(planned: Planned, *, are_known: bool) -> Planned:
    """The same, a comparison of what is made of others by slips only: what begins alike is so by the names.

    are_known: no record of the right side repeats another, so that its pairs say what strangers are like; where they
    may be matches nothing says how much depends, and the comparison stays as if it were independent
    """
    comparison = planned.comparison
    if not comparison.made_of:
        return planned
    changes = {"measure": "damerau_levenshtein", "thresholds": _SLIPS} if are_known else {"made_of": []}
    return replace(planned, comparison=msgspec.structs.replace(comparison, **changes))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def told(made: Made) -> str:
    """What a field is made of, with the shares."""
    parts = [f"{p.right[0].name} ({share:.0%})" for p, share in zip(made.of, made.shares, strict=True)]
    return f"holds parts of {_listed(parts)} of its row, more often than of another row"
