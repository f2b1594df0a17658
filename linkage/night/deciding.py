"""Encoded claims become decisions: exact agreement, a model for the others, their candidates, and what doses say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.deciding import decide as deciding
from linkage.deciding.decide import NO_RIVALS, Decided, decide
from linkage.deciding.dose_evidence import decided_people, weigh_doses
from linkage.deciding.doubtful import are_doubtful
from linkage.deciding.pins import Pins
from linkage.doses.evidence_rates import EvidenceRates, learn_rates
from linkage.machine.stage_clock import Clock
from linkage.published.decided import DecidedClaims, ReadDoses
from linkage.published.patterns import PairCounts
from linkage.registry.index import Index
from linkage.scoring.batch import Batch
from linkage.scoring.exact_agreement import find_verified
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.ranking import Ranking
from linkage.scoring.tiles import link_batch, registry_order
from linkage.training.batch_model import model_of_batch
from linkage.training.model_file import Model
from linkage.training.model_shape import MatchThreshold
from models.parameters import Parameters


@dataclass(frozen=True)
class Verified:
    """Claims that agree exactly with one person, agreed: int64[n], in the order of the registry; rows: int32[n],
    passes: uint16[n]. to_link: int64[m], those that do not and are compared, in the same order."""

    agreed: NDArray[np.int64]
    rows: NDArray[np.int32]
    passes: NDArray[np.uint16]
    to_link: NDArray[np.int64]


def decide_batch(
    read: ReadDoses,
    index: Index,
    model: Model | None,
    n_threads: int,
    scratch: Path | None,
    clock: Clock,
    *,
    verdicts: NDArray[np.int64] | None = None,
    accepted: str | None = None,
) -> DecidedClaims:
    """Decide every claim; what linking needs beside is gone when this returns.

    Parameters
    ----------
    model : None trains one on the batch, whose threshold is that of the batch
    verdicts, accepted : of a training, see linkage.training.batch_model
    """
    found, model = verify(read, index, model, n_threads, clock, verdicts=verdicts, accepted=accepted)
    return decide_verified(read, found, index, model, n_threads, scratch, clock)[0]


def verify(
    read: ReadDoses,
    index: Index,
    model: Model | None,
    n_threads: int,
    clock: Clock,
    *,
    verdicts: NDArray[np.int64] | None = None,
    accepted: str | None = None,
) -> tuple[Verified, Model]:
    """Whoever agrees exactly with somebody, and the model for the others; parameters as of `decide_batch`."""
    doses, claims, batch = read.doses, read.claims, read.batch
    is_excluded = read.pins.exclude(doses.excluded[claims.first_dose] > 0)
    with clock.stage("verify"):
        rows, passes = find_verified(batch, index)
        # What a station typed wrong was read right, and is still to be mended: it is linked, and nothing to train on.
        agrees = read.pins.leave((rows >= 0) & ~is_excluded, rows)
        is_verified = agrees & (doses.misread[claims.first_dose] == 0)
        agreed, to_link = np.flatnonzero(is_verified), np.flatnonzero(~is_verified & ~is_excluded)
        # In the order of the registry, whose columns are thus gone through once.
        agreed, to_link = agreed[np.argsort(rows[agreed])], to_link[registry_order(batch, to_link, index)]
        found = Verified(agreed, rows[agreed].astype(np.int32), passes[agreed], to_link)
    if model is None:
        with clock.stage("train"):
            verified = np.where(is_verified, rows, -1).astype(np.int32)
            model = model_of_batch(
                batch, doses, claims, verified, agrees, index, n_threads, verdicts=verdicts, accepted=accepted
            )
    return found, model


def decide_verified(
    read: ReadDoses,
    found: Verified,
    index: Index,
    model: Model,
    n_threads: int,
    scratch: Path | None,
    clock: Clock,
) -> tuple[DecidedClaims, Decided]:
    """Link and decide the claims that agree exactly with nobody, with what the doses say beside; and what was decided
    of each claim by itself, before."""
    doses, claims, batch, pins = read.doses, read.claims, read.batch, read.pins
    with clock.stage("link"):
        linked, pairs = _link(batch, found.to_link, index, model.parameters, n_threads, scratch, clock)
        pins.put_first(linked, batch, index, model.parameters, n_threads, scratch, is_summed=False)
    with clock.stage("decide"):
        weighed = Ranking(
            found.agreed,
            weigh_given(batch, found.agreed, found.rows, found.passes, index, model.parameters, n_threads, scratch),
        )
        threshold = None if model.threshold is None else model.threshold.by_itself
        by_itself = _decided(pins, linked, weighed, model, threshold, index, scratch)
    with clock.stage("evidence"):
        known = model.rates or learn_rates(decided_people(by_itself), doses, claims, index)
        evidence = weigh_doses(
            pins.certain(by_itself), linked, doses, claims, batch, index, model.parameters, known, n_threads, scratch
        )
        pins.put_first(linked, batch, index, model.parameters, n_threads, scratch, is_summed=True)
        threshold = None if model.threshold is None else model.threshold.probability
        decided = _decided(pins, linked, weighed, model, threshold, index, scratch)
    return DecidedClaims(decided, evidence, pairs, _completed(model, known, by_itself, decided)), by_itself


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
    pins: Pins,
    linked: Ranking,
    verified: Ranking,
    model: Model,
    threshold: float | None,
    index: Index,
    scratch: Path | None,
) -> Decided:
    n_claims, rule = pins.status.size, index.plan.decision
    doubtful = pins.doubtful(linked.claims, are_doubtful(linked.candidates.codes[:, 0], index.plan))
    found = decide(n_claims, linked, verified, model.parameters, rule, scratch, doubtful, threshold)
    return pins.entered(found)


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
    return Ranking(claims, linked.ranked), PairCounts.of(linked)
