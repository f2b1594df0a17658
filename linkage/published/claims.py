"""The claims of a run, who was considered for each that the model decided, and what makes up the weight of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import NO_RIVALS, VERIFIED, Decided
from linkage.deciding.dose_evidence import Evidence
from linkage.doses.claim_ids import ClaimIds
from linkage.machine.parts import PART_ROWS, parts_of
from linkage.published.decided import DecidedClaims
from linkage.published.decisions import PersonIds, pass_lists
from linkage.schema import CANDIDATES, CLAIMS, STATUSES, TableSchema, compared_columns
from linkage.scoring.batch import pattern_space
from linkage.scoring.ranking import Ranked
from linkage.training.model_file import Model
from models.parameters import Parameters

Places = NDArray[np.int64]
Bits = tuple[NDArray[np.float64], NDArray[np.float64]]  # of the subject and of the schedule

LEAST_TOLD = 1e-9  # of a candidate behind the second


def with_comparisons(table: TableSchema, parameters: Parameters) -> pa.Schema:
    """The columns of a table, and behind them level and weight of each comparison of the plan."""
    schema = table.arrow()
    for comparison in parameters.comparisons:
        for name, kind in zip(compared_columns(comparison.name), (pa.string(), pa.float64()), strict=True):
            schema = schema.append(pa.field(name, kind))
    return schema


def claim_parts(typed: ClaimIds, decided: Decided) -> Iterator[pa.Table]:
    """A row per claim, by claim_id, in parts; see schema.CLAIMS."""
    n_doses = np.bincount(typed.of_dose, minlength=typed.first_dose.size).astype(np.int32)
    for part in parts_of(typed.first_dose.size):
        claims, numbers = typed.compared[part], np.arange(part.start, part.stop)
        columns = {
            "claim_id": typed.hex(numbers),
            "compared_as": _ids_of_others(typed, numbers, typed.least_of(claims)),
            "status": pa.array(STATUSES).take(pa.array(decided.status[claims])),
            "n_doses": pa.array(n_doses[part]),
        }
        yield pa.table([columns[name] for name in CLAIMS.names], schema=CLAIMS.arrow())


def _ids_of_others(typed: ClaimIds, claims: NDArray[np.int64], compared_as: NDArray[np.int32]) -> pa.Array:
    """The ids of the claims that others were compared as, null where it is the claim itself, as of nearly all."""
    others = np.flatnonzero(claims != compared_as)
    place = np.zeros(claims.size, np.int32)
    place[others] = np.arange(others.size)
    return typed.hex(compared_as[others]).take(pa.array(place, mask=claims == compared_as))


def candidate_parts(typed: ClaimIds, found: DecidedClaims, ids: PersonIds) -> Iterator[pa.Table]:
    """A row per claim that was compared and candidate, by claim_id and rank, in parts; see schema.CANDIDATES."""
    schema = with_comparisons(CANDIDATES, found.model.parameters)
    compared = np.flatnonzero(have_candidates(found.decided)[typed.compared])
    for part in parts_of(compared.size, PART_ROWS // 8):  # a claim has several rows here, and they are wide
        members = compared[part]
        which, columns = candidate_columns(typed.compared[members], found, ids)
        columns["claim_id"] = typed.hex(members[which])
        yield pa.table([columns[name] for name in schema.names], schema=schema)


def have_candidates(decided: Decided) -> NDArray[np.bool_]:
    """Which claims have candidates to be told: bool[n_claims]."""
    return np.asarray((decided.place != NO_RIVALS) | (decided.status == VERIFIED))


def candidate_columns(
    claims: NDArray[np.int32], found: DecidedClaims, ids: PersonIds
) -> tuple[Places, dict[str, pa.Array | pa.ChunkedArray]]:
    """The candidates of some claims, by rank: which claim each is of, and the columns of schema.CANDIDATES but
    claim_id, with those of the comparisons."""
    decided, model = found.decided, found.model
    ranked, probabilities = decided.candidates(claims)
    which, rank, bits = _told(found.evidence, claims, ranked, probabilities)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "rank": pa.array(rank + 1, pa.int16()),
        "person_id": _person_ids(decided, ids, claims[which], rank),
        "match_probability": pa.array(probabilities[which, rank]),
        "match_weight": pa.array(ranked.weights[which, rank]),
        "found_by": pass_lists(model.plan, ranked.passes[which, rank]),
    }
    return which, columns | weight_parts(model, ranked, (which, rank), bits)


def _person_ids(decided: Decided, ids: PersonIds, claims: NDArray[np.int32], rank: Places) -> pa.ChunkedArray:
    """The ids of candidates; a claim without rivals, as a verified one, has its best one alone."""
    place = decided.place[claims]
    has_rivals = place != NO_RIVALS
    return pc.coalesce(ids.of(place, rank, ~has_rivals), ids.best.take(pa.array(claims, mask=has_rivals)))


def _told(
    evidence: Evidence, claims: NDArray[np.int32], ranked: Ranked, probabilities: NDArray[np.float64]
) -> tuple[Places, Places, Bits]:
    """The candidates with a row of their own, by claim and rank: the best and the runner-up of the decisions, others
    that are not out of the question, and those for or against whom other doses speak; and what these say."""
    which, rank = np.nonzero(ranked.rows >= 0)
    subject_bits, schedule_bits = evidence.of_pairs(claims[which], ranked.rows[which, rank])
    is_likely = probabilities[which, rank] >= LEAST_TOLD
    is_told = is_likely | (rank < 2) | (subject_bits != 0) | (schedule_bits != 0)
    return which[is_told], rank[is_told], (subject_bits[is_told], schedule_bits[is_told])


def weight_parts(model: Model, ranked: Ranked, at: tuple[Places, Places], bits: Bits) -> dict[str, pa.Array]:
    """What match weights are made of, by column, of the candidates at n places; bits: what other doses say of
    them.

    What is neither a comparison's weight, nor rarity, nor near numbers, nor of other doses is the correction for
    households: the parts add up to the weight.
    """
    parameters = model.parameters
    levels = pattern_space(model.plan).levels_of(ranked.codes[at])
    columns, left = {}, ranked.weights[at]
    for c, comparison in enumerate(parameters.comparisons):
        of_level = comparison.log2_m_u[levels[:, c]]
        left -= of_level
        level, weight = compared_columns(comparison.name)
        columns[level] = pa.array(comparison.labels).take(pa.array(levels[:, c]))
        columns[weight] = pa.array(of_level)
    subject_bits, schedule_bits = bits
    rarity_bits, near_number_bits = -np.log2(ranked.ratios[at]), -parameters.neighbour_bits(levels)
    household_bits = left - rarity_bits - near_number_bits - subject_bits - schedule_bits
    return columns | {
        "rarity_bits": pa.array(rarity_bits),
        "near_number_bits": pa.array(near_number_bits),
        "household_bits": pa.array(household_bits),
        "subject_bits": pa.array(subject_bits),
        "schedule_bits": pa.array(schedule_bits),
    }
