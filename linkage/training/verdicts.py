"""Reviewers' verdicts on claims, as training takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.verdicts import are_among, read_verdicts, words_of
from linkage.errors import InputError
from linkage.registry.index import Index
from linkage.training.sample import NO_VERDICT, NOBODY
from linkage.wording.counted import counted

_UNKNOWN = -1
# What a word says of the person, where it needs none; the others leave open who it is.
_OF_NOBODY = ("nobody", "foreigner")


def claim_verdicts(path: Path, doses: Doses, claims: Claims, index: Index) -> NDArray[np.int64]:
    """The verdict on every claim, as linkage.training.train takes it: int64[n_claims].

    A verdict names the claim by its id or by one of its doses, see schema.VERDICTS. What is to be checked in the field,
    or wrong in the registry, teaches nothing. Verdicts that differ within one claim are left out.

    Raises InputError where a verdict cannot be read, or names what is not there.
    """
    named = doses.typed.hex(np.arange(doses.typed.first_dose.size))
    ids = doses.records.column("dose_id").combine_chunks()
    found = read_verdicts([path], index, are_among(named), are_among(ids))
    if found.rejected.num_rows:
        first = found.rejected.slice(0, 1).to_pylist()[0]
        raise InputError(
            f"{path.name}: {counted(found.rejected.num_rows, 'verdict')} cannot be used, the first is record "
            f"{first['position']}: {', '.join(first['reasons'])}; give verdicts on these files, and mend or leave out "
            "what is wrong"
        )
    accepted = found.accepted.read()
    claim = _claims_of(accepted, named, ids, doses, claims)
    rows = _rows_of(accepted, index)
    claim, rows = claim[rows != NO_VERDICT], rows[rows != NO_VERDICT]
    verdict = np.full(claims.keys.size, NO_VERDICT)
    verdict[claim] = rows
    verdict[claim[verdict[claim] != rows]] = NO_VERDICT
    return verdict


def _claims_of(verdicts: pa.Table, named: pa.Array, ids: pa.Array, doses: Doses, claims: Claims) -> NDArray[np.int64]:
    """The claim of each verdict: int64[n]."""
    of_record = np.empty_like(doses.rows)
    of_record[doses.rows] = claims.of_dose
    by_dose = _places(verdicts.column("dose_id"), ids)
    by_id = _places(verdicts.column("claim_id"), named)
    found = np.where(by_dose >= 0, of_record[by_dose] if of_record.size else _UNKNOWN, _UNKNOWN).astype(np.int64)
    found[by_id >= 0] = doses.typed.compared[by_id[by_id >= 0]]
    return found


def _rows_of(verdicts: pa.Table, index: Index) -> NDArray[np.int64]:
    """The registry row that each verdict gives a claim to, NOBODY, or NO_VERDICT where that stays open: int64[n]."""
    person = verdicts.column("person_id")
    words = words_of(verdicts.column("verdict"), person)
    is_nobody = pc.is_in(words, pa.array(_OF_NOBODY)).to_numpy(zero_copy_only=False)
    is_person = pc.equal(words, "person").to_numpy(zero_copy_only=False)
    return np.asarray(np.where(is_person, index.rows_of(person), np.where(is_nobody, NOBODY, NO_VERDICT)))


def _places(values: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    """Where values stand among the known ones, -1 for nowhere and for a null."""
    found = pc.index_in(values, value_set=known, skip_nulls=True)
    return np.asarray(pc.fill_null(found, _UNKNOWN)).astype(np.int64)
