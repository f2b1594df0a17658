"""Everything between the files: accepted doses become subjects, and these a decided batch."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage import decide as deciding
from linkage.claims import read_claims
from linkage.comparing import Batch, pattern_space, prepare_batch, take
from linkage.decide import NO_RIVALS, Decided, Ranking, decide
from linkage.dose_evidence import Evidence, decided_people, weigh_doses
from linkage.doses import Doses
from linkage.doubtful import are_doubtful
from linkage.drift import Moved, describe_best, moved_levels
from linkage.error_rates import estimate_error_rates
from linkage.evidence_rates import learn_rates
from linkage.gates import is_unlike
from linkage.given_pairs import weigh_given
from linkage.ingest import Ingested
from linkage.link import link_batch, registry_order
from linkage.model_file import Model
from linkage.outputs import Outcome
from linkage.pair_counts import PairCounts
from linkage.parts import parts_of
from linkage.registry import Index
from linkage.schedule import DEAD, find_conflicts
from linkage.schedule_evidence import Given, conflicts_with
from linkage.scratch import scratch_array
from linkage.standardise import dates
from linkage.stations import Stations
from linkage.subjects import Subjects
from linkage.train import train
from linkage.training_sample import SettledClaims
from linkage.verify import find_verified
from models.parameters import Parameters

Progress = Callable[[str, int, int], None]
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


@dataclass
class Clock:
    """Seconds by stage, and who is told about progress."""

    on_progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.on_progress(name, 0, 0)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    def reading(self, done_bytes: int, total_bytes: int) -> None:
        """How much of all input files was read."""
        self.on_progress("ingest", done_bytes, total_bytes)


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
        doses, subjects, batch, stations = subjects_of(ingested, index, n_threads, scratch)
    excluded, misread = doses.excluded[subjects.first_dose], doses.misread[subjects.first_dose]
    is_trained_here = model is None
    decided, by_itself, evidence, pairs, model = _decide_subjects(
        doses, subjects, batch, excluded > 0, misread > 0, index, model, n_threads, scratch, clock
    )
    with clock.stage("conflicts"):
        status, conflicts = _dose_status(doses, subjects, decided, index)
    with clock.stage("error_rates"):
        moved = () if is_trained_here else _moved(by_itself, model)
        rates = estimate_error_rates(
            decided,
            by_itself,
            subjects.of_dose,
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
        subjects,
        batch,
        decided,
        evidence,
        status,
        conflicts,
        excluded,
        index,
        model.parameters,
        drawn_up,
        stations,
        rates,
        moved,
    )
    return outcome, pairs, model


def _decide_subjects(
    doses: Doses,
    subjects: Subjects,
    batch: Batch,
    is_excluded: NDArray[np.bool_],
    is_misread: NDArray[np.bool_],
    index: Index,
    model: Model | None,
    n_threads: int,
    scratch: Path,
    clock: Clock,
) -> tuple[Decided, Decided, Evidence, PairCounts, Model]:
    """Decide every subject with what the others say of it, and by itself. What linking needs beside is gone when this
    returns."""
    with clock.stage("verify"):
        rows, passes = find_verified(batch, index)
        agrees = (rows >= 0) & ~is_excluded
        # What a station typed wrong was read right, and is still to be mended: it is linked, but nothing to train on.
        is_verified = agrees & ~is_misread
        agreed, to_link = np.flatnonzero(is_verified), np.flatnonzero(~is_verified & ~is_excluded)
        # In the order of the registry, whose columns are thus gone through once.
        agreed, to_link = agreed[np.argsort(rows[agreed])], to_link[registry_order(batch, to_link, index)]
        sure = rows[agreed].astype(np.int32), passes[agreed]
        verified = np.where(is_verified, rows, -1).astype(np.int32)
        del rows, passes
    if model is None:
        with clock.stage("train"):
            chosen = trainees(agrees, is_excluded)
            settled = settled_claims(batch, chosen, verified)
            parameters, training = train(take(batch, chosen), index, n_threads, settled=settled)
            rates = learn_rates(verified, doses, subjects, index)
            model = Model(parameters, index.plan, training.to_dict(), rates if rates.are_enough else None)
    with clock.stage("link"):
        linked, pairs = _link(batch, to_link, index, model.parameters, n_threads, scratch, clock)
    with clock.stage("decide"):
        weighed = weigh_given(batch, agreed, *sure, index, model.parameters, n_threads, scratch)
        by_itself = _decided(batch.n_subjects, linked, weighed, model.parameters, index, scratch)
    with clock.stage("evidence"):
        known = model.rates or learn_rates(decided_people(by_itself), doses, subjects, index)
        evidence = weigh_doses(
            by_itself, linked, doses, subjects, batch, index, model.parameters, known, n_threads, scratch
        )
        decided = _decided(batch.n_subjects, linked, weighed, model.parameters, index, scratch)
    return decided, by_itself, evidence, pairs, model


def _decided(
    n_subjects: int, linked: Ranking, verified: Ranking, parameters: Parameters, index: Index, scratch: Path
) -> Decided:
    doubtful = are_doubtful(linked.codes[:, 0], index.plan)
    return decide(n_subjects, linked, verified, parameters, index.n_persons, index.plan.decision, scratch, doubtful)


def _link(
    batch: Batch,
    subjects: NDArray[np.int64],
    index: Index,
    parameters: Parameters,
    n_threads: int,
    scratch: Path,
    clock: Clock,
) -> tuple[Ranking, PairCounts]:
    """Rank the candidates of some subjects."""

    def on_tile(n_done: int) -> None:
        clock.on_progress("link", n_done, subjects.size)

    linked = link_batch(batch, index, parameters, n_threads, subjects=subjects, scratch=scratch, on_tile=on_tile)
    found = linked.ranked
    ranking = Ranking(subjects, found.rows, found.weights, found.passes, found.codes, found.ratios, found.sums)
    return ranking, PairCounts.of(linked)


def _moved(by_itself: Decided, model: Model) -> tuple[Moved, ...]:
    """How the claims that were linked differ from those that the model was trained on, as many as a training takes;
    each decided by itself, as in a training."""
    linked = np.flatnonzero((by_itself.place != NO_RIVALS) & (by_itself.best.rows >= 0))
    some = linked[:: 1 + linked.size // model.plan.training.subjects]
    levels = pattern_space(model.plan).levels_of(by_itself.best.codes[some])
    return moved_levels(model.training.get("best_candidates", {}), describe_best(levels, model.plan))


def trainees(agrees: NDArray[np.bool_], is_excluded: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Subjects to train on: those that agree exactly with nobody, whom the model decides; the others where all
    agree."""
    still_open = np.flatnonzero(~agrees & ~is_excluded)
    return still_open if still_open.size else np.flatnonzero(~is_excluded)


