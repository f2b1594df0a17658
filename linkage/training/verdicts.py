"""Reviewers' verdicts on claims, as training takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.errors import InputError
from linkage.ingest import ingest
from linkage.registry.index import Index
from linkage.schema import VERDICT_WORDS, VERDICTS
from linkage.training.sample import NO_VERDICT, NOBODY
from linkage.wording.counted import counted

_UNKNOWN = -1
_NOT_HERE = "is not among the run's; give verdicts on these files"
# What a word says of the person, where it needs none; the others leave open who it is.
_OF_NOBODY = ("nobody", "foreigner")


def claim_verdicts(path: Path, doses: Doses, claims: Claims, index: Index) -> NDArray[np.int64]:
    """The verdict on every claim, as linkage.training.train takes it: int64[n_claims].

    A verdict names the claim by its id or by one of its doses, see schema.VERDICTS. What is to be checked in the field,
    or wrong in the registry, teaches nothing. Verdicts that differ within one claim are left out.

    Raises InputError where a verdict cannot be read, or names what is not there.
    """
    ingested = ingest([path], VERDICTS)
    if ingested.rejected.num_rows:
        raise InputError(f"{path.name}: {counted(ingested.rejected.num_rows, 'verdict')} cannot be read; mend the file")
    accepted = ingested.accepted.read()
    claim = _claims_of(accepted, doses, claims, path)
    rows = _rows_of(accepted, index, path)
    claim, rows = claim[rows != NO_VERDICT], rows[rows != NO_VERDICT]
    verdict = np.full(claims.keys.size, NO_VERDICT)
    verdict[claim] = rows
    verdict[claim[verdict[claim] != rows]] = NO_VERDICT
    return verdict


def _claims_of(verdicts: pa.Table, doses: Doses, claims: Claims, path: Path) -> NDArray[np.int64]:
    """The claim of each verdict: int64[n]."""
    of_record = np.empty_like(doses.rows)
    of_record[doses.rows] = claims.of_dose
    by_dose = _places(verdicts.column("dose_id"), doses.records.column("dose_id").combine_chunks())
    named = doses.typed.hex(np.arange(doses.typed.first_dose.size))
    by_id = _places(verdicts.column("claim_id"), named)
    found = np.where(by_dose >= 0, of_record[by_dose] if of_record.size else _UNKNOWN, _UNKNOWN).astype(np.int64)
    found[by_id >= 0] = doses.typed.compared[by_id[by_id >= 0]]
    for name, places in (("claim_id", by_id), ("dose_id", by_dose)):
        _refuse(verdicts, name, pc.is_valid(verdicts.column(name)).to_numpy() & (places < 0), path)
    if (found < 0).any():
        record = int(np.flatnonzero(found < 0)[0]) + 1
        raise InputError(f"{path.name}: verdict {record} names neither claim_id nor dose_id; say which claim it is on")
    return found


def _rows_of(verdicts: pa.Table, index: Index, path: Path) -> NDArray[np.int64]:
    """The registry row that each verdict gives a claim to, NOBODY, or NO_VERDICT where that stays open: int64[n]."""
    person, words = verdicts.column("person_id"), pc.utf8_lower(pc.utf8_trim_whitespace(verdicts.column("verdict")))
    rows = index.rows_of(person).astype(np.int64)
    is_stated = pc.is_valid(person).to_numpy()
    _refuse(verdicts, "person_id", is_stated & (rows < 0), path)
    words = pc.fill_null(words, "")
    is_word = pc.is_in(words, pa.array(["", *VERDICT_WORDS])).to_numpy()
    _refuse(verdicts, "verdict", ~is_word, path, f"is none of {', '.join(VERDICT_WORDS)}; correct it")
    is_person = pc.equal(words, "person").to_numpy()
    if (is_person & ~is_stated).any():
        record = int(np.flatnonzero(is_person & ~is_stated)[0]) + 1
        raise InputError(f"{path.name}: verdict {record} is 'person' and names no person_id; say who it is")
    is_open = ~pc.is_in(words, pa.array(["", "person", *_OF_NOBODY])).to_numpy()
    is_nobody = pc.is_in(words, pa.array(_OF_NOBODY)).to_numpy() | ~is_stated
    return np.asarray(np.where(is_open, NO_VERDICT, np.where(is_nobody, NOBODY, rows)))


def _places(values: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    """Where values stand among the known ones, -1 for nowhere and for a null."""
    found = pc.index_in(values, value_set=known, skip_nulls=True)
    return np.asarray(pc.fill_null(found, _UNKNOWN)).astype(np.int64)


def _refuse(verdicts: pa.Table, name: str, is_wrong: NDArray[np.bool_], path: Path, why: str = _NOT_HERE) -> None:
    """InputError where a verdict names what is not there."""
    if is_wrong.any():
        value = verdicts.column(name)[int(np.flatnonzero(is_wrong)[0])]
        raise InputError(f"{path.name}: {name} {value} {why}")
