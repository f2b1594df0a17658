"""The order of day and month in a file: told from the dates that have one reading only.

Day before month is the rule. A program that writes the month first does so throughout, and a date such as 04/13/1981
gives it away; then the dates that have two readings are read month first as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest.rows import Sink
from linkage.schema import TableSchema
from linkage.standardise.digits import one_array
from linkage.standardise.typed_kernels import read_parts
from linkage.text_bytes import text_bytes

_PARTS = r"^\s*(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?:\d{4}|\d{2})(?:\s.*)?$"
_FIRST_TWO = r"^\s*(\d{1,2})([/.-])(\d{1,2})([/.-])"
# Slips of the hand put the month first as well: at least two of the dates, and most by far of those that tell.
_LEAST_DATES, _LEAST_SHARE = 2, 0.95
_MONTHS = 12
# So many dates of a chunk with a day behind the month's number, and none before it: no more need be looked at.
_ENOUGH_DAY_FIRST = 100


@dataclass
class _Column:
    """Dates that have one reading, so far, and how many were turned round since that was certain."""

    day_first: int = 0
    month_first: int = 0
    is_month_first: bool = False
    is_day_first: bool = False
    n_turned: int = 0


class DateOrder:
    """A sink that hands rows on with day before month. What is certain at some row holds from its chunk on."""

    def __init__(self, table: TableSchema, sink: Sink) -> None:
        self._sink = sink
        self._columns = {column.name: _Column() for column in table.columns if column.is_date}

    def __call__(self, rows: pa.Table) -> None:
        is_open = {name: rows.num_rows > 0 and not column.is_day_first for name, column in self._columns.items()}
        texts = {name: one_array(rows.column(name)) for name in self._columns if is_open[name]}
        for name, text in texts.items():
            self._count(self._columns[name], text)
        n_of_all = sum(column.month_first for column in self._columns.values() if not column.day_first)
        for name, text in texts.items():
            column = self._columns[name]
            enough = max(column.month_first, n_of_all if column.month_first else 0) >= _LEAST_DATES
            n_telling = column.month_first + column.day_first
            column.is_month_first |= enough and column.month_first >= _LEAST_SHARE * n_telling
            if column.is_month_first:
                place = rows.column_names.index(name)
                rows = rows.set_column(place, rows.schema.field(place), self._turned(column, text))
        self._sink(rows)

    def notes(self) -> list[str]:
        """What was read month first."""
        return [
            f"{name}: read as month/day/year, {column.n_turned:,} dates"
            for name, column in self._columns.items()
            if column.is_month_first
        ]

    def _count(self, column: _Column, text: pa.StringArray) -> None:
        """Count the dates with one reading; of a chunk that has none with the month first only these are sought."""
        parts, is_other = np.empty((3, len(text)), np.uint32), np.empty(len(text), np.bool_)
        bytes_of_text, offsets = text_bytes(text)
        read_parts(bytes_of_text, offsets, parts, is_other)
        likely = np.flatnonzero((is_other & (offsets[1:] > offsets[:-1])) | (parts[1] > _MONTHS))
        if not likely.size or not _n_one_way(text.take(pa.array(likely)))[0]:
            n_telling = int(np.count_nonzero((parts[2] > _MONTHS) & (parts[1] <= _MONTHS)))
            column.is_day_first = not column.is_month_first and n_telling >= _ENOUGH_DAY_FIRST
            return
        month_first, day_first = _n_one_way(text)
        column.month_first += month_first
        column.day_first += day_first

    def _turned(self, column: _Column, text: pa.StringArray) -> pa.Array:
        turned = pc.replace_substring_regex(text, _FIRST_TWO, r"\3\2\1\4")
        column.n_turned += int(pc.sum(pc.not_equal(turned, text)).as_py() or 0)
        return pc.if_else(pc.equal(turned, ""), pa.scalar(None, pa.string()), turned)


def _n_one_way(text: pa.StringArray) -> tuple[int, int]:
    """How many dates can be read with the month first only, and with the day first only."""
    matched = pc.extract_regex(text, _PARTS)
    first, second = (
        pc.fill_null(pc.struct_field(matched, name), "0").cast(pa.int32()).to_numpy() for name in ("first", "second")
    )
    month_first = np.count_nonzero((second > _MONTHS) & (first <= _MONTHS) & (first > 0))
    return int(month_first), int(np.count_nonzero((first > _MONTHS) & (second <= _MONTHS) & (second > 0)))
