"""What comes out of a run as tables: decisions by dose, and the queues by subject."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.comparing import Batch, pattern_space
from linkage.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED, VERIFIED, Decided
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

# Facilities of these levels do not do the clean-up (2262/BYT-CNTT, step 6): linked, but in no police list.
_NO_CLEAN_UP = ("central", "province", "district")
REVIEW_DAYS = 2  # the police have two days from the day the list is drawn up

STATED = ("full_name", "gender", "date_of_birth", "id_number", "phone", "insurance_number", "ethnicity")


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


def decisions_table(outcome: Outcome) -> pa.Table:
    """One row per accepted dose, sorted by dose_id; see schema.DECISIONS."""
    of_dose = outcome.subjects.of_dose
    subject_columns = _subject_columns(outcome)
    columns = {name: values.take(pa.array(of_dose)) for name, values in subject_columns.items()}
    columns["dose_id"] = outcome.doses.column("dose_id").combine_chunks()
    columns["status"] = _labels(outcome.dose_status)
    columns["conflicts"] = conflict_labels(outcome.dose_conflicts)
    return pa.table([columns[name] for name in DECISIONS.names], schema=DECISIONS.arrow())


def queue_tables(outcome: Outcome) -> dict[str, pa.Table]:
    """The queues by name: match, review, unmatched, excluded. Each subject stands in the queue of each status it
    has."""
    subject_columns = _subject_columns(outcome)
    stated = _stated(outcome)
    queues = {}
    for name, code in (("match", MATCHED), ("unmatched", UNMATCHED), ("excluded", EXCLUDED)):
        members = pa.array(_with_status(outcome, code))
        columns = {"subject_key": subject_columns["subject_key"].take(members)}
        columns |= {f"stated_{column}": stated[column].take(members) for column in STATED}
        if code == MATCHED:
            for column in ("person_id", "match_probability", "match_weight", "wrong_fields", "issue"):
                columns[column] = subject_columns[column].take(members)
            columns |= _registered(outcome, outcome.decided.ranked.rows[members.to_numpy(), 0])
        if code == EXCLUDED:
            columns["reason"] = outcome.excluded_reason.take(members)
        columns["n_doses"] = _n_doses(outcome, code).take(members)
        columns["commune_code"] = subject_columns["commune_code"].take(members)
        queues[name] = pa.table(columns)
    queues["review"] = _review_table(outcome, subject_columns, stated)
    return queues


def _review_table(outcome: Outcome, subject_columns: dict[str, pa.Array], stated: pa.Table) -> pa.Table:
    """A row per subject under review and candidate, best first."""
    plan, ranked = outcome.index.plan, outcome.decided.ranked
    subjects = _with_status(outcome, REVIEW)
    is_shown = ranked.rows[subjects] >= 0
    which, rank = np.nonzero(is_shown)
    member = subjects[which]
    rows, codes = ranked.rows[member, rank], ranked.codes[member, rank]
    take = pa.array(member)
    police = ~_in(
        outcome.doses.column("facility_level").take(pa.array(outcome.subjects.first_dose[member])), _NO_CLEAN_UP
    )
    deadline = outcome.list_date + datetime.timedelta(days=REVIEW_DAYS)
    columns: dict[str, pa.Array] = {
        "subject_key": subject_columns["subject_key"].take(take),
        "rank": pa.array(rank + 1, pa.int8()),
        "person_id": outcome.index.take(rows, [plan.right_id]).column(0).combine_chunks(),
        "match_probability": pa.array(outcome.decided.probabilities[member, rank]),
        "match_weight": pa.array(ranked.weights[member, rank]),
        "found_by": _pass_lists(plan, ranked.passes[member, rank]),
        "issue": subject_columns["issue"].take(take),
        "conflicts": conflict_labels(_subject_conflicts(outcome)).take(take),
        "n_doses": _n_doses(outcome, REVIEW).take(take),
        "commune_code": subject_columns["commune_code"].take(take),
        "commune_code_now": subject_columns["commune_code_now"].take(take),
        "in_police_list": pa.array(police),
        "list_date": pa.array([outcome.list_date] * member.size, pa.date32()),
        "deadline": pa.array([deadline] * member.size, pa.date32()),
    }
    levels = pattern_space(plan).levels_of(codes)
    for c, comparison in enumerate(outcome.parameters.comparisons):
        with np.errstate(divide="ignore"):
            weights = np.log2(comparison.m / comparison.u)
        columns[f"level_{comparison.name}"] = pa.array(comparison.labels).take(pa.array(levels[:, c]))
        columns[f"weight_{comparison.name}"] = pa.array(weights[levels[:, c]])
    columns |= {f"stated_{column}": stated[column].take(take) for column in STATED}
    return pa.table(columns | _registered(outcome, rows))


def _subject_columns(outcome: Outcome) -> dict[str, pa.Array]:
    """The columns of the decisions that are the same for all doses of a subject."""
    decided, plan, batch = outcome.decided, outcome.index.plan, outcome.batch
    is_linked = (decided.status != EXCLUDED) & (decided.status != UNMATCHED)
    has_second = is_linked & (decided.ranked.rows[:, 1] >= 0)
    best = np.where(is_linked, decided.ranked.rows[:, 0], -1)
    second = np.where(has_second, decided.ranked.rows[:, 1], -1)
    is_excluded = decided.status == EXCLUDED
    units = batch.dictionaries.units
    communes = batch.columns["commune"].astype(np.uint16)
    return {
        "subject_key": pa.array(hex_keys(outcome.subjects.keys)),
        "person_id": outcome.index.take(best, [plan.right_id]).column(0).combine_chunks(),
        "match_probability": pa.array(decided.probabilities[:, 0], mask=~is_linked),
        "match_weight": pa.array(decided.ranked.weights[:, 0], mask=~is_linked),
        "runner_up_person_id": outcome.index.take(second, [plan.right_id]).column(0).combine_chunks(),
        "runner_up_probability": pa.array(decided.probabilities[:, 1], mask=~has_second),
        "none_probability": pa.array(decided.none, mask=is_excluded),
        "unsearched_probability": pa.array(decided.unsearched, mask=is_excluded),
        "found_by": pc.if_else(
            pa.array(is_linked), _pass_lists(plan, decided.ranked.passes[:, 0]), pa.scalar(None, pa.list_(pa.string()))
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


def _pass_lists(plan: Plan, passes: NDArray[np.uint16]) -> pa.ListArray:
    return _bit_lists(passes, [rule.name for rule in plan.passes])


def _bit_lists(bits: NDArray[np.unsignedinteger], names: list[str]) -> pa.ListArray:
    """Lists of the names whose bit is set, made once per distinct value."""
    distinct, place = np.unique(bits, return_inverse=True)
    lists = [[name for i, name in enumerate(names) if value >> i & 1] for value in distinct.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(place))


def _labels(status: NDArray[np.uint8]) -> pa.StringArray:
    return pa.array(STATUSES).take(pa.array(status))


def _with_status(outcome: Outcome, code: int) -> NDArray[np.int64]:
    """Subjects of which at least one dose has the status, ascending."""
    return np.unique(outcome.subjects.of_dose[outcome.dose_status == code])


def _n_doses(outcome: Outcome, code: int) -> pa.Array:
    """Doses of each subject that have the status."""
    members = outcome.subjects.of_dose[outcome.dose_status == code]
    return pa.array(np.bincount(members, minlength=outcome.subjects.keys.size).astype(np.int32))


def _subject_conflicts(outcome: Outcome) -> NDArray[np.uint8]:
    """The conflict bits of all doses of each subject together."""
    bits = np.zeros(outcome.subjects.keys.size, np.uint8)
    np.bitwise_or.at(bits, outcome.subjects.of_dose, outcome.dose_conflicts)
    return bits


def _stated(outcome: Outcome) -> pa.Table:
    """What each subject states, as typed in its first dose."""
    return outcome.doses.select(STATED).take(pa.array(outcome.subjects.first_dose)).combine_chunks()


def _registered(outcome: Outcome, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
    """The registry's side of candidates."""
    names = [name for name in (*STATED, "status") if name in outcome.index.persons.column_names]
    table = outcome.index.take(rows, names)
    return {f"registered_{name}": table.column(name).combine_chunks() for name in names}


def _in(column: pa.ChunkedArray, values: tuple[str, ...]) -> NDArray[np.bool_]:
    lowered = pc.utf8_lower(pc.fill_null(column, ""))
    return np.asarray(pc.is_in(lowered, pa.array(values)).to_numpy(zero_copy_only=False))
