"""Estimates how often people whom the registry does not hold have a namesake in it, and how near their dates lie.

Chance makes namesakes, and term frequencies count these. But cousins named alike, people who moved away, or a person
entered twice by mistake are there more often than chance has it, and a claim that states no number cannot tell them
from the person. Claims that do state one can: a full number that is nobody's, beside the name and the commune
of a registered person, is hardly ever that person's. So the class is learnt from the pairs whose numbers contradict
each other, and of which no other number agrees; what such numbers and dates are worth among matches is learnt from
anchored pairs (models.estimate). Who is in no registry has no number to state more often than others: of the claims
that were asked for one and have none the rate is estimated apart, from how many of their dates are as namesakes' rather
than as matches'. Those that were not asked are of both kinds, and tell neither rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.parameters import NUMBERLESS, STATED, Parameters
from models.posterior import masses_not_found
from models.training_sample import TrainingSample, resembling_odds, weigh

Vector = NDArray[np.float64]

PRIOR_NAMESAKES = 20.0  # weight of the plan's values in the level probabilities learnt, in pairs
PRIOR_UNMATCHED = 20.0  # weight of the rate to start from, in claims
STARTING_RATE = 2e-3
ROUNDS = 20


@dataclass(frozen=True)
class NamesakePlan:
    """number: the comparison of numbers; contradicted: its levels of a stated number that is not the person's; anchors:
    comparisons of other numbers, which must not be the same (level 1); learnt: those whose level probabilities are
    learnt, such as that of dates. That of being the same is not: one name and one date are mostly one person, whose
    number is wrong, and as namesakes such pairs would teach that namesakes are born on one day."""

    number: int
    contradicted: tuple[int, ...]
    anchors: tuple[int, ...]
    learnt: tuple[int, ...]


def estimate_namesakes(
    parameters: Parameters,
    start: Parameters,
    sample: TrainingSample,
    plan: NamesakePlan,
    n_persons: int,
) -> Parameters:
    """The parameters with the rate of namesakes, and their probabilities at the comparisons learnt; of a sample that
    knows what claims say of a number."""
    levels, said = sample.levels, sample.said_of_number
    assert said is not None, "a plan with namesakes compares a number"
    others_differ = np.all([levels[:, anchor] != 1 for anchor in plan.anchors], axis=0)
    is_telling = np.isin(levels[:, plan.number], plan.contradicted) & others_differ
    is_numberless = (levels[:, plan.number] == 0) & others_differ
    if sample.is_unasked is not None:
        is_numberless &= ~sample.is_unasked
    claim = np.repeat(np.arange(sample.n_claims), np.diff(sample.offsets))
    parameters = replace(parameters, namesake_rate=max(parameters.namesake_rate, STARTING_RATE))
    share_telling = float(parameters.comparisons[plan.number].among_namesakes[list(plan.contradicted)].sum())
    factors = np.empty(sample.patterns.size)
    for _ in range(ROUNDS):
        resembling, times = resembling_odds(parameters, sample, n_persons), sample.times(parameters)
        weigh(sample, parameters, resembling, times, factors)
        prior = parameters.share_in_registry / n_persons
        none = np.add(*masses_not_found(sample.times_outside(parameters), parameters))
        unmatched = none / (none + prior * np.bincount(claim, weights=factors, minlength=sample.n_claims))
        relatives, twins, of_pair = resembling[:, sample.patterns]
        chance = unmatched[claim] * of_pair / (sample.ratios + relatives * times + twins + of_pair)
        by_pattern = np.bincount(sample.patterns, weights=chance, minlength=levels.shape[0])
        rate = _rate(float(by_pattern[is_telling].sum()) / share_telling, unmatched[said == STATED], STARTING_RATE)
        rate_numberless = _rate(float(by_pattern[is_numberless].sum()), unmatched[said == NUMBERLESS], rate)
        comparisons = list(parameters.comparisons)
        for i in plan.learnt:
            first = start.comparisons[i].among_namesakes
            seen = np.bincount(levels[:, i], weights=by_pattern * is_telling, minlength=first.size)
            comparisons[i] = replace(comparisons[i], namesake=_but_the_same(seen + PRIOR_NAMESAKES * first, first[1]))
        number = comparisons[plan.number]
        comparisons[plan.number] = replace(number, namesakes_missing=rate_numberless / rate)
        parameters = replace(parameters, comparisons=tuple(comparisons), namesake_rate=rate)
    return parameters


def _rate(found: float, unmatched: NDArray[np.floating[Any]], start: float) -> float:
    """Namesakes per claim without a match, of those expected and the chances to have none: shrunk to ``start``."""
    return (found + PRIOR_UNMATCHED * start) / (float(unmatched.sum()) + PRIOR_UNMATCHED)


def _but_the_same(counts: Vector, same: float) -> Vector:
    """Level probabilities from counts, float64[n_levels], that of being the same as given."""
    others = counts.copy()
    others[:2] = 0.0
    shares = (1.0 - same) * others / others.sum()
    shares[:2] = 1.0, same
    return np.asarray(shares)
