"""A person weighed anew against a dose, who is not among the candidates kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.errors import UsageError
from linkage.insight.explanation import Candidate, Compared, Evidence, texts_as_read, texts_of
from linkage.insight.sources import Source
from linkage.plan.kinds import FOUND_BY_SUBJECT
from linkage.published.decisions import pass_lists
from linkage.registry.index import Index
from linkage.registry.rolling_check import damage_told, looked_up
from linkage.schema import BASIC_ROLES
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.scoring.number_levels import enter_unasked
from linkage.scoring.scorer import Scored, Scorer
from linkage.stations import encode_as_read
from linkage.storage.summed_folders import check_whole
from linkage.training.model_file import Model
from models.posterior import posterior

SHOWN = 6  # candidates of a record of two linked files
_OWN_NUMBER_ISSUES = ("no_id", "bad_id_format")


def weigh(source: Source, decision: dict[str, Any], person_id: str) -> Candidate:
    """A person weighed against a dose that is decided, whether a pass found them or not.

    UsageError where the registry has no such person; VerificationError where source or index are damaged.
    """
    dose, readings = source.dose(decision["dose_id"]), source.readings(decision["dose_id"])
    index = source.open_index()
    check_whole(looked_up(index))
    with damage_told(index.files):
        asked = _row_of(index, person_id)
        model = source.model(index.plan)
        dictionaries = index.dictionaries.copy()
        batch = prepare_batch(encode_as_read(dose, readings, index.plan, dictionaries), dictionaries, index)
        enter_unasked(batch.columns, _unread(decision), index.plan)
        everyone, _ = Scorer(batch, index, model.parameters, floor_log2=-np.inf).link(slice(0, 1))
        found_by = dict(zip(everyone.candidates.rows.tolist(), everyone.candidates.passes.tolist(), strict=True))
        beside = _evidence(source.candidates(decision), index)
        rows = [*(row for row in beside if row != asked), asked]
        scored = score_rows(batch, index, model, rows)
        scorer = Scorer(batch, index, model.parameters)
        ranked = scorer.rank(everyone, index.plan.decision.candidates_kept)
        bits = np.array([beside.get(row, (0.0, 0.0)) for row in rows])
        weights = scored.weights + bits.sum(axis=1)
        # What the bits add to the sum: all that they make of a person who was not among the candidates kept.
        is_kept = np.isin(rows, ranked.rows[0])
        added = np.exp2(weights) - np.where(is_kept, scored.factors, 0.0)
        total = float(ranked.sums[0] + added[bits.any(axis=1)].sum())
        is_counted = asked in found_by and float(scored.factors[-1]) >= scorer.least_factor
        total += 0.0 if is_counted else float(np.exp2(weights[-1]))
        chance = posterior(weights[None, -1:], np.array([total]), ranked.outside, model.parameters).candidates[0, 0]
        stated = texts_as_read(texts_of(dose), readings)
        place = len(rows) - 1
        return candidate_of(index, model, stated, scored, place, float(chance), found_by.get(asked, 0), bits[-1])


def score_rows(batch: Batch, index: Index, model: Model, rows: list[int]) -> Scored:
    """Persons scored against the dose, whether a pass found them or not, however little they weigh."""
    scorer = Scorer(batch, index, model.parameters, floor_log2=-np.inf)
    pairs = Candidates(np.array([0, len(rows)]), np.array(rows, np.uint32), np.zeros(len(rows), np.uint16))
    return scorer.score_pairs(slice(0, 1), pairs)


def candidate_of(
    index: Index,
    model: Model,
    stated: dict[str, str],
    scored: Scored,
    place: int,
    probability: float,
    passes: int,
    bits: NDArray[np.float64],
) -> Candidate:
    """One scored person with the evidence for and against; bits: float64[2], of the claim and of the schedule."""
    registered = texts_of(index.take(np.array([scored.candidates.rows[place]], np.int64)))
    pattern = pattern_space(index.plan).levels_of(scored.codes[place : place + 1])
    texts = Compared.of(index.plan).texts(stated, registered)
    evidence = [
        Evidence(spec.name, *texts[spec.name], spec.labels[level], float(spec.log2_m_u[level]))
        for spec, level in zip(model.parameters.comparisons, pattern[0], strict=True)
    ]
    weight, frequency_bits = float(scored.weights[place]), -float(np.log2(float(scored.ratios[place])))
    neighbour_bits = -float(model.parameters.neighbour_bits(pattern)[0])
    household_bits = weight - frequency_bits - neighbour_bits - sum(e.weight_bits for e in evidence)
    found_by = pass_lists(index.plan, np.array([passes], np.uint16))[0].as_py()
    found_by += [FOUND_BY_SUBJECT] if bits[0] > 0 else []
    subject_bits, schedule_bits = bits.tolist()
    corrections = frequency_bits, neighbour_bits, household_bits, subject_bits, schedule_bits
    weight += subject_bits + schedule_bits
    return Candidate(registered[index.plan.right_id], probability, weight, found_by, registered, evidence, *corrections)


def _unread(decision: dict[str, Any]) -> NDArray[np.uint8]:
    """Whether no file of a claim's doses asks for a number, as `linkage.doses.batch.unread_of_claims` says it of what
    was decided: who states none has the issue to say so, unless nobody asked. Means nothing where a number is stated,
    nor of foreigners, who have no issue."""
    is_silent = decision["status"] != "excluded" and decision["issue"] not in _OWN_NUMBER_ISSUES
    return np.array([is_silent << BASIC_ROLES.index("number")], np.uint8)


def _evidence(candidates: list[dict[str, Any]], index: Index) -> dict[int, tuple[float, float]]:
    """The bits of other doses by registry row: of the claim, and of the schedule."""
    found = [row for row in candidates if row["subject_bits"] != 0 or row["schedule_bits"] != 0]
    rows = index.rows_of(pa.array([row["person_id"] for row in found], pa.string())).tolist()
    return {n: (row["subject_bits"], row["schedule_bits"]) for n, row in zip(rows, found, strict=True)}


def _row_of(index: Index, person_id: str) -> int:
    row = int(index.rows_of(pa.array([person_id]))[0])
    if row < 0:
        raise UsageError(f"person {person_id!r} is not in the registry of these decisions")
    return row
