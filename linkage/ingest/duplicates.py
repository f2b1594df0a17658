"""Finds records that share a key, over all files of a batch.

Keys are compared by their hashes, sorted; only records whose hash comes again are looked at themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.key_kernels import hash_texts
from linkage.ingest.reasons import CONFLICTING_KEY, DUPLICATE_KEY, SUPERSEDED
from linkage.ingest.records import Records
from linkage.machine.scratch import scratch_array
from linkage.machine.text_bytes import text_bytes
from linkage.schema import UPDATED_AT
from linkage.standardise.moments import UNKNOWN, standardise_moments
from linkage.wording.counted import counted

_MOST_LOOKED_AT, _EXAMPLES = 1 << 17, 3  # records of a note on collisions, and keys and files that it names
# What two records of one person have in common, of which two say so: stations that number from 1 share neither.
_ABOUT_WHOM, _LEAST_SAME = ("subject_id", "full_name", "date_of_birth", "id_number", "phone"), 2
_MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: the order of the columns counts
_GROUP_ROWS = 1 << 21  # of records compared at a time


def duplicate_faults(
    records: Records, key: str, scratch: Path | None = None, starts: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Records that are not kept because they share their key with another one.

    Equal records: the first is kept, the others are duplicates. As soon as two records of a key differ, none of them
    is kept, because the order of the rows must not decide which one is believed; unless all of them state when they
    were last changed, and one is the newest. To state it otherwise alone makes no record another one.

    Parameters
    ----------
    records : all sound records of the batch in their order
    key : the key column, without nulls
    scratch : folder for the work file of 16 bytes a record; None keeps it in memory
    starts : int64[n_files + 1], where the records of each file begin, for keys that are told apart by file; None where
        all files share them

    Returns
    -------
    Rows of ``records``, int64[n] ascending, and their fault bits.
    """
    hashes = scratch_array(scratch, records.num_rows, np.uint64)
    start = 0
    for chunk in records.chunks([key]):
        hashes[start : start + chunk.num_rows] = hash_keys(chunk.column(0))
        start += chunk.num_rows
    rows, faults = [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)]
    keyed = _Keyed(records, key, starts)
    for shared in _shared_rows(hashes, scratch):
        found = _faults_of_group(keyed, shared)
        rows.append(shared[found > 0])
        faults.append(found[found > 0])
    every = np.concatenate(rows)
    order = np.argsort(every)
    return _newest_kept(keyed, every[order], np.concatenate(faults)[order])


