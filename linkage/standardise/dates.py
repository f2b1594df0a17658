"""Dates as typed, with the precision they were typed in.

A date is a packed uint32: ``year << 9 | month << 5 | day``, month and day 0 where not stated, 0 where nothing is known.
Packed dates sort as the dates do, a year before its months and a month before its days.

Day before month is the rule; the other order is read only where the second part cannot be a month. An impossible day
within a month (30/02) stays as it is, since such dates stand on papers, in both sources alike. 01/01/1900 is unknown:
stations were told to key it so, and programs write it; the bare year 1900 only where no date is before it, for
historical files have it. A number of five digits is a spreadsheet's day count from 1899-12-30; four digits are always a
year, so births before May 1927 are not read from day counts.
"""

from __future__ import annotations

import calendar
import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.machine.text_bytes import text_bytes
from linkage.standardise.date_marks import without_marks
from linkage.standardise.dates_worded import by_label, in_digits, is_ambiguous
from linkage.standardise.digits import Strings, distinct, one_array, plain_text
from linkage.standardise.typed_kernels import read_parts

UInt32s = npt.NDArray[np.uint32]
Int64s = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer]

YEAR_SHIFT, MONTH_SHIFT = 9, 5
# The first year that can be asked for, the first that is read unasked, the last.
EARLIEST_YEAR, FIRST_YEAR, LAST_YEAR = 1800, 1900, 2199
# Years of the Buddhist calendar, as in Thailand and Laos, 543 ahead of ours.
_BUDDHIST_YEARS, _BUDDHIST_AHEAD = range(2400, 2700), 543
UNIX_EPOCH_ORDINAL = datetime.date(1970, 1, 1).toordinal()
_SERIAL_EPOCH = np.datetime64("1899-12-30")
_FIRST_SERIAL, _LAST_SERIAL = 10_000, 60_000
LAST_DAY = datetime.date(LAST_YEAR, 12, 31)
# Two-digit years of dates that are not births: 69 is 2069, 70 is 1970.
_LATEST_SHORT = datetime.date(2069, 12, 31)
_UNKNOWN = 1900 << YEAR_SHIFT | 1 << MONTH_SHIFT | 1
_UNKNOWN_BARE = (1900 << YEAR_SHIFT, 1900 << YEAR_SHIFT | 1 << MONTH_SHIFT)

# Applied in turn to upper-case NFKC text; what is left is digits and "/".
_REWRITES = (
    (r"^\d{1,2}:\d{2}(?::\d{2})?\s+", ""),  # the time before the date
    (r"(?:\s*T|\s+)\d{1,2}:\d{2}.*$", ""),  # the time after it, with zone
    (r"^(\d{4,8})[.,]0+$", r"\1"),  # a number cell written as text
    (r"^(\d{5})[.,]\d+$", r"\1"),  # a day count with the time as fraction
    (r"NGÀY|NGAY|KHOẢNG|SINH|\bN/?S\b|\bSN\b|['\"`’‘]", " "),
    (r"THÁNG|THANG|THG|NĂM|NAM", "/"),
    (r"[\s./\\,|:\-–—_]+", "/"),
    (r"^/+|/+$", ""),
)
# A lost leading zero leaves seven of the eight digits of ddmmyyyy.
_FORMS = (
    r"^(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})$",
    r"^(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})$",
    r"^(?P<month>\d{1,2})/(?P<year>\d{4})$",
    r"^(?P<year>\d{4})/(?P<month>\d{1,2})$",
    r"^(?P<year>\d{4})$",
    r"^(?P<year>(?:18|19|20|21)\d{2})(?P<month>0[0-9]|1[0-2])(?P<day>[0-2][0-9]|3[01])$",
    r"^(?P<day>\d{1,2})(?P<month>\d{2})(?P<year>(?:18|19|20|21)\d{2})$",
)
_COMPACT = r"^\d{6}$"
_SHORT_YEAR = r"^(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{2})$"


