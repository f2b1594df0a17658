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
from linkage.scoring.ranking import Ranking
from models.parameters import Parameters
from models.posterior import match_threshold, posterior

VERIFIED, MATCHED, REVIEW, UNMATCHED, EXCLUDED = range(5)

NO_RIVALS = -1


@dataclass(frozen=True)
class Found:
    """Candidates: rows int32, -1 where there is none; weights float64, passes uint16, codes uint32, ratios float64,
    probabilities float64, all of one shape."""

    rows: NDArray[np.int32]
    weights: NDArray[np.float64]
    passes: NDArray[np.uint16]
    codes: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @classmethod
    def nobody(cls, shape: tuple[int, ...], scratch: Path | None = None) -> Found:
        """No candidates, in work files in ``scratch`` or in memory."""
        dtypes = (np.int32, np.float64, np.uint16, np.uint32, np.float64, np.float64)
        found = cls(*(scratch_array(scratch, shape, dtype) for dtype in dtypes))
        found.rows[:] = -1
        found.weights[:] = -np.inf
        return found


@dataclass(frozen=True)
class Decided:
    """Decisions of n claims.

    status: uint8[n]; best: Found[n], the best candidate of each; ranked: Found[n_linked, k], all that are kept of the
    claims that were linked; place: int32[n], where a claim stands in ranked, or NO_RIVALS.

    none, unsearched: float64[n]; threshold: the posterior from which on claims are matched;
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

    def candidates(self, claims: NDArray[np.integer]) -> Found:
        """All candidates of some claims: Found[m, k]; who was not linked has the best one only."""
        found = Found.nobody((claims.size, self.ranked.rows.shape[1]))
        place = self.place[claims]
        is_linked = place != NO_RIVALS
        for name, values in vars(found).items():
            values[:, 0] = getattr(self.best, name)[claims]
            values[is_linked] = getattr(self.ranked, name)[place[is_linked]]
        return found


def decide(
    n_claims: int,
    linked: Ranking,
    verified: Ranking,
    parameters: Parameters,
    n_persons: int,
    rule: Decision,
    scratch: Path | None = None,
    doubtful: NDArray[np.bool_] | None = None,
    threshold: float | None = None,
) -> Decided:
    """Decide claims; whoever was neither linked nor verified is excluded.

    verified: of each the one person that he agrees with. threshold: the posterior from which on claims are matched,
    None takes that of the linked ones (of a model made elsewhere, which has none). scratch: folder for what is known of
    candidates and of claims without, None keeps it in memory. doubtful: bool[n_linked], whom the plan leaves to a
    person (linkage.deciding.doubtful), None for nobody.
    """
    best = Found.nobody((n_claims,), scratch)
    none, unsearched = (scratch_array(scratch, n_claims, np.float64) for _ in range(2))
    for ranking in (verified, linked):
        chances = scratch_array(scratch, ranking.rows.shape, np.float64)
        for part in parts_of(ranking.sums.size):
            found = posterior(ranking.weights[part], ranking.sums[part], parameters, n_persons)
            chances[part] = found.candidates
            none[ranking.claims[part]], unsearched[ranking.claims[part]] = found.none, found.unsearched
        for name in ("rows", "weights", "passes", "codes", "ratios"):
            getattr(best, name)[ranking.claims] = getattr(ranking, name)[:, 0]
        best.probabilities[ranking.claims] = chances[:, 0]
    chance = best.probabilities[linked.claims]
    chance_alone = chance if doubtful is None else np.where(doubtful, 0.0, chance)
    if threshold is None:
        threshold = match_threshold(chance_alone, rule.highest_false_match_rate, rule.lowest_match_probability)
    is_matched = chance_alone >= threshold
    status, place = np.full(n_claims, EXCLUDED, np.uint8), np.full(n_claims, NO_RIVALS, np.int32)
    status[verified.claims] = VERIFIED
    status[linked.claims] = np.where(is_matched, MATCHED, np.where(is_worth_review(chances, rule), REVIEW, UNMATCHED))
    place[linked.claims] = np.arange(linked.claims.size, dtype=np.int32)
    ranked = Found(linked.rows, linked.weights, linked.passes, linked.codes, linked.ratios, chances)
    expected = float(np.mean(1.0 - chance[is_matched])) if is_matched.any() else 0.0
    return Decided(status, best, ranked, place, none, unsearched, threshold, expected)
