"""The table of what is decided about every dose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, NO_RIVALS, REVIEW, UNMATCHED, Decided
from linkage.doses.schedule import conflict_labels
from linkage.encode.dictionaries import Dictionaries
from linkage.machine.parts import parts_of
from linkage.plan.kinds import FOUND_BY_SUBJECT
from linkage.plan.sections import Plan
from linkage.published.decided import DecidedDoses, ReadDoses
from linkage.published.faults import Faults, basic_comparisons
from linkage.registry.index import Index
from linkage.schema import COMMUNES, DECIDED_BY, DECISIONS, ISSUES, STATUSES
from linkage.scoring.batch import Batch

BY_MODEL = (MATCHED, REVIEW, UNMATCHED)  # unless a conflict of the dose has changed the status


@dataclass(frozen=True)
class PersonIds:
    """Ids of the best candidate of every claim, null for none, and of all kept candidates of every linked claim,
    row by row of what `Decided` holds, null where there are fewer."""

    best: pa.ChunkedArray
    kept: pa.ChunkedArray
    n_kept: int

    @classmethod
    def of_decided(cls, decided: Decided, index: Index) -> PersonIds:
        """Taken once for each claim, whose doses lie far apart."""

        def ids(rows: NDArray[np.int32]) -> pa.ChunkedArray:
            found = [index.take(rows[part], [index.plan.right_id]).column(0) for part in parts_of(rows.size)]
            return pa.chunked_array(
                [chunk for column in found for chunk in column.chunks], pa.string()
            ).combine_chunks()

        return cls(ids(decided.best.rows), ids(decided.ranked.rows.reshape(-1)), decided.ranked.rows.shape[1])

    def of(
        self, place: NDArray[np.integer[Any]], rank: NDArray[np.integer[Any]], mask: NDArray[np.bool_] | None = None
    ) -> pa.ChunkedArray:
        """The candidate at a rank, from 0, of claims at a place among the linked ones; null where masked."""
        return self.kept.take(pa.array(place.astype(np.int64) * self.n_kept + rank, mask=mask))


def decision_parts(
    read: ReadDoses, decided: Decided, of_doses: DecidedDoses, faults: Faults, ids: PersonIds, plan: Plan
) -> Iterator[pa.Table]:
    """One row per accepted dose, sorted by dose_id, in parts; see schema.DECISIONS."""
    doses = read.doses
    for part in parts_of(of_doses.status.size):
        claims = read.claims.of_dose[part]
        columns = claim_columns(read.batch, decided, faults, plan, claims) | _chances(decided, ids, plan, claims)
        dose = np.arange(part.start, part.stop, dtype=np.int32)
        typed = doses.take(dose, ["dose_id", "subject_id"])
        columns["dose_id"], columns["subject_id"] = typed.columns
        columns["claim_id"] = doses.typed.hex(doses.typed.of_dose[part])
        status = of_doses.status[part]
        columns["status"] = pa.array(STATUSES).take(pa.array(status))
        by_model = np.isin(status, BY_MODEL) & (status == decided.status[claims])
        by = by_model.astype(np.int8)
        officer, is_by_verdict = read.pins.is_officers[claims], status == read.pins.status[claims]
        by[is_by_verdict] = np.where(officer, DECIDED_BY.index("officer"), DECIDED_BY.index("rule"))[is_by_verdict]
        columns["decided_by"] = pa.array(DECIDED_BY).take(pa.array(by))
        columns["conflicts"] = conflict_labels(of_doses.conflicts[part])
        yield pa.table([columns[name] for name in DECISIONS.names], schema=DECISIONS.arrow())


def claim_columns(
    batch: Batch, decided: Decided, faults: Faults, plan: Plan, claims: NDArray[np.integer[Any]]
) -> dict[str, pa.Array]:
    """What is decided about some claims, by columns of the decisions that need no other table."""
    status = decided.status[claims]
    is_linked = (status != EXCLUDED) & (status != UNMATCHED)
    issues = faults.issues[claims]
    wrong_names = [plan.field_as(role).left[0] for _, role in basic_comparisons(plan)]
    return {
        "match_probability": pa.array(decided.best_probabilities[claims], mask=~is_linked),
        "match_weight": pa.array(decided.best.weights[claims], mask=~is_linked),
        "issue": pa.array(ISSUES).take(pa.array(issues, mask=issues == len(ISSUES))),
        "wrong_fields": _bit_lists(faults.wrong_fields[claims], wrong_names),
    } | commune_columns(batch, plan, claims)


def stated_communes(batch: Batch, plan: Plan) -> NDArray[np.uint16]:
    """The commune that each claim states, by its place in the units of doses: uint16[n_claims], 0 unknown."""
    return np.asarray(batch.columns[plan.field_as("commune").name], np.uint16)


def commune_columns(batch: Batch, plan: Plan, claims: NDArray[np.integer[Any]]) -> dict[str, pa.Array]:
    """The communes of some claims, by their code of 2021 and in the registry's codes."""
    dictionaries = batch.dictionaries
    communes = stated_communes(batch, plan)[claims]
    return {
        "commune_code": dictionaries.units.doses.code.take(pa.array(communes)),
        "commune_code_now": dictionaries.units.code_now(communes, dictionaries.commune_date),
    }


