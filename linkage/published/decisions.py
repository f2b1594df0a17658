"""What is decided about every dose: the outcome of a batch, and the table of its decisions."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, NO_RIVALS, REVIEW, UNMATCHED, VERIFIED, Decided
from linkage.deciding.dose_evidence import Evidence
from linkage.deciding.error_rates import ErrorRates
from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.schedule import conflict_labels
from linkage.machine.parts import parts_of
from linkage.plan.kinds import FOUND_BY_SUBJECT
from linkage.plan.sections import Comparison, Plan
from linkage.registry.index import Index
from linkage.schema import BASIC_FIELDS, COMMUNES, DECIDED_BY, DECISIONS, ISSUES, STATUSES
from linkage.scoring.batch import Batch, pattern_space
from linkage.standardise import identifiers
from linkage.stations import Stations
from linkage.training.drift import Moved
from models.comparators import digits
from models.parameters import Parameters

BY_MODEL = (MATCHED, REVIEW, UNMATCHED)  # unless a conflict of the dose has changed the status
# The levels at which a dose's value of a basic field counts as right.
_RIGHT_LEVELS = {"id_number": digits.SHARED, "full_name": (1,), "birth_date": (1, 2), "sex": (1,)}


@dataclass(frozen=True)
class PersonIds:
    """Ids of the best candidate of every claim, null for none, and of all kept candidates of every linked claim,
    row by row of what `Decided` holds, null where there are fewer."""

    best: pa.ChunkedArray
    kept: pa.ChunkedArray
    n_kept: int

    @classmethod
    def of_decided(cls, decided: Decided, index: Index) -> PersonIds:
        """Taken once for each claim: his doses lie far apart."""

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


@dataclass(frozen=True)
class Outcome:
    """A decided batch, before it is written.

    decided : decisions of all claims, the excluded ones without candidates
    evidence : what the doses say beside the comparisons, as it is in the weights of decided
    dose_status, dose_conflicts : uint8[n_doses], the claim's status after conflicts, and the conflict bits
    excluded : uint8[n_claims], see doses.EXCLUDED_REASONS
    moved : how the claims that were linked differ from those that the model was trained on
    """

    doses: Doses
    claims: Claims
    batch: Batch
    decided: Decided
    evidence: Evidence
    dose_status: NDArray[np.uint8]
    dose_conflicts: NDArray[np.uint8]
    excluded: NDArray[np.uint8]
    index: Index
    parameters: Parameters
    list_date: datetime.date
    stations: Stations
    error_rates: ErrorRates
    moved: tuple[Moved, ...]

    @cached_property
    def person_ids(self) -> PersonIds:
        return PersonIds.of_decided(self.decided, self.index)

    @cached_property
    def issues(self) -> NDArray[np.uint8]:
        """Place in schema.ISSUES of why each claim is not verified, their number for the verified and the excluded:
        uint8[n_claims]; the reasons exclude one another."""
        fault = self.batch.columns["id_number.fault"]
        place = np.full(fault.size, ISSUES.index("wrong_info"), np.uint8)
        has_number = self.unread & 1 << BASIC_FIELDS.index("id_number") == 0
        place[has_number & (fault == identifiers.MISSING)] = ISSUES.index("no_id")
        place[has_number & (fault == identifiers.BAD_FORMAT)] = ISSUES.index("bad_id_format")
        # What a file does not give is nobody's wrong information.
        is_silent = (self.unread > 0) & (self.wrong_fields == 0) & (place == ISSUES.index("wrong_info"))
        place[is_silent] = len(ISSUES)
        place[(self.decided.status == VERIFIED) | (self.decided.status == EXCLUDED)] = len(ISSUES)
        return place

    @cached_property
    def unread(self) -> NDArray[np.uint8]:
        """A bit for each of BASIC_FIELDS that no file of a claim's doses gives: uint8[n_claims]."""
        bits = np.zeros(self.decided.status.size, np.uint8)
        if self.doses.unread.any():
            bits[:] = 255
            np.bitwise_and.at(bits, self.claims.of_dose, self.doses.unread)
        return bits

    @cached_property
    def wrong_fields(self) -> NDArray[np.uint8]:
        """A bit for each basic comparison of the plan in which a claim does not agree with its best candidate,
        missing being no agreement unless the file does not give the field, or whose field was read otherwise than
        typed: uint8[n_claims]; 0 for whom there is none."""
        space, plan = pattern_space(self.index.plan), self.index.plan
        bits = np.zeros(self.decided.status.size, np.uint8)
        misread = self.doses.misread[self.claims.first_dose]
        for bit, (c, comparison) in enumerate(_basic_comparisons(plan)):
            is_right = np.isin(np.arange(space.n_levels[c]), _RIGHT_LEVELS[comparison.name])
            levels = self.decided.best.codes // np.uint32(space.strides[c]) % np.uint32(space.n_levels[c])
            field = 1 << BASIC_FIELDS.index(comparison.name)
            is_typed_right = is_right[levels] & (misread & field == 0)
            bits |= (~is_typed_right & (self.unread & field == 0)).astype(np.uint8) << bit
        bits[(self.decided.status == EXCLUDED) | (self.decided.status == UNMATCHED)] = 0
        return bits


