"""Doses to claims: one claim per distinct identity claim, so that equal claims are linked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.encode.columns import DERIVED
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import record_key
from linkage.machine.parts import n_parts


@dataclass(frozen=True)
class Claims:
    """Distinct claims in the order of their keys.

    keys: uint64[n_claims], a content hash, the same every night; of_dose: int32[n_doses], the claim of each dose;
    first_dose: int32[n_claims], the first dose that states the claim.
    """

    keys: NDArray[np.uint64]
    of_dose: NDArray[np.int32]
    first_dose: NDArray[np.int32]


def claim_keys(columns: Columns, is_excluded: NDArray[np.bool_], dictionaries: Dictionaries) -> NDArray[np.uint64]:
    """A hash of the identity claim of each encoded dose. Two claims are one when every encoded column agrees.

    Names, communes and words enter by their content because ids may differ from night to night: columns of ids have a
    hash of it beside them, or a dictionary of words. A key of 64 bits confuses two of five million claims with
    probability 7e-7.
    """
    by_id = {name for name in columns if columns.keys() & {f"{name}.code", f"{name}.key"}}
    stable: Columns = {}
    for name in columns.keys() - by_id:
        field, _, part = name.partition(".")
        if not name.endswith(DERIVED):
            is_word = field in dictionaries.words and part != "key"
            stable[name] = dictionaries.word_hashes(field, columns[name]) if is_word else columns[name]
    return mix(record_key(stable, sorted(stable), salt=1) ^ is_excluded.astype(np.uint64))


def distinct_claims(keys: NDArray[np.uint64]) -> Claims:
    """Claims of doses from the keys of their claims."""
    return Claims(*grouped(keys))


def grouped(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
    """Distinct keys, ascending; the place of each row's key among them, int32[n]; the first row of each, int32.

    Keys are hashes: by their leading bits they fall into parts of about one size, sorted one after the other.
    """
    n_bits = (n_parts(keys.size) - 1).bit_length()
    leading = (keys >> np.uint64(63 - n_bits) >> np.uint64(1)).astype(np.uint16)
    of_row = np.empty(keys.size, np.int32)
    distinct, first, n_before = [np.empty(0, np.uint64)], [np.empty(0, np.int32)], 0
    for part in range(1 << n_bits):
        rows = np.flatnonzero(leading == part).astype(np.int32)
        rows = rows[np.argsort(keys[rows])]
        ordered = keys[rows]
        is_new = np.append(True, ordered[1:] != ordered[:-1])[: ordered.size]
        of_row[rows] = n_before - 1 + np.cumsum(is_new, dtype=np.int32)
        starts = np.flatnonzero(is_new)
        distinct.append(ordered[starts])
        # The sort need not be stable, which would take ten times as long: the first row is the least of the key's.
        first.append(np.minimum.reduceat(rows, starts) if starts.size else starts.astype(np.int32))
        n_before += starts.size
    return np.concatenate(distinct), of_row, np.concatenate(first)
