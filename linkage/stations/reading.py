"""Finds the systematic errors of a batch and reads the doses of stations right where one reading is clear.

In this order, for each needs what the one before has set right: columns that are mixed up, values that belong to
nobody, then sex and date of birth, whose test goes by the numbers. A record that agrees exactly with a person is left
as it stands, whatever its station does. Values dragged down are told only: which row they belong to hangs on the order
of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blocking.keys import mix
from linkage.doses.batch import Typed, excluded_of
from linkage.encode.columns import encode
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest.records import Records
from linkage.machine.parts import parts_of
from linkage.plan.sections import Field, Plan
from linkage.registry.index import Index
from linkage.schema import BASIC_ROLES, READINGS
from linkage.schema.decisions import IN_COLUMN
from linkage.stations import findings as found_as
from linkage.stations.anchors import (
    Counted,
    agree_exactly,
    exchanged,
    inverted_sex,
    is_exchangeable,
    is_vague,
    number_fields,
    other_sex,
    owners,
    swapped_day_and_month,
)
from linkage.stations.cells import Cells, Rows
from linkage.stations.columns import mix_ups, mixed_up_rows, put_right
from linkage.stations.findings import Finding, Judged, judge
from linkage.stations.values import neighbours, one_value, repeats
from models.outlying import OrdinaryRate

NOT_STATED, OTHER_SEX, EXCHANGED = "not stated", "the other sex", "day and month exchanged"

# Kinds of numbers of one person, which are looked at for having been dragged down, as the date of birth is. A phone
# is not: a household has one, row after row. That a row has its neighbour's is a child with its mother's number. What
# the other stations do makes it no more usual, so the rate is known beforehand: one in 500, as if from a thousand.
_OF_ONE_PERSON = ("person_number", "insurance_number")
_ONE_PERSONS = OrdinaryRate(2.0, 998.0)
_LEAST_DRAGGED = 0.02


@dataclass(frozen=True)
class Reading:
    """How a column of some records is read: field is the column of the doses, how one of the readings above."""

    field: str
    how: str
    rows: Rows


@dataclass(frozen=True)
class Stations:
    """What was found of the stations of a batch, and what was read otherwise for it."""

    findings: tuple[Finding, ...] = ()
    readings: tuple[Reading, ...] = ()

    def rows(self) -> Rows:
        """The records that were read otherwise, ascending."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *(reading.rows for reading in self.readings)]))


@dataclass(frozen=True)
class _Batch:
    """What was typed, its cells, and what to read it with; what was typed is changed in place."""

    typed: Typed
    cells: Cells
    plan: Plan
    dictionaries: Dictionaries
    index: Index

    @property
    def columns(self) -> Columns:
        return self.typed.columns

    @property
    def birth(self) -> Field:
        return self.plan.field_as("birth")

    @property
    def sex(self) -> Field:
        return self.plan.field_as("sex")

    @property
    def name(self) -> str:
        return self.plan.field_as("name").name

    def column_of(self, field: str) -> str:
        """The column of the doses that a field of one column is made of."""
        return next(f.left[0] for f in self.plan.fields if f.name == field)


def read_stations(typed: Typed, cells: Cells, dictionaries: Dictionaries, index: Index) -> Stations:
    """Find what stations do wrong as a rule; what is typed of the doses that are read otherwise is changed in place.

    dictionaries : grow by what is read otherwise
    """
    batch = _Batch(typed, cells, index.plan, dictionaries, index)
    if not typed.records.num_rows or not all(map(index.plan.has_role, BASIC_ROLES)):
        return Stations()
    findings: list[Finding] = []
    readings: list[Reading] = []
    for step in (_columns_mixed_up, _one_value, _filled_down, _known_persons):
        for finding, found in step(batch):
            findings.append(finding)
            readings += found
    return Stations(tuple(findings), tuple(readings))


_Found = Iterator[tuple[Finding, list[Reading]]]


