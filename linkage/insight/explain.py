"""Why this person, why not that one: a dose scored again against its candidates, from the run's own inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.errors import InputError, UsageError, VerificationError
from linkage.plan.kinds import FOUND_BY_SUBJECT
from linkage.plan.sections import Field
from linkage.published.reader import REMEDY, find_record, find_rows, published_model, read_manifest
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import damage_told, looked_up
from linkage.registry.sums import check_whole
from linkage.schema import CANDIDATES, DECISIONS, DOSES, EXCLUDED_QUEUE, READINGS
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.scoring.scorer import Scored, Scorer
from linkage.stations import encode_as_read, texts_as_read
from linkage.training.model_file import Model
from models.posterior import posterior

SHOWN = 6


@dataclass(frozen=True)
class Evidence:
    """One comparison of a candidate: what each side holds, the level reached and its weight in bits."""

    comparison: str
    stated: str
    registered: str
    level: str
    weight_bits: float


@dataclass(frozen=True)
class Candidate:
    """A person considered. term_frequency_bits, neighbour_bits and household_bits are the corrections that make the sum
    the weight of the pair; with subject_bits and schedule_bits, of what other doses say, it is the match weight.

    probability: posterior; of a person whom no pass found, what it would be had one found him. found_by: passes.
    """

    person_id: str
    probability: float
    match_weight: float
    found_by: list[str]
    registered: dict[str, str]
    evidence: list[Evidence]
    term_frequency_bits: float
    neighbour_bits: float
    household_bits: float
    subject_bits: float
    schedule_bits: float


@dataclass(frozen=True)
class Explanation:
    """A dose, its decision as published, and its candidates, best first; a person asked for stands last. readings: the
    columns that the run read otherwise than typed, for its station's sake, and how.

    match_threshold: the probability from which on the run matched without a person. excluded_reason: why the claim is
    not sought in the registry; None when he is. Of a verified dose the decision
    rests on exact agreement and weighs no rivals; they are weighed here.
    """

    dose_id: str
    decision: dict[str, Any]
    stated: dict[str, str]
    readings: dict[str, str]
    none_probability: float
    unsearched_probability: float
    match_threshold: float
    n_candidates: int
    candidates: list[Candidate]
    asked_for: str | None
    excluded_reason: str | None


def explain(run_dir: Path, dose_id: str, person_id: str | None = None) -> Explanation:
    """Explain a dose of a published run.

    Raises
    ------
    UsageError : no such dose in the run, no such person in the registry, or the run is none
    InputError : the index is no longer that of the run, or the run is of a version that published no doses
    VerificationError : the run or the index is damaged
    """
    manifest = read_manifest(run_dir, "index", "match_threshold")
    found = find_rows(run_dir, DECISIONS.name, [("dose_id", "=", dose_id)])
    if found.num_rows == 0:
        raise UsageError(f"{run_dir.name}: dose {dose_id!r} is not among its decisions; see also 'linkage rejects'")
    index = open_index(Path(manifest["index"]["path"]), manifest["index"]["content"])
    check_whole(looked_up(index))
    with damage_told(index.files):
        return _explained(run_dir, manifest, index, found, dose_id, person_id)


def _explained(
    run_dir: Path, manifest: dict[str, Any], index: Index, found: pa.Table, dose_id: str, person_id: str | None
) -> Explanation:
    """A dose, found among the decisions: its row there."""
    asked = None if person_id is None else _row_of(index, person_id)
    dose = find_dose(run_dir, dose_id)
    model = published_model(run_dir, index.plan)
    dictionaries = index.dictionaries.copy()
    readings = _readings(run_dir, dose_id)
    batch = prepare_batch(encode_as_read(dose, readings, index.plan, dictionaries), dictionaries, index)
    scorer = Scorer(batch, index, model.parameters)
    everyone, _ = Scorer(batch, index, model.parameters, floor_log2=-np.inf).link(slice(0, 1))
    found_by = dict(zip(everyone.candidates.rows.tolist(), everyone.candidates.passes.tolist(), strict=True))
    ranked = scorer.rank(everyone, SHOWN)
    claim_id = str(found["claim_id"][0])
    beside = _evidence(run_dir, claim_id, index)
    ranked_rows = [int(row) for row in ranked.rows[0] if row >= 0]
    rows = [row for row in dict.fromkeys([*ranked_rows, *beside]) if row != asked]
    rows += [] if asked is None else [asked]
    scored = score_rows(batch, index, model, rows)
    bits = np.array([beside.get(row, (0.0, 0.0)) for row in rows]).reshape(len(rows), 2)
    weights = scored.weights + bits.sum(axis=1)
    # What the bits add to the sum: all that they make of a person who was not among the candidates kept.
    is_kept = np.isin(rows, ranked_rows[: index.plan.decision.candidates_kept])
    added = np.exp2(weights) - np.where(is_kept, scored.factors, 0.0)
    total = float(ranked.sums[0] + added[bits.any(axis=1)].sum())
    is_counted = np.isin(rows, list(found_by)) & (scored.factors >= scorer.least_factor) | bits.any(axis=1)
    probabilities = _probabilities(weights, is_counted, total, ranked.outside, model)
    stated = texts_of(dose)
    n_rivals = len(rows) - (asked is not None)
    order = [*np.argsort(-weights[:n_rivals], kind="stable").tolist(), *range(n_rivals, len(rows))]
    candidates = [
        candidate_of(
            index,
            model,
            texts_as_read(stated, readings),
            scored,
            place,
            probabilities[place],
            found_by.get(rows[place], 0),
            bits[place],
        )
        for place in order
    ]
    chances = posterior(ranked.weights[:, :0], np.array([total]), ranked.outside, model.parameters)
    return Explanation(
        dose_id,
        found.to_pylist()[0],
        stated,
        dict(readings),
        float(chances.none[0]),
        float(chances.unsearched[0]),
        float(manifest["match_threshold"]),
        len(found_by),
        candidates,
        person_id,
        _excluded_reason(run_dir, claim_id),
    )


def _evidence(run_dir: Path, claim_id: str, index: Index) -> dict[int, tuple[float, float]]:
    """The bits of other doses by registry row: of the claim, and of the schedule."""
    filters = [("claim_id", "=", claim_id)]
    found = find_rows(run_dir, CANDIDATES.name, filters, ["person_id", "subject_bits", "schedule_bits"])
    found = found.filter((pc.field("subject_bits") != 0) | (pc.field("schedule_bits") != 0))
    rows = index.rows_of(found["person_id"].combine_chunks()).tolist() if found.num_rows else []
    bits = zip(found["subject_bits"].to_pylist(), found["schedule_bits"].to_pylist(), strict=True)
    return dict(zip(rows, bits, strict=True))


def find_dose(run_dir: Path, dose_id: str) -> pa.Table:
    """The dose's row among the accepted records that the run published."""
    if f"{DOSES.name}.arrow" not in read_manifest(run_dir, "outputs")["outputs"]:
        raise InputError(f"{run_dir.name}: was published without its doses, by an older version; link again")
    found = find_record(run_dir, DOSES.name, "dose_id", dose_id)
    if found is None:
        raise VerificationError(f"{run_dir.name}: dose {dose_id!r} is decided and not among its doses; {REMEDY}")
    return found


