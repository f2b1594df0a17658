"""What forms count of a state of nights: of the decisions in force after a day, as a run on all doses in force would.

Every decision that a dose ever had stands in the state, so that any day can be counted, and each day beside the others.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import UsageError
from linkage.exports.units import commune_keys, communes_with
from linkage.insight.sources import StateSource
from linkage.nights.configuration import read_configuration
from linkage.published.decisions import communes_table
from linkage.published.subjects import STATUS_ORDER
from linkage.reports.counted import OF_DAYS
from linkage.schema import ISSUES, STATUSES, SUBJECT_COUNTS
from linkage.state.folder import PARTS, State, open_state
from linkage.state.tables import DOSE_VERSIONS, PUBLISHED_DECISIONS, StateTable

_PRESSING = [STATUSES[status] for status in STATUS_ORDER]
_ORDER = " ".join(f"WHEN '{status}' THEN {place}" for place, status in enumerate(_PRESSING))
_GRAVITY = " ".join(f"WHEN '{issue}' THEN {place}" for place, issue in enumerate(ISSUES))
_STANDS = f"""CASE WHEN status = 'verified' THEN {len(ISSUES) + 1} WHEN status = 'excluded' THEN {len(ISSUES) + 2}
    ELSE CASE issue {_GRAVITY} ELSE {len(ISSUES)} END END"""

# Each decision that a dose had at the end of a day, with its subject, and until which day it was in force.
_SPANS = f"""
    CREATE TEMP TABLE spans AS
    WITH decided AS (
        SELECT dose_id, day, max(night) AS night,
            arg_max({{'code': commune_code, 'now': commune_code_now, 'pressing': CASE status {_ORDER} END,
                'stands': {_STANDS}, 'is_gone': is_gone}}, night) AS row
        FROM decisions JOIN days USING (night) GROUP BY dose_id, day
    ), versions AS (
        SELECT dose_id, night, arg_max(CASE WHEN subject > 0 THEN subject ELSE claim END, version) AS subject
        FROM doses GROUP BY dose_id, night
    ), told AS (
        SELECT d.dose_id, d.day, d.row, v.subject, lead(d.day) OVER (PARTITION BY d.dose_id ORDER BY d.day) AS until
        FROM decided d ASOF JOIN versions v ON d.dose_id = v.dose_id AND d.night >= v.night
    )
    SELECT * FROM told WHERE NOT row.is_gone
"""
_SUBJECTS = """
    SELECT min(row.pressing) AS pressing, min(row.stands) AS stands,
        first({'code': row.code, 'now': row.now} ORDER BY row.stands, dose_id) AS place
    FROM spans WHERE until IS NULL GROUP BY subject
"""
_STATUS = f"list_value({', '.join(map(repr, _PRESSING))})[pressing + 1]"
_STATUSES = f"""
    SELECT place.code AS commune_code, place.now AS commune_code_now, {_STATUS} AS status, count(*) AS n_subjects
    FROM ({_SUBJECTS}) GROUP BY ALL
"""
_ISSUES = f"""
    SELECT place.code AS commune_code, place.now AS commune_code_now, issue, count(*) AS n_subjects
    FROM (SELECT place, list_value({", ".join(map(repr, ISSUES))})[stands + 1] AS issue FROM ({_SUBJECTS})
        WHERE stands < {len(ISSUES)}) GROUP BY ALL
"""
_LIVED_IN = "SELECT DISTINCT row.code AS commune_code, row.now AS commune_code_now FROM {spans}"
# A subject is looked at on each day on which one of its doses has another decision.
_BY_DAY = f"""
    WITH events AS (
        SELECT DISTINCT subject, unnest([day, until]) AS day FROM spans
    ), standing AS (
        SELECT e.subject, e.day, min(s.row.pressing) AS pressing,
            first({{'code': s.row.code, 'now': s.row.now}} ORDER BY s.row.stands, s.dose_id) AS place
        FROM events e LEFT JOIN spans s
            ON e.subject = s.subject AND s.day <= e.day AND (s.until IS NULL OR s.until > e.day)
        WHERE e.day IS NOT NULL GROUP BY e.subject, e.day
    ), steps AS (
        SELECT day, place, pressing, lag(place) OVER w AS place_before, lag(pressing) OVER w AS pressing_before
        FROM standing WINDOW w AS (PARTITION BY subject ORDER BY day)
    ), moved AS (
        SELECT * FROM steps
        WHERE pressing IS DISTINCT FROM pressing_before OR place IS DISTINCT FROM place_before
    ), counted AS (
        SELECT day, place, pressing, count(*) AS n_came, 0 AS n_left FROM moved WHERE pressing IS NOT NULL GROUP BY ALL
        UNION ALL
        SELECT day, place_before, pressing_before, 0, count(*) FROM moved WHERE pressing_before IS NOT NULL GROUP BY ALL
    ), of_days AS (
        SELECT d.day, c.place, c.pressing, coalesce(sum(n_came), 0) AS n_came, coalesce(sum(n_left), 0) AS n_left
        FROM (SELECT DISTINCT day FROM days) d CROSS JOIN (SELECT DISTINCT place, pressing FROM counted) c
        LEFT JOIN counted n ON n.day = d.day AND n.place IS NOT DISTINCT FROM c.place AND n.pressing = c.pressing
        GROUP BY ALL
    )
    SELECT day AS date, place.code AS commune_code, place.now AS commune_code_now, {_STATUS} AS status,
        CAST(sum(n_came - n_left) OVER (PARTITION BY place, pressing ORDER BY day) AS BIGINT) AS n_subjects,
        CAST(n_came AS BIGINT) AS n_came, CAST(n_left AS BIGINT) AS n_left
    FROM of_days