def same_file_notes(files: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each file that has the content of one before it under another name; files: name and SHA-256."""
    first: dict[str, str] = {}
    return [
        f"{name}: is the same file as {first[digest]}, byte for byte: give it once"
        for name, digest in files
        if first.setdefault(digest, name) != name
    ]


def repeated_note(
    records: Records,
    key: str,
    has_derived: Sequence[bool],
    files: Sequence[str],
    starts: NDArray[np.int64],
    scratch: Path | None = None,
) -> str | None:
    """What to tell of records whose keys are derived and that state what one before them does, as where files overlap;
    None where there are none.

    Parameters
    ----------
    has_derived : of each file, whether its keys are; these records alone are compared
    files, starts : as of `collision_note`
    scratch : folder for the work files of 16 bytes a record
    """
    hashes = scratch_array(scratch, records.num_rows, np.uint64)
    names, start = [name for name in records.schema.names if name != key], 0
    for chunk in records.chunks(names):
        hashes[start : start + chunk.num_rows] = hash_rows(chunk.columns)
        start += chunk.num_rows
    n_of_file = np.diff(starts)
    is_asked = np.repeat(np.array(has_derived, np.bool_), n_of_file)
    found = hashes[is_asked]
    _, first, of_hash = np.unique(found, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[of_hash] != np.arange(found.size))
    if not again.size:
        return None
    rows = np.flatnonzero(is_asked)
    pairs = np.concatenate([rows[again], rows[first[of_hash[again]]]])
    where = _named([files[place] for place in np.unique(np.searchsorted(starts, pairs, side="right") - 1)])
    return (
        f"{counted(again.size, 'record', ('states', 'state'))} all that another one does ({where}) and "
        f"{'has' if again.size == 1 else 'have'} no {key} to tell by: both count; take out what the files have in "
        "common, or give them ids"
    )


def _named(names: Sequence[str]) -> str:
    """Some of the names of files, and how many more there are."""
    return ", ".join(names[:_EXAMPLES]) + (f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else "")


def collision_notes(
    records: Records, key: str, rows: NDArray[np.int64], files: Sequence[str], starts: NDArray[np.int64]
) -> Iterator[str]:
    """What to tell of records that differ under one key: of those of several files, whether they are versions of one
    record, or keys that were given twice.

    Parameters
    ----------
    rows : int64[n], those records; not empty
    files, starts : names of the files, and the first record of each and the number of all, int64[n_files + 1]
    """
    shown = rows[:_MOST_LOOKED_AT]
    about = [name for name in _ABOUT_WHOM if name in records.schema.names]
    table = records.take(shown, [key, *about])
    table = table.append_column("file", pa.array(np.searchsorted(starts, shown, side="right") - 1))
    wanted = [("file", "min"), ("file", "max"), *((name, how) for name in about for how in ("min", "max"))]
    nulls = [(name, "count", pc.CountOptions("only_null")) for name in about]
    by_key = table.group_by(key).aggregate([*wanted, *nulls]).sort_by(key)
    n_same = np.zeros(by_key.num_rows, np.int64)
    for name in about:
        is_same = pc.equal(by_key[f"{name}_min"], by_key[f"{name}_max"])
        n_same += pc.and_(pc.fill_null(is_same, False), pc.equal(by_key[f"{name}_count"], 0)).to_numpy()
    is_across = pc.not_equal(by_key["file_min"], by_key["file_max"]).to_numpy()
    more = "" if rows.size <= _MOST_LOOKED_AT else "at least "

    def told(which: NDArray[np.bool_]) -> tuple[int, str, str]:
        chosen = by_key.filter(pa.array(which))
        keys = chosen[key].slice(0, _EXAMPLES).to_pylist()
        examples = ", ".join(keys) + (", …" if chosen.num_rows > _EXAMPLES else "")
        places = sorted({files[place] for name in ("file_min", "file_max") for place in chosen[name].to_pylist()})
        return chosen.num_rows, f"{key}: {more}{counted(chosen.num_rows, 'key')} ({examples})", _named(places)

    n, keys, names = told(is_across & (n_same < _LEAST_SAME))
    if n:
        yield (
            f"{keys} {'collides' if n == 1 else 'collide'} between files ({names}), as where each station numbers from "
            "1; none of these records is kept: make the keys differ by station"
        )
    n, keys, names = told(is_across & (n_same >= _LEAST_SAME))
    if n:
        remedy = (
            f"state {UPDATED_AT} in each, and the newest is taken, or send the correction in a later run"
            if UPDATED_AT in records.schema.names
            else "keep the right one"
        )
        yield (
            f"{keys} {'stands' if n == 1 else 'stand'} for the same in different versions ({names}), and nothing tells "
            f"which is the newest; none of these is kept: {remedy}"
        )
    n, keys, _ = told(~is_across)
    if n:
        verb = "stands" if n == 1 else "stand"
        yield f"{keys} {verb} for different records; none of these is kept: correct them"


def superseded_note(n: int) -> str:
    """What to tell of n records of which a newer version was sent."""
    return f"{counted(n, 'record', ('has', 'have'))} a newer version by {UPDATED_AT}, which is taken in its place"


def _newest_kept(
    keyed: _Keyed, rows: NDArray[np.int64], faults: NDArray[np.uint16]
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Rows that are not kept and why, without those that say that they are the newest version of their key."""
    of_conflict = np.flatnonzero(faults == CONFLICTING_KEY)
    if UPDATED_AT not in keyed.records.schema.names or not of_conflict.size:
        return rows, faults
    moments, hashes = np.empty(of_conflict.size, np.int64), np.empty(of_conflict.size, np.uint64)
    for start in range(0, of_conflict.size, _GROUP_ROWS):
        part = keyed.take(rows[of_conflict[start : start + _GROUP_ROWS]], [keyed.key, UPDATED_AT])
        moments[start : start + part.num_rows] = standardise_moments(part.column(UPDATED_AT))
        hashes[start : start + part.num_rows] = hash_keys(part.column(keyed.key))
    _, of_key = np.unique(hashes, return_inverse=True)
    first, last = np.full(of_key.max() + 1, np.iinfo(np.int64).max), np.full(of_key.max() + 1, UNKNOWN)
    np.minimum.at(first, of_key, moments)
    np.maximum.at(last, of_key, moments)
    is_newest = moments == last[of_key]
    # Those of one moment are one version only where they are equal.
    newest = np.flatnonzero(is_newest & (first[of_key] != UNKNOWN))
    among_newest = _faults_of_group(keyed, rows[of_conflict[newest]])
    is_told = first != UNKNOWN
    is_told[of_key[newest[among_newest == CONFLICTING_KEY]]] = False
    found = np.where(is_told[of_key], SUPERSEDED, CONFLICTING_KEY).astype(np.uint16)
    found[newest] = np.where(is_told[of_key[newest]], among_newest, CONFLICTING_KEY)
    faults = faults.copy()
    faults[of_conflict] = found
    return rows[faults > 0], faults[faults > 0]


def hash_keys(keys: pa.ChunkedArray) -> NDArray[np.uint64]:
    """A hash of every key: uint64[n]."""
    hashes = np.empty(len(keys), np.uint64)
    start = 0
    for chunk in keys.chunks:
        hash_texts(*text_bytes(chunk), hashes[start : start + len(chunk)])
        start += len(chunk)
    return hashes


def hash_rows(columns: Sequence[pa.ChunkedArray]) -> NDArray[np.uint64]:
    """A hash of the texts of every row of some columns, one at least: uint64[n]; their order counts."""
    hashes = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        hashes *= _MIX
        hashes ^= hash_keys(column)
    return hashes


def _shared_rows(hashes: NDArray[np.uint64], scratch: Path | None) -> Iterator[NDArray[np.int64]]:
    """Rows (ascending) whose hash comes again, in groups that no hash is in two of."""
    ordered = scratch_array(scratch, hashes.size, np.uint64)
    ordered[:] = hashes
    ordered.sort()
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not shared.size:
        return
    rows = [np.zeros(0, np.int64)]
    for start in range(0, hashes.size, _GROUP_ROWS):
        part = hashes[start : start + _GROUP_ROWS]
        place = np.minimum(np.searchsorted(shared, part), shared.size - 1)
        rows.append(np.flatnonzero(shared[place] == part) + start)
    found = np.concatenate(rows)
    group = np.searchsorted(shared, hashes[found]) * 2 // _GROUP_ROWS
    for number in np.unique(group):
        yield found[group == number]


@dataclass(frozen=True)
class _Keyed:
    """Records that are told apart by a key column, or by it and their file; see `duplicate_faults`."""

    records: Records
    key: str
    starts: NDArray[np.int64] | None

    def take(self, rows: NDArray[np.int64], columns: list[str] | None = None) -> pa.Table:
        """Records by their numbers; of keys by file the number of the file stands behind the key."""
        found = self.records.take(rows, columns)
        if self.starts is None:
            return found
        files = pa.array(np.searchsorted(self.starts, rows, side="right")).cast(pa.string())
        place = found.column_names.index(self.key)
        keys = pc.binary_join_element_wise(found.column(place).combine_chunks(), files, "\n")
        return found.set_column(place, self.records.schema.field(self.key), keys)


def _faults_of_group(keyed: _Keyed, shared: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Fault bits of the rows of a group, int64[n] ascending; of more than _GROUP_ROWS, as where a key stands for
    millions, so many are in memory at a time."""
    key = keyed.key
    if shared.size <= _GROUP_ROWS:
        return _faults_of_shared(keyed.take(shared), key)
    parts = [shared[start : start + _GROUP_ROWS] for start in range(0, shared.size, _GROUP_ROWS)]
    firsts, conflicting = keyed.records.schema.empty_table(), pa.array([], pa.string())
    faults = []
    for part in parts:
        # Behind the first record of every key so far: those that are later than one are told by it.
        rows = pa.concat_tables([firsts, keyed.take(part)])
        found = _faults_of_shared(rows, key)
        faults.append(found[firsts.num_rows :])
        differ = rows[key].filter(pa.array(found == CONFLICTING_KEY)).combine_chunks()
        conflicting = pa.concat_arrays([conflicting, pc.unique(differ)]).unique()
        codes, n_keys = codes_of(rows[key])
        first = np.full(n_keys, rows.num_rows, np.int64)
        np.minimum.at(first, codes, np.arange(rows.num_rows))
        firsts = rows.take(pa.array(np.sort(first)))
    for part, found in zip(parts, faults, strict=True):
        keys = keyed.take(part, [key]).column(0)
        found[pc.is_in(keys, conflicting).to_numpy()] = CONFLICTING_KEY
    return np.concatenate(faults)


def _faults_of_shared(rows: pa.Table, key: str) -> NDArray[np.uint16]:
    """Fault bits of records that hold every record of their keys: each is compared with the first of its key."""
    codes, n_keys = codes_of(rows[key])
    first = np.full(n_keys, rows.num_rows, np.int64)
    np.minimum.at(first, codes, np.arange(rows.num_rows))
    first_of_row = first[codes]
    equal = np.ones(rows.num_rows, np.bool_)
    for name in rows.column_names:
        if name == UPDATED_AT:
            continue
        values, _ = codes_of(rows.column(name))
        equal &= values == values[first_of_row]
    conflicting = np.zeros(n_keys, np.bool_)
    conflicting[codes[~equal]] = True
    later = np.arange(rows.num_rows) != first_of_row
    return np.where(conflicting[codes], CONFLICTING_KEY, np.where(later, DUPLICATE_KEY, 0)).astype(np.uint16)


def codes_of(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], int]:
    """A column as int32[n_rows], equal exactly where its values are (null is -1), and the number of its values."""
    encoded = column.dictionary_encode()
    codes = [pc.fill_null(chunk.indices, -1).to_numpy() for chunk in encoded.chunks]
    # All chunks share one dictionary: the encoder goes over the whole column.
    n_values = max((len(chunk.dictionary) for chunk in encoded.chunks), default=0)
    return np.concatenate([np.zeros(0, np.int32), *codes]), n_values
