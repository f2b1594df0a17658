"""What stations type: one claim of identity per dose, first faithful to the registry, then damaged by errors.

A claim is kept as numbers (word numbers, digits, dates and the form each is typed in); strings are made last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linkage.simulate.doses import Doses
from linkage.simulate.population import FIRST_OF_JANUARY, YEAR_AND_MONTH, YEAR_ONLY, Population
from linkage.simulate.randomness import Chance, Int32s, Ints, Keys, Mask, uniform
from linkage.simulate.slips import Slips
from linkage.simulate.units import Communes

Rows = npt.NDArray[np.intp]

# Forms of an ID number.
PLAIN, SPACED, DOTTED, DECIMAL, ZERO_LOST, SCIENTIFIC, LETTERED, WORDS = range(8)
# Forms of a name; the last is Đ as the Icelandic letter U+00D0.
AS_WRITTEN, UPPER, LOWER, EXTRA_SPACES, DECOMPOSED, ETH = range(6)
# Forms of a date of birth.
SLASHES, ISO, SHORT_SLASHES, DASHES, ONLY_YEAR, EXCEL_SERIAL, TWO_DIGIT_YEAR, NO_DATE = range(8)
_DATE_FORM_EDGES = np.array([0.76, 0.92, 0.96])
# Forms of a phone number.
TEN_DIGITS, OLD_PREFIX, PLUS_84, ONLY_84, PHONE_ZERO_LOST = range(5)
MISSING_SEX = 2
_EPOCH_DAYS = tuple(
    np.datetime64(day, "D").astype(np.int64) for day in ("2021-03-01", "2021-09-01", "2022-01-01", "2022-08-31")
)
_OLD_ID_SHARES = (0.62, 0.55, 0.32, 0.15)  # of those who hold one, at these days


@dataclass(frozen=True)
class Start:
    """How many persons, doses and subjects were numbered before a region."""

    persons: int = 0
    doses: int = 0
    subjects: int = 0


@dataclass(frozen=True)
class Source:
    """What claims are drawn from."""

    population: Population
    doses: Doses
    communes: Communes
    slips: Slips
    chance: Chance
    peoples: list[str]  # names, Kinh first
    births: tuple[Int32s, Int32s, Int32s]  # year, month, day as the registry knows them, 0 unknown
    start: Start = Start()


@dataclass
class Claims:
    """Claims of a tile of doses; arrays of shape (n,), changed in place by errors."""

    source: Source
    dose_keys: Keys
    subject_keys: Keys
    persons: Int32s
    dose_days: Int32s
    names: Int32s  # (n, 3) word numbers
    name_forms: Int32s
    tone_moved: Mask
    apostrophes: Int32s  # 0 as in the registry, else a form of K' and H'
    ids: Ints
    id_widths: Int32s  # digits, 0 missing
    id_forms: Int32s
    years: Int32s
    months: Int32s
    days: Int32s
    date_forms: Int32s
    sexes: Int32s
    phones: Ints  # -1 missing
    phone_forms: Int32s
    communes: Int32s
    coded: Mask  # the commune code is given
    place_named: Mask  # province, district and commune are given
    commune_named: Mask
    ethnic: Mask  # the ethnicity is given
    insurance: Ints  # -1 missing
    insurance_card: Mask  # 15 characters instead of 10 digits
    numbered: Mask  # the dose number is given

    def __len__(self) -> int:
        return len(self.persons)


def registry_births(population: Population) -> tuple[Int32s, Int32s, Int32s]:
    """Year, month and day of birth as the registry knows them; 0 where it does not."""
    dates = population.births.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    forms = population.birth_forms
    month = np.where(forms == FIRST_OF_JANUARY, 1, (months - years).astype(np.int64) + 1)
    day = np.where(forms == FIRST_OF_JANUARY, 1, (dates - months).astype(np.int64) + 1)
    month[forms == YEAR_ONLY] = 0
    day[(forms == YEAR_ONLY) | (forms == YEAR_AND_MONTH)] = 0
    return (years.astype(np.int64) + 1970).astype(np.int32), month.astype(np.int32), day.astype(np.int32)


def faithful_claims(source: Source, rows: Rows) -> Claims:
    """Claims of some doses without an error; each depends on no other."""
    population, doses = source.population, source.doses
    persons = doses.persons[rows]
    dose_keys = source.chance.keys("doses", rows)
    subject_keys = source.chance.keys("subjects", doses.subjects[rows])
    n = len(persons)
    ids, widths = typed_ids(source, persons, doses.days[rows])
    year, month, day = (part[persons] for part in source.births)
    forms = np.searchsorted(_DATE_FORM_EDGES, uniform(dose_keys, 101)).astype(np.int32)
    insurance_given = uniform(subject_keys, 102)
    zeros: dict[str, Any] = {
        name: np.zeros(n, np.int32) for name in ("name_forms", "apostrophes", "id_forms", "phone_forms")
    }
    given: dict[str, Any] = {
        name: np.ones(n, bool) for name in ("coded", "place_named", "commune_named", "ethnic", "numbered")
    }
    return Claims(
        source=source,
        dose_keys=dose_keys,
        subject_keys=subject_keys,
        persons=persons,
        dose_days=doses.days[rows],
        names=population.names[persons],
        tone_moved=population.new_tone_style[persons],
        ids=ids,
        id_widths=widths,
        years=year,
        months=month,
        days=day,
        date_forms=np.where(month * day == 0, ONLY_YEAR, forms).astype(np.int32),
        sexes=population.sexes[persons],
        phones=population.phones[persons],
        communes=population.communes[persons],
        insurance=population.insurance[persons],
        insurance_card=insurance_given < 0.5,
        **zeros,
        **given,
    )


def typed_ids(source: Source, persons: Int32s, days: Int32s) -> tuple[Ints, Int32s]:
    """The number each person shows on that day and its width: the old card in 2021, the new one more and more."""
    population = source.population
    share = np.interp(days, _EPOCH_DAYS, _OLD_ID_SHARES)
    old = (population.old_ids[persons] >= 0) & (uniform(source.chance.keys("cards", persons)) < share)
    widths = np.where(population.countries[persons] > 0, 8, np.where(old, 9, 12)).astype(np.int32)
    return np.where(old, population.old_ids[persons], population.id_numbers[persons]), widths
