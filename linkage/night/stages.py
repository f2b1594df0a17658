"""Everything between the files: accepted doses become claims, and these a decided batch."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.deciding import decide as deciding
from linkage.deciding.decide import NO_RIVALS, Decided
from linkage.deciding.dose_evidence import decided_people
from linkage.deciding.error_rates import estimate_error_rates
from linkage.deciding.gates import is_unlike
from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.schedule import DEAD, find_conflicts
from linkage.doses.schedule_evidence import Given, conflicts_with
from linkage.encode.dictionaries import read_words
from linkage.ingest import Ingested
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.machine.stage_clock import Clock
from linkage.night.claims import read_claims
from linkage.night.deciding import DecidedBatch, decide_verified, verify
from linkage.published.decisions import Outcome
from linkage.published.patterns import PairCounts
from linkage.registry.contradictions import BIRTH, DEATH, days_of_death
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.stations import Stations
from linkage.training.drift import Moved, describe_best, moved_levels
from linkage.training.model_file import Model

# Has the result of a stage by its name, or makes it; last, the objects that go into it and stand elsewhere.
Stand = Callable[[str, Callable[[], Any], Mapping[str, object]], Any]


def at_once(name: str, make: Callable[[], Any], known: Mapping[str, object]) -> Any:
    """Makes the result of a stage, which stands nowhere."""
    return make()


# Of a run, as they come; train where no model is given.
STAGES = (
    "ingest",
    "encode",
    "verify",
    "train",
    "link",
    "decide",
    "evidence",
    "conflicts",
    "error_rates",
    "publish",
)


def reconcile(
    ingested: Ingested,
    index: Index,
    model: Model | None,
    drawn_up: datetime.date,
    n_threads: int,
    scratch: Path,
    clock: Clock,
    stand: Stand = at_once,
) -> tuple[Outcome, PairCounts, Model]:
    """Link doses with an index: the decided batch, the pairs compared, and the model used.

    Parameters
    ----------
    model : None trains one on the batch
    scratch : folder for work files
    clock : learns how long each stage took
    stand : what has the results of stages, or makes them
    """
    known = {"records": ingested.accepted, "plan": index.plan}

    def read() -> dict[str, Any]:
        with clock.stage("encode"):
            doses, claims, batch, stations = claims_of(ingested, index, n_threads, scratch)
        verified, trained = verify(doses, claims, batch, index, model, n_threads, clock)
        more = batch.dictionaries.beyond(index.dictionaries)
        told = {"stations": stations, "verified": verified, "model": trained}
        return {"doses": doses, "claims": claims, "columns": batch.columns, "more": more, **told}

    done = stand("claims", read, known)
    doses, claims, stations = done["doses"], done["claims"], done["stations"]
    batch = Batch(claims.keys.size, done["columns"], index.dictionaries.with_more(*done["more"]))
    read_words(batch.dictionaries, index.plan)

    def link() -> DecidedBatch:
        return decide_verified(doses, claims, batch, index, done["verified"], done["model"], n_threads, scratch, clock)

    found: DecidedBatch = stand("decisions", link, known)
    moved = () if model is None else _moved(found.by_itself, found.model)
    outcome = _outcome_of(doses, claims, batch, stations, found, moved, index, drawn_up, n_threads, clock)
    return outcome, found.pairs, found.model


def _outcome_of(
    doses: Doses,
    claims: Claims,
    batch: Batch,
    stations: Stations,
    found: DecidedBatch,
    moved: tuple[Moved, ...],
    index: Index,
    drawn_up: datetime.date,
    n_threads: int,
    clock: Clock,
) -> Outcome:
    """The decided batch with what all the doses of a person say together, and its error rates."""
    decided, model = found.decided, found.model
    with clock.stage("conflicts"):
        status, conflicts = _dose_status(doses, claims, decided, index)
    with clock.stage("error_rates"):
        rates = estimate_error_rates(
            decided,
            found.by_itself,
            claims.of_dose,
            status,
            conflicts,
            batch,
            index,
            model,
            n_threads,
            is_unlike=is_unlike(moved),
        )
    return Outcome(
        doses,
        claims,
        batch,
        decided,
        found.evidence,
        status,
        conflicts,
        doses.excluded[claims.first_dose],
        index,
        model.parameters,
        drawn_up,
        stations,
        rates,
        moved,
    )


def _moved(by_itself: Decided, model: Model) -> tuple[Moved, ...]:
    """How the claims that were linked differ from those that the model was trained on, as many as a training takes;
    each decided by itself, as in a training."""
    linked = np.flatnonzero((by_itself.place != NO_RIVALS) & (by_itself.best.rows >= 0))
    some = linked[:: 1 + linked.size // model.plan.training.subjects]
    levels = pattern_space(model.plan).levels_of(by_itself.best.codes[some])
    return moved_levels(model.training.get("best_candidates", {}), describe_best(levels, model.plan))


def claims_of(
    ingested: Ingested, index: Index, n_threads: int = 2, scratch: Path | None = None
) -> tuple[Doses, Claims, Batch, Stations]:
    """The doses, their distinct claims, the encoded batch of these, and what was found of the stations.

    scratch : folder for the encoded columns; None keeps them in memory
    """
    dictionaries = index.dictionaries.copy()
    doses, claims, columns, stations = read_claims(ingested, index, dictionaries, n_threads, scratch)
    of_claims = {}
    for name in list(columns):
        column = columns.pop(name)
        of_claims[name] = scratch_array(scratch, (claims.keys.size, *column.shape[1:]), column.dtype)
        for part in parts_of(claims.keys.size):
            of_claims[name][part] = column[doses.rows[claims.first_dose[part]]]
    return doses, claims, prepare_batch(of_claims, dictionaries, index, n_threads), stations


def _dose_status(
    doses: Doses, claims: Claims, decided: Decided, index: Index
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Status and conflict bits of every dose: any after the person's death goes to review. What is under review has the
    conflicts with what is decided for its best candidate."""
    person = decided_people(decided)
    death_day = np.empty(person.size, np.int32)
    for part in parts_of(person.size):
        people = index.take(person[part], [BIRTH, DEATH])
        death_day[part] = days_of_death(people, index.dictionaries.latest_date)
    of_dose = claims.of_dose
    conflicts = find_conflicts(person[of_dose], doses.injections, death_day[of_dose])
    status = decided.status[of_dose]
    in_review = np.flatnonzero((status == deciding.REVIEW) & (decided.best.rows[of_dose] >= 0))
    owner, given = of_dose[in_review], Given.of(person[of_dose], of_dose, doses.injections)
    conflicts[in_review] = conflicts_with(decided.best.rows[owner], owner, doses.injections[in_review], given)
    status[conflicts & DEAD > 0] = deciding.REVIEW
    return status, conflicts
