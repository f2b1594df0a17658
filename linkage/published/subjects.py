"""Subjects as the platform counts them: a subject of the decisions is one identity claim, and a person who is keyed in
twice with different data makes two; the published forms count the person once.

Whether the facility that keyed a dose in takes part in the clean-up makes no difference here. Circular 2262/BYT-CNTT of
4 May 2022 has the list of a commune drawn up of the subjects who reside there permanently (step 1); that facilities of
the Ministry, of provinces and of districts need not clean data (step 6) frees these facilities from the work, not their
subjects from the list of the commune they live in. The appendix of Bảo Lâm agrees: its 14 communes add up to the whole
district's 31,863 subjects, with no row for the district health centre, which gave injections too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED, VERIFIED
from linkage.doses.batch import Doses
from linkage.doses.claims import grouped
from linkage.ingest.duplicates import hash_keys
from linkage.machine.parts import parts_of
from linkage.plan.sections import Plan
from linkage.published.decisions import commune_columns, stated_communes
from linkage.schema import ISSUES, STATUSES, SUBJECT_COUNTS, SUBJECTS
from linkage.scoring.batch import Batch

# What stands for a subject, most pressing first: its doses with an issue in the order of ISSUES, open ones without, and
# then the verified and the excluded.
_OPEN_WITHOUT_ISSUE, _VERIFIED, _EXCLUDED = range(len(ISSUES), len(ISSUES) + 3)
# A subject has the status that leaves most to do: it is verified only when all its doses are.
STATUS_ORDER = np.array([REVIEW, UNMATCHED, MATCHED, VERIFIED, EXCLUDED], np.uint8)


@dataclass(frozen=True)
class PlatformSubjects:
    """Subjects in the order of a hash of their id.

    dose: int32[n], the dose that stands for each, between doses of equal rank the first one; rank: int8[n], its place
    in the order above; status: uint8[n]; n_open: int32[n], doses that are neither verified nor excluded.
    """

    dose: NDArray[np.int32]
    rank: NDArray[np.int8]
    status: NDArray[np.uint8]
    n_open: NDArray[np.int32]


def platform_subjects(
    doses: Doses, of_dose: NDArray[np.int32], dose_status: NDArray[np.uint8], issues: NDArray[np.uint8]
) -> PlatformSubjects:
    """Group the doses by the platform's id of the subject; where it is blank, the identity claim is the subject, all
    that is compared as one together.

    Ids are told apart by a hash of 64 bits, as claims are.

    Parameters
    ----------
    of_dose : int32[n_doses], the claim of each dose
    dose_status : uint8[n_doses]
    issues : uint8[n_claims], see linkage.published.faults
    """
    _, subject_of, first = grouped(_ids(doses, of_dose))
    n_subjects, n_doses = first.size, of_dose.size
    least = np.full(n_subjects, np.iinfo(np.int64).max)
    pressing = np.full(n_subjects, STATUS_ORDER.size, np.uint8)
    n_open = np.zeros(n_subjects, np.int32)
    for part in parts_of(n_doses):
        status, subjects = dose_status[part], subject_of[part]
        # ISSUES has the gravest first, and no issue comes out as its length.
        rank = issues[of_dose[part]].astype(np.int64)
        rank[status == VERIFIED], rank[status == EXCLUDED] = _VERIFIED, _EXCLUDED
        np.minimum.at(least, subjects, rank * n_doses + np.arange(part.start, part.stop))
        np.minimum.at(pressing, subjects, np.argsort(STATUS_ORDER).astype(np.uint8)[status])
        np.add.at(n_open, subjects, ((status != VERIFIED) & (status != EXCLUDED)).astype(np.int32))
    rank, dose = np.divmod(least, max(1, n_doses))
    return PlatformSubjects(dose.astype(np.int32), rank.astype(np.int8), STATUS_ORDER[pressing], n_open)


def _ids(doses: Doses, of_dose: NDArray[np.int32]) -> NDArray[np.uint64]:
    """A hash of every dose's subject: uint64[n_doses]."""
    ids = doses.subject_ids.copy()
    blank = np.flatnonzero(ids == 0)
    for part in parts_of(blank.size):
        ids[blank[part]] = hash_keys(pa.chunked_array([_claim_ids(doses, of_dose[blank[part]])]))
    return ids


def _claim_ids(doses: Doses, claims: NDArray[np.int32]) -> pa.StringArray:
    """What stands for the subject of doses that name none: the least id of the claims that are compared as one."""
    return doses.typed.hex(doses.typed.least_of(claims))


def open_subject_parts(
    platform: PlatformSubjects, doses: Doses, of_dose: NDArray[np.int32], batch: Batch, plan: Plan
) -> Iterator[pa.Table]:
    """One row per subject with a dose that is neither verified nor excluded, sorted by subject_id; see
    schema.SUBJECTS."""
    members = np.flatnonzero(platform.rank <= _OPEN_WITHOUT_ISSUE)
    stated = [_stated_ids(doses, of_dose, platform.dose[members[part]]) for part in parts_of(members.size)]
    ids = pa.chunked_array(stated, pa.string())
    order = np.asarray(pc.sort_indices(ids)) if members.size else members
    for part in parts_of(members.size):
        member = members[order[part]]
        columns = commune_columns(batch, plan, of_dose[platform.dose[member]])
        rank = platform.rank[member]
        columns["subject_id"] = ids.take(pa.array(order[part]))
        columns["issue"] = pa.array(ISSUES).take(pa.array(rank, mask=rank == _OPEN_WITHOUT_ISSUE))
        columns["n_doses"] = pa.array(platform.n_open[member])
        yield pa.table([columns[name] for name in SUBJECTS.names], schema=SUBJECTS.arrow())


def _stated_ids(doses: Doses, of_dose: NDArray[np.int32], some: NDArray[np.int32]) -> pa.StringArray:
    """The subject ids of some doses as text."""
    stated = doses.take(some, ["subject_id"]).column(0).combine_chunks()
    stated = pc.utf8_trim_whitespace(pc.fill_null(stated, ""))
    return pc.if_else(pc.equal(stated, ""), _claim_ids(doses, of_dose[some]), stated)


def subject_counts(platform: PlatformSubjects, of_dose: NDArray[np.int32], batch: Batch, plan: Plan) -> pa.Table:
    """All subjects by commune and status, sorted by both, the unknown communes last; see schema.SUBJECT_COUNTS."""
    communes = stated_communes(batch, plan)
    n_cells = (int(communes.max(initial=0)) + 1) * len(STATUSES)
    counts, claim = np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int32)
    for part in parts_of(platform.dose.size):
        claims = of_dose[platform.dose[part]]
        cell = communes[claims].astype(np.int64) * len(STATUSES) + platform.status[part]
        counts += np.bincount(cell, minlength=n_cells)
        claim[cell] = claims
    present = np.flatnonzero(counts)
    columns = commune_columns(batch, plan, claim[present])
    columns["status"] = pa.array(STATUSES).take(pa.array(present % len(STATUSES)))
    by = list(columns)
    cells = pa.table(columns | {"n_subjects": counts[present]})
    # Communes by another id may have the same code, or none.
    added = cells.group_by(by).aggregate([("n_subjects", "sum")]).sort_by([(name, "ascending") for name in by])
    return added.rename_columns({"n_subjects_sum": "n_subjects"}).cast(SUBJECT_COUNTS.arrow())
