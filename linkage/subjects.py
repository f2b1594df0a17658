"""Doses to subjects: one subject per distinct identity claim, so that equal claims are linked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.encode import Columns
from linkage.key_parts import record_key

_HEX_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


@dataclass(frozen=True)
class Subjects:
    """Distinct claims in the order of their keys.

    keys: uint64[n_subjects], a content hash, the same every night; of_dose: int64[n_doses], the subject of each dose;
    first_dose: int64[n_subjects], the first dose that states the claim.
    """

    keys: NDArray[np.uint64]
    of_dose: NDArray[np.int64]
    first_dose: NDArray[np.int64]


def distinct_subjects(columns: Columns, is_excluded: NDArray[np.bool_]) -> Subjects:
    """Subjects of encoded doses. Two claims are one when every encoded column agrees, name by its content hash.

    Names and communes enter by their content because ids may differ from night to night. A key of 64 bits confuses
    two of five million claims with probability 7e-7.
    """
    by_id = {name for name in columns if f"{name}.code" in columns}
    derived = (".plain", ".given", ".signature")
    stable = [name for name in columns if columns[name].ndim == 1 and name not in by_id and not name.endswith(derived)]
    key = mix(record_key(columns, sorted(stable), salt=1) ^ is_excluded.astype(np.uint64))
    keys, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return Subjects(keys, inverse.astype(np.int64), first.astype(np.int64))


def hex_keys(keys: NDArray[np.uint64]) -> pa.StringArray:
    """Keys as 16 hex digits: string[n]."""
    octets = keys.astype(">u8").view(np.uint8).reshape(keys.size, 8)
    digits = np.empty((keys.size, 16), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX_DIGITS[octets >> 4], _HEX_DIGITS[octets & 15]
    ends = np.arange(keys.size + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(keys.size, pa.py_buffer(ends), pa.py_buffer(digits))
