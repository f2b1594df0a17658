"""What is counted of each night, so that later ones can be held against it: the doses that came, by facility, by
commune and by agreement pattern."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED
from linkage.nights.deciding import Batch
from linkage.state.folder import State
from linkage.state.rows import versions_of
from linkage.state.tables import FIGURES, NIGHTS_COUNTED, READ_OTHERWISE

STATUS, FACILITY, COMMUNE, PATTERN = "status", "facility", "commune", "pattern"
_UNDECIDED = pa.array(["review", "unmatched"])
_NO_CANDIDATE = "none"


def figures_of(arrived: pa.Table, decisions: pa.Table, batch: Batch | None, number: int) -> pa.Table:
    """Rows of the state's figures for a night. Doses and claims that are not compared with the registry are counted by
    status alone.

    arrived : rows of the state's doses that the night wrote and that are in force; those that an adoption reads
        otherwise were brought by no night; decisions : of these and of others
    """
    arrived = arrived.filter(pc.not_equal(arrived["what"], READ_OTHERWISE))
    if batch is None or not arrived.num_rows:
        return FIGURES.schema.empty_table()
    place = pc.index_in(arrived["dose_id"].combine_chunks(), decisions["dose_id"].combine_chunks())
    status = decisions["status"].combine_chunks().take(place)
    doses = pa.table(
        {
            FACILITY: arrived["facility_code"].combine_chunks(),
            COMMUNE: decisions["commune_code"].combine_chunks().take(place),
            STATUS: status,
            "undecided": pc.is_in(status, _UNDECIDED).cast(pa.int64()),
        }
    )
    compared = doses.filter(pc.not_equal(doses[STATUS], "excluded"))
    parts = [
        _counted(rows, kind, number) for kind, rows in ((STATUS, doses), (FACILITY, compared), (COMMUNE, compared))
    ]
    return pa.concat_tables([*parts, _patterns(arrived, batch, number)])


def _counted(doses: pa.Table, kind: str, number: int) -> pa.Table:
    """Doses by what one column states."""
    stated = doses.filter(pc.is_valid(doses[kind]))
    found = stated.group_by(kind).aggregate([("undecided", "count"), ("undecided", "sum")])
    return _rows(kind, found[kind], found["undecided_count"], found["undecided_sum"], number)


def _patterns(arrived: pa.Table, batch: Batch, number: int) -> pa.Table:
    """Claims by the agreement pattern of their best candidate, each decided by itself."""
    at = batch.at(np.unique(arrived["claim"].to_numpy()))
    best, is_compared = batch.by_itself.best, batch.by_itself.status[at] != EXCLUDED
    codes = np.where(best.rows[at] >= 0, best.codes[at].astype(np.int64), -1)[is_compared]
    patterns, counts = np.unique(codes, return_counts=True)
    names = pa.array([_NO_CANDIDATE if code < 0 else str(code) for code in patterns.tolist()], pa.string())
    return _rows(PATTERN, names, pa.array(counts), pa.nulls(counts.size, pa.int64()), number)


def _rows(kind: str, keys: pa.Array, n: pa.Array, undecided: pa.Array, number: int) -> pa.Table:
    columns = {
        "night": pa.repeat(pa.scalar(number, pa.int32()), len(keys)),
        "kind": pa.repeat(pa.scalar(kind), len(keys)),
        "key": keys,
        "n": n,
        "undecided": undecided,
    }
    return pa.table(columns).cast(FIGURES.schema)


@dataclass(frozen=True)
class Counts:
    """How often each of some things came in each of some nights.

    keys : k texts; n, undecided : int64[k, n_nights]
    """

    keys: list[str]
    n: NDArray[np.int64]
    undecided: NDArray[np.int64]


@dataclass(frozen=True)
class Past:
    """The figures of a night and of those before it that it is held against; n_before : how many these are.

    weekdays : of the nights before, and last of the night; n_quiet : nights of the epoch in which no dose came
    """

    rows: pa.Table
    n_before: int
    weekdays: Sequence[int]
    n_quiet: int = 0

    def counts(self, kind: str) -> tuple[Counts, Counts]:
        """What was counted of the nights before, each in its column, and of the night."""
        rows = self.rows.filter(pc.equal(self.rows["kind"], kind))
        coded = rows["key"].combine_chunks().dictionary_encode()
        names, which = coded.dictionary.to_pylist(), coded.indices.to_numpy()
        n, undecided = np.zeros((2, len(names), self.n_before + 1), np.int64)
        place = rows["place"].to_numpy()
        n[which, place] = rows["n"].to_numpy()
        undecided[which, place] = pc.fill_null(rows["undecided"], 0).to_numpy()
        last = slice(self.n_before, None)
        before = Counts(names, n[:, : self.n_before], undecided[:, : self.n_before])
        return before, Counts(names, n[:, last], undecided[:, last])


def past_of(state: State, figures: pa.Table, date: datetime.date) -> Past:
    """The figures of the night of a date beside those of the last NIGHTS_COUNTED before it, of the epoch in force, in
    which doses came; others say nothing."""
    number = len(state.nights) + 1
    first = max([1, *(epoch["since"] for epoch in state.manifest["epochs"][-1:])])
    nights = np.arange(first, number, dtype=np.int32)
    before = versions_of(state, FIGURES, nights, by="night") if nights.size else FIGURES.schema.empty_table()
    there = np.unique(before["night"].to_numpy())
    n_quiet = sum(night["kind"] == "night" for night in state.nights[first - 1 :]) - int(there.size)
    there = there[-NIGHTS_COUNTED:]
    rows = pa.concat_tables([before.filter(pc.is_in(before["night"], pa.array(there))), figures])
    place = np.searchsorted(there, rows["night"].to_numpy())
    dates = [datetime.date.fromisoformat(state.nights[night - 1]["date"]) for night in there.tolist()]
    weekdays = [day.weekday() for day in (*dates, date)]
    return Past(rows.append_column("place", pa.array(place)), int(there.size), weekdays, n_quiet)
