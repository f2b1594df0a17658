"""Error rates of a run without any truth, each with a 95 % interval, from sources that fail in different ways.

- The posterior: what the decisions themselves expect to be wrong, and to be missed. It is right if the model is.
- Sure claims linked again (linkage.deciding.relinking): without their number, where the person whom it named is the
truth; and
  with that person taken out of the registry, where whoever is decided is a false match of somebody not registered.
- Conflicting matches (linkage.deciding.conflicting_matches): what matched claims disagree in beyond what sure ones do.
- The passes as two captures: the share of matches that no pass finds, from what identifiers find without names, and
  the other way round.
- Negative controls: nobody gets a dose after death, so decisions on people dead at the date are wrong.

The estimated false-match rate is put together from the first three. The posterior and the sure claims are two opinions
on the errors of a world like the model's: the estimate is their mean and the interval holds those of both, so that it
is as wide as they differ (a linear opinion pool: Stone 1961; Clemen and Winkler 1999). The conflicting matches come on
top, for neither knows of them. Where the batch is unlike the model's training the posterior has no say, and what rests
on it alone is left out; how many claims are of nobody is then unknown, so that the sure claims give no lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.conflicting_matches import Conflicting, conflicting_matches
from linkage.deciding.decide import EXCLUDED, MATCHED, NO_RIVALS, REVIEW, UNMATCHED, VERIFIED, Decided
from linkage.deciding.relinking import Relinked, SureClaims, link_sure_claims_again
from linkage.doses.schedule import DEAD
from linkage.machine.parts import parts_of
from linkage.registry.index import Index
from linkage.scoring.batch import Batch
from linkage.scoring.number_levels import number_levels
from linkage.training.blocking_recall import missed_by_passes
from linkage.training.model_file import Model
from models.intervals import MODEL_SHAPE, Z_95, predicted_count_interval, wilson_interval

JEFFREYS = 0.5  # errors added to those seen: the prior of a Poisson rate (Jeffreys 1946)
# What conflicting matches have too much of may all have another reason, such as errors of stations that the model does
# not know; but other wrong matches lack that disagreement: twice as many may be wrong, or none.
CONFLICT_FACTOR = 2.0


@dataclass(frozen=True)
class ErrorEstimate:
    """One estimate: ``count`` of ``of`` (expected counts may be fractions), the rate and its 95 % interval."""

    name: str
    count: float
    of: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorRates:
    """All estimates that the batch is large enough for, in a fixed order; conflicting: what is notable of the
    conflicting matches, in words."""

    estimates: list[ErrorEstimate]
    conflicting: list[str]


@dataclass(frozen=True)
class _Opinion:
    """What a source expects of a count of doses: its mean and interval."""

    mean: float
    low: float
    high: float


def estimate_error_rates(
    decided: Decided,
    by_itself: Decided,
    of_dose: NDArray[np.int32],
    dose_status: NDArray[np.uint8],
    dose_conflicts: NDArray[np.uint8],
    batch: Batch,
    index: Index,
    model: Model,
    n_threads: int,
    *,
    is_unlike: bool = False,
) -> ErrorRates:
    """All estimates of a batch.

    by_itself: what was decided of each claim before others' claims and the schedule were weighed, in which the
    conflicting matches are looked for: a claim that another decides may differ more than those that state enough.
    of_dose, dose_status, dose_conflicts: the claim, status and conflict bits of every dose, as published; is_unlike:
    the batch is so unlike the model's training that what the posterior expects of it is void.
    """
    parameters = model.parameters
    is_automatic = (dose_status == VERIFIED) | (dose_status == MATCHED)
    n_doses = _doses_each(of_dose, is_automatic, decided.status.size)
    sure = link_sure_claims_again(decided, batch, index, parameters, n_threads)
    conflicting = [] if sure is None else conflicting_matches(by_itself, n_doses, sure.no_number, index, parameters)
    opinions = [] if is_unlike else [_expected(1.0 - decided.best_probabilities, n_doses)]
    if sure is not None:
        found = _by_sure_claims(decided, of_dose, n_doses, sure, index)
        opinions.append(replace(found, low=0.0) if is_unlike else found)
    estimates = [_false_matches(opinions, conflicting, int(n_doses.sum()))] if opinions else []
    if not (is_unlike or model.training.get("not_identified")):
        estimates.append(_missed_matches(decided, of_dose, dose_status))
    if sure is not None:
        estimates += _of_sure_claims(sure, decided.threshold)
    if "share_in_registry" not in model.training.get("not_identified", ()):
        estimates += _missed_by_passes(decided, index)
    is_decided = (decided.status[of_dose] == VERIFIED) | (decided.status[of_dose] == MATCHED)
    estimates += _seen("decided_on_the_dead", int(((dose_conflicts & DEAD) > 0).sum()), int(is_decided.sum()))
    return ErrorRates(estimates, [found.text for found in conflicting if found.excess.is_notable])


def _false_matches(opinions: list[_Opinion], conflicting: list[Conflicting], n_doses: int) -> ErrorEstimate:
    """False matches among n_doses decided, from the opinions on a world like the model's and what lies beyond it."""
    beyond = [_beyond_the_model(found) for found in conflicting]
    mean = float(np.mean([o.mean for o in opinions])) + sum(o.mean for o in beyond)
    low = min(o.low for o in opinions) + sum(o.low for o in beyond)
    high = max(o.high for o in opinions) + sum(o.high for o in beyond)
    of = max(1, n_doses)
    return ErrorEstimate("estimated_false_match_rate", mean, of, *(min(1.0, x / of) for x in (mean, low, high)))


