"""The identity of a claim: a hash of what was typed, the same for any index, plan, model, date, machine and version.

**Frozen.** Verdicts, lists and signatures refer to these ids for years: nothing here may change what a dose's id is; a
better form would be a second one beside it, with another prefix. ``docs/claim-id.md`` writes the form down, and
``tests/test_claim_ids.py`` holds golden values and a reference that shares no line with this module.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.doses.claim_id_kernel import are_canonical, digest_texts
from linkage.doses.claims import grouped
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.machine.text_bytes import text_bytes
from linkage.schema.claims import CLAIM_FORM, CLAIM_PREFIX

# Who is meant and where they live, as columns of schema.DOSES; not which injection, nor who keyed it in. Their order is
# a part of the form.
IDENTITY = (
    *("full_name", "gender", "date_of_birth", "id_number", "nationality", "phone", "insurance_number", "ethnicity"),
    *("commune_code", "province", "district", "commune", "address"),
)

_LEFT_OUT = re.compile("[\u200b-\u200d\u2060\ufeff]")  # of no width
_BLANKS = re.compile("[\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_DIGEST_BYTES = 16
_HEX_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)

Ids = NDArray[np.uint64]
Rows = NDArray[np.int32]


@dataclass(frozen=True)
class ClaimIds:
    """The distinct claims of the doses of a batch as they were typed, ascending by id.

    What is equal only after standardising is compared once. What stations and files make to be read in several ways
    stands here once for each.

    ids: uint64[n_claims, 2], see `ids_of`; of_dose: int32[n_doses], the claim of each dose; first_dose:
    int32[n_claims], the first dose that states it; compared: int32[n_claims], as which claim it is compared.
    """

    ids: Ids
    of_dose: NDArray[np.int32]
    first_dose: NDArray[np.int32]
    compared: NDArray[np.int32]

    @cached_property
    def _least(self) -> Rows:
        """The first claim that is compared as each claim."""
        least = np.zeros(int(self.compared.max(initial=-1)) + 1, np.int32)
        least[self.compared[::-1]] = np.arange(self.compared.size, dtype=np.int32)[::-1]
        return least

    def least_of(self, claims: NDArray[np.integer]) -> Rows:
        """The claim of the least id that is compared as each of some claims."""
        return np.asarray(self._least[claims])

    def hex(self, claims: NDArray[np.integer]) -> pa.StringArray:
        """The ids of some claims as text."""
        return hex_ids(self.ids[claims])


def canonical_value(text: str | None) -> str:
    """A typed value in the form that is hashed: NFC, without characters of no width, blanks and control characters one
    space, none outside; missing is empty."""
    composed = _LEFT_OUT.sub("", unicodedata.normalize("NFC", text or ""))
    return _BLANKS.sub(" ", composed).strip(" ")


def ids_of(doses: pa.Table) -> Ids:
    """The claim id of each dose: uint64[n, 2], the digest's first and last eight bytes as big-endian numbers.

    doses : the columns of IDENTITY, as typed, a null where nothing is
    """
    columns = [doses.column(name).combine_chunks() for name in IDENTITY]
    texts = pc.binary_join_element_wise(CLAIM_FORM, *columns, "\n", null_handling="replace", null_replacement="")
    ids = np.empty((len(texts), 2), np.uint64)
    is_canonical = _hashed(texts, ids)
    # Nearly all others have a space too many: what is left without these is looked at value by value.
    spaced = np.flatnonzero(~is_canonical)
    if spaced.size:
        trimmed = pc.replace_substring_regex(texts.take(pa.array(spaced)), " *\n *", "\n")
        trimmed = pc.replace_substring_regex(pc.utf8_trim(trimmed, " "), "  +", " ")
        found = np.empty((spaced.size, 2), np.uint64)
        is_canonical[spaced] = _hashed(trimmed, found)
        ids[spaced] = found
    for row in np.flatnonzero(~is_canonical).tolist():
        values = [canonical_value(column[row].as_py()) for column in columns]
        ids[row] = np.frombuffer(_digest("\n".join([CLAIM_FORM, *values]).encode()), ">u8")
    return ids


def _hashed(texts: pa.StringArray, ids: Ids) -> NDArray[np.bool_]:
    """Enter the ids of texts as they stand, and say for which they hold: bool[n]."""
    text, offsets = text_bytes(texts)
    is_canonical = np.zeros(len(texts), np.bool_)
    are_canonical(text, offsets, len(IDENTITY), is_canonical)
    digest_texts(text, offsets, ids)
    return is_canonical


def _digest(text: bytes) -> bytes:
    """BLAKE2b (RFC 7693) of 128 bits, as ``digest_texts`` makes it of many texts."""
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


def distinct_ids(ids: Ids, rows: NDArray[np.int32], claims: NDArray[np.int32], scratch: Path | None = None) -> ClaimIds:
    """The distinct claims of doses.

    Parameters
    ----------
    ids : uint64[n_records, 2]
    rows, claims : int32[n_doses], the record of each dose, and as which claim it is compared
    scratch : folder of the work file for the distinct ids, None keeps them in memory
    """
    _, of_dose, first = grouped(ids[rows, 0])
    if _share_half(ids, rows, of_dose, first):
        _, of_dose, first = _numbered(np.unique(ids[rows], axis=0, return_index=True, return_inverse=True))
    if (claims[first[of_dose]] != claims).any():
        pairs = of_dose.astype(np.int64) << 32 | claims
        _, of_dose, first = _numbered(np.unique(pairs, return_index=True, return_inverse=True))
    distinct = scratch_array(scratch, (first.size, 2), np.uint64)
    for part in parts_of(first.size):
        distinct[part] = ids[rows[first[part]]]
    return ClaimIds(distinct, of_dose, first, claims[first])


def _numbered(unique: tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]) -> tuple[NDArray[Any], Rows, Rows]:
    """Distinct values, the place of each row's among them, and the first row of each, as ``grouped`` gives them."""
    values, first, of_row = unique
    return values, of_row.reshape(-1).astype(np.int32), first.astype(np.int32)


def _share_half(ids: Ids, rows: NDArray[np.int32], of_dose: NDArray[np.int32], first: NDArray[np.int32]) -> bool:
    """Whether two ids that differ have the same first half, as one of 10^4 batches of 60 million claims may hold."""
    parts = parts_of(rows.size)
    return any(bool((ids[rows[part], 1] != ids[rows[first[of_dose[part]]], 1]).any()) for part in parts)


def hex_ids(ids: Ids) -> pa.StringArray:
    """Ids as text, CLAIM_PREFIX and 32 hex digits: string[n]."""
    octets = ids.astype(">u8").view(np.uint8).reshape(len(ids), _DIGEST_BYTES)
    width = len(CLAIM_PREFIX) + 2 * _DIGEST_BYTES
    digits = np.empty((len(ids), width), np.uint8)
    digits[:, : len(CLAIM_PREFIX)] = np.frombuffer(CLAIM_PREFIX.encode(), np.uint8)
    digits[:, len(CLAIM_PREFIX) :: 2], digits[:, len(CLAIM_PREFIX) + 1 :: 2] = (
        _HEX_DIGITS[octets >> 4],
        _HEX_DIGITS[octets & 15],
    )
    ends = np.arange(len(ids) + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(ends), pa.py_buffer(digits))
