"""Versions of doses: which records of a night say something new, and what was in force before and is after it.

A record whose dose stands in the state, or in an earlier file of the night, with other content is a correction and
takes its place; with the same content it is nothing, and so is one that says by ``updated_at`` that it is older, as in
a file that came late. A withdrawn dose stays withdrawn as long as it comes again unchanged, as in files that are sent
whole every night. Withdrawals are entered last.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.duplicates import codes_of
from linkage.nights.arriving import STATED, Arrived
from linkage.schema import UPDATED_AT
from linkage.standardise.moments import standardise_moments
from linkage.state.folder import State
from linkage.state.rows import rows_in_force
from linkage.state.tables import CORRECTED, DOSE_VERSIONS, NEW, WITHDRAWN

_EXAMPLES = 3
_OTHER_FACILITY = (
    "corrections from another facility than that of the dose before (if stations number their doses alike, make the "
    "keys differ by station)"
)
_BY_OLDER_FILES = "doses that a file from quarantine states otherwise than what came before; see their history"


@dataclass(frozen=True)
class DoseChanges:
    """What a night does to the doses.

    rows : the new rows of the state's doses
    before, after : the versions in force of the doses that rows are about, those that were or are not in force left
        out
    counts : of records by what they are: new, corrected, unchanged, replaced (by a later file of the night), withdrawn
    notes : what the operator should know
    """

    rows: pa.Table
    before: pa.Table
    after: pa.Table
    counts: dict[str, int]
    notes: tuple[str, ...]

    @property
    def touched(self) -> pa.Array:
        """The ids of the doses with a new row."""
        return self.rows["dose_id"].combine_chunks().unique()

    @property
    def claims(self) -> NDArray[np.uint64]:
        """The compared claims that have a dose more, or fewer, or another one."""
        return np.unique(np.concatenate([rows["claim"].to_numpy() for rows in (self.before, self.after)]))

    @property
    def subjects(self) -> NDArray[np.uint64]:
        """The subjects of these doses, before and after."""
        found = np.unique(np.concatenate([rows["subject"].to_numpy() for rows in (self.before, self.after)]))
        return found[found > 0]


def dose_changes(arrived: Arrived, state: State) -> DoseChanges:
    """Compare what arrived with what is known."""
    number = len(state.nights) + 1
    ids = pa.chunked_array([*arrived.doses["dose_id"].chunks, *arrived.withdrawals["dose_id"].chunks], pa.string())
    known = rows_in_force(state, DOSE_VERSIONS, ids.combine_chunks().unique())
    doses, older = _without_older(arrived.doses, known)
    taken, came_back, unchanged = _new_versions(doses, known, number)
    last = _last_of(pa.concat_tables([known, taken]))
    withdrawn, unknown, again = _withdrawn(arrived.withdrawals, last, number)
    rows = pa.concat_tables([taken, withdrawn])
    touched = rows["dose_id"].combine_chunks().unique()
    before = _in_force(known.filter(pc.is_in(known["dose_id"], touched)))
    after = _in_force(_last_of(rows))
    n_last = _last_of(taken).num_rows if taken.num_rows else 0
    counts = {
        "new": int(pc.sum(pc.equal(taken["what"], NEW)).as_py() or 0),
        "corrected": int(pc.sum(pc.equal(taken["what"], CORRECTED)).as_py() or 0),
        "unchanged": unchanged + len(older),
        "replaced": taken.num_rows - n_last,
        "withdrawn": withdrawn.num_rows,
    }
    notes = [
        *_told(older, f"records that are older by {UPDATED_AT} than what was known, which stays in force"),
        *_told(came_back, "withdrawn doses that came again unchanged and stay withdrawn"),
        *_told(unknown, "withdrawals of doses that never came, by which nothing is withdrawn"),
        *_told(again, "withdrawals of doses that were withdrawn already"),
        *_told(_other_facility(known, taken), _OTHER_FACILITY),
    ]
    return DoseChanges(rows, before, after, counts, tuple(notes))


def corrected_by(changes: DoseChanges, files: Collection[str]) -> list[str]:
    """A note of the doses that files from quarantine, which may be older than what came since, state otherwise."""
    rows = changes.rows
    is_one = pc.and_(pc.is_in(rows["file"], pa.array(files, pa.string())), pc.equal(rows["what"], CORRECTED))
    return _told(rows["dose_id"].filter(is_one).combine_chunks().unique(), _BY_OLDER_FILES)


def _told(ids: pa.Array, what: str) -> list[str]:
    """A note of some doses, by a few of their ids."""
    if not len(ids):
        return []
    examples = ", ".join(ids.slice(0, _EXAMPLES).to_pylist()) + (", …" if len(ids) > _EXAMPLES else "")
    return [f"{what}: {len(ids):,} ({examples})"]


def _in_force(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.not_equal(rows["what"], WITHDRAWN))


def _last_of(rows: pa.Table) -> pa.Table:
    """The last version of each dose."""
    if not rows.num_rows:
        return rows
    codes, n_doses = codes_of(rows["dose_id"])
    version = rows["version"].to_numpy()
    last = np.zeros(n_doses, version.dtype)
    np.maximum.at(last, codes, version)
    return rows.filter(pa.array(version == last[codes]))


def _without_older(arrived: pa.Table, known: pa.Table) -> tuple[pa.Table, pa.Array]:
    """The records but for those that say that they are older than what was known, or came before them, of their dose;
    and the doses of the others, one for each record."""
    if arrived[UPDATED_AT].null_count == arrived.num_rows:
        return arrived, pa.array([], pa.string())
    both = pa.concat_tables([table.select(["dose_id", UPDATED_AT]) for table in (known, arrived)])
    dose, _ = codes_of(both["dose_id"])
    order = np.argsort(dose, kind="stable")
    dose, moment = dose[order], standardise_moments(both[UPDATED_AT].combine_chunks())[order]
    newest, distance = moment.copy(), 1
    # The newest so far within each dose: of twice as many records before with each step.
    while (is_same := dose[distance:] == dose[:-distance]).any():
        newest[distance:] = np.where(is_same, np.maximum(newest[distance:], newest[:-distance]), newest[distance:])
        distance *= 2
    is_older = np.zeros(both.num_rows, np.bool_)
    is_older[order] = (moment >= 0) & (moment < newest)
    is_older = is_older[known.num_rows :]
    return arrived.filter(pa.array(~is_older)), arrived["dose_id"].filter(pa.array(is_older)).combine_chunks()


def _new_versions(arrived: pa.Table, known: pa.Table, number: int) -> tuple[pa.Table, pa.Array, int]:
    """The records that say something new, as rows of the state; the ids of withdrawn doses that came again unchanged;
    and how many records say what was known."""
    n_known = known.num_rows
    both = pa.concat_tables([known.select(["dose_id", *STATED]), arrived.select(["dose_id", *STATED])])
    if not arrived.num_rows:
        return DOSE_VERSIONS.schema.empty_table(), pa.array([], pa.string()), 0
    dose, _ = codes_of(both["dose_id"])
    # What is known of a dose goes before what came, and that stands in the order of the files.
    order = np.argsort(dose, kind="stable")
    is_first = np.append(True, dose[order][1:] != dose[order][:-1])
    is_same = ~is_first
    for name in STATED:
        values = codes_of(both[name])[0][order]
        is_same[1:] &= values[1:] == values[:-1]
    is_arrival = order >= n_known
    is_new = is_arrival & ~is_same
    of_known = np.append(known["version"].to_numpy(), np.zeros(arrived.num_rows, np.int32))[order]
    # Versions are counted on within each dose.
    counted = np.cumsum(is_new)
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, order.size))
    before = np.repeat(counted[starts] - is_new[starts], sizes)
    base = np.repeat(np.maximum.reduceat(of_known, starts), sizes)
    version = (base + counted - before).astype(np.int32)
    place = np.flatnonzero(is_new)
    place = place[np.argsort(order[place], kind="stable")]
    rows = arrived.take(pa.array(order[place] - n_known))
    what = pa.array([CORRECTED, NEW]).take(pa.array((version[place] == 1).astype(np.int8)))
    added = {
        "version": pa.array(version[place]),
        "night": pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows),
        "what": what,
        "reason": pa.nulls(rows.num_rows, pa.string()),
    }
    columns = {name: rows[name] for name in rows.column_names} | added
    taken = pa.table([columns[name] for name in DOSE_VERSIONS.schema.names], schema=DOSE_VERSIONS.schema)
    gone = known["dose_id"].filter(pc.equal(known["what"], WITHDRAWN)).combine_chunks()
    same_ids = both["dose_id"].take(pa.array(order[is_arrival & is_same])).combine_chunks().unique()
    moved = taken["dose_id"].combine_chunks().unique()
    came_back = same_ids.filter(pc.and_(pc.is_in(same_ids, gone), pc.invert(pc.is_in(same_ids, moved))))
    return taken, came_back, int(np.count_nonzero(is_arrival & is_same))


def _withdrawn(withdrawals: pa.Table, last: pa.Table, number: int) -> tuple[pa.Table, pa.Array, pa.Array]:
    """Rows that end doses, which keep what they stated; the ids of unknown ones, and of those withdrawn before."""
    asked = withdrawals["dose_id"].combine_chunks()
    _, first = np.unique(codes_of(withdrawals["dose_id"])[0], return_index=True)
    asked, told = asked.take(pa.array(first)), withdrawals.take(pa.array(first))
    place = pc.index_in(asked, last["dose_id"].combine_chunks())
    is_known = pc.is_valid(place)
    found, told = last.take(place.drop_null()), told.filter(is_known)
    is_open = pc.not_equal(found["what"], WITHDRAWN)
    rows, told, again = found.filter(is_open), told.filter(is_open), found.filter(pc.invert(is_open))["dose_id"]
    n = rows.num_rows
    changed = {
        "version": pc.add(rows["version"], pa.scalar(1, pa.int32())),
        "night": pa.repeat(pa.scalar(number, pa.int32()), n),
        "what": pa.repeat(pa.scalar(WITHDRAWN), n),
        **{name: told[name] for name in ("reason", "file", "position")},
    }
    columns = [changed.get(name, rows[name]) for name in rows.column_names]
    ended = pa.table(columns, schema=DOSE_VERSIONS.schema)
    return ended, asked.filter(pc.invert(is_known)), again.combine_chunks()


def _other_facility(known: pa.Table, taken: pa.Table) -> pa.Array:
    """The ids of doses whose correction states another facility than what was known does."""
    place = pc.index_in(taken["dose_id"].combine_chunks(), known["dose_id"].combine_chunks())
    before = known["facility_code"].combine_chunks().take(place)
    differs = pc.fill_null(pc.not_equal(before, taken["facility_code"].combine_chunks()), False)
    return taken["dose_id"].combine_chunks().filter(differs).unique()
