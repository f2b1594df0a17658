"""The order of day and month in a file: told from the dates that have one reading only.

Day before month is the rule. A program that writes the month first does so throughout, and dates such as 04/13/1981
give it away; then the dates that have two readings are read month first as well. Only the whole file can tell, for a
few slips of the hand look the same: it is counted first, and a file that writes the month first is read again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest.rows import Sink
from linkage.machine.text_bytes import text_bytes
from linkage.schema import TableSchema
from linkage.standardise.date_marks import same_separators
from linkage.standardise.digits import one_array
from linkage.standardise.typed_kernels import read_parts

_PARTS = r"^\s*(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?:\d{4}|\d{2})(?:\s.*)?$"
_FIRST_TWO = r"^\s*(\d{1,2})([/.-])(\d{1,2})([/.-])"
# Slips of the hand put the month first as well: of these a file has fewer, or dates with the day first beside them.
_LEAST_DATES, _MOST_DAY_FIRST = 20, 0.01
_LEAST_TOLD = 2
_MONTHS = 12


@dataclass
class _Column:
    """Dates that have one reading, and how many were turned round."""

    day_first: int = 0
    month_first: int = 0
    n_turned: int = 0

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
        found = {name: column.month_first for name, column in self._columns.items() if column.is_consistent}
        return frozenset(found) if sum(found.values()) >= _LEAST_DATES else frozenset()

    def notes(self) -> list[str]:
        """What was read month first, and where the month seems to be first and too few dates say so."""
        turned = [
            f"{name}: read as month/day/year, {column.n_turned:,} dates"
            for name, column in self._columns.items()
            if column.n_turned
        ]
        if self._turns is not None or self.month_first():
            return turned
        return [
            f"{name}: {column.month_first:,} dates can only be month/day/year and none day/month/year, too few to be "
            "sure: the others are read with the day first"
            for name, column in self._columns.items()
            if column.month_first >= _LEAST_TOLD and not column.day_first
        ]


def _count(column: _Column, text: pa.StringArray) -> None:
    """Count the dates with one reading; those in a usual form with the day first need no second look."""
    parts, is_other = np.empty((3, len(text)), np.uint32), np.empty(len(text), np.bool_)
    bytes_of_text, offsets = text_bytes(text)
    read_parts(bytes_of_text, offsets, parts, is_other)
    may_be = is_other & (offsets[1:] > offsets[:-1])
    month_first, day_first = _n_one_way(text.take(pa.array(np.flatnonzero(may_be | (parts[1] > _MONTHS)))))
    usual = np.flatnonzero((parts[2] > _MONTHS) & (parts[1] <= _MONTHS) & (parts[1] > 0))
    starts = offsets[usual]
    begins_with_year = (bytes_of_text[starts + 1] >= ord("0")) & (bytes_of_text[starts + 2] >= ord("0"))
    column.month_first += month_first
    column.day_first += day_first + int(np.count_nonzero(~begins_with_year))


def _turned(column: _Column, text: pa.StringArray) -> pa.Array:
    text = same_separators(text)
    turned = pc.replace_substring_regex(text, _FIRST_TWO, r"\3\2\1\4")
    column.n_turned += int(pc.sum(pc.not_equal(turned, text)).as_py() or 0)
    return pc.if_else(pc.equal(turned, ""), pa.scalar(None, pa.string()), turned)


def _n_one_way(text: pa.StringArray) -> tuple[int, int]:
    """How many dates can be read with the month first only, and with the day first only."""
    matched = pc.extract_regex(same_separators(text), _PARTS)
    first, second = (
        pc.fill_null(pc.struct_field(matched, name), "0").cast(pa.int32()).to_numpy() for name in ("first", "second")
    )
    month_first = np.count_nonzero((second > _MONTHS) & (first <= _MONTHS) & (first > 0))
    return int(month_first), int(np.count_nonzero((first > _MONTHS) & (second <= _MONTHS) & (second > 0)))