def standardise_birth_dates(raw: Strings, *, latest: datetime.date, first_year: int = FIRST_YEAR) -> UInt32s:
    """Read dates of birth.

    Parameters
    ----------
    raw : string array [n] as typed.
    latest : the last day on which a birth is possible, as a rule the day of the file. Two-digit years are read as the
        latest year that is not after it.
    first_year : of the dates that are read, from EARLIEST_YEAR on.

    Returns
    -------
    uint32[n]
        Packed dates; 0 when missing, unreadable, before the first year, after ``latest``, or 01/01/1900; the bare year
        1900 too where it is the first.
    """
    return _dates(raw, latest=latest, latest_short=latest, first_year=first_year)


def n_births_outside(raw: Strings, first_year: int, latest: datetime.date) -> tuple[int, int]:
    """How many dates of birth are before a year, and how many after a day; of these only such with a year of four
    digits."""
    column = distinct(raw)
    before = column.spread(standardise_birth_dates(column.values, latest=LAST_DAY, first_year=EARLIEST_YEAR))
    after = column.spread(stated_dates(column.values)) > pack_day(latest)
    return int(np.count_nonzero((before > 0) & (year_of(before) < first_year))), int(np.count_nonzero(after))


def stated_dates(raw: Strings) -> UInt32s:
    """Packed dates that are typed with all four digits of their year, whatever year it is; 0 for any other text."""
    texts = one_array(raw)
    parts, is_other = np.empty((3, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    read_parts(*text_bytes(texts), parts, is_other)
    packed = _pack_parts(*parts)
    others = np.flatnonzero(is_other & pc.not_equal(texts, "").to_numpy(zero_copy_only=False))
    column = distinct(texts.take(pa.array(others)))
    has_year = pc.match_substring_regex(column.values, r"\d{4}").to_numpy(zero_copy_only=False)
    read = _read_dates(column.values, latest=LAST_DAY, latest_short=_LATEST_SHORT)
    packed[others] = column.spread(np.where(has_year, read, 0).astype(np.uint32))
    return packed


def standardise_dates(raw: Strings, *, first_year: int = FIRST_YEAR) -> UInt32s:
    """Read dates of doses, deaths and files: as births, but up to 2199, two-digit years as 1970 to 2069.

    Parameters
    ----------
    raw : string array [n] as typed.

    Returns
    -------
    uint32[n]
        Packed dates; 0 when missing, unreadable or 01/01/1900.
    """
    return _dates(raw, latest=LAST_DAY, latest_short=_LATEST_SHORT, first_year=first_year)


def _dates(raw: Strings, *, latest: datetime.date, latest_short: datetime.date, first_year: int) -> UInt32s:
    """Packed dates: whole dates and years in their usual spelling at once, by the rules whatever gives no date so."""
    texts = one_array(raw)
    parts, is_other = np.empty((3, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    read_parts(*text_bytes(texts), parts, is_other)
    packed = _pack_parts(*parts)
    packed[packed > pack_day(latest)] = 0
    others = np.flatnonzero((packed == 0) & pc.not_equal(texts, "").to_numpy(zero_copy_only=False))
    column = distinct(texts.take(pa.array(others)))
    packed[others] = column.spread(_read_dates(column.values, latest=latest, latest_short=latest_short))
    packed[packed < pack_day(datetime.date(first_year, 1, 1)) & ~np.uint32(511)] = 0
    packed[packed == _UNKNOWN] = 0
    if first_year == FIRST_YEAR:
        packed[np.isin(packed, _UNKNOWN_BARE)] = 0
    return packed


def _read_dates(values: pa.StringArray, *, latest: datetime.date, latest_short: datetime.date) -> UInt32s:
    """Packed dates per distinct value by the rules for any spelling, none after ``latest``; two-digit years are the
    last up to ``latest_short``."""
    plain = by_label(without_marks(plain_text(values)))
    asked_first = is_ambiguous(plain)
    if pc.any(asked_first).as_py():
        plain = pc.if_else(asked_first, in_digits(plain), plain)
    packed = _read_plain(plain, latest, latest_short)
    others = np.flatnonzero(packed == 0)
    if others.size:
        packed[others] = _read_plain(in_digits(plain.take(pa.array(others))), latest, latest_short)
    return packed


def _read_plain(text: pa.StringArray, latest: datetime.date, latest_short: datetime.date) -> UInt32s:
    """Packed dates of upper-case texts that hold them in digits."""
    for pattern, replacement in _REWRITES:
        text = pc.replace_substring_regex(text, pattern, replacement)
    packed = _read_serials(text)
    for form in _FORMS:
        found, year, month, day = _parts(text, form)
        _fill(packed, found, _pack_parts(year, month, day), latest)
    found, year, month, day = _parts(text, _SHORT_YEAR)
    century = latest_short.year // 100 * 100
    for base in (century, century - 100):
        _fill(packed, found, _pack_parts(year + base, month, day), latest_short)
    _fill_compact(packed, text, latest_short)
    packed[packed > pack_day(latest)] = 0
    return packed


def _fill_compact(packed: UInt32s, text: pa.StringArray, latest: datetime.date) -> None:
    """Put dates of six digits where one reading of them is a date: ddmmyy, yymmdd or yyyymm; 051283 is 05/12/1983, and
    201205 may be three."""
    is_compact = pc.fill_null(pc.match_substring_regex(text, _COMPACT), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_compact & (packed == 0))
    if not rows.size:
        return
    digits = text.take(pa.array(rows)).cast(pa.int64()).to_numpy(zero_copy_only=False)
    first, second, third = digits // 10_000, digits // 100 % 100, digits % 100
    readings = np.zeros((3, rows.size), np.uint32)
    for reading, (year, month, day) in zip(readings, ((third, second, first), (first, second, third)), strict=False):
        century = latest.year // 100 * 100
        for base in (century, century - 100):
            found = _pack_whole(year + base, month, day)
            np.copyto(reading, found, where=(reading == 0) & (found <= pack_day(latest)))
    is_century = (first >= FIRST_YEAR // 100) & (digits // 100 <= latest.year)
    readings[2] = np.where(is_century, _pack_whole(digits // 100, third, np.ones_like(third)) & ~np.uint32(31), 0)
    is_one = (readings > 0).sum(axis=0) == 1
    packed[rows] = np.where(is_one, readings.max(axis=0), 0)


def _pack_whole(year: Int64s, month: Int64s, day: Int64s) -> UInt32s:
    """Packed dates of parts that are a month and a day, 0 of others; none are exchanged."""
    is_date = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return np.asarray(pack_date(*(np.where(is_date, part, 0) for part in (year, month, day))))


def _parts(text: pa.StringArray, form: str) -> tuple[npt.NDArray[np.intp], Int64s, Int64s, Int64s]:
    """Where the form matches, and year, month and day there; 0 for a part that the form does not have."""
    matched = pc.extract_regex(text, form)
    found = np.flatnonzero(matched.is_valid().to_numpy(zero_copy_only=False))
    matched = matched.take(pa.array(found))
    names = {field.name for field in matched.type}
    year, month, day = (
        matched.field(name).cast(pa.int64()).to_numpy(zero_copy_only=False)
        if name in names
        else np.zeros(len(found), dtype=np.int64)
        for name in ("year", "month", "day")
    )
    return found, year, month, day


def _fill(packed: UInt32s, rows: npt.NDArray[np.intp], dates: UInt32s, latest: datetime.date) -> None:
    """Put the dates of the rows where none stands yet, unless they are after the latest."""
    free = (packed[rows] == 0) & (dates <= pack_day(latest))
    packed[rows[free]] = dates[free]


def _pack_parts(year: Integers, month: Integers, day: Integers) -> UInt32s:
    """Packed dates of parts as typed, month and day exchanged where only that gives a month; 0 where impossible."""
    year = np.where((year >= _BUDDHIST_YEARS.start) & (year < _BUDDHIST_YEARS.stop), year - _BUDDHIST_AHEAD, year)
    exchanged = (month > 12) & (day <= 12) & (day > 0)
    month, day = np.where(exchanged, day, month), np.where(exchanged, month, day)
    possible = (year >= EARLIEST_YEAR) & (year <= LAST_YEAR) & (month <= 12) & (day <= 31)
    return np.where(possible, pack_date(year, month, np.where(month == 0, 0, day)), 0).astype(np.uint32)


def _read_serials(text: pa.StringArray) -> UInt32s:
    """Packed dates of day counts of five digits (44197 is 2021-01-01); 0 for any other text."""
    is_serial = pc.fill_null(pc.match_substring_regex(text, r"^[1-6]\d{4}$"), False)
    serial = pc.if_else(is_serial, text, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    counted = (serial >= _FIRST_SERIAL) & (serial <= _LAST_SERIAL)
    return np.where(counted, pack_datetime64(_SERIAL_EPOCH + serial.astype("timedelta64[D]")), 0).astype(np.uint32)


def pack_date(year: npt.ArrayLike, month: npt.ArrayLike, day: npt.ArrayLike) -> UInt32s:
    """Packed dates from year, month and day, arrays [n] or scalars."""
    packed = np.asarray(year, np.uint32) << YEAR_SHIFT | np.asarray(month, np.uint32) << MONTH_SHIFT
    return np.asarray(packed | np.asarray(day, np.uint32), dtype=np.uint32)


def pack_datetime64(dates: npt.NDArray[np.datetime64]) -> UInt32s:
    """Packed dates from datetime64[D][n]; NaT gives 0."""
    known = ~np.isnat(dates)
    days = np.where(known, dates, np.datetime64(0, "D")).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    month_count = months.astype(np.int64)
    day = (days - months).astype(np.int64) + 1
    return np.where(known, pack_date(month_count // 12 + 1970, month_count % 12 + 1, day), 0).astype(np.uint32)


def pack_day(date: datetime.date) -> np.uint32:
    return np.uint32(pack_date(date.year, date.month, date.day))


def last_day(packed: int) -> datetime.date:
    """The last day that a packed date can be: that of its month, or of its year, where no day is stated."""
    year, month, day = packed >> YEAR_SHIFT, packed >> MONTH_SHIFT & 0xF or 12, packed & 0x1F or 31
    return datetime.date(year, month, min(day, calendar.monthrange(year, month)[1]))


def year_of(packed: UInt32s) -> npt.NDArray[np.uint16]:
    """The year, uint16[n]; 0 unknown."""
    return (np.asarray(packed, np.uint32) >> YEAR_SHIFT).astype(np.uint16)


def month_of(packed: UInt32s) -> npt.NDArray[np.uint8]:
    """The month, uint8[n]; 0 unknown."""
    return (np.asarray(packed, np.uint32) >> MONTH_SHIFT & 0xF).astype(np.uint8)


def day_of(packed: UInt32s) -> npt.NDArray[np.uint8]:
    """The day of the month, uint8[n]; 0 unknown."""
    return (np.asarray(packed, np.uint32) & 0x1F).astype(np.uint8)


def days(packed: UInt32s) -> npt.NDArray[np.int32]:
    """Proleptic Gregorian ordinals, int32[n] (0001-01-01 is 1); -1 for a date that is incomplete or does not exist."""
    packed = np.asarray(packed, np.uint32)
    year, month, day = (part(packed).astype(np.int64) for part in (year_of, month_of, day_of))
    first = ((year - 1970) * 12 + np.maximum(month, 1) - 1).astype("datetime64[M]")
    start = first.astype("datetime64[D]").astype(np.int64)
    length = (first + 1).astype("datetime64[D]").astype(np.int64) - start
    exists = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    return np.where(exists, start + day - 1 + UNIX_EPOCH_ORDINAL, -1).astype(np.int32)


def to_iso(packed: UInt32s) -> pa.StringArray:
    """Dates as text in the precision known: "1956-02-30", "1956-02", "1956"; null where unknown."""
    values, rows = np.unique(np.asarray(packed, np.uint32), return_inverse=True)
    parts = zip(year_of(values).tolist(), month_of(values).tolist(), day_of(values).tolist(), strict=True)
    texts = [
        (f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if month and day else "")) if year else None
        for year, month, day in parts
    ]
    return pa.array(texts, pa.string()).take(pa.array(rows.ravel()))