def _readings(run_dir: Path, dose_id: str) -> list[tuple[str, str]]:
    """(column, reading) of what the run read otherwise than typed of a dose."""
    found = find_rows(run_dir, READINGS.name, [("dose_id", "=", dose_id)])
    return [(row["field"], row["reading"]) for row in found.to_pylist()]


def _excluded_reason(run_dir: Path, claim_id: str) -> str | None:
    excluded = find_rows(run_dir, EXCLUDED_QUEUE.name, [("claim_id", "=", claim_id)], ["reason"])
    return str(excluded["reason"][0]) if excluded.num_rows else None


def _row_of(index: Index, person_id: str) -> int:
    row = int(index.rows_of(pa.array([person_id]))[0])
    if row < 0:
        raise UsageError(f"person {person_id!r} is not in the registry of this run")
    return row


def texts_of(row: pa.Table) -> dict[str, str]:
    """The values of a one-row table that are there."""
    return {name: value for name, value in row.to_pylist()[0].items() if value is not None}


def score_rows(batch: Batch, index: Index, model: Model, rows: list[int]) -> Scored:
    """Persons scored against the dose, whether a pass found them or not, however little they weigh."""
    scorer = Scorer(batch, index, model.parameters, floor_log2=-np.inf)
    pairs = Candidates(np.array([0, len(rows)]), np.array(rows, np.uint32), np.zeros(len(rows), np.uint16))
    return scorer.score_pairs(slice(0, 1), pairs)


def _probabilities(
    weights: NDArray[np.float64],
    is_counted: NDArray[np.bool_],
    total: float,
    outside: NDArray[np.float64],
    model: Model,
) -> list[float]:
    """Posteriors of persons, float64[n]; of one who is not counted in the total of Bayes factors, as if he were.
    outside: float64[1], of the claim."""
    totals = total + np.where(is_counted, 0.0, np.exp2(weights))
    found = posterior(weights[:, None], totals, outside, model.parameters)
    return [float(chance) for chance in found.candidates[:, 0]]


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
    fields = {field.name: field for field in index.plan.fields}
    evidence = []
    for comparison, spec, level in zip(model.parameters.comparisons, index.plan.comparisons, pattern[0], strict=True):
        left = _stated_text(fields[spec.left[0]], stated)
        right = " / ".join(text for name in spec.right if (text := _joined(fields[name].right, registered)))
        weight = float(comparison.log2_m_u[level])
        evidence.append(Evidence(comparison.name, left, right, comparison.labels[level], weight))
    weight, frequency_bits = float(scored.weights[place]), -float(np.log2(float(scored.ratios[place])))
    neighbour_bits = -float(model.parameters.neighbour_bits(pattern)[0])
    household_bits = weight - frequency_bits - neighbour_bits - sum(e.weight_bits for e in evidence)
    found_by = [rule.name for i, rule in enumerate(index.plan.passes) if passes >> i & 1]
    found_by += [FOUND_BY_SUBJECT] if bits[0] > 0 else []
    person = registered[index.plan.right_id]
    subject_bits, schedule_bits = bits.tolist()
    corrections = frequency_bits, neighbour_bits, household_bits, subject_bits, schedule_bits
    weight += subject_bits + schedule_bits
    return Candidate(person, probability, weight, found_by, registered, evidence, *corrections)


def _stated_text(field: Field, stated: dict[str, str]) -> str:
    """What the dose says in a field: its columns joined; of a commune its code, or the names typed instead."""
    if field.kind != "commune":
        return _joined(field.left, stated)
    code, province, district, commune, _ = field.left
    return stated.get(code) or ", ".join(stated[name] for name in (commune, district, province) if name in stated)


def _joined(columns: list[str], texts: dict[str, str]) -> str:
    return " ".join(texts[column] for column in columns if column in texts)
