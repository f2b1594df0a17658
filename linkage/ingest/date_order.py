"""The order of day and month in a file: told from the dates that have one reading only.

Day before month is the rule. A program that writes the month first does so throughout, and dates such as 04/13/1981
give it away; then the dates that have two readings are read month first as well. Only the whole file can tell, for a
few slips of the hand look the same: it is counted first, and a file that writes the month first is read again.

How many of them are enough follows from how slips fall. Whoever types the day first slips now and then, some far more
often than others: the share of slips of a file is taken as beta distributed, and of n different dates all are slips
with the probability E[share^n] (beta-binomial; Skellam 1948). A file that writes the month first has that of one in
many beforehand; it is believed when it is far more probable than so many slips in a row. Dates that stand in a file
again, as of the same person or day, are one that was copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, lgamma

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest.rows import Sink
from linkage.machine.text_bytes import text_bytes
from linkage.schema import TableSchema
from linkage.standardise.date_marks import are_lunar, same_separators
from linkage.standardise.digits import one_array, plain_text
from linkage.standardise.typed_kernels import read_parts
from linkage.wording.counted import counted

_PARTS = r"^\s*(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?:\d{4}|\d{2})(?:\s.*)?$"
_FIRST_TWO = r"^\s*(\d{1,2})([/.-])(\d{1,2})([/.-])"
_MOST_DAY_FIRST = 0.01  # of the dates with one reading: a program that writes the month first makes no other
# The share of slips of a file, one in twenty in the middle; that a file writes the month first; how much more probable
# than slips it has to be.
_SLIPS, _OTHERS = 0.5, 9.5
_MONTH_FIRST_FILES, _SURELY = 0.01, 1_000
_MOST_COUNTED = 100  # different dates; so many are beyond doubt
_LEAST_TOLD = 2
_MONTHS = 12


@dataclass
class _Column:
    """Dates that have one reading and those that have two, the different ones of the month first, how many were turned
    round, and how many are by the moon."""

    day_first: int = 0
    month_first: int = 0
    n_both: int = 0
    n_turned: int = 0
    n_lunar: int = 0
    different: set[str] = field(default_factory=set)

    @property
    def is_consistent(self) -> bool:
        return self.day_first < _MOST_DAY_FIRST * self.month_first


class DateOrder:
    """A sink that hands rows on and counts their dates with one reading, or, of columns that are known to write the
    month first, hands on the dates with day before month.

    month_first : those columns, as another that saw the whole file found them; None to count
    """

    def __init__(self, table: TableSchema, sink: Sink, month_first: frozenset[str] | None = None) -> None:
        self._sink = sink
        self._turns = month_first
        names = [column.name for column in table.columns if column.is_date]
        self._columns = {name: _Column() for name in names if month_first is None or name in month_first}

    def __call__(self, rows: pa.Table) -> None:
        for name, column in self._columns.items() if rows.num_rows else ():
            text = one_array(rows.column(name))
            if self._turns is None:
                _count(column, text)
            else:
                place = rows.column_names.index(name)
                rows = rows.set_column(place, rows.schema.field(place), _turned(column, text))
        self._sink(rows)

    def month_first(self) -> frozenset[str]:
        """The columns that write the month first, after all rows: few dates of one are enough where others agree."""
        found = {name: len(column.different) for name, column in self._columns.items() if column.is_consistent}
        return frozenset(found) if _odds(sum(found.values())) >= _SURELY else frozenset()

    def notes(self) -> list[str]:
        """What was read month first, and where the month seems to be first and too few dates say so."""
        lunar = [
            f"{name}: {counted(column.n_lunar, 'date', ('is', 'are'))} by the lunar calendar, of which the year is "
            "read at most: write the date as the identity papers have it"
            for name, column in self._columns.items()
            if column.n_lunar
        ]
        turned = [
            f"{name}: read as month/day/year, {column.n_turned:,} dates"
            for name, column in self._columns.items()
            if column.n_turned
        ]
        if self._turns is not None or self.month_first():
            return [*lunar, *turned]
        return lunar + [
            f"{name}: {column.month_first:,} dates can only be month/day/year and none day/month/year, too few to be "
            f"sure: the day is taken as first in {column.n_both:,} that can be either; where the file puts the month "
            "first, write its dates as year-month-day"
            for name, column in self._columns.items()
            if column.month_first >= _LEAST_TOLD and column.n_both and not column.day_first
        ]


def _odds(n: int) -> float:
    """How much more probable it is that a file writes the month first than that n different dates are slips."""
    log_slips = lgamma(_SLIPS + n) - lgamma(_SLIPS) - lgamma(_SLIPS + _OTHERS + n) + lgamma(_SLIPS + _OTHERS)
    return _MONTH_FIRST_FILES * exp(-log_slips)


def _count(column: _Column, text: pa.StringArray) -> None:
    """Count the dates with one reading; those in a usual form with the day first need no second look."""
    parts, is_other = np.empty((3, len(text)), np.uint32), np.empty(len(text), np.bool_)
    bytes_of_text, offsets = text_bytes(text)
    read_parts(bytes_of_text, offsets, parts, is_other)
    may_be = is_other & (offsets[1:] > offsets[:-1])
    _count_others(column, text.take(pa.array(np.flatnonzero(may_be | (parts[1] > _MONTHS)))))
    usual = np.flatnonzero((parts[2] > 0) & (parts[1] <= _MONTHS) & (parts[1] > 0))
    starts = offsets[usual]
    begins_with_year = (bytes_of_text[starts + 1] >= ord("0")) & (bytes_of_text[starts + 2] >= ord("0"))
    month, day = parts[1][usual][~begins_with_year], parts[2][usual][~begins_with_year]
    column.day_first += int(np.count_nonzero(day > _MONTHS))
    column.n_both += int(np.count_nonzero((day <= _MONTHS) & (day != month)))


def _turned(column: _Column, text: pa.StringArray) -> pa.Array:
    column.n_lunar += pc.sum(are_lunar(plain_text(text))).as_py() or 0
    text = same_separators(text)
    turned = pc.replace_substring_regex(text, _FIRST_TWO, r"\3\2\1\4")
    column.n_turned += int(pc.sum(pc.not_equal(turned, text)).as_py() or 0)
    return pc.if_else(pc.equal(turned, ""), pa.scalar(None, pa.string()), turned)


def _count_others(column: _Column, text: pa.StringArray) -> None:
    """Count dates with one reading and with two, and those by the moon, among texts of any form."""
    column.n_lunar += pc.sum(are_lunar(plain_text(text))).as_py() or 0
    matched = pc.extract_regex(same_separators(text), _PARTS)
    first, second = (
        pc.fill_null(pc.struct_field(matched, name), "0").cast(pa.int32()).to_numpy() for name in ("first", "second")
    )
    is_month, may_be_month = (first > 0) & (first <= _MONTHS), (second > 0) & (second <= _MONTHS)
    month_first = np.flatnonzero(is_month & (second > _MONTHS))
    column.month_first += month_first.size
    column.day_first += int(np.count_nonzero((first > _MONTHS) & may_be_month))
    column.n_both += int(np.count_nonzero(is_month & may_be_month & (first != second)))
    if len(column.different) < _MOST_COUNTED:
        column.different.update(text.take(pa.array(month_first)).unique().to_pylist())
