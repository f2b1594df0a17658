"""Why this person, why not that one: the decision of a dose and all that speaks for and against its candidates.

Every part of a weight stands in the tables of the run, or in the state, and what the registry holds of a candidate in
its row of the index: a few chunks are read, however many doses there are. A person who is not among the candidates kept
is weighed anew (linkage.insight.weighing).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linkage.errors import UsageError, VerificationError
from linkage.insight.explanation import Candidate, Compared, Evidence, Explanation, texts_as_read, texts_of
from linkage.insight.sources import Source, source_of
from linkage.registry.persons_by_id import persons_by_id
from linkage.schema import compared_columns
from linkage.schema.claims import CLAIM_PREFIX


def explain(place: Path | Source, dose_id: str, person_id: str | None = None) -> Explanation:
    """Explain a dose of a published run, or of a state of nights.

    place : the folder of either, or a night.toml

    Raises
    ------
    UsageError : no such dose is decided there, no such person in the registry, or the place is none
    InputError : the index is no longer that of the decisions, or a run is of a version that published less
    VerificationError : run, state or index are damaged
    """
    source = source_of(place) if isinstance(place, Path) else place
    decision = source.decision(dose_id)
    if decision is None:
        raise UsageError(f"{source.name}: dose {dose_id!r} is not among its decisions; see also 'linkage rejects'")
    dose, readings = source.dose(dose_id), source.readings(dose_id)
    stated = texts_of(dose)
    candidates = _candidates(source, decision, texts_as_read(stated, readings))
    n_candidates = len(candidates)
    if person_id is not None:
        asked = next((candidate for candidate in candidates if candidate.person_id == person_id), None)
        if asked is None:
            from linkage.insight.weighing import weigh  # which loads all that links

            asked = weigh(source, decision, person_id)
        candidates = [*(candidate for candidate in candidates if candidate.person_id != person_id), asked]
    return Explanation(
        dose_id,
        decision,
        stated,
        dict(readings),
        decision["none_probability"],
        decision["unsearched_probability"],
        source.match_threshold,
        n_candidates,
        candidates,
        person_id,
        source.excluded_reason(decision["claim_id"]) if decision["status"] == "excluded" else None,
    )


def dose_of(source: Source, asked: str) -> tuple[str, int]:
    """The dose of this id with 0, or the first dose of the claim of this key with the number of its doses; what is
    neither comes back as it is."""
    if source.decision(asked) is not None or not asked.startswith(CLAIM_PREFIX):
        return asked, 0
    found = source.doses_of(asked)
    return (found[0], len(found)) if found else (asked, 0)


def _candidates(source: Source, decision: dict[str, Any], stated: dict[str, str]) -> list[Candidate]:
    """The candidates of a dose's claim that were kept, best first."""
    found = source.candidates(decision)
    if not found:
        return []
    ids = [row["person_id"] for row in found]
    persons, plan = persons_by_id(Path(source.index["path"]), source.index["content"], ids)
    compared = Compared.of(plan)
    registered = {
        row[compared.right_id]: {n: v for n, v in row.items() if v is not None} for row in persons.to_pylist()
    }
    for person in ids:
        if person not in registered:
            raise VerificationError(f"{source.name}: person {person} is not in the index; {source.remedy}")
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
