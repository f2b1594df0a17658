"""What is left to do, by identity claim: the queues of corrections, reviews, unmatched and excluded claims."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.comparing import pattern_space
from linkage.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED
from linkage.outputs import Outcome, pass_lists
from linkage.schedule import conflict_labels
from linkage.schema import (
    EXCLUDED_QUEUE,
    MATCH_QUEUE,
    REGISTERED,
    REVIEW_QUEUE,
    STATED,
    UNMATCHED_QUEUE,
    TableSchema,
)

# Facilities of these levels do not do the clean-up (2262/BYT-CNTT, step 6): what they keyed in is linked, but in no
# police list.
_NO_CLEAN_UP = ("central", "province", "district")
REVIEW_DAYS = 2  # the police have two days from the day the list is drawn up
LEAST_SHOWN = 1e-3  # a further candidate under this probability is not worth an officer's glance

_QUEUES = ((MATCH_QUEUE, MATCHED), (UNMATCHED_QUEUE, UNMATCHED), (EXCLUDED_QUEUE, EXCLUDED))
_OF_SUBJECT = ("subject_key", "issue", "commune_code", "commune_code_now")
_OF_BEST = ("person_id", "match_probability", "match_weight", "wrong_fields")


def queue_tables(outcome: Outcome) -> dict[str, pa.Table]:
    """The queues by name, as in schema: a claim stands in the queue of each status that its doses have."""
    queues = {queue.name: _queue(outcome, queue, status) for queue, status in _QUEUES}
    return queues | {REVIEW_QUEUE.name: _review_queue(outcome)}


def _queue(outcome: Outcome, queue: TableSchema, status: int) -> pa.Table:
    """A row per claim."""
    members = _with_status(outcome, status)
    take = pa.array(members)
    columns = _claim_columns(outcome, members, status)
    if queue is MATCH_QUEUE:
        columns |= {name: outcome.subject_columns[name].take(take) for name in _OF_BEST}
        columns |= _registered(outcome, outcome.decided.ranked.rows[members, 0])
    if queue is EXCLUDED_QUEUE:
        columns["reason"] = outcome.excluded_reason.take(take)
    return pa.table([columns[name] for name in queue.names], schema=queue.arrow())


def _review_queue(outcome: Outcome) -> pa.Table:
    """A row per claim under review and candidate, best first; level and weight of each comparison of the plan stand
    behind the columns of the schema."""
    plan, ranked = outcome.index.plan, outcome.decided.ranked
    members = _with_status(outcome, REVIEW)
    # The best candidate always, and the others unless they are out of the question.
    is_shown = outcome.decided.probabilities[members] >= LEAST_SHOWN
    is_shown[:, 0] = True
    which, rank = np.nonzero((ranked.rows[members] >= 0) & is_shown)
    member = members[which]
    rows, passes = ranked.rows[member, rank], ranked.passes[member, rank]
    deadline = outcome.list_date + datetime.timedelta(days=REVIEW_DAYS)
    columns = _claim_columns(outcome, member, REVIEW) | {
        "rank": pa.array(rank + 1, pa.int8()),
        "person_id": outcome.index.take(rows, [plan.right_id]).column(0).combine_chunks(),
        "match_probability": pa.array(outcome.decided.probabilities[member, rank]),
        "match_weight": pa.array(ranked.weights[member, rank]),
        "found_by": pass_lists(plan, passes),
        "conflicts": conflict_labels(_conflicts(outcome)[member]),
        "in_police_list": pa.array(_is_listed(outcome)[member]),
        "list_date": pa.repeat(pa.scalar(outcome.list_date, pa.date32()), member.size),
        "deadline": pa.repeat(pa.scalar(deadline, pa.date32()), member.size),
    }
    columns |= _registered(outcome, rows)
    table = pa.table([columns[name] for name in REVIEW_QUEUE.names], schema=REVIEW_QUEUE.arrow())
    for name, column in _levels(outcome, ranked.codes[member, rank]).items():
        table = table.append_column(name, column)
    return table


def _levels(outcome: Outcome, codes: NDArray[np.uint32]) -> dict[str, pa.Array]:
    """Level and weight of every comparison of the plan, from agreement patterns uint32[n]."""
    levels = pattern_space(outcome.index.plan).levels_of(codes)
    columns = {}
    for c, comparison in enumerate(outcome.parameters.comparisons):
        weights = np.log2(comparison.m / comparison.u)
        columns[f"level_{comparison.name}"] = pa.array(comparison.labels).take(pa.array(levels[:, c]))
        columns[f"weight_{comparison.name}"] = pa.array(weights[levels[:, c]])
    return columns


def _claim_columns(outcome: Outcome, members: NDArray[np.int64], status: int) -> dict[str, pa.Array]:
    """What every queue has of its claims: key, issue, communes, number of doses, and what the first dose states."""
    take = pa.array(members)
    columns = {name: outcome.subject_columns[name].take(take) for name in _OF_SUBJECT}
    of_dose = outcome.subjects.of_dose[outcome.dose_status == status]
    n_doses = np.bincount(of_dose, minlength=outcome.subjects.keys.size).astype(np.int32)
    columns["n_doses"] = pa.array(n_doses[members])
    stated = outcome.doses.select(STATED).take(pa.array(outcome.subjects.first_dose[members]))
    return columns | {f"stated_{name}": stated.column(name).combine_chunks() for name in STATED}


def _with_status(outcome: Outcome, status: int) -> NDArray[np.int64]:
    """Claims of which at least one dose has the status, ascending."""
    return np.unique(outcome.subjects.of_dose[outcome.dose_status == status])


def _conflicts(outcome: Outcome) -> NDArray[np.uint8]:
    """The conflict bits of all doses of each claim together."""
    bits = np.zeros(outcome.subjects.keys.size, np.uint8)
    np.bitwise_or.at(bits, outcome.subjects.of_dose, outcome.dose_conflicts)
    return bits


def _is_listed(outcome: Outcome) -> NDArray[np.bool_]:
    """Whether each claim has a dose under review that a facility which does the clean-up keyed in; one that does not
    state its level does."""
    level = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(outcome.doses.column("facility_level"), "")))
    does_clean_up = ~pc.is_in(level, pa.array(_NO_CLEAN_UP)).to_numpy()
    is_listed = np.zeros(outcome.subjects.keys.size, np.bool_)
    is_listed[outcome.subjects.of_dose[does_clean_up & (outcome.dose_status == REVIEW)]] = True
    return is_listed


def _registered(outcome: Outcome, rows: NDArray[np.int32]) -> dict[str, pa.Array]:
    """The registry's side of candidates."""
    table = outcome.index.take(rows, list(REGISTERED))
    return {f"registered_{name}": table.column(name).combine_chunks() for name in REGISTERED}