"""


class CountedState:
    """What was in force after the nights up to a day, of all of them when none is given.

    UsageError where there was no night yet, or none so early.
    """

    def __init__(self, place: Path, as_of: datetime.date | None = None) -> None:
        configuration = read_configuration(place) if place.is_file() else None
        folder = configuration.state if configuration else place
        self._index = configuration.index if configuration else None
        self.place, self._folder, self._state = place, folder, open_state(folder)
        if not self._state.nights:
            raise UsageError(f"{folder}: there was no night yet")
        self._days = _days_of(self._state, as_of)
        if not self._days:
            first = self._state.nights[0]["date"]
            raise UsageError(f"--as-of {as_of}: before the first night, which was {first}")
        self.as_of: datetime.date | None = as_of or self._days[-1]

    @property
    def names(self) -> Mapping[str, str]:
        """Of communes, by their codes."""
        rows = self._lived_in("spans").select(["commune_code", "commune_name"]).to_pylist()
        return {row["commune_code"]: row["commune_name"] for row in rows if row["commune_name"]}

    def communes(self, unit: str | None = None) -> pa.Table | None:
        """See `Counted.communes`."""
        communes = self._lived_in("(FROM spans WHERE until IS NULL)")
        return communes_with(communes, unit, "this state", "the folder of units lists them")

    def issues(self) -> pa.Table:
        """See `Counted.issues`."""
        return self._answer(_ISSUES)

    def statuses(self) -> pa.Table:
        """See `Counted.statuses`."""
        return self._answer(_STATUSES).select(SUBJECT_COUNTS.names).cast(SUBJECT_COUNTS.arrow())

    def by_day(self) -> pa.Table:
        """See `Counted.by_day`."""
        return self._answer(_BY_DAY).select(OF_DAYS)

    def _lived_in(self, spans: str) -> pa.Table:
        """The communes of some spans. Of one of 2021 and one of 2025 that share their codes it is that of 2021: most
        doses are older than the other, and decisions do not tell which."""
        keys = commune_keys(self._answer(_LIVED_IN.format(spans=spans)))
        every = self._every_commune
        found = every.take(pc.index_in(keys, commune_keys(every).combine_chunks()).drop_null())
        return found.sort_by([("commune_code", "ascending"), ("district_code", "ascending")])

    @cached_property
    def _every_commune(self) -> pa.Table:
        """What the index knows of communes; of those with one code the one with a district, which is of 2021, first."""
        dictionaries = StateSource(self._folder, self._index).open_index().dictionaries
        return communes_table(dictionaries, np.arange(1, len(dictionaries.units.doses), dtype=np.uint16))

    @cached_property
    def _spans(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        numbers = pa.array(np.arange(1, len(self._days) + 1, dtype=np.int32))
        connection.register("days", pa.table({"night": numbers, "day": pa.array(self._days, pa.date32())}))
        for table in (PUBLISHED_DECISIONS, DOSE_VERSIONS):
            connection.read_parquet(_checked_files(self._state, table)).create_view(table.name)
        connection.execute(_SPANS)
        return connection

    def _answer(self, query: str) -> pa.Table:
        found: pa.Table = self._spans.sql(query).to_arrow_table()
        return found


def _days_of(state: State, as_of: datetime.date | None) -> list[datetime.date]:
    """The day of each night, up to the first one after ``as_of``: one dated before another that was is of its day."""
    dates = [datetime.date.fromisoformat(night["date"]) for night in state.nights]
    last = next((n for n, date in enumerate(dates) if as_of is not None and date > as_of), len(dates))
    return [max(dates[: n + 1]) for n in range(last)]


def _checked_files(state: State, table: StateTable) -> list[str]:
    """The files of a table, found to be what was written."""
    paths = []
    for part in state.manifest["parts"]:
        name = f"{PARTS}/{part['name']}/{table.name}.parquet"
        if name in state.files:
            state.files[name].check()
            paths.append(str(state.files[name].path))
    return paths
