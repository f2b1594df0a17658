"""Why this person, why not that one: a dose scored again against its candidates, from the run's own inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blocking.candidates import Candidates
from linkage.comparing import Batch, prepare_batch
from linkage.encode import encode
from linkage.errors import InputError, UsageError
from linkage.ingest import ingest
from linkage.link import Scorer
from linkage.model_file import Model
from linkage.publish import read_manifest
from linkage.registry import Index, open_index
from linkage.schema import DOSES
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
    """A person considered. term_frequency_bits and household_bits are the corrections that make the sum the match
    weight."""

    person_id: str
    probability: float
    match_weight: float
    found_by: list[str]
    registered: dict[str, str]
    evidence: list[Evidence]
    term_frequency_bits: float
    household_bits: float


@dataclass(frozen=True)
class Explanation:
    """A dose, its decision as published, and its candidates, best first; a person asked for stands last."""

    dose_id: str
    decision: dict[str, Any]
    stated: dict[str, str]
    none_probability: float
    unsearched_probability: float
    n_candidates: int
    candidates: list[Candidate]


def explain(run_dir: Path, dose_id: str, person_id: str | None = None) -> Explanation:
    """Explain a dose of a published run.

    Raises
    ------
    UsageError : no such dose in the run, no such person in the registry, or the run is none
    InputError : the inputs or the index are no longer those of the run
    """
    manifest = read_manifest(run_dir)
    found = pq.read_table(run_dir / "decisions.parquet", filters=[("dose_id", "=", dose_id)])
    if found.num_rows == 0:
        raise UsageError(
            f"{run_dir.name}: dose {dose_id!r} is not among its decisions; see also 'linkage rejects list'"
        )
    index = open_index(Path(manifest["index"]["path"]))
    if index.manifest["content"] != manifest["index"]["content"]:
        raise InputError(f"{index.folder}: is another version than the run was linked with; keep the index of a run")
    dose = _find_dose(manifest, dose_id)
    model = Model.load(run_dir / "model.json", index.plan)
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(dose, index.plan, "left", dictionaries), dictionaries, index)
    scorer = Scorer(batch, index, model.parameters)
    everyone, _ = scorer.candidates(slice(0, 1))
    n_candidates = int(everyone.rows.size)
    ranked = scorer.rank(scorer.score(slice(0, 1), everyone), SHOWN)
    chances = posterior(ranked.weights, ranked.sums, model.parameters, index.n_persons)
    rows = [int(row) for row in ranked.rows[0] if row >= 0]
    if person_id is not None:
        asked = _row_of(index, person_id)
        rows = [row for row in rows if row != asked] + [asked]
    total = 1.0 - model.parameters.share_in_registry
    prior = model.parameters.share_in_registry / index.n_persons
    mass = total / chances.none[0] if chances.none[0] > 0 else 1.0
    stated = {name: value for name, value in dose.to_pylist()[0].items() if value is not None}
    candidates = [_candidate(batch, index, model, stated, row, prior / mass) for row in rows]
    decision = found.to_pylist()[0]
    return Explanation(
        dose_id, decision, stated, float(chances.none[0]), float(chances.unsearched[0]), n_candidates, candidates
    )


def _find_dose(manifest: dict[str, Any], dose_id: str) -> pa.Table:
    """The dose's row, from the input files of the run."""
    for source in manifest["inputs"]:
        path = Path(source["path"])
        if not path.exists():
            raise InputError(f"{path}: the run's input is no longer there; put it back to explain its doses")
        accepted = ingest([path], DOSES, columns=manifest.get("columns")).accepted
        dose = accepted.filter(pc.equal(accepted.column("dose_id"), dose_id))
        if dose.num_rows:
            return dose.combine_chunks()
    raise InputError(f"dose {dose_id!r} is not in the run's input files any more; they have changed since")


def _row_of(index: Index, person_id: str) -> int:
    row = pc.index(index.persons.column(index.plan.right_id), person_id).as_py()
    if row < 0:
        raise UsageError(f"person {person_id!r} is not in the registry of this run")
    return int(row)


def _candidate(batch: Batch, index: Index, model: Model, stated: dict[str, str], row: int, scale: float) -> Candidate:
    """One person scored against the dose, whether a pass found him or not. scale: prior odds over the posterior's
    total."""
    parameters, plan = model.parameters, index.plan
    scorer = Scorer(batch, index, parameters, floor_log2=-np.inf)
    found, _ = scorer.candidates(slice(0, 1))
    passes = found.passes[found.rows == row]
    pair = Candidates(np.array([0, 1]), np.array([row], np.uint32), np.zeros(1, np.uint16))
    scored = scorer.score(slice(0, 1), pair)
    levels = scorer.space.levels_of(scored.codes)[0]
    registered = {
        name: value for name, value in index.take(np.array([row])).to_pylist()[0].items() if value is not None
    }
    fields = {field.name: field for field in plan.fields}
    evidence, total = [], 0.0
    for comparison, spec, level in zip(parameters.comparisons, plan.comparisons, levels.tolist(), strict=True):
        weight = float(np.log2(comparison.m[level] / comparison.u[level]))
        total += weight
        left = [stated.get(column) for column in fields[spec.left[0]].left[:1]]
        right = [registered.get(column) for name in spec.right for column in fields[name].right]
        stated_text, registered_text = (" / ".join(value for value in side if value) for side in (left, right))
        evidence.append(Evidence(comparison.name, stated_text, registered_text, comparison.labels[level], weight))
    frequency_bits = -float(np.log2(scored.ratios[0]))
    weight = float(scored.weights[0])
    names = [rule.name for i, rule in enumerate(plan.passes) if passes.size and passes[0] >> i & 1]
    person = str(registered[plan.right_id])
    household = weight - total - frequency_bits
    return Candidate(person, scale * 2.0**weight, weight, names, registered, evidence, frequency_bits, household)