def communes_lived_in(batch: Batch, plan: Plan) -> pa.Table:
    """The communes that the claims live in, see `communes_table`."""
    present = np.flatnonzero(np.bincount(stated_communes(batch, plan), minlength=1)[1:]) + 1
    return communes_table(batch.dictionaries, present.astype(np.uint16))


def communes_table(dictionaries: Dictionaries, ids: NDArray[np.uint16]) -> pa.Table:
    """Some communes by their places in the units of doses, sorted by code; see schema.COMMUNES."""
    units, as_of = dictionaries.units, dictionaries.commune_date
    places, now = units.doses, units.province_of_doses(ids, as_of)
    here = pa.array(ids)
    provinces = places.province[ids]
    table = pa.table(
        {
            "commune_code": places.code.take(here),
            "commune_code_now": units.code_now(ids, as_of),
            "commune_name": places.name.take(here),
            "district_code": places.district_code.take(here),
            "district_name": places.district_name.take(here),
            "province_code": _province_codes(provinces),
            "province_name": places.province_name.take(here),
            "province_code_now": _province_codes(now),
        }
    )
    return table.sort_by([("commune_code", "ascending"), ("district_code", "ascending")]).cast(COMMUNES.arrow())


def _province_codes(numbers: NDArray[np.uint16]) -> pa.Array:
    """GSO codes of provinces, of two digits, null for 0."""
    return pa.array([f"{number:02d}" if number else None for number in numbers.tolist()], pa.string())


def _chances(decided: Decided, ids: PersonIds, plan: Plan, claims: NDArray[np.int32]) -> dict[str, pa.Array]:
    """The persons considered for some claims, and what speaks for nobody."""
    status, place = decided.status[claims], decided.place[claims]
    is_linked = (status != EXCLUDED) & (status != UNMATCHED)
    has_second = is_linked & (place != NO_RIVALS)
    has_second[has_second] = decided.ranked.rows[place[has_second], 1] >= 0
    second = np.zeros(claims.size)
    second[has_second] = decided.ranked_probabilities[place[has_second], 1]
    found_by = pass_lists(plan, decided.best.passes[claims])
    is_excluded = status == EXCLUDED
    best = np.where(is_linked, decided.best_probabilities[claims], 0.0)
    none, unsearched = decided.none[claims], decided.unsearched[claims]
    others = np.maximum(0.0, 1.0 - (best + second + none + unsearched))
    return {
        "person_id": ids.best.take(pa.array(claims, mask=~is_linked)),
        "runner_up_person_id": ids.of(place, np.ones(place.size, np.int64), ~has_second),
        "runner_up_probability": pa.array(second, mask=~has_second),
        "others_probability": pa.array(others, mask=is_excluded),
        "none_probability": pa.array(none, mask=is_excluded),
        "unsearched_probability": pa.array(unsearched, mask=is_excluded),
        "found_by": pc.if_else(pa.array(is_linked), found_by, pa.scalar(None, found_by.type)),
    }


def pass_lists(plan: Plan, passes: NDArray[np.uint16]) -> pa.ListArray:
    """The names of the passes whose bit is set: list<string>[n] from uint16[n]."""
    return _bit_lists(passes, pass_names(plan))


def pass_names(plan: Plan) -> list[str]:
    """The names of what finds a pair, by bit."""
    return [*(rule.name for rule in plan.passes), FOUND_BY_SUBJECT]


def _bit_lists(bits: NDArray[np.unsignedinteger], names: list[str]) -> pa.ListArray:
    """Lists of the names whose bit is set, made once per distinct value."""
    distinct = np.flatnonzero(np.bincount(bits))
    place = np.zeros(1 << len(names), np.int32)
    place[distinct] = np.arange(distinct.size)
    lists = [[name for i, name in enumerate(names) if value >> i & 1] for value in distinct.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(place[bits]))
