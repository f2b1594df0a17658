"""From ranked candidates to one decision per subject: verified, matched, review or unmatched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.plan import Decision
from linkage.scoring import Ranked
from models.parameters import Parameters
from models.posterior import Posterior, match_threshold, posterior

VERIFIED, MATCHED, REVIEW, UNMATCHED, EXCLUDED = range(5)

NO_RIVALS = -1


@dataclass(frozen=True)
class Found:
    """Candidates: rows int32, -1 where there is none; weights float64, passes uint16, codes uint32, probabilities
    float64, all of one shape."""

    rows: NDArray[np.int32]
    weights: NDArray[np.float64]
    passes: NDArray[np.uint16]
    codes: NDArray[np.uint32]
    probabilities: NDArray[np.float64]

    @classmethod
    def nobody(cls, shape: tuple[int, ...]) -> Found:
        return cls(
            np.full(shape, -1, np.int32),
            np.full(shape, -np.inf),
            np.zeros(shape, np.uint16),
            np.zeros(shape, np.uint32),
            np.zeros(shape),
        )


@dataclass(frozen=True)
class Decided:
    """Decisions of n subjects.

    status: uint8[n]; best: Found[n], the best candidate of each; ranked: Found[n_linked, k], all that are kept of the
    subjects that were linked; place: int32[n], where a subject stands in ranked, or NO_RIVALS.

    none, unsearched: float64[n]; threshold: the posterior from which on subjects are matched;
    expected_false_match_rate: mean of 1 - p over the matched ones.
    """

    status: NDArray[np.uint8]
    best: Found
    ranked: Found
    place: NDArray[np.int32]
    none: NDArray[np.float64]
    unsearched: NDArray[np.float64]
    threshold: float
    expected_false_match_rate: float

    def candidates(self, subjects: NDArray[np.integer]) -> Found:
        """All candidates of some subjects: Found[m, k]; who was not linked has the best one only."""
        found = Found.nobody((subjects.size, self.ranked.rows.shape[1]))
        place = self.place[subjects]
        is_linked = place != NO_RIVALS
        for name, values in vars(found).items():
            values[:, 0] = getattr(self.best, name)[subjects]
            values[is_linked] = getattr(self.ranked, name)[place[is_linked]]
        return found


def decide(
    n_subjects: int,
    linked: tuple[NDArray[np.int64], Ranked],
    verified: tuple[NDArray[np.int64], Ranked],
    parameters: Parameters,
    n_persons: int,
    rule: Decision,
) -> Decided:
    """Decide subjects; whoever was neither linked nor verified is excluded.

    linked, verified: numbers of subjects, int64[m], and the ranking of their candidates; of a verified one the person
    he agrees with. The threshold is that of the linked ones, which are those it decides.
    """
    subjects, ranking = linked
    chances = posterior(ranking.weights, ranking.sums, parameters, n_persons)
    best = chances.candidates[:, 0]
    threshold = match_threshold(best, rule.highest_false_match_rate, rule.lowest_match_probability)
    is_matched = best >= threshold
    status = np.full(n_subjects, EXCLUDED, np.uint8)
    status[subjects] = np.where(
        is_matched, MATCHED, np.where(best >= rule.lowest_review_probability, REVIEW, UNMATCHED)
    )
    status[verified[0]] = VERIFIED
    place = np.full(n_subjects, NO_RIVALS, np.int32)
    place[subjects] = np.arange(subjects.size, dtype=np.int32)
    decided = Decided(
        status,
        Found.nobody((n_subjects,)),
        _found(ranking, chances),
        place,
        np.zeros(n_subjects),
        np.zeros(n_subjects),
        threshold,
        float(np.mean(1.0 - best[is_matched])) if is_matched.any() else 0.0,
    )
    _enter(decided, subjects, decided.ranked, chances)
    sure = posterior(verified[1].weights, verified[1].sums, parameters, n_persons)
    _enter(decided, verified[0], _found(verified[1], sure), sure)
    return decided


def _found(ranked: Ranked, chances: Posterior) -> Found:
    rows = ranked.rows.astype(np.int32, copy=False)
    return Found(rows, ranked.weights, ranked.passes, ranked.codes, chances.candidates)


def _enter(decided: Decided, subjects: NDArray[np.int64], found: Found, chances: Posterior) -> None:
    """Write the best candidates and the chances of nobody into the arrays of all subjects."""
    for name, values in vars(decided.best).items():
        values[subjects] = getattr(found, name)[:, 0]
    decided.none[subjects] = chances.none
    decided.unsearched[subjects] = chances.unsearched