def settled_claims(batch: Batch, chosen: NDArray[np.int64], verified: NDArray[np.int32]) -> SettledClaims | None:
    """The claims that exact agreement settled, beside the ``chosen`` ones to train on; verified: int32[n_subjects], the
    row that each agrees with, -1 for none."""
    of_all = np.flatnonzero(verified >= 0)
    if not of_all.size or verified[chosen].max(initial=-1) >= 0:
        return None
    return SettledClaims(batch, of_all, verified[of_all])


def subjects_of(
    ingested: Ingested, index: Index, n_threads: int = 2, scratch: Path | None = None
) -> tuple[Doses, Subjects, Batch, Stations]:
    """The doses, their distinct subjects, the encoded batch of these, and what was found of the stations.

    scratch : folder for the encoded columns; None keeps them in memory
    """
    dictionaries = index.dictionaries.copy()
    doses, subjects, columns, stations = read_claims(ingested, index, dictionaries, n_threads, scratch)
    of_subjects = {}
    for name in list(columns):
        column = columns.pop(name)
        of_subjects[name] = scratch_array(scratch, (subjects.keys.size, *column.shape[1:]), column.dtype)
        for part in parts_of(subjects.keys.size):
            of_subjects[name][part] = column[doses.rows[subjects.first_dose[part]]]
    return doses, subjects, prepare_batch(of_subjects, dictionaries, index, n_threads), stations


def _dose_status(
    doses: Doses, subjects: Subjects, decided: Decided, index: Index
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Status and conflict bits of every dose: any after the person's death goes to review. What is under review has the
    conflicts with what is decided for its best candidate."""
    person = decided_people(decided)
    death_day = np.empty(person.size, np.int32)
    for part in parts_of(person.size):
        death = index.take(person[part], ["date_of_death"]).column(0).combine_chunks()
        death_day[part] = dates.days(dates.standardise_dates(death))
    of_dose = subjects.of_dose
    conflicts = find_conflicts(person[of_dose], doses.injections, death_day[of_dose])
    status = decided.status[of_dose]
    in_review = np.flatnonzero((status == deciding.REVIEW) & (decided.best.rows[of_dose] >= 0))
    owner, given = of_dose[in_review], Given.of(person[of_dose], of_dose, doses.injections)
    conflicts[in_review] = conflicts_with(decided.best.rows[owner], owner, doses.injections[in_review], given)
    status[conflicts & DEAD > 0] = deciding.REVIEW
    return status, conflicts
