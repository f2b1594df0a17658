"""From ranked candidates to one decision per claim: verified, matched, review or unmatched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.review_worth import is_worth_review
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.plan.sections import Decision
from linkage.scoring.ranking import Ranked, Ranking
from models.parameters import Parameters
from models.posterior import match_threshold, posterior

VERIFIED, MATCHED, REVIEW, UNMATCHED, EXCLUDED = range(5)

NO_RIVALS = -1


@dataclass(frozen=True)
class Decided:
    """Decisions of n claims.

    status: uint8[n]; best: Ranked[n], the best candidate of each; ranked: Ranked[n_linked, k], all that are kept of the
    claims that were linked; place: int32[n], where a claim stands in ranked, or NO_RIVALS.

    best_probabilities: float64[n], ranked_probabilities: float64[n_linked, k]: posteriors of these candidates; none,
    unsearched: float64[n], of nobody; threshold: the posterior from which on claims are matched;
    expected_false_match_rate: mean of 1 - p over the matched ones.
    """

    status: NDArray[np.uint8]
    best: Ranked
    best_probabilities: NDArray[np.float64]
    ranked: Ranked
    ranked_probabilities: NDArray[np.float64]
    place: NDArray[np.int32]
    none: NDArray[np.float64]
    unsearched: NDArray[np.float64]
    threshold: float
    expected_false_match_rate: float

    def candidates(self, claims: NDArray[np.integer]) -> tuple[Ranked, NDArray[np.float64]]:
        """All candidates of some claims, [m, k], and their probabilities; who was not linked has the best one only."""
        place = self.place[claims]
        is_linked = place != NO_RIVALS
        if is_linked.all():
            return self.ranked.at(place), self.ranked_probabilities[place]
        shape = claims.size, self.ranked.rows.shape[1]
        found, probabilities = Ranked.nobody(shape), np.zeros(shape)
        found.best.put(slice(None), self.best.at(claims))
        probabilities[:, 0] = self.best_probabilities[claims]
        found.put(is_linked, self.ranked.at(place[is_linked]))
        probabilities[is_linked] = self.ranked_probabilities[place[is_linked]]
        return found, probabilities


def decide(
    n_claims: int,
    linked: Ranking,
    verified: Ranking,
    parameters: Parameters,
    rule: Decision,
    scratch: Path | None = None,
    doubtful: NDArray[np.bool_] | None = None,
    threshold: float | None = None,
) -> Decided:
    """Decide claims; whoever was neither linked nor verified is excluded.

    verified: the one person that each agrees with. threshold: the posterior from which on claims are matched,
    None takes that of the linked ones (of a model made elsewhere, which has none). scratch: folder for what is known of
    candidates and of claims without, None keeps it in memory. doubtful: bool[n_linked], whom the plan leaves to a
    person (linkage.deciding.doubtful), None for nobody.
    """
    best = Ranked.nobody((n_claims,), scratch)
    chance_of_best, none, unsearched = (scratch_array(scratch, n_claims, np.float64) for _ in range(3))
    for ranking in (verified, linked):
        candidates = ranking.candidates
        chances = scratch_array(scratch, candidates.rows.shape, np.float64)
        for part in parts_of(ranking.claims.size):
            of_claims = candidates.weights[part], candidates.sums[part], candidates.outside[part]
            found = posterior(*of_claims, parameters)
            chances[part] = found.candidates
            none[ranking.claims[part]], unsearched[ranking.claims[part]] = found.none, found.unsearched
        best.put(ranking.claims, candidates.best)
        chance_of_best[ranking.claims] = chances[:, 0]
    chance = chance_of_best[linked.claims]
    chance_alone = chance if doubtful is None else np.where(doubtful, 0.0, chance)
    if threshold is None:
        threshold = match_threshold(chance_alone, rule.highest_false_match_rate, rule.lowest_match_probability)
    is_matched = chance_alone >= threshold
    status, place = np.full(n_claims, EXCLUDED, np.uint8), np.full(n_claims, NO_RIVALS, np.int32)
    status[verified.claims] = VERIFIED
    status[linked.claims] = np.where(is_matched, MATCHED, np.where(is_worth_review(chances, rule), REVIEW, UNMATCHED))
    place[linked.claims] = np.arange(linked.claims.size, dtype=np.int32)
    expected = float(np.mean(1.0 - chance[is_matched])) if is_matched.any() else 0.0
    return Decided(
        status, best, chance_of_best, linked.candidates, chances, place, none, unsearched, threshold, expected
    )
