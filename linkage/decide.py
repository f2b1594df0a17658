"""From ranked candidates to one decision per subject: verified, matched, review or unmatched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.plan import Decision
from linkage.scoring import Ranked
from models.parameters import Parameters
from models.posterior import match_threshold, posterior

VERIFIED, MATCHED, REVIEW, UNMATCHED, EXCLUDED = range(5)


@dataclass(frozen=True)
class Decided:
    """Decisions of n subjects. status: uint8[n]; ranked: their candidates, probabilities: float64[n, k] posteriors
    of them.

    none, unsearched: float64[n]; threshold: the posterior from which on subjects are matched;
    expected_false_match_rate: mean of 1 - p over the matched ones.
    """

    status: NDArray[np.uint8]
    ranked: Ranked
    probabilities: NDArray[np.float64]
    none: NDArray[np.float64]
    unsearched: NDArray[np.float64]
    threshold: float
    expected_false_match_rate: float


def decide(
    ranked: Ranked, is_verified: NDArray[np.bool_], parameters: Parameters, n_persons: int, rule: Decision
) -> Decided:
    """Decide subjects; the threshold is that of the ones that are not verified, which are the ones it decides."""
    chances = posterior(ranked.weights, ranked.sums, parameters, n_persons)
    best = chances.candidates[:, 0]
    threshold = match_threshold(best[~is_verified], rule.highest_false_match_rate, rule.lowest_match_probability)
    is_matched = ~is_verified & (best >= threshold)
    status = np.full(best.size, UNMATCHED, np.uint8)
    status[best >= rule.lowest_review_probability] = REVIEW
    status[is_matched] = MATCHED
    status[is_verified] = VERIFIED
    expected = float(np.mean(1.0 - best[is_matched])) if is_matched.any() else 0.0
    return Decided(status, ranked, chances.candidates, chances.none, chances.unsearched, threshold, expected)


def merge(n_subjects: int, parts: list[tuple[NDArray[np.int64], Ranked]], n_best: int) -> Ranked:
    """One ranking of all subjects from rankings of some: (subject numbers, their ranking); the others have no
    candidate."""
    merged = Ranked(
        np.full((n_subjects, n_best), -1, np.int64),
        np.full((n_subjects, n_best), -np.inf),
        np.zeros((n_subjects, n_best), np.uint16),
        np.zeros((n_subjects, n_best), np.uint32),
        np.ones((n_subjects, n_best)),
        np.zeros(n_subjects),
        np.zeros(n_subjects, np.int64),
    )
    for subjects, ranked in parts:
        for name in ("rows", "weights", "passes", "codes", "ratios", "sums", "n_candidates"):
            getattr(merged, name)[subjects] = getattr(ranked, name)
    return merged
