"""Errors of everything but names; the same calling form as in ``name_errors``."""

from __future__ import annotations

import numpy as np

from linkage.simulate.claims import (
    DECIMAL,
    EXCEL_SERIAL,
    MISSING_SEX,
    NO_DATE,
    ONLY_YEAR,
    ZERO_LOST,
    Claims,
    Rows,
    typed_ids,
)
from linkage.simulate.identifiers import MOVED_PREFIXES
from linkage.simulate.name_errors import neighbours, relatives
from linkage.simulate.randomness import Int32s, Ints, Keys, Mask, below, uniform

FIRST_SERIAL_YEAR = 1928

# ----------------------------------------------------------------------------------------------------- ID numbers


def drop_id(claims: Claims, rows: Rows, keys: Keys) -> int:
    """No number."""
    claims.id_widths[rows] = 0
    return len(rows)


def shorten_id(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The last one or two digits are missing."""
    n_digits = 1 + below(keys, 2, 2)
    claims.ids[rows] //= 10**n_digits
    claims.id_widths[rows] -= n_digits.astype(np.int32)
    return len(rows)


def lengthen_id(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One digit too many (two behind an old number, which else would look like a new one without zeros)."""
    n_digits = np.where(claims.id_widths[rows] == 9, 1, 1 + below(keys, 2, 2))
    claims.ids[rows] = claims.ids[rows] * 10**n_digits + below(keys, 10**n_digits, 3)
    claims.id_widths[rows] += n_digits.astype(np.int32)
    return len(rows)


def set_id_form(form: int, claims: Claims, rows: Rows, keys: Keys) -> int:
    """The number with spaces, as Excel leaves it, with letters."""
    if form in (ZERO_LOST, DECIMAL):
        changed = (claims.ids[rows] < 10 ** (claims.id_widths[rows].astype(np.int64) - 1)) | (form == DECIMAL)
        rows = rows[changed]
    claims.id_forms[rows] = form
    return len(rows)


def change_digit(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One digit wrong, behind the prefix."""
    _change_one_digit(claims.ids, rows, keys, claims.id_widths[rows] - 3)
    return len(rows)


def _change_one_digit(numbers: Ints, rows: Rows, keys: Keys, n_places: int | Int32s) -> None:
    """Another digit in one of the last places of each number, written in place."""
    place = 10 ** below(keys, n_places, 2)
    digit = numbers[rows] // place % 10
    numbers[rows] += ((digit + 1 + below(keys, 9, 3)) % 10 - digit) * place


def swap_digits(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Two digits in wrong order."""
    place = 10 ** below(keys, claims.id_widths[rows] - 4, 2)
    low, high = claims.ids[rows] // place % 10, claims.ids[rows] // (10 * place) % 10
    claims.ids[rows] += (low - high) * 9 * place
    return int((low != high).sum())


def relatives_id(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The number of a parent or of the spouse, and with a child the parent's phone."""
    return _take_ids(claims, rows, relatives(claims, rows, keys), with_phone=True)


def neighbours_id(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The number of somebody else of the same list."""
    return _take_ids(claims, rows, neighbours(claims, rows, keys), with_phone=False)


def _take_ids(claims: Claims, rows: Rows, others: Int32s, with_phone: bool) -> int:
    rows, others = rows[others >= 0], others[others >= 0]
    claims.ids[rows], claims.id_widths[rows] = typed_ids(claims.source, others, claims.dose_days[rows])
    if with_phone:
        claims.phones[rows] = claims.source.population.phones[others]
    return len(rows)


# -------------------------------------------------------------------------------------------------- date of birth


def first_of_january(claims: Claims, rows: Rows, keys: Keys) -> int:
    """01/01 for a day nobody asked for."""
    changed = (claims.months[rows] != 1) | (claims.days[rows] != 1)
    claims.months[rows] = claims.days[rows] = 1
    return int(changed.sum())


def only_year(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Only the year."""
    changed = claims.date_forms[rows] != ONLY_YEAR
    claims.date_forms[rows] = ONLY_YEAR
    return int(changed.sum())


def swap_day_month(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Day and month exchanged."""
    day, month = claims.days[rows], claims.months[rows]
    claims.days[rows], claims.months[rows] = month, day
    return int((day != month).sum())


def change_day(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One digit of the day wrong; the date may be impossible (31/4), as on some papers."""
    day = claims.days[rows]
    tens, ones = day // 10, day % 10
    other = np.where(tens == 3, 9 - ones, (ones + 1 + below(keys, 9, 2)) % 10)
    moved_tens = np.where(ones <= 1, (tens + 1 + below(keys, 3, 3)) % 4, (tens + 1 + below(keys, 2, 3)) % 3)
    changed = np.where((uniform(keys, 4) < 0.7) & (tens < 3), tens * 10 + other, moved_tens * 10 + ones)
    claims.days[rows] = np.where((changed == 0) | (changed > 31), day % 28 + 1, changed)
    return int((claims.days[rows] != day).sum())


def change_month(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Another month with one digit in common, mostly the next."""
    month = claims.months[rows]
    claims.months[rows] = (month - 1 + np.where(uniform(keys, 2) < 0.6, 1, 10)) % 12 + 1
    return len(rows)


def change_year(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One of the last two digits of the year wrong."""
    year = claims.years[rows]
    place = np.where(uniform(keys, 2) < 0.6, 1, 10)
    digit = year // place % 10
    changed = year + ((digit + 1 + below(keys, 9, 3)) % 10 - digit) * place
    # Nobody is vaccinated before being born: the forms refuse that.
    claims.years[rows] = np.where(changed > 2020, year - 10, changed)
    return len(rows)


def shift_year(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The year before or after."""
    claims.years[rows] += np.where(uniform(keys, 2) < 0.5, -1, 1).astype(np.int32)
    return len(rows)


def lunar_year(claims: Claims, rows: Rows, keys: Keys) -> int:
    """A birthday before Tết counted to the lunar year that was ending."""
    claims.years[rows] -= 1
    return len(rows)


def unknown_birth(claims: Claims, rows: Rows, keys: Keys) -> int:
    """01/01/1900, the agreed sign for unknown."""
    claims.years[rows], claims.months[rows], claims.days[rows] = 1900, 1, 1
    claims.date_forms[rows] = 0
    return len(rows)


def set_date_form(form: int, claims: Claims, rows: Rows, keys: Keys) -> int:
    """A number of Excel, two digits for the year, nothing; the first two only where there is a full date."""
    can = (claims.date_forms[rows] != ONLY_YEAR) | (form == NO_DATE)
    # A serial number of four digits would be read as a year.
    can &= (claims.years[rows] >= FIRST_SERIAL_YEAR) | (form != EXCEL_SERIAL)
    rows = rows[can]
    claims.date_forms[rows] = form
    return len(rows)


# ----------------------------------------------------------------------------------------------- sex, phone, place


def other_sex(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The other sex."""
    claims.sexes[rows] = 1 - claims.sexes[rows]
    return len(rows)


def drop_sex(claims: Claims, rows: Rows, keys: Keys) -> int:
    """No sex."""
    claims.sexes[rows] = MISSING_SEX
    return len(rows)


def drop_phone(claims: Claims, rows: Rows, keys: Keys) -> int:
    """No phone."""
    claims.phones[rows] = -1
    return len(rows)


def relatives_phone(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The phone of a parent or of the spouse."""
    others = relatives(claims, rows, keys)
    rows, others = rows[others >= 0], others[others >= 0]
    before = claims.phones[rows]
    claims.phones[rows] = claims.source.population.phones[others]
    return int((claims.phones[rows] != before).sum())


def stations_phone(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One number for everybody without one: that of the head of the hamlet or the station."""
    claims.phones[rows] = 910_000_000 + claims.communes[rows].astype(np.int64) * 7919 % 90_000_000
    return len(rows)


def placeholder_phone(claims: Claims, rows: Rows, keys: Keys) -> int:
    """0900000000 and its like."""
    claims.phones[rows] = np.array([900_000_000, 999_999_999, 123_456_789])[below(keys, 3, 2)]
    return len(rows)


def change_phone_digit(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One digit wrong."""
    rows, keys = rows[claims.phones[rows] >= 0], keys[claims.phones[rows] >= 0]
    _change_one_digit(claims.phones, rows, keys, 7)
    return len(rows)


def set_phone_form(form: int, claims: Claims, rows: Rows, keys: Keys) -> int:
    """+84, without the zero."""
    claims.phone_forms[rows] = form
    return int((claims.phones[rows] >= 0).sum())


def old_phone_prefix(form: int, claims: Claims, rows: Rows, keys: Keys) -> int:
    """The eleven digits of before September 2018, where the prefix was moved then."""
    rows = rows[has_moved_prefix(claims.phones[rows])]
    return set_phone_form(form, claims, rows, keys)


def has_moved_prefix(phones: Ints) -> Mask:
    """Phones whose first two digits were three digits before September 2018."""
    return np.isin(phones // 10_000_000, np.array(list(MOVED_PREFIXES)))


def current_commune(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Where they live, not where they are registered."""
    claims.communes[rows] = claims.source.population.residences[claims.persons[rows]]
    return len(rows)


def neighbour_commune(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The commune next in the list of the district."""
    districts = claims.source.communes.district_index()
    here = claims.communes[rows]
    after = np.minimum(here + 1, len(districts) - 1)
    before = np.maximum(here - 1, 0)
    other = np.where(districts[after] == districts[here], after, before)
    claims.communes[rows] = np.where(districts[other] == districts[here], other, here)
    return int((claims.communes[rows] != here).sum())


def drop(column: str, claims: Claims, rows: Rows, keys: Keys) -> int:
    """Leave a column empty; ``column`` is one of the masks of the claims."""
    getattr(claims, column)[rows] = False
    return len(rows)


def drop_insurance(claims: Claims, rows: Rows, keys: Keys) -> int:
    """No insurance number."""
    held = claims.insurance[rows] >= 0
    claims.insurance[rows] = -1
    return int(held.sum())


def change_insurance_digit(claims: Claims, rows: Rows, keys: Keys) -> int:
    """One digit wrong."""
    rows, keys = rows[claims.insurance[rows] >= 0], keys[claims.insurance[rows] >= 0]
    _change_one_digit(claims.insurance, rows, keys, 8)
    return len(rows)
