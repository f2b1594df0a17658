"""Subjects as the platform counts them: a subject of the decisions is one identity claim, and a person who is keyed in
twice with different data makes two; the published forms count him once.

Whether the facility that keyed a dose in takes part in the clean-up makes no difference here. Circular 2262/BYT-CNTT of
4 May 2022 has the list of a commune drawn up of the subjects who reside there permanently (step 1); that facilities of
the Ministry, of provinces and of districts need not clean data (step 6) frees these facilities from the work, not their
subjects from the list of the commune they live in. The appendix of Bảo Lâm agrees: its 14 communes add up to the whole
district's 31,863 subjects, with no row for the district health centre, which gave injections too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED, VERIFIED
from linkage.schema import ISSUES, STATUSES, SUBJECT_COUNTS, SUBJECTS

# What stands for a subject, most pressing first: its doses with an issue in the order of ISSUES, open ones without, and
# then the verified and the excluded.
_OPEN_WITHOUT_ISSUE, _VERIFIED, _EXCLUDED = range(len(ISSUES), len(ISSUES) + 3)
# A subject has the status that leaves most to do: it is verified only when all its doses are.
_STATUS_ORDER = np.array([REVIEW, UNMATCHED, MATCHED, VERIFIED, EXCLUDED], np.uint8)


@dataclass(frozen=True)
class _Grouped:
    """Doses by subject. ids: string[n_subjects]; of_dose: int64[n_doses]; dose: int64[n_subjects], the dose that stands
    for each subject, rank: its place in the order above; status: uint8[n_subjects]."""

    ids: pa.StringArray
    of_dose: NDArray[np.int64]
    dose: NDArray[np.int64]
    rank: NDArray[np.int64]
    status: NDArray[np.uint8]


def subject_tables(decisions: pa.Table, subject_id: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    """The open subjects and the counts of all, see schema.SUBJECTS and schema.SUBJECT_COUNTS.

    Parameters
    ----------
    decisions : columns subject_key, status, issue, commune_code, commune_code_now of schema.DECISIONS, sorted by
        dose_id: between doses of equal rank the first one stands for the subject
    subject_id : string[n_doses] in the same order; where it is null or blank, the identity claim is the subject
    """
    status = _places(decisions["status"], STATUSES).astype(np.uint8)
    grouped = _grouped(decisions, subject_id, status)
    return _open_subjects(decisions, grouped, status), _counts(decisions, grouped)


def _grouped(decisions: pa.Table, subject_id: pa.ChunkedArray, status: NDArray[np.uint8]) -> _Grouped:
    stated = pc.utf8_trim_whitespace(pc.fill_null(subject_id, ""))
    ids = pc.if_else(pc.equal(stated, ""), decisions["subject_key"], stated).combine_chunks().dictionary_encode()
    of_dose = ids.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    n_subjects, n_doses = len(ids.dictionary), decisions.num_rows
    rank = _places(decisions["issue"], ISSUES)  # ISSUES has the gravest first, and no issue comes out as its length
    rank[status == VERIFIED], rank[status == EXCLUDED] = _VERIFIED, _EXCLUDED
    least = np.full(n_subjects, np.iinfo(np.int64).max)
    np.minimum.at(least, of_dose, rank * n_doses + np.arange(n_doses))
    pressing = np.full(n_subjects, _STATUS_ORDER.size, np.uint8)
    np.minimum.at(pressing, of_dose, np.argsort(_STATUS_ORDER).astype(np.uint8)[status])
    return _Grouped(ids.dictionary, of_dose, least % max(1, n_doses), least // max(1, n_doses), _STATUS_ORDER[pressing])


def _open_subjects(decisions: pa.Table, grouped: _Grouped, status: NDArray[np.uint8]) -> pa.Table:
    """One row per subject with a dose that is neither verified nor excluded, sorted by subject_id."""
    is_open = (status != VERIFIED) & (status != EXCLUDED)
    n_open = np.bincount(grouped.of_dose[is_open], minlength=len(grouped.ids)).astype(np.int32)
    members = np.flatnonzero(grouped.rank <= _OPEN_WITHOUT_ISSUE)
    dose = pa.array(grouped.dose[members])
    columns = {name: decisions[name].take(dose) for name in ("commune_code", "commune_code_now", "issue")}
    columns |= {"subject_id": grouped.ids.take(pa.array(members)), "n_doses": pa.array(n_open[members])}
    table = pa.table([columns[name] for name in SUBJECTS.names], schema=SUBJECTS.arrow())
    return table.sort_by("subject_id")


def _counts(decisions: pa.Table, grouped: _Grouped) -> pa.Table:
    """All subjects by commune and status, sorted by both, the unknown communes last."""
    dose = pa.array(grouped.dose)
    columns = {name: decisions[name].take(dose) for name in ("commune_code", "commune_code_now")}
    columns["status"] = pa.array(STATUSES).take(pa.array(grouped.status))
    by = list(columns)
    counted = (
        pa.table(columns).group_by(by).aggregate([([], "count_all")]).sort_by([(name, "ascending") for name in by])
    )
    return counted.rename_columns({"count_all": "n_subjects"}).cast(SUBJECT_COUNTS.arrow())


def _places(column: pa.ChunkedArray, values: tuple[str, ...]) -> NDArray[np.int64]:
    """The place of each value among ``values``, their number for null: int64[n]."""
    place = pc.fill_null(pc.index_in(column, pa.array(values)), len(values))
    return np.asarray(place.to_numpy()).astype(np.int64)
