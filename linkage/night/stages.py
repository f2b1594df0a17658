"""The stages of a run between its files: accepted doses become claims, these are decided, and so are the doses.

Each takes named tables and makes named tables, see linkage.published.decided; what takes long stands on disk once it is
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.deciding import decide as deciding
from linkage.deciding.decide import NO_RIVALS, Decided
from linkage.deciding.dose_evidence import decided_people
from linkage.deciding.error_rates import ErrorRates, estimate_error_rates
from linkage.deciding.gates import is_unlike
from linkage.deciding.pins import Pins, VerdictsInForce
from linkage.doses.batch import Doses, unread_of_claims
from linkage.doses.claims import Claims
from linkage.doses.schedule import DEAD, find_conflicts
from linkage.doses.schedule_evidence import Given, conflicts_with
from linkage.encode.dictionaries import Columns, Dictionaries, read_words
from linkage.ingest import Ingested
from linkage.ingest.records import Records
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.machine.stage_clock import Clock
from linkage.night.claims import read_claims, read_claims_again
from linkage.night.deciding import Verified, decide_verified, verify
from linkage.published.decided import DecidedClaims, DecidedDoses, ReadDoses
from linkage.registry.change_rows import DEATH
from linkage.registry.contradictions import BIRTH, days_of_death
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.scoring.number_levels import enter_unasked
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


@dataclass(frozen=True)
class Work:
    """How stages work.

    scratch : folder for work files
    clock : learns how long each stage took
    stand : what has the results of stages, or makes them
    """

    n_threads: int
    scratch: Path
    clock: Clock
    stand: Stand = at_once


@dataclass(frozen=True)
class ReadClaims:
    """Claims ready to be linked: as they were read, those that agree exactly with somebody, and the model for the
    others."""

    read: ReadDoses
    verified: Verified
    model: Model


def read_doses(
    ingested: Ingested,
    index: Index,
    n_threads: int = 2,
    scratch: Path | None = None,
    verdicts: VerdictsInForce | None = None,
) -> ReadDoses:
    """The accepted doses, their distinct claims encoded, and what was found of the stations.

    scratch : folder for the encoded columns; None keeps them in memory
    verdicts : on the claims; None is nothing
    """
    dictionaries = index.dictionaries.copy()
    read = read_claims(ingested, index, dictionaries, n_threads, scratch)
    return _encoded(*read, index, dictionaries, n_threads, scratch, verdicts)


def read_doses_again(
    records: Records,
    readings: pa.Array,
    unread: NDArray[np.uint8],
    index: Index,
    n_threads: int,
    scratch: Path | None,
    verdicts: VerdictsInForce | None,
) -> ReadDoses:
    """The same of doses of which it is known how they are read, see linkage.night.claims."""
    dictionaries = index.dictionaries.copy()
    read = read_claims_again(records, readings, unread, index, dictionaries, n_threads, scratch)
    return _encoded(*read, index, dictionaries, n_threads, scratch, verdicts)


def _encoded(
    doses: Doses,
    claims: Claims,
    columns: Columns,
    stations: Stations,
    index: Index,
    dictionaries: Dictionaries,
    n_threads: int,
    scratch: Path | None,
    verdicts: VerdictsInForce | None,
) -> ReadDoses:
    """What was read, with the encoded columns of the claims in place of those of the records, which go."""
    of_claims = {}
    for name in list(columns):
        column = columns.pop(name)
        of_claims[name] = scratch_array(scratch, (claims.keys.size, *column.shape[1:]), column.dtype)
        for part in parts_of(claims.keys.size):
            of_claims[name][part] = column[doses.rows[claims.first_dose[part]]]
    batch = prepare_batch(of_claims, dictionaries, index, n_threads)
    enter_unasked(batch.columns, unread_of_claims(doses, claims), index.plan)
    return ReadDoses(doses, claims, batch, stations, _pins(verdicts, claims, index))


def _pins(verdicts: VerdictsInForce | None, claims: Claims, index: Index) -> Pins:
    return Pins.of(verdicts or VerdictsInForce.none(), claims.keys, index)


def claims_of_doses(
    ingested: Ingested, index: Index, model: Model | None, work: Work, verdicts: VerdictsInForce | None = None
) -> ReadClaims:
    """Accepted doses -> claims; model: None trains one on them; verdicts: on the claims, None is nothing."""

    def make() -> dict[str, Any]:
        with work.clock.stage("encode"):
            read = read_doses(ingested, index, work.n_threads, work.scratch, verdicts)
        verified, trained = verify(read, index, model, work.n_threads, work.clock)
        more = read.batch.dictionaries.beyond(index.dictionaries)
        told = {"stations": read.stations, "verified": verified, "model": trained}
        return {"doses": read.doses, "claims": read.claims, "columns": read.batch.columns, "more": more, **told}

    done = work.stand("claims", make, {"records": ingested.accepted, "plan": index.plan})
    doses, claims = done["doses"], done["claims"]
    batch = Batch(claims.keys.size, done["columns"], index.dictionaries.with_more(*done["more"]))
    read_words(batch.dictionaries, index.plan)
    read = ReadDoses(doses, claims, batch, done["stations"], _pins(verdicts, claims, index))
    return ReadClaims(read, done["verified"], done["model"])


def decide_claims(ready: ReadClaims, index: Index, work: Work) -> tuple[DecidedClaims, Decided]:
    """Claims -> their candidates and decisions; and what was decided of each by itself, before other doses were
    weighed."""

    def make() -> tuple[DecidedClaims, Decided]:
        return decide_verified(ready.read, ready.verified, index, ready.model, work.n_threads, work.scratch, work.clock)

    claims, by_itself = work.stand("decisions", make, {"plan": index.plan})
    return claims, by_itself


def decide_doses(read: ReadDoses, decided: Decided, index: Index, clock: Clock) -> DecidedDoses:
    """Decisions of claims -> those of doses: any after the person's death goes to review, unless an officer decided for
    that person. What is under review has the conflicts with what is decided for its best candidate."""
    with clock.stage("conflicts"):
        person, injections = decided_people(decided), read.doses.injections
        death_day = np.empty(person.size, np.int32)
        for part in parts_of(person.size):
            people = index.take(person[part], [BIRTH, DEATH])
            death_day[part] = days_of_death(people, index.dictionaries.latest_date)
        of_dose = read.claims.of_dose
        conflicts = find_conflicts(person[of_dose], injections, death_day[of_dose])
        status = decided.status[of_dose]
        in_review = np.flatnonzero((status == deciding.REVIEW) & (decided.best.rows[of_dose] >= 0))
        owner, given = of_dose[in_review], Given.of(person[of_dose], of_dose, injections)
        conflicts[in_review] = conflicts_with(decided.best.rows[owner], owner, injections[in_review], given)
        is_officers = (read.pins.status == decided.status) & (decided.status == deciding.MATCHED)
        status[(conflicts & DEAD > 0) & ~is_officers[of_dose]] = deciding.REVIEW
    return DecidedDoses(status, conflicts)


def moved_since_training(by_itself: Decided, model: Model) -> tuple[Moved, ...]:
    """How the claims that were linked differ from those that the model was trained on, as many as a training takes;
    each decided by itself, as in a training."""
    linked = np.flatnonzero((by_itself.place != NO_RIVALS) & (by_itself.best.rows >= 0))
    some = linked[:: 1 + linked.size // model.plan.training.subjects]
    levels = pattern_space(model.plan).levels_of(by_itself.best.codes[some])
    return moved_levels(model.training.get("best_candidates", {}), describe_best(levels, model.plan))


def rate_errors(
    read: ReadDoses,
    claims: DecidedClaims,
    by_itself: Decided,
    doses: DecidedDoses,
    moved: tuple[Moved, ...],
    index: Index,
    work: Work,
) -> ErrorRates:
    """Decisions -> how many of them are wrong."""
    with work.clock.stage("error_rates"):
        return estimate_error_rates(
            read.pins.certain(claims.decided),
            read.pins.certain(by_itself),
            read.claims.of_dose,
            doses.status,
            doses.conflicts,
            read.batch,
            index,
            claims.model,
            work.n_threads,
            is_unlike=is_unlike(moved),
        )
