"""What the EM learns from: candidates of some claims, what people decided of them, and matches settled without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters
from models.score import bayes_factors, raise_by_chance

Vector = NDArray[np.float64]


CERTAIN = 2.0**400  # the Bayes factor of a pair that a person has decided to be the match


@dataclass(frozen=True)
class Settled:
    """Matches known without a model, by pattern: levels: uint8[n_patterns, n_comparisons], counts: float64[n_patterns],
    in proportion to the claims of the sample; said_of_number: float64[3], how many of these said what of a number, see
    `TrainingSample`.

    Whoever agrees exactly is not in the sample, which is thus of claims with an error somewhere: beside the right
    number its dates and names would seem wrong far more often than those of claims without a number are. Whether a
    claim was settled follows from its pattern alone, so m of all matches is m of the others too (Rubin 1976).
    """

    levels: NDArray[np.uint8]
    counts: Vector
    said_of_number: Vector = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True)
class TrainingSample:
    """Candidates of the training claims in CSR form: claim s has the pairs offsets[s] to offsets[s + 1].

    levels: uint8[n_patterns, n_comparisons] of the distinct patterns; patterns: uint32[n] number of each pair's
    pattern; ratios: float64[n] term frequency ratios of the pairs; chances: by comparison float32[n], how many times as
    common as the mean the left side's value is around it, see `ComparisonParameters.chance_over_household`.

    verdicts: int64[k] pairs that a person has decided, is_match: bool[k] how; the EM takes them as they are. A claim
    with a decided match has verdicts on all its pairs.

    settled: matches of claims beside these, which exact agreement settled before any model.

    said_of_number: uint8[n_claims], what a claim says of a number of its person's, see `Parameters.times_outside`; None
    where the plan compares none. is_unasked: bool[n_patterns], whether a pattern is of claims that were not asked for
    one; None where it is of none.
    """

    offsets: NDArray[np.int64]
    levels: NDArray[np.uint8]
    patterns: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    verdicts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    is_match: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    settled: Settled | None = None
    chances: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    said_of_number: NDArray[np.uint8] | None = None
    is_unasked: NDArray[np.bool_] | None = None

    @property
    def n_claims(self) -> int:
        return self.offsets.size - 1

    def times_outside(self, parameters: Parameters) -> Vector:
        """What claims say of themselves, see `Parameters.times_outside`: float64[n_claims]."""
        if self.said_of_number is None:
            return np.ones(self.n_claims)
        return parameters.times_outside(self.said_of_number)

    def times(self, parameters: Parameters) -> Vector:
        """How many times likelier the pairs' patterns are among relatives for the values' sake: float64[n]."""
        times = np.ones(self.patterns.size)
        for c, chances in self.chances.items():
            by_pattern = parameters.comparisons[c].chance_over_household[self.levels[:, c]]
            raise_by_chance(chances, self.patterns, by_pattern, times)
        return times


def resembling_odds(parameters: Parameters, sample: TrainingSample, n_persons: int) -> Vector:
    """Odds of relatives, of twins and of namesakes over strangers, of the sample's patterns: float64[3, n_patterns]."""
    kinds = parameters.household_odds, parameters.twin_odds, parameters.namesake_odds
    odds = np.stack([of_kind(sample.levels, n_persons) for of_kind in kinds])
    if sample.is_unasked is not None:
        of_unasked = sample.levels[sample.is_unasked]
        odds[2, sample.is_unasked] = parameters.of_unasked.namesake_odds(of_unasked, n_persons)
    return odds


def weigh(sample: TrainingSample, parameters: Parameters, resembling: Vector, times: Vector, factors: Vector) -> None:
    """Bayes factors of the sample's pairs, float64[n] out, certain where a person has decided; resembling: see
    `resembling_odds`, times: see `TrainingSample.times`."""
    tables = np.exp2(parameters.pattern_weights(sample.levels)), resembling.sum(axis=0), resembling[0]
    bayes_factors(sample.patterns, sample.ratios, times, tables, factors)
    factors[sample.verdicts] = np.where(sample.is_match, CERTAIN, 0.0)
