"""What is decided about every dose: the outcome of a batch, and the table of its decisions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.comparing import Batch, pattern_space
from linkage.decide import EXCLUDED, UNMATCHED, VERIFIED, Decided
from linkage.error_rates import ErrorEstimate
from linkage.plan import Plan
from linkage.registry import Index
from linkage.schedule import conflict_labels
from linkage.schema import DECISIONS, STATUSES
from linkage.standardise import identifiers
from linkage.subjects import Subjects, hex_keys
from models.parameters import Parameters

# The basic data that the ministry's procedure names (2262/BYT-CNTT, step 1), by field of the plan, and the levels at
# which a dose's value counts as right.
BASIC_FIELDS = {"id_number": (1, 2, 3), "full_name": (1,), "birth_date": (1, 2), "sex": (1,)}


@dataclass(frozen=True)
class Outcome:
    """A decided batch, before it is written.

    doses : accepted doses sorted by dose_id, columns of schema.DOSES
    decided : decisions of all subjects, the excluded ones without candidates
    dose_status, dose_conflicts : uint8[n_doses], the subject's status after conflicts, and the conflict bits
    excluded_reason : string[n_subjects], null for who is not excluded
    """

    doses: pa.Table
    subjects: Subjects
    batch: Batch
    decided: Decided
    dose_status: NDArray[np.uint8]
    dose_conflicts: NDArray[np.uint8]
    excluded_reason: pa.StringArray
    index: Index
    parameters: Parameters
    list_date: datetime.date
    error_estimates: list[ErrorEstimate]

    @cached_property
    def subject_columns(self) -> dict[str, pa.Array]:
        """The columns of the decisions that are the same for all doses of a subject, one value per subject."""
        return _subject_columns(self)


def decisions_table(outcome: Outcome) -> pa.Table:
    """One row per accepted dose, sorted by dose_id; see schema.DECISIONS."""
    of_dose = pa.array(outcome.subjects.of_dose)
    columns = {name: values.take(of_dose) for name, values in outcome.subject_columns.items()}
    columns["dose_id"] = outcome.doses.column("dose_id").combine_chunks()
    columns["status"] = pa.array(STATUSES).take(pa.array(outcome.dose_status))
    columns["conflicts"] = conflict_labels(outcome.dose_conflicts)
    return pa.table([columns[name] for name in DECISIONS.names], schema=DECISIONS.arrow())


def _subject_columns(outcome: Outcome) -> dict[str, pa.Array]:
    decided, plan, batch = outcome.decided, outcome.index.plan, outcome.batch
    is_linked = (decided.status != EXCLUDED) & (decided.status != UNMATCHED)
    has_second = is_linked & (decided.ranked.rows[:, 1] >= 0)
    best = np.where(is_linked, decided.ranked.rows[:, 0], -1)
    second = np.where(has_second, decided.ranked.rows[:, 1], -1)
    is_excluded = decided.status == EXCLUDED
    units = batch.dictionaries.units
    communes = batch.columns["commune"].astype(np.uint16)
    return {
        "subject_key": hex_keys(outcome.subjects.keys),
        "person_id": outcome.index.take(best, [plan.right_id]).column(0).combine_chunks(),
        "match_probability": pa.array(decided.probabilities[:, 0], mask=~is_linked),
        "match_weight": pa.array(decided.ranked.weights[:, 0], mask=~is_linked),
        "runner_up_person_id": outcome.index.take(second, [plan.right_id]).column(0).combine_chunks(),
        "runner_up_probability": pa.array(decided.probabilities[:, 1], mask=~has_second),
        "none_probability": pa.array(decided.none, mask=is_excluded),
        "unsearched_probability": pa.array(decided.unsearched, mask=is_excluded),
        "found_by": pc.if_else(
            pa.array(is_linked), pass_lists(plan, decided.ranked.passes[:, 0]), pa.scalar(None, pa.list_(pa.string()))
        ),
        "issue": _issues(decided.status, batch.columns["id_number.fault"].astype(np.uint8)),
        "wrong_fields": _wrong_fields(plan, decided, is_linked),
        "commune_code": units.doses.code.take(pa.array(communes)),
        "commune_code_now": units.code_now(communes, batch.dictionaries.commune_date),
    }


def _issues(status: NDArray[np.uint8], fault: NDArray[np.uint8]) -> pa.StringArray:
    """Why a subject is not verified; the reasons exclude one another. Null for the verified and the excluded."""
    code = np.where(fault == identifiers.MISSING, 0, np.where(fault == identifiers.BAD_FORMAT, 1, 2))
    is_fine = (status == VERIFIED) | (status == EXCLUDED)
    return pa.array(["no_id", "bad_id_format", "wrong_info"]).take(pa.array(code, mask=is_fine))


def _wrong_fields(plan: Plan, decided: Decided, is_linked: NDArray[np.bool_]) -> pa.ListArray:
    """The basic fields in which a subject does not agree with its best candidate, by input column; missing is no
    agreement."""
    levels = pattern_space(plan).levels_of(decided.ranked.codes[:, 0])
    fields = {field.name: field.left[0] for field in plan.fields if field.left}
    bits = np.zeros(is_linked.size, np.uint8)
    names: list[str] = []
    for c, comparison in enumerate(plan.comparisons):
        if comparison.name in BASIC_FIELDS:
            differs = is_linked & ~np.isin(levels[:, c], BASIC_FIELDS[comparison.name])
            bits |= np.where(differs, 1 << len(names), 0).astype(np.uint8)
            names.append(fields[comparison.left[0]])
    return _bit_lists(bits, names)


def pass_lists(plan: Plan, passes: NDArray[np.uint16]) -> pa.ListArray:
    """The names of the passes whose bit is set: list<string>[n] from uint16[n]."""
    return _bit_lists(passes, [rule.name for rule in plan.passes])


def _bit_lists(bits: NDArray[np.unsignedinteger], names: list[str]) -> pa.ListArray:
    """Lists of the names whose bit is set, made once per distinct value."""
    distinct, place = np.unique(bits, return_inverse=True)
    lists = [[name for i, name in enumerate(names) if value >> i & 1] for value in distinct.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(place))
