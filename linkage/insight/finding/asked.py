"""What is asked for, read as the files are read: case, marks, blanks and forms of a number or date do not matter."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.errors import UsageError
from linkage.standardise.dates import LAST_DAY, day_of, days, month_of, standardise_birth_dates, year_of
from linkage.standardise.identifiers import standardise_ids, standardise_insurance
from linkage.standardise.names import canonical_name
from linkage.standardise.phones import standardise_phones
from linkage.standardise.syllables import ascii_fold

_KINDS = {
    "name": "a name",
    "number": "a number of identity or of insurance",
    "born": "a date of birth",
    "phone": "a phone number",
}


@dataclass(frozen=True)
class Asked:
    """Texts as somebody typed them; all that are given must fit. name: words in any order, one without marks stands for
    any marks; born: a date, or a year; number: of identity or insurance."""

    name: str | None = None
    number: str | None = None
    born: str | None = None
    phone: str | None = None
    person: str | None = None
    subject: str | None = None
    dose: str | None = None

    def __post_init__(self) -> None:
        for option, typed in vars(self).items():
            # As of a script whose variable is empty: without it, everybody would fit.
            if typed is not None and not typed.strip():
                raise UsageError(f"--{option}: nothing stands behind it; write what to look for, or leave it out")
        if not any(vars(self).values()):
            raise UsageError(f"nothing to look for; give one of --{', --'.join(vars(self))}")
        readers: dict[str, Callable[[], Any]] = {
            "name": self.words,
            "number": self.numbers,
            "born": self.day,
            "phone": self.phones,
        }
        for option, read in readers.items():
            typed = getattr(self, option)
            if typed and not read():
                what = f"cannot be read as {_KINDS[option]}"
                raise UsageError(f"--{option} {typed}: {what}; write it as a record states it")
        born = np.array([self.day() if self.born else 0], np.uint32)
        if day_of(born)[0] and days(born)[0] < 0:
            raise UsageError(f"--born {self.born}: no calendar has this day; leave the day out to find its month")

    def words(self) -> list[str]:
        """The words of the name."""
        return canonical_name(self.name).split()

    def numbers(self) -> dict[str, int]:
        """The number as each kind of field holds it."""
        text = pa.array([self.number])
        found = {"person_number": standardise_ids(text).number[0], "insurance_number": standardise_insurance(text)[0]}
        return {kind: int(number) for kind, number in found.items() if number}

    def phones(self) -> int:
        """The phone as a field holds it, 0 where it is none."""
        return int(standardise_phones(pa.array([self.phone]))[0])

    def day(self, latest: datetime.date = LAST_DAY) -> int:
        """The date of birth as a field holds it, 0 where it is none; two-digit years are up to ``latest``."""
        return int(birth_days(pa.array([self.born]), latest)[0])


@dataclass(frozen=True)
class Found:
    """What was found: how many, and the first of them with their columns; of how many records in how many seconds."""

    n_found: int
    rows: list[dict[str, Any]]
    n_records: int
    seconds: float


def birth_days(typed: pa.Array | pa.ChunkedArray, latest: datetime.date) -> NDArray[np.uint32]:
    """Packed dates of birth, uint32[n], as they are read as of ``latest``; those after it as they are stated."""
    found = standardise_birth_dates(typed, latest=latest)
    return np.where(found > 0, found, standardise_birth_dates(typed, latest=LAST_DAY))


def is_born(values: NDArray[np.uint32], day: int) -> NDArray[np.bool_]:
    """Which packed dates are the one asked for, or in its year or month where this is all that is asked."""
    wanted = np.array([day], np.uint32)
    fits: NDArray[np.bool_] = year_of(values) == year_of(wanted)
    for part in (month_of, day_of):
        if part(wanted)[0]:
            fits &= part(values) == part(wanted)
    return fits


def is_word(known: str, asked: str) -> bool:
    """Whether a word of a name is the one asked for; typed without marks it stands for any."""
    return known == asked or (asked == ascii_fold(asked) and ascii_fold(known) == asked)
