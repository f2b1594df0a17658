"""Finds records that share a key, over all files of a batch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest.reasons import CONFLICTING_KEY, DUPLICATE_KEY


def duplicate_faults(rows: pa.Table, key: str) -> np.ndarray:
    """Fault bits of records that share their key with another one.

    Equal records: the first is kept, the others are duplicates. As soon as two records of a key differ, none of them
    is kept, because the order of the rows must not decide which one is believed.

    Parameters: ``rows`` all sound records of the batch in their order, ``key`` the key column, without nulls.
    Returns uint16[n_rows], 0 = keep.
    """
    faults = np.zeros(rows.num_rows, np.uint16)
    codes, n_keys = _codes(rows[key])
    if n_keys == rows.num_rows:
        return faults
    shared = np.flatnonzero(np.bincount(codes, minlength=n_keys)[codes] > 1)
    faults[shared] = _faults_of_shared(rows.take(pa.array(shared)), key)
    return faults


def _faults_of_shared(rows: pa.Table, key: str) -> np.ndarray:
    """The same for records that all share their key with another: every one is compared with the first of its key."""
    codes, n_keys = _codes(rows[key])
    first = np.full(n_keys, rows.num_rows, np.int64)
    np.minimum.at(first, codes, np.arange(rows.num_rows))
    first_of_row = first[codes]
    equal = np.ones(rows.num_rows, bool)
    for column in rows.columns:
        values, _ = _codes(column)
        equal &= values == values[first_of_row]
    conflicting = np.zeros(n_keys, bool)
    conflicting[codes[~equal]] = True
    later = np.arange(rows.num_rows) != first_of_row
    return np.where(conflicting[codes], CONFLICTING_KEY, np.where(later, DUPLICATE_KEY, 0)).astype(np.uint16)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """A column as int32[n_rows], equal exactly where its values are (null is -1), and the number of its values."""
    encoded = column.dictionary_encode()
    codes = [pc.fill_null(chunk.indices, -1).to_numpy() for chunk in encoded.chunks]
    # All chunks share one dictionary: the encoder goes over the whole column.
    n_values = max((len(chunk.dictionary) for chunk in encoded.chunks), default=0)
    return np.concatenate([np.zeros(0, np.int32), *codes]), n_values
