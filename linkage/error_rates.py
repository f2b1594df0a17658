"""Error rates of a run without any truth, each with a 95 % interval, from five sources that fail in different ways.

- The posterior: what the decisions themselves expect to be wrong, and to be missed.
- Hidden numbers: verified subjects are linked again without their number; the person they verified with is the truth.
- Removed persons: verified subjects are linked again with that person taken out of the registry; whoever is decided
then
  is a false match of somebody who is not registered.
- The passes as two captures (Chapman): the share of matches that no pass finds.
- Negative controls: nobody gets a dose after his death, so decisions on people dead at the date are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.comparing import Batch, prepare_batch, take, without_rows
from linkage.decide import MATCHED, REVIEW, UNMATCHED, VERIFIED, Decided
from linkage.link import link_batch
from linkage.parts import parts_of
from linkage.registry import Index
from linkage.schedule import DEAD
from models.intervals import predicted_count_interval, wilson_interval
from models.parameters import Parameters
from models.posterior import posterior

SAMPLE = 4000
SEED = 20220504  # the day of the clean-up procedure; any fixed number gives the same sample at every run


@dataclass(frozen=True)
class ErrorEstimate:
    """One estimate: ``count`` of ``of`` (expected counts may be fractions), the rate and its 95 % interval."""

    name: str
    count: float
    of: int
    rate: float
    low: float
    high: float


def estimate_error_rates(
    decided: Decided,
    of_dose: NDArray[np.int32],
    dose_status: NDArray[np.uint8],
    dose_conflicts: NDArray[np.uint8],
    batch: Batch,
    index: Index,
    parameters: Parameters,
    n_threads: int,
) -> list[ErrorEstimate]:
    """All estimates that the batch is large enough for, in a fixed order.

    of_dose, dose_status, dose_conflicts: the subject, status and conflict bits of every dose, as published.
    """
    estimates = _expected(decided, of_dose, dose_status)
    verified = np.flatnonzero(decided.status == VERIFIED)
    if verified.size and index.plan.verified is not None:
        rng = np.random.default_rng(SEED)
        sample = np.sort(rng.choice(verified, min(SAMPLE, verified.size), replace=False))
        truth = decided.best.rows[sample].astype(np.int64)
        chosen = take(batch, sample)
        estimates += _without_number(chosen, truth, decided.threshold, index, parameters, n_threads)
        estimates += _without_person(chosen, truth, decided.threshold, index, parameters, n_threads)
    estimates += _missed_by_passes(decided, parameters)
    is_decided = (decided.status[of_dose] == VERIFIED) | (decided.status[of_dose] == MATCHED)
    estimates += _seen("decided_on_the_dead", int(((dose_conflicts & DEAD) > 0).sum()), int(is_decided.sum()))
    return estimates


def _expected(decided: Decided, of_dose: NDArray[np.int32], dose_status: NDArray[np.uint8]) -> list[ErrorEstimate]:
    """False and missed matches that the posterior expects, in doses. Doses of one subject err together."""
    is_automatic = (dose_status == VERIFIED) | (dose_status == MATCHED)
    wrong = 1.0 - decided.best.probabilities
    is_open = (dose_status == UNMATCHED) | (dose_status == REVIEW)
    # Of an undecided subject, everything but "not in the registry" is a match not made without a person.
    missed = 1.0 - decided.none
    n_automatic, n_all = int(is_automatic.sum()), int((is_automatic | is_open).sum())
    return [
        _predicted("estimated_false_match_rate", wrong, _doses_each(of_dose, is_automatic, wrong.size), n_automatic),
        _predicted("estimated_missed_match_rate", missed, _doses_each(of_dose, is_open, missed.size), n_all),
    ]


def _doses_each(of_dose: NDArray[np.int32], is_counted: NDArray[np.bool_], n_subjects: int) -> NDArray[np.float64]:
    """How many of the doses counted each subject has: float64[n_subjects]."""
    doses = np.zeros(n_subjects)
    for part in parts_of(of_dose.size):
        np.add.at(doses, of_dose[part][is_counted[part]], 1.0)
    return doses


def _predicted(name: str, chance: NDArray[np.float64], doses: NDArray[np.float64], n: int) -> ErrorEstimate:
    """A count among n doses that the posterior expects. chance, doses: float64[n_subjects], doses concerned of each."""
    expected = float((doses * chance).sum())
    # Whole subjects are wrong, with all their doses: the interval is of subjects, weighted by the doses at risk.
    doses_each = float((doses**2 * chance).sum()) / expected if expected > 0 else 1.0
    low, high = predicted_count_interval(expected / doses_each)
    of = max(1, n)
    return ErrorEstimate(name, expected, of, expected / of, low * doses_each / of, high * doses_each / of)


def _without_number(
    batch: Batch, truth: NDArray[np.int64], threshold: float, index: Index, parameters: Parameters, n_threads: int
) -> list[ErrorEstimate]:
    """Link verified subjects again as if they had stated no number."""
    numbers = [c.left[0] for c in index.plan.comparisons if c.kind == "person_number"]
    hidden = {name: np.zeros_like(batch.columns[name]) for name in numbers}
    relinked = prepare_batch({**batch.columns, **hidden}, batch.dictionaries, index)
    rows, is_decided = _decide_again(relinked, threshold, index, parameters, n_threads)
    is_wrong = is_decided & (rows != truth)
    return [
        *_seen("hidden_number_false_match_rate", int(is_wrong.sum()), int(is_decided.sum())),
        *_seen("hidden_number_missed_match_rate", int((~is_decided).sum()), int(truth.size)),
    ]


def _without_person(
    batch: Batch, truth: NDArray[np.int64], threshold: float, index: Index, parameters: Parameters, n_threads: int
) -> list[ErrorEstimate]:
    """Link verified subjects again with the person they verified with taken out of the registry."""
    _, is_decided = _decide_again(without_rows(batch, truth, index), threshold, index, parameters, n_threads)
    return _seen("removed_person_false_match_rate", int(is_decided.sum()), int(truth.size))


def _decide_again(
    batch: Batch, threshold: float, index: Index, parameters: Parameters, n_threads: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The best person of each subject (int64[n], -1 for none) and whether the run's threshold decides for him."""
    ranked = link_batch(batch, index, parameters, n_threads).ranked
    chances = posterior(ranked.weights, ranked.sums, parameters, index.n_persons)
    return ranked.rows[:, 0].astype(np.int64), chances.candidates[:, 0] >= threshold


def _missed_by_passes(decided: Decided, parameters: Parameters) -> list[ErrorEstimate]:
    """The share of matches that no pass finds, as estimated in training, with an interval from the matches decided."""
    n = int((decided.status == MATCHED).sum())
    if n == 0:
        return []
    missed = 1.0 - parameters.blocking_recall
    low, high = predicted_count_interval(missed * n)
    return [ErrorEstimate("missed_by_all_passes_rate", missed * n, n, missed, low / n, high / n)]


def _seen(name: str, count: int, of: int) -> list[ErrorEstimate]:
    """A share that was counted; nothing when there was nothing to count among."""
    if of == 0:
        return []
    return [ErrorEstimate(name, float(count), of, count / of, *wilson_interval(count / of, of))]
