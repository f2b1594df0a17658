"""Everything between the files: accepted doses become claims, and these a decided batch."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.deciding import decide as deciding
from linkage.deciding.decide import NO_RIVALS, Decided, decide
from linkage.deciding.dose_evidence import Evidence, decided_people, weigh_doses
from linkage.deciding.doubtful import are_doubtful
from linkage.deciding.error_rates import estimate_error_rates
from linkage.deciding.gates import is_unlike
from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.evidence_rates import EvidenceRates, learn_rates
from linkage.doses.schedule import DEAD, find_conflicts
from linkage.doses.schedule_evidence import Given, conflicts_with
from linkage.ingest import Ingested
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.machine.stage_clock import Clock
from linkage.night.claims import read_claims
from linkage.published.decisions import Outcome
from linkage.published.patterns import PairCounts
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.scoring.exact_agreement import find_verified
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.ranking import Ranking
from linkage.scoring.tiles import link_batch, registry_order
from linkage.standardise import dates
from linkage.stations import Stations
from linkage.training.batch_model import model_of_batch
from linkage.training.drift import Moved, describe_best, moved_levels
from linkage.training.model_file import Model
from linkage.training.model_shape import MatchThreshold
from models.parameters import Parameters

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
) -> tuple[Outcome, PairCounts, Model]:
    """Link doses with an index: the decided batch, the pairs compared, and the model used.

    Parameters
    ----------
    model : None trains one on the batch
    scratch : folder for work files
    clock : learns how long each stage took
    """
    with clock.stage("encode"):
        doses, claims, batch, stations = claims_of(ingested, index, n_threads, scratch)
    is_trained_here = model is None
    found = decide_batch(doses, claims, batch, index, model, n_threads, scratch, clock)
    decided, by_itself, model = found.decided, found.by_itself, found.model
    with clock.stage("conflicts"):
        status, conflicts = _dose_status(doses, claims, decided, index)
    with clock.stage("error_rates"):
        moved = () if is_trained_here else _moved(by_itself, model)
        rates = estimate_error_rates(
            decided,
            by_itself,
            claims.of_dose,
            status,
            conflicts,
            batch,
            index,
            model,
            n_threads,
            is_unlike=is_unlike(moved),
        )
    outcome = Outcome(
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
    return outcome, found.pairs, model


@dataclass(frozen=True)
class DecidedBatch:
    """decided: with what the doses say of each other, by_itself: before; model: complete, with the threshold."""

    decided: Decided
    by_itself: Decided
    evidence: Evidence
    pairs: PairCounts
    model: Model


def decide_batch(
    doses: Doses,
    claims: Claims,
    batch: Batch,
    index: Index,
    model: Model | None,
    n_threads: int,
    scratch: Path | None,
    clock: Clock,
    *,
    verdicts: NDArray[np.int64] | None = None,
    accepted: str | None = None,
) -> DecidedBatch:
    """Decide every claim; what linking needs beside is gone when this returns.

    Parameters
    ----------
    model : None trains one on the batch, whose threshold is that of the batch
    verdicts, accepted : of a training, see linkage.training.batch_model
    """
    is_excluded = doses.excluded[claims.first_dose] > 0
    with clock.stage("verify"):
        rows, passes = find_verified(batch, index)
        # What a station typed wrong was read right, and is still to be mended: it is linked, and nothing to train on.
        is_verified = (rows >= 0) & ~is_excluded & (doses.misread[claims.first_dose] == 0)
        agreed, to_link = np.flatnonzero(is_verified), np.flatnonzero(~is_verified & ~is_excluded)
        # In the order of the registry, whose columns are thus gone through once.
        agreed, to_link = agreed[np.argsort(rows[agreed])], to_link[registry_order(batch, to_link, index)]
        sure = rows[agreed].astype(np.int32), passes[agreed]
        agrees_with = rows.astype(np.int32)
        del rows, passes
    if model is None:
        with clock.stage("train"):
            model = model_of_batch(
                batch, doses, claims, agrees_with, index, n_threads, verdicts=verdicts, accepted=accepted
            )
    with clock.stage("link"):
        linked, pairs = _link(batch, to_link, index, model.parameters, n_threads, scratch, clock)
    with clock.stage("decide"):
        weighed = weigh_given(batch, agreed, *sure, index, model.parameters, n_threads, scratch)
        threshold = None if model.threshold is None else model.threshold.by_itself
        by_itself = _decided(batch.n_claims, linked, weighed, model, threshold, index, scratch)
    with clock.stage("evidence"):
        known = model.rates or learn_rates(decided_people(by_itself), doses, claims, index)
        evidence = weigh_doses(
            by_itself, linked, doses, claims, batch, index, model.parameters, known, n_threads, scratch
        )
        threshold = None if model.threshold is None else model.threshold.probability
        decided = _decided(batch.n_claims, linked, weighed, model, threshold, index, scratch)
    return DecidedBatch(decided, by_itself, evidence, pairs, _completed(model, known, by_itself, decided))


def _completed(model: Model, rates: EvidenceRates, by_itself: Decided, decided: Decided) -> Model:
    """The model with the threshold and the rates by which a batch was decided, where it had none yet."""
    n_linked = int((decided.place != NO_RIVALS).sum())
    if model.threshold is not None or not n_linked:
        return model
    n_matched = int((decided.status == deciding.MATCHED).sum())
    expected = decided.expected_false_match_rate
    threshold = MatchThreshold(decided.threshold, by_itself.threshold, n_linked, n_matched, expected)
    return replace(model, threshold=threshold, rates=rates)


def _decided(
    n_claims: int,
    linked: Ranking,
    verified: Ranking,
    model: Model,
    threshold: float | None,
    index: Index,
    scratch: Path | None,
) -> Decided:
    doubtful = are_doubtful(linked.codes[:, 0], index.plan)
    rule, n_persons = index.plan.decision, index.n_persons
    return decide(n_claims, linked, verified, model.parameters, n_persons, rule, scratch, doubtful, threshold)


def _link(
    batch: Batch,
    claims: NDArray[np.int64],
    index: Index,
    parameters: Parameters,
    n_threads: int,
    scratch: Path | None,
    clock: Clock,
) -> tuple[Ranking, PairCounts]:
    """Rank the candidates of some claims."""

    def on_tile(n_done: int) -> None:
        clock.on_progress("link", n_done, claims.size)

    linked = link_batch(batch, index, parameters, n_threads, claims=claims, scratch=scratch, on_tile=on_tile)
    found = linked.ranked
    ranking = Ranking(claims, found.rows, found.weights, found.passes, found.codes, found.ratios, found.sums)
    return ranking, PairCounts.of(linked)


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
        death = index.take(person[part], ["date_of_death"]).column(0).combine_chunks()
        death_day[part] = dates.days(dates.standardise_dates(death))
    of_dose = claims.of_dose
    conflicts = find_conflicts(person[of_dose], doses.injections, death_day[of_dose])
    status = decided.status[of_dose]
    in_review = np.flatnonzero((status == deciding.REVIEW) & (decided.best.rows[of_dose] >= 0))
    owner, given = of_dose[in_review], Given.of(person[of_dose], of_dose, doses.injections)
    conflicts[in_review] = conflicts_with(decided.best.rows[owner], owner, doses.injections[in_review], given)
    status[conflicts & DEAD > 0] = deciding.REVIEW
    return status, conflicts
