"""What is left to do, by identity claim: the queues of corrections, reviews, unmatched and excluded claims."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED
from linkage.deciding.review_worth import LEAST_SHOWN, is_shown, priorities, settle_probability
from linkage.doses.batch import EXCLUDED_REASONS, VERDICT
from linkage.doses.claim_ids import ClaimIds
from linkage.doses.schedule import conflict_labels
from linkage.machine.parts import parts_of
from linkage.published.claims import weight_parts, with_comparisons
from linkage.published.decided import DecidedClaims, DecidedDoses, ReadDoses
from linkage.published.decisions import claim_columns, commune_columns, pass_lists
from linkage.published.faults import Faults
from linkage.registry.index import Index
from linkage.schema import EXCLUDED_QUEUE, MATCH_QUEUE, REGISTERED, REVIEW_QUEUE, STATED, UNMATCHED_QUEUE, TableSchema

REVIEW_DAYS = 2  # the police have two days from the day the list is drawn up

_OF_DOSE = ("subject_id", "facility_code", "facility_level")  # as the dose shown has them

_QUEUES = ((MATCH_QUEUE, MATCHED), (UNMATCHED_QUEUE, UNMATCHED), (EXCLUDED_QUEUE, EXCLUDED))


@dataclass(frozen=True)
class ToQueue:
    """What the queues are made of; list_date: the day that they are drawn up."""

    read: ReadDoses
    claims: DecidedClaims
    doses: DecidedDoses
    faults: Faults
    index: Index
    list_date: datetime.date

    @property
    def typed(self) -> ClaimIds:
        return self.read.doses.typed


def queue_parts(decided: ToQueue) -> dict[str, tuple[pa.Schema, Iterator[pa.Table]]]:
    """The queues by name, as in schema, each in parts.

    A claim stands in the queue of each status that its doses have.
    """
    queues = {queue.name: (queue.arrow(), _queue(decided, queue, status)) for queue, status in _QUEUES}
    return queues | {
        REVIEW_QUEUE.name: (with_comparisons(REVIEW_QUEUE, decided.claims.model.parameters), _review_queue(decided))
    }


def _queue(decided: ToQueue, queue: TableSchema, status: int) -> Iterator[pa.Table]:
    """A row per claim."""
    waiting = _with_status(decided, status)
    for part in parts_of(waiting.members.size):
        member = decided.typed.compared[waiting.members[part]]
        columns = _claim_columns(decided, waiting[part])
        if queue is MATCH_QUEUE:
            columns |= _registered(decided, decided.claims.decided.best.rows[member])
        if queue is UNMATCHED_QUEUE:
            columns |= _searched_from(decided, member)
        if queue is EXCLUDED_QUEUE:
            columns["reason"] = EXCLUDED_REASONS.take(pa.array(_excluded(decided.read, member)))
        yield pa.table([columns[name] for name in queue.names], schema=queue.arrow())


def _review_queue(decided: ToQueue) -> Iterator[pa.Table]:
    """A row per claim under review and candidate, best first."""
    waiting = _with_status(decided, REVIEW)
    members, is_listed = decided.typed.compared[waiting.members], decided.read.doses.does_clean_up[waiting.shown]
    conflicts = _conflicts(decided)[waiting.members]
    settled = np.empty(members.size)
    for part in parts_of(members.size):
        settled[part] = settle_probability(decided.claims.decided.candidates(members[part])[1])
    place = priorities(_communes_now(decided, members), is_listed, settled, waiting.n_doses)
    for part in parts_of(members.size):
        claims = _Reviewed(waiting[part], conflicts[part], is_listed[part], settled[part], place[part])
        yield _review_part(decided, claims)


@dataclass(frozen=True)
class _Waiting:
    """Claims of a queue, ascending, and their doses that have its status.

    members : int64[n], the claims; n_doses : int32[n], how many of their doses wait; doses : int32[sum of n_doses],
    these, claim by claim, ascending within each; shown : int32[n], the dose of each that its row is told by: the first
    that was keyed in where clean-up is done, which its police list goes back to, or else the first
    """

    members: NDArray[np.int64]
    n_doses: NDArray[np.int32]
    doses: NDArray[np.int32]
    shown: NDArray[np.int32]

    def __getitem__(self, part: slice) -> _Waiting:
        first = int(self.n_doses[: part.start].sum())
        n_doses = self.n_doses[part]
        doses = self.doses[first : first + int(n_doses.sum())]
        return _Waiting(self.members[part], n_doses, doses, self.shown[part])


@dataclass(frozen=True)
class _Reviewed:
    """Claims under review, [n] each: conflict bits, whether in a police list, probability that they are settled, and
    place in the list of the commune."""

    waiting: _Waiting
    conflicts: NDArray[np.uint8]
    is_listed: NDArray[np.bool_]
    settled: NDArray[np.float64]
    priority: NDArray[np.int32]


def _review_part(decided: ToQueue, claims: _Reviewed) -> pa.Table:
    plan, schema = decided.index.plan, with_comparisons(REVIEW_QUEUE, decided.claims.model.parameters)
    members = decided.typed.compared[claims.waiting.members]
    found, probabilities = decided.claims.decided.candidates(members)
    which, rank = np.nonzero((found.rows >= 0) & is_shown(probabilities))
    at = which, rank
    of_claim = pa.array(which)
    of_claims = _claim_columns(decided, claims.waiting)
    columns = {name: column.take(of_claim) for name, column in of_claims.items()} | {
        "priority": pa.array(claims.priority[which]),
        "settle_probability": pa.array(claims.settled[which]),
        "rank": pa.array(rank + 1, pa.int16()),
        "match_probability": pa.array(probabilities[which, rank]),
        "match_weight": pa.array(found.weights[which, rank]),
        "found_by": pass_lists(plan, found.passes[which, rank]),
        "conflicts": conflict_labels(claims.conflicts[which]),
        "in_police_list": pa.array(claims.is_listed[which]),
    }
    columns |= _registered(decided, found.rows[which, rank])
    columns |= weight_parts(
        decided.claims.model, found, at, decided.claims.evidence.of_pairs(members[which], found.rows[at])
    )
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _communes_now(decided: ToQueue, members: NDArray[np.integer]) -> NDArray[np.int32]:
    """The commune whose police review each claim, as a number: its code now, that of 2021 where that is not known."""
    codes = commune_columns(decided.read.batch, decided.index.plan, members)
    encoded = pc.coalesce(codes["commune_code_now"], codes["commune_code"], "").dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int32)


def _searched_from(decided: ToQueue, members: NDArray[np.integer]) -> dict[str, pa.Array]:
    """The candidates of claims that are not worth a review, to begin the search with."""
    found, probabilities = decided.claims.decided.candidates(members)
    is_listed = (found.rows >= 0) & (probabilities >= LEAST_SHOWN)
    ends = pa.array(np.append(0, np.cumsum(is_listed.sum(axis=1))), pa.int32())
    ids = decided.index.take(found.rows[is_listed], [decided.index.plan.right_id]).column(0).combine_chunks()
    return {
        "candidate_ids": pa.ListArray.from_arrays(ends, ids.cast(pa.string())),
        "candidate_probabilities": pa.ListArray.from_arrays(ends, pa.array(probabilities[is_listed])),
    }


def _claim_columns(decided: ToQueue, waiting: _Waiting) -> dict[str, pa.Array | pa.ChunkedArray]:
    """What is decided about claims, their doses that wait, and what the dose shown states."""
    claims, plan = decided.typed.compared[waiting.members], decided.index.plan
    columns = claim_columns(decided.read.batch, decided.claims.decided, decided.faults, plan, claims)
    columns["claim_id"] = decided.typed.hex(waiting.members)
    columns["n_doses"] = pa.array(waiting.n_doses)
    ids = decided.read.doses.take(waiting.doses, ["dose_id"]).column(0).combine_chunks()
    ends = np.append(0, np.cumsum(waiting.n_doses, dtype=np.int32)).astype(np.int32)
    columns["dose_ids"] = pa.ListArray.from_arrays(pa.array(ends), ids)
    shown = decided.read.doses.take(waiting.shown, [*_OF_DOSE, *STATED])
    deadline = decided.list_date + datetime.timedelta(days=REVIEW_DAYS)
    columns["list_date"] = pa.repeat(pa.scalar(decided.list_date, pa.date32()), waiting.members.size)
    columns["deadline"] = pa.repeat(pa.scalar(deadline, pa.date32()), waiting.members.size)
    columns["verdicts"] = decided.read.pins.told.take(pa.array(claims))
    columns |= {name: shown.column(name) for name in _OF_DOSE}
    return columns | {f"stated_{name}": shown.column(name) for name in STATED}


def _with_status(decided: ToQueue, status: int) -> _Waiting:
    """Claims of which at least one dose has the status."""
    doses = np.flatnonzero(decided.doses.status == status).astype(np.int32)
    claim = decided.typed.of_dose[doses]
    order = np.argsort(claim, kind="stable")
    doses, claim = doses[order], claim[order]
    starts = np.flatnonzero(np.append(True, claim[1:] != claim[:-1])[: claim.size])
    place = np.arange(doses.size)
    place[~decided.read.doses.does_clean_up[doses]] += doses.size
    first = np.minimum.reduceat(place, starts) % doses.size if starts.size else starts
    n_doses = np.diff(np.append(starts, claim.size)).astype(np.int32)
    return _Waiting(claim[starts].astype(np.int64), n_doses, doses, doses[first])


def _conflicts(decided: ToQueue) -> NDArray[np.uint8]:
    """The conflict bits of all doses of each claim together."""
    typed = decided.typed
    bits = np.zeros(typed.first_dose.size, np.uint8)
    doses = np.flatnonzero(decided.doses.conflicts)
    np.bitwise_or.at(bits, typed.of_dose[doses], decided.doses.conflicts[doses])
    return bits


def _registered(decided: ToQueue, rows: NDArray[np.int32]) -> dict[str, pa.ChunkedArray]:
    """The registry's side of candidates."""
    id_column = decided.index.plan.right_id
    table = decided.index.take(rows, [id_column, *REGISTERED])
    registered = {f"registered_{name}": table.column(name) for name in REGISTERED}
    return registered | {"person_id": table.column(id_column)}


def _excluded(read: ReadDoses, claims: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Why some claims are not compared with the registry: by the first dose that states each, or by a verdict:
    uint8[n]."""
    found = read.doses.excluded[read.claims.first_dose[claims]]
    return np.where(found > 0, found, np.uint8(EXCLUDED_REASONS.index(VERDICT).as_py()))