def _missed_matches(decided: Decided, of_dose: NDArray[np.int32], dose_status: NDArray[np.uint8]) -> ErrorEstimate:
    """Missed matches that the posterior expects, in doses: of an undecided claim, everything but "not in the
    registry" is a match not made without a person."""
    is_open = (dose_status == UNMATCHED) | (dose_status == REVIEW)
    is_automatic = (dose_status == VERIFIED) | (dose_status == MATCHED)
    missed = 1.0 - decided.none
    expected = _expected(missed, _doses_each(of_dose, is_open, missed.size))
    of = max(1, int((is_automatic | is_open).sum()))
    rates = (x / of for x in (expected.mean, expected.low, expected.high))
    return ErrorEstimate("estimated_missed_match_rate", expected.mean, of, *rates)


def _doses_each(of_dose: NDArray[np.int32], is_counted: NDArray[np.bool_], n_claims: int) -> NDArray[np.float64]:
    """How many of the doses counted each claim has: float64[n_claims]."""
    doses = np.zeros(n_claims)
    for part in parts_of(of_dose.size):
        np.add.at(doses, of_dose[part][is_counted[part]], 1.0)
    return doses


def _expected(chance: NDArray[np.float64], doses: NDArray[np.float64]) -> _Opinion:
    """A count that the posterior expects. chance, doses: float64[n_claims], doses concerned of each."""
    expected = float((doses * chance).sum())
    # Whole claims are wrong, with all their doses: the interval is of claims, weighted by the doses at risk.
    doses_each = float((doses**2 * chance).sum()) / expected if expected > 0 else 1.0
    return _predicted(expected, doses_each, MODEL_SHAPE)


def _predicted(expected: float, doses_each: float, shape: float) -> _Opinion:
    """A count of doses, whole claims with doses_each: negative binomial in claims."""
    low, high = predicted_count_interval(expected / doses_each, shape)
    return _Opinion(expected, low * doses_each, high * doses_each)


