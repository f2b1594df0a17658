"""Why this person, why not that one: the decision of a dose and all that speaks for and against its candidates.

Every part of a weight stands in the tables of the run, and what the registry holds of a candidate in its row of the
index: a few chunks are read, however many doses there are. A person who is not among the candidates published is
weighed anew (linkage.insight.weighing).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.errors import InputError, UsageError, VerificationError
from linkage.insight.explanation import Candidate, Compared, Evidence, Explanation, texts_as_read, texts_of
from linkage.published.reader import REMEDY, find_record, find_rows, read_manifest
from linkage.registry.persons_by_id import persons_by_id
from linkage.schema import CANDIDATES, DECISIONS, DOSES, EXCLUDED_QUEUE, READINGS, compared_columns
from linkage.schema.claims import CLAIM_PREFIX

_OLDER = "by an older version; link again"


def explain(run_dir: Path, dose_id: str, person_id: str | None = None) -> Explanation:
    """Explain a dose of a published run.

    Raises
    ------
    UsageError : no such dose in the run, no such person in the registry, or the run is none
    InputError : the index is no longer that of the run, or the run is of a version that published less
    VerificationError : the run or the index is damaged
    """
    manifest = read_manifest(run_dir, "index", "match_threshold")
    found = find_rows(run_dir, DECISIONS.name, [("dose_id", "=", dose_id)])
    if found.num_rows == 0:
        raise UsageError(f"{run_dir.name}: dose {dose_id!r} is not among its decisions; see also 'linkage rejects'")
    decision = found.to_pylist()[0]
    dose, readings = find_dose(run_dir, dose_id), find_readings(run_dir, dose_id)
    stated = texts_of(dose)
    candidates = _candidates(run_dir, manifest["index"], decision["claim_id"], texts_as_read(stated, readings))
    n_candidates = len(candidates)
    if decision["person_id"] is not None and not candidates:
        raise InputError(f"{run_dir.name}: was published without the candidates of verified claims, {_OLDER}")
    if person_id is not None:
        asked = next((candidate for candidate in candidates if candidate.person_id == person_id), None)
        if asked is None:
            from linkage.insight.weighing import weigh  # which loads all that links

            asked = weigh(run_dir, manifest["index"], decision["claim_id"], dose, readings, person_id)
        candidates = [*(candidate for candidate in candidates if candidate.person_id != person_id), asked]
    return Explanation(
        dose_id,
        decision,
        stated,
        dict(readings),
        decision["none_probability"],
        decision["unsearched_probability"],
        float(manifest["match_threshold"]),
        n_candidates,
        candidates,
        person_id,
        _excluded_reason(run_dir, decision),
    )


def dose_of(run_dir: Path, asked: str) -> tuple[str, int]:
    """The dose of this id with 0, or the first dose of the claim of this key with the number of its doses; what is
    neither comes back as it is."""
    # By dose they are sorted, and next to nothing is read; by claim all ids are.
    is_dose = find_rows(run_dir, DECISIONS.name, [("dose_id", "=", asked)], ["dose_id"]).num_rows > 0
    if is_dose or not asked.startswith(CLAIM_PREFIX):
        return asked, 0
    found = find_rows(run_dir, DECISIONS.name, [("claim_id", "=", asked)], ["dose_id"])["dose_id"].to_pylist()
    return (found[0], len(found)) if found else (asked, 0)


def find_dose(run_dir: Path, dose_id: str) -> pa.Table:
    """The dose's row among the accepted records that the run published."""
    if f"{DOSES.name}.arrow" not in read_manifest(run_dir, "outputs")["outputs"]:
        raise InputError(f"{run_dir.name}: was published without its doses, {_OLDER}")
    found = find_record(run_dir, DOSES.name, "dose_id", dose_id)
    if found is None:
        raise VerificationError(f"{run_dir.name}: dose {dose_id!r} is decided and not among its doses; {REMEDY}")
    return found


def find_readings(run_dir: Path, dose_id: str) -> list[tuple[str, str]]:
    """(column, reading) of what the run read otherwise than typed of a dose."""
    found = find_rows(run_dir, READINGS.name, [("dose_id", "=", dose_id)])
    return [(row["field"], row["reading"]) for row in found.to_pylist()]


def _candidates(run_dir: Path, index: dict[str, Any], claim_id: str, stated: dict[str, str]) -> list[Candidate]:
    """The candidates of a claim that the run published, best first."""
    found = find_rows(run_dir, CANDIDATES.name, [("claim_id", "=", claim_id)]).to_pylist()
    if not found:
        return []
    persons, plan = persons_by_id(Path(index["path"]), index["content"], [row["person_id"] for row in found])
    compared = Compared.of(plan)
    registered = {
        row[compared.right_id]: {n: v for n, v in row.items() if v is not None} for row in persons.to_pylist()
    }
    for row in found:
        if row["person_id"] not in registered:
            raise VerificationError(f"{run_dir.name}: person {row['person_id']} is not in the run's index; {REMEDY}")
    listed = [_candidate(row, registered[row["person_id"]], stated, compared) for row in found]
    return sorted(listed, key=lambda candidate: -candidate.match_weight)


def _candidate(
    row: dict[str, Any], registered: dict[str, str], stated: dict[str, str], compared: Compared
) -> Candidate:
    """A row of the candidates, with what both sides hold."""
    evidence = [
        Evidence(name, left, right, *(row[column] for column in compared_columns(name)))
        for name, (left, right) in compared.texts(stated, registered).items()
    ]
    return Candidate(
        row["person_id"],
        row["match_probability"],
        row["match_weight"],
        row["found_by"],
        registered,
        evidence,
        row["rarity_bits"],
        row["near_number_bits"],
        row["household_bits"],
        row["subject_bits"],
        row["schedule_bits"],
    )


def _excluded_reason(run_dir: Path, decision: dict[str, Any]) -> str | None:
    if decision["status"] != "excluded":
        return None
    filters = [("claim_id", "=", decision["claim_id"])]
    excluded = find_rows(run_dir, EXCLUDED_QUEUE.name, filters, ["reason"])
    return str(excluded["reason"][0]) if excluded.num_rows else None