def _basic_comparisons(plan: Plan) -> list[tuple[int, Comparison]]:
    """The comparisons of the plan that are about basic fields, with their place in it."""
    return [(c, comparison) for c, comparison in enumerate(plan.comparisons) if comparison.name in BASIC_FIELDS]


def decision_parts(outcome: Outcome) -> Iterator[pa.Table]:
    """One row per accepted dose, sorted by dose_id, in parts; see schema.DECISIONS."""
    n_doses = outcome.dose_status.size
    ids = outcome.person_ids
    for part in parts_of(n_doses):
        claims = outcome.claims.of_dose[part]
        columns = claim_columns(outcome, claims) | _chances(outcome, claims, ids)
        dose = np.arange(part.start, part.stop, dtype=np.int32)
        typed = outcome.doses.take(dose, ["dose_id", "subject_id"])
        columns["dose_id"], columns["subject_id"] = typed.columns
        columns["claim_id"] = outcome.doses.typed.hex(outcome.doses.typed.of_dose[part])
        status = outcome.dose_status[part]
        columns["status"] = pa.array(STATUSES).take(pa.array(status))
        by_model = np.isin(status, BY_MODEL) & (status == outcome.decided.status[claims])
        columns["decided_by"] = pa.array(DECIDED_BY).take(pa.array(by_model.astype(np.int8)))
        columns["conflicts"] = conflict_labels(outcome.dose_conflicts[part])
        yield pa.table([columns[name] for name in DECISIONS.names], schema=DECISIONS.arrow())


def claim_columns(outcome: Outcome, claims: NDArray[np.integer[Any]]) -> dict[str, pa.Array]:
    """What is decided about some claims, by columns of the decisions that need no other table."""
    decided, plan = outcome.decided, outcome.index.plan
    status, best = decided.status[claims], decided.best
    is_linked = (status != EXCLUDED) & (status != UNMATCHED)
    issues = outcome.issues[claims]
    fields = {field.name: field.left[0] for field in plan.fields if field.left}
    wrong_names = [fields[comparison.left[0]] for _, comparison in _basic_comparisons(plan)]
    return {
        "match_probability": pa.array(decided.best_probabilities[claims], mask=~is_linked),
        "match_weight": pa.array(best.weights[claims], mask=~is_linked),
        "issue": pa.array(ISSUES).take(pa.array(issues, mask=issues == len(ISSUES))),
        "wrong_fields": _bit_lists(outcome.wrong_fields[claims], wrong_names),
    } | commune_columns(outcome, claims)


def commune_columns(outcome: Outcome, claims: NDArray[np.integer[Any]]) -> dict[str, pa.Array]:
    """The communes of some claims, by their code of 2021 and in the registry's codes."""
    dictionaries = outcome.batch.dictionaries
    communes = outcome.batch.columns["commune"][claims].astype(np.uint16)
    return {
        "commune_code": dictionaries.units.doses.code.take(pa.array(communes)),
        "commune_code_now": dictionaries.units.code_now(communes, dictionaries.commune_date),
    }


def communes_table(outcome: Outcome) -> pa.Table:
    """The communes that the claims live in, sorted by code; see schema.COMMUNES."""
    dictionaries = outcome.batch.dictionaries
    units, as_of = dictionaries.units, dictionaries.commune_date
    present = np.flatnonzero(np.bincount(outcome.batch.columns["commune"], minlength=1)[1:]) + 1
    ids = present.astype(np.uint16)
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


def _chances(outcome: Outcome, claims: NDArray[np.int32], ids: PersonIds) -> dict[str, pa.Array]:
    """The persons considered for some claims, and what speaks for nobody."""
    decided = outcome.decided
    status, place = decided.status[claims], decided.place[claims]
    is_linked = (status != EXCLUDED) & (status != UNMATCHED)
    has_second = is_linked & (place != NO_RIVALS)
    has_second[has_second] = decided.ranked.rows[place[has_second], 1] >= 0
    second = np.zeros(claims.size)
    second[has_second] = decided.ranked_probabilities[place[has_second], 1]
    found_by = pass_lists(outcome.index.plan, decided.best.passes[claims])
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