def _by_sure_claims(
    decided: Decided, of_dose: NDArray[np.int32], n_doses: NDArray[np.float64], sure: SureClaims, index: Index
) -> _Opinion:
    """False matches if claims err as the sure ones do: those outside the registry as if their persons had been taken
    out, those decided without a number as if it had been hidden.

    Each rate is gamma about its mean (errors + 1/2) / claims with as many errors for its shape; the sum of the three is
    taken for gamma with its mean and variance.
    """
    levels = number_levels(decided.best.codes, index.plan)
    outside = decided.none * np.bincount(of_dose, minlength=decided.status.size)
    outside[decided.status == EXCLUDED] = 0.0
    at_risk = (
        (float(outside[levels > 0].sum()), _n_decided(sure.no_person, decided.threshold), sure.no_person.rows.size),
        (float(outside[levels == 0].sum()), _n_decided(sure.neither, decided.threshold), sure.neither.rows.size),
        (
            float(n_doses[(levels == 0) & (decided.status == MATCHED)].sum()),
            _n_wrong(sure.no_number, decided.threshold),
            max(1, _n_decided(sure.no_number, decided.threshold)),
        ),
    )
    means = [doses * (errors + JEFFREYS) / of for doses, errors, of in at_risk]
    expected = sum(means)
    variance = sum(mean**2 / (errors + JEFFREYS) for mean, (_, errors, _) in zip(means, at_risk, strict=True))
    variance += expected**2 / MODEL_SHAPE  # how many are at risk is what the model says
    is_matched = decided.status == MATCHED
    doses_each = float(n_doses[is_matched].mean()) if is_matched.any() else 1.0
    return _predicted(expected, max(1.0, doses_each), expected**2 / variance if variance > 0 else JEFFREYS)


def _beyond_the_model(found: Conflicting) -> _Opinion:
    """Wrong doses among conflicting matches: about the surplus, if it is notable; see `CONFLICT_FACTOR`."""
    surplus, chance = found.excess.surplus * found.doses_each, Z_95 * found.excess.deviation * found.doses_each
    return _Opinion(surplus if found.excess.is_notable else 0.0, 0.0, CONFLICT_FACTOR * surplus + chance)


def _n_decided(claims: Relinked, threshold: float) -> int:
    return int((claims.chances >= threshold).sum())


def _n_wrong(claims: Relinked, threshold: float) -> int:
    return int(((claims.chances >= threshold) & ~claims.is_true).sum())


def _of_sure_claims(sure: SureClaims, threshold: float) -> list[ErrorEstimate]:
    """What was decided of the sure claims when they were linked again."""
    n_decided, n_all = _n_decided(sure.no_number, threshold), sure.no_number.rows.size
    return [
        *_seen("hidden_number_false_match_rate", _n_wrong(sure.no_number, threshold), n_decided),
        *_seen("hidden_number_missed_match_rate", n_all - n_decided, n_all),
        *_seen("removed_person_false_match_rate", _n_decided(sure.no_person, threshold), sure.no_person.rows.size),
        *_seen(
            "removed_person_and_number_false_match_rate", _n_decided(sure.neither, threshold), sure.neither.rows.size
        ),
    ]


def _missed_by_passes(decided: Decided, index: Index) -> list[ErrorEstimate]:
    """The share of matches that no pass finds, of the claims that were linked; nothing where they cannot tell it."""
    linked = decided.place != NO_RIVALS
    n_settled = float((decided.status == VERIFIED).sum())
    found = missed_by_passes(decided.best.passes[linked], decided.best_probabilities[linked], index.plan, n_settled)
    if found is None:
        return []
    missed, n_found = found
    shares = (count / (n_found + count) for count in (missed.count, missed.low, missed.high))
    return [ErrorEstimate("missed_by_all_passes_rate", missed.count, n_found, *shares)]


def _seen(name: str, count: int, of: int) -> list[ErrorEstimate]:
    """A share that was counted; nothing when there was nothing to count among."""
    if of == 0:
        return []
    return [ErrorEstimate(name, float(count), of, count / of, *wilson_interval(count / of, of))]