def _not_exact(batch: _Batch, rows: Rows) -> Rows:
    """Those of some records that agree exactly with no person as they stand: the others are never read otherwise, so
    what agrees as typed does to the end."""
    return rows[~agree_exactly(rows, batch.columns, batch.dictionaries, batch.index)]


def _columns_mixed_up(batch: _Batch) -> _Found:
    typed = batch.typed
    for cycle, counted in mix_ups(typed.records, batch.cells, batch.plan).items():
        places = dict(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        for judged in judge(found_as.COLUMNS_MIXED_UP, cycle, counted.hits, counted.trials, batch.cells):
            rows = np.zeros(0, np.int64)
            if judged.is_clear:
                rows = mixed_up_rows(typed.records, batch.cells.rows_of(judged.cells), cycle, batch.plan)
                rows = _not_exact(batch, rows)
                for part in parts_of(rows.size):
                    table = put_right(typed.records.take(rows[part]), places)
                    for name, values in encode(table, batch.plan, "left", batch.dictionaries).items():
                        typed.columns[name][rows[part]] = values
                    typed.numbers["excluded"][rows[part]] = excluded_of(table)
            yield _with_readings(judged, [(name, IN_COLUMN + place, rows) for name, place in places.items()])


def _one_value(batch: _Batch) -> _Found:
    given, birth = batch.columns[f"{batch.name}.given"], batch.columns[batch.birth.name]
    people = mix(given.astype(np.uint64) ^ mix(birth.astype(np.uint64)))
    facility = batch.cells.facility[batch.cells.of_record]
    is_coded = batch.cells.is_coded[batch.cells.of_record]
    for field in number_fields(batch.plan):
        column, typed = batch.columns[field], batch.column_of(field)
        stated = np.where(is_coded, column, 0).astype(np.uint64, copy=False)
        for values in one_value(stated, people, facility, found_as.LEAST_RATE):
            rows = _not_exact(batch, values.rows)
            finding = Finding(
                found_as.ONE_VALUE,
                (typed,),
                None,
                batch.cells.facilities[values.facility],
                values.n_people,
                values.of,
                0.0,
                values.probability,
                rows.size,
            )
            column[rows] = 0
            yield finding, [Reading(typed, NOT_STATED, rows)] if rows.size else []


def _filled_down(batch: _Batch) -> _Found:
    columns = batch.columns
    rows_below = neighbours(
        columns[batch.name].astype(np.uint16, copy=False), batch.typed.numbers["subject_ids"], batch.cells
    )
    numbers = [f.name for kind in _OF_ONE_PERSON for f in batch.plan.fields if f.kind == kind and f.left]
    for field in (*numbers, batch.birth.name):
        below, first, second = repeats(columns[field], rows_below)
        trials, hits = batch.cells.count(below), batch.cells.count(_of_others(batch, field, first, second))
        typed = (batch.column_of(field),)
        for judged in judge(found_as.FILLED_DOWN, typed, hits, trials, batch.cells, _ONE_PERSONS, _LEAST_DRAGGED):
            yield judged.finding, []


def _of_others(batch: _Batch, field: str, first: Rows, second: Rows) -> Rows:
    """Of neighbouring rows that state the same value, the rows below whose person has another one, where a row beside
    is of the person who has it."""
    rows = np.unique(np.concatenate([first, second]))
    stated, birth = batch.columns[field][rows], batch.birth.name
    numbers = number_fields(batch.plan) if field == birth else [field]
    persons = owners(rows, numbers, batch.columns, batch.dictionaries, batch.index)
    is_own, is_others = persons >= 0, persons < 0
    if field == birth:
        registered = batch.index.columns[birth][np.maximum(persons, 0)].astype(np.uint32)
        is_others = is_own & (registered != stated) & ~is_vague(registered) & ~is_vague(stated.astype(np.uint32))
        is_own &= registered == stated
    values = mix(stated.astype(np.uint64) ^ mix(batch.cells.of_record[rows].astype(np.uint64), 1))
    return np.intersect1d(rows[is_others & np.isin(values, values[is_own])], second)


def _known_persons(batch: _Batch) -> _Found:
    columns, sex, birth = batch.columns, batch.sex, batch.birth
    sexes = inverted_sex(columns, batch.cells, batch.dictionaries, batch.index)
    for judged in _judge(found_as.SEX_INVERTED, sex.left[0], sexes, batch.cells):
        rows = batch.cells.rows_of(judged.cells & judged.is_clear)
        rows = _not_exact(batch, rows[columns[sex.name][rows] != 0])
        columns[sex.name][rows] = other_sex(columns[sex.name][rows].astype(np.uint8))
        yield _with_readings(judged, [(sex.left[0], OTHER_SEX, rows)])
    births = swapped_day_and_month(columns, batch.cells, batch.dictionaries, batch.index)
    for judged in _judge(found_as.DAY_MONTH_SWAPPED, birth.left[0], births, batch.cells):
        rows = batch.cells.rows_of(judged.cells & judged.is_clear)
        rows = _not_exact(batch, rows[is_exchangeable(columns[birth.name][rows].astype(np.uint32))])
        columns[birth.name][rows] = exchanged(columns[birth.name][rows].astype(np.uint32))
        yield _with_readings(judged, [(birth.left[0], EXCHANGED, rows)])


def _judge(question: str, field: str, counted: Counted, cells: Cells) -> list[Judged]:
    return judge(question, (field,), counted.hits, counted.trials, cells)


def _with_readings(judged: Judged, readings: Sequence[tuple[str, str, Rows]]) -> tuple[Finding, list[Reading]]:
    """A finding with what was read for it; readings of no record are none."""
    finding = replace(judged.finding, n_read=int(readings[0][2].size))
    return finding, [Reading(*reading) for reading in readings if reading[2].size]


def encode_as_read(
    table: pa.Table, readings: Sequence[tuple[str, str]], plan: Plan, dictionaries: Dictionaries
) -> Columns:
    """Encode doses of a run as the run read them: readings are (field, how) of each of these doses."""
    columns = encode(put_right_as(table, readings), plan, "left", dictionaries)
    names = {f.left[0]: f.name for f in plan.fields if len(f.left) == 1}
    for field, how in readings:
        name = names.get(field, field)
        if how == NOT_STATED:
            columns[name] = np.zeros_like(columns[name])
        elif how == OTHER_SEX:
            columns[name] = other_sex(columns[name].astype(np.uint8))
        elif how == EXCHANGED:
            columns[name] = exchanged(columns[name].astype(np.uint32))
    return columns


def put_right_as(table: pa.Table, readings: Sequence[tuple[str, str]]) -> pa.Table:
    """Doses with mixed-up columns put right, as readings say."""
    return put_right(
        table, {field: how.removeprefix(IN_COLUMN) for field, how in readings if how.startswith(IN_COLUMN)}
    )


def reading_parts(stations: Stations, records: Records) -> Iterator[pa.Table]:
    """The readings of a batch, sorted by dose and field; see READINGS."""
    fields = [(reading.field, reading.how) for reading in stations.readings]
    rows = np.concatenate([np.zeros(0, np.int64), *(reading.rows for reading in stations.readings)])
    sizes = [reading.rows.size for reading in stations.readings]
    which = pa.array(np.repeat(np.arange(len(fields)), sizes))
    table = pa.table(
        {
            "dose_id": records.take(rows, ["dose_id"]).column(0),
            "field": pa.array([field for field, _ in fields], pa.string()).take(which),
            "reading": pa.array([how for _, how in fields], pa.string()).take(which),
        }
    )
    order = pc.sort_indices(table, [("dose_id", "ascending"), ("field", "ascending")])
    yield table.take(order).cast(READINGS.arrow())
