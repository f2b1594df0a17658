"""Files of verdicts: every record is accepted, or rejected with its reasons."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest import Ingested, ingest
from linkage.ingest import reasons as why
from linkage.registry.index import Index
from linkage.schema import VERDICT_WORDS, VERDICTS
from linkage.standardise.moments import standardise_moments

# Which of some ids, some of them null, are known: bool[n].
AreKnown = Callable[[pa.Array], NDArray[np.bool_]]
_DAY = 86_400 * 10**6  # microseconds, see linkage.standardise.moments


def read_verdicts(
    paths: Sequence[Path],
    index: Index,
    claims: AreKnown,
    doses: AreKnown,
    *,
    latest: datetime.date | None = None,
    columns: Mapping[str, str] | None = None,
    scratch: Path | None = None,
    strict: bool = True,
    needs_word: bool = False,
) -> Ingested:
    """Read verdicts; those that say nothing, or speak of what is not known, are rejected.

    Parameters
    ----------
    claims, doses : which ids are known
    latest : the day after which none is decided yet; None is any
    needs_word : whether a file without the column ``verdict`` says nothing; else a person is stated, or nobody
    columns, scratch, strict : as of `linkage.ingest.ingest`, as what is raised
    """

    def judge(rows: pa.Table, absent: frozenset[str]) -> NDArray[np.uint32]:
        named = {name: _stated(rows[name]) for name in ("claim_id", "dose_id", "person_id", "verdict")}
        words = words_of(rows["verdict"], rows["person_id"])
        person = rows["person_id"].combine_chunks()
        is_silent = needs_word or "verdict" not in absent or "person_id" in absent
        faults = {
            why.NO_CLAIM: ~named["claim_id"] & ~named["dose_id"],
            why.UNKNOWN_CLAIM: named["claim_id"] & ~claims(rows["claim_id"].combine_chunks()),
            why.UNKNOWN_DOSE: named["dose_id"] & ~doses(rows["dose_id"].combine_chunks()),
            why.NO_VERDICT: ~named["verdict"] & is_silent,
            why.UNKNOWN_VERDICT: ~_bools(pc.is_in(words, pa.array(VERDICT_WORDS))),
            why.NO_PERSON: _bools(pc.equal(words, "person")) & ~named["person_id"],
            why.UNKNOWN_PERSON: named["person_id"] & (index.rows_of(person) < 0),
        }
        if latest is not None:
            faults[why.FUTURE_DATE] = moments_of(rows) >= (latest.toordinal() + 1) * _DAY
        found = np.zeros(rows.num_rows, np.uint32)
        for bit, is_so in faults.items():
            found[is_so] |= np.uint32(bit)
        return found

    return ingest(paths, VERDICTS, columns=columns, scratch=scratch, strict=strict, judge=judge)


def words_of(stated: pa.ChunkedArray, person: pa.ChunkedArray) -> pa.Array:
    """Verdicts as schema.VERDICT_WORDS; where none is stated, person or nobody by whether a person is."""
    words = pc.utf8_lower(pc.utf8_trim_whitespace(stated.combine_chunks()))
    by_person = pc.if_else(pc.is_valid(person.combine_chunks()), "person", "nobody")
    return pc.if_else(pa.array(_stated(stated)), words, by_person)


def moments_of(rows: pa.Table) -> NDArray[np.int64]:
    """When verdicts were decided, see `linkage.standardise.moments`; -1 where that is not known."""
    return standardise_moments(rows["decided_at"].combine_chunks())


def are_among(known: pa.Array) -> AreKnown:
    """Ids that are among some."""
    return lambda ids: _bools(pc.is_in(ids, known, skip_nulls=True))


def _stated(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return _bools(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column.combine_chunks()), ""), False))


def _bools(column: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(column.to_numpy(zero_copy_only=False), np.bool_)
