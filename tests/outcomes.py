"""Decided batches made up row by row, with what the tables of platform subjects read of them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claim_ids import distinct_ids
from linkage.doses.schedule import Injections
from linkage.ingest.duplicates import hash_keys
from linkage.ingest.records import Records
from linkage.published.subjects import open_subject_parts, platform_subjects, subject_counts
from linkage.schema import ISSUES, STATUSES, SUBJECTS

# subject_id, status, issue, commune_code, claim_id
Row = tuple[str | None, str, str | None, str | None, str]


def outcome_of(rows: Sequence[Row]) -> Any:
    """Every row is a dose and a claim of its own. In the registry's codes a commune is called "now" and its code."""
    n = len(rows)
    ids, statuses, issues, communes, keys = zip(*rows, strict=True) if rows else ((),) * 5
    codes = pa.array([None, *sorted({code for code in communes if code is not None})], pa.string())
    place = {code: i for i, code in enumerate(codes.to_pylist())}
    status = np.array([STATUSES.index(name) for name in statuses], np.uint8)
    stated = [(text or "").strip() for text in ids]
    hashes = hash_keys(pa.chunked_array([stated], pa.string()))
    nothing = np.zeros(n, np.uint8)
    doses = Doses(
        Records.of(pa.table({"subject_id": pa.array(ids, pa.string())})),
        np.arange(n, dtype=np.int32),
        Injections(np.zeros(n, np.int32), nothing, nothing),
        np.where(np.array(stated) == "", np.uint64(0), hashes),
        np.ones(n, np.bool_),
        nothing,
        nothing,
        nothing,
        distinct_ids(_ids(keys), np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)),
    )
    units = SimpleNamespace(
        doses=SimpleNamespace(code=codes),
        code_now=lambda ids, date: pa.array([None if i == 0 else f"now {codes[i]}" for i in ids.tolist()], pa.string()),
    )
    return SimpleNamespace(
        doses=doses,
        claims=SimpleNamespace(of_dose=np.arange(n, dtype=np.int32)),
        dose_status=status,
        issues=np.array([len(ISSUES) if issue is None else ISSUES.index(issue) for issue in issues], np.uint8),
        batch=SimpleNamespace(
            columns={"commune": np.array([place[code] for code in communes], np.uint16)},
            dictionaries=SimpleNamespace(units=units, commune_date="2025"),
        ),
    )


def _ids(claim_ids: Sequence[str]) -> NDArray[np.uint64]:
    """Ids in the form that linkage.doses.claim_ids has them: uint64[n, 2]."""
    halves = [(int(text[3:19], 16), int(text[19:], 16)) for text in claim_ids]
    return np.array(halves, np.uint64).reshape(len(claim_ids), 2)


def subject_tables(rows: Sequence[Row]) -> tuple[pa.Table, pa.Table]:
    """The open subjects and the counts of all."""
    outcome = outcome_of(rows)
    platform = platform_subjects(outcome)
    parts = list(open_subject_parts(outcome, platform))
    return pa.concat_tables([SUBJECTS.arrow().empty_table(), *parts]), subject_counts(outcome, platform)
