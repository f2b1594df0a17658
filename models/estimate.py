"""Estimates m, the household probabilities and the priors by EM over the candidates of a sample of claims.

The likelihood is that of models.posterior: at most one match per claim, against "not there" and "not searched". So
rivals are taken into account while training, u stays that of the whole registry, and no pass has to leave anything
out: the candidates are the union of all passes, of which the blocking recall says what is missing. Non-matches are
strangers, people of one household, which explains why an ID number and a phone can agree together by a parent at the
desk, and twins, who are known from the registry alone (see models.estimate_registry): only how often claims without a
match have one is estimated here.

What a comparison shows among matches may be learnt from anchored pairs only, those that others alone make matches.
Namesakes whom the registry does not hold state a full number that is nobody's; taken for matches for their name and
place they would teach that matches do so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.estimate_outside import numberless_shares
from models.estimate_u import normalised
from models.order import Closer, rising
from models.parameters import ComparisonParameters, Parameters
from models.posterior import masses_not_found
from models.relatives import household_rates, twin_rate, unmet_relatives
from models.residual_correlation import residual_correlation
from models.score import expect
from models.training_sample import TrainingSample, Vector, resembling_odds, weigh

# Weight of the prior level probabilities, in pairs. Small against any real batch, enough that no zero sticks.
PRIOR_MATCHES = 20.0
PRIOR_RELATIVES = 20.0

ANCHOR_LOG2 = 7.0  # odds at which the other comparisons alone make a pair a match: 99 %
# No level falls under this part of its prior share: what one batch has never shown may happen in the next, and a
# weight of -29 bits for one wrong entry would overrule everything else.
LEAST_OF_PRIOR = 0.05
MAX_ITERATIONS = 200
TOLERANCE = 1e-4  # how far any probability may still be from its limit


@dataclass(frozen=True)
class Convergence:
    """How the EM ended.

    changes: the largest change of any probability, an entry per iteration; residual_correlation: see the function of
    that name.
    """

    converged: bool
    n_iterations: int
    log2_likelihood: float
    changes: tuple[float, ...]
    residual_correlation: Vector


def estimate_m(
    parameters: Parameters,
    sample: TrainingSample,
    n_persons: int,
    *,
    household: bool,
    rivals: bool = True,
    borrowed: bool = True,
    prior: Parameters | None = None,
    anchors: Mapping[int, tuple[int, ...]] | None = None,
) -> tuple[Parameters, Convergence]:
    """m, household probabilities, share in the registry, shares without a number, household and twin rate by EM; u, the
    twins' probabilities and the blocking recall stay.

    rivals: at most one candidate of a claim is the match; False judges every pair by itself, and share_in_registry
    becomes the expected number of matches per record. borrowed: see `models.relatives.household_rates`. prior: where
    the Dirichlet priors stand, the parameters to start from when None. anchors: by comparison whose m is learnt from
    anchored pairs only, the comparisons of which one has to be the same (level 1) for that.

    The twin rate given is that of the registry; the one returned that of claims without a match where these have
    more, judged by the one given.

    Deterministic: sums run over the sample in its order, whatever the number of threads.
    """
    start = parameters if prior is None else prior
    expected = _Expected.of_nothing(sample)
    changes: list[float] = []
    while len(changes) < MAX_ITERATIONS and _distance_left(changes) > TOLERANCE:
        expected = _expected(parameters, sample, n_persons, expected, rivals=rivals, borrowed=borrowed)
        updated = _maximised(
            parameters, start, sample, n_persons, expected, household=household, rivals=rivals, anchors=anchors or {}
        )
        changes.append(_largest_change(parameters, updated))
        parameters = updated
    correlation = residual_correlation(parameters, sample.levels, expected.matches)
    # Not within the loop: a class that takes pairs from the matches, and grows by what it took, would take them all.
    rate = twin_rate(parameters, float(expected.relatives[2].sum()), sample.n_claims - float(expected.matches.sum()))
    parameters = replace(parameters, twin_rate=rate)
    return parameters, Convergence(
        _distance_left(changes) <= TOLERANCE, len(changes), expected.log_likelihood, tuple(changes), correlation
    )


@dataclass(frozen=True)
class _Expected:
    """What one E-step expects.

    matches: float64[n_patterns]; relatives: float64[4, n_patterns], those of claims found, of claims not found, twins,
    namesakes; missed: matches that no pass found; outside: float64[n_claims], the chance that the registry does not
    hold the person, None where nobody is known to have no match; met, unmet: float64[n_patterns] relatives who share a
    number, and those who for sharing none cannot be told from strangers; household_rate: relatives per claim without a
    match, rates: float64[2], over it those of claims found and not found.
    """

    matches: Vector
    relatives: Vector
    log_likelihood: float
    missed: float
    outside: Vector | None
    met: Vector
    unmet: Vector
    household_rate: float
    rates: Vector

    @staticmethod
    def of_nothing(sample: TrainingSample) -> _Expected:
        """What stands before the first step."""
        nothing = np.zeros(sample.levels.shape[0])
        return _Expected(nothing, np.zeros((4, nothing.size)), 0.0, 0.0, None, nothing, nothing, 0.0, np.ones(2))


def _expected(
    parameters: Parameters,
    sample: TrainingSample,
    n_persons: int,
    before: _Expected,
    *,
    rivals: bool,
    borrowed: bool,
) -> _Expected:
    """The E-step; rivals, borrowed: see `estimate_m`."""
    offsets = sample.offsets if rivals else np.arange(sample.patterns.size + 1, dtype=np.int64)
    resembling, times = resembling_odds(parameters, sample, n_persons), sample.times(parameters)
    factors = np.empty(sample.patterns.size)
    weigh(sample, parameters, resembling, times, factors)
    share = parameters.share_in_registry
    absent, unsearched = masses_not_found(sample.times_outside(parameters), parameters)
    none = absent + unsearched if rivals else np.full(offsets.size - 1, 1.0 - share / n_persons)
    matches, relatives = np.empty(sample.levels.shape[0]), np.empty((4, sample.levels.shape[0]))
    log_likelihood = expect(
        *(offsets, factors, sample.patterns, (sample.ratios, times), resembling, before.rates),
        *(share / n_persons, none, matches, relatives),
    )
    # The unsearched part of "not found" belongs to the people in the registry.
    found = float(matches.sum())
    outside = none * (absent / (absent + unsearched)) if rivals else None
    missed = 0.0 if outside is None else float((none - outside).sum())
    # Relatives who share no number cannot be told from strangers: they are counted from those who do.
    by_claim = relatives[:2] * parameters.share_a_number(sample.levels)
    met = by_claim.sum(axis=0)
    unmet = unmet_relatives(parameters, sample.levels, met)
    n_found = found if rivals else None
    rate, rates = household_rates(parameters, sample.levels, by_claim, n_found, sample.n_claims, borrowed=borrowed)
    return _Expected(matches, relatives, log_likelihood, missed, outside, met, unmet, rate, rates)


def _maximised(
    parameters: Parameters,
    start: Parameters,
    sample: TrainingSample,
    n_persons: int,
    expected: _Expected,
    *,
    household: bool,
    rivals: bool,
    anchors: Mapping[int, tuple[int, ...]],
) -> Parameters:
    """The M-step: the likeliest parameters under what is expected, with priors at ``start``; see `estimate_m`."""
    n_settled = 0.0 if sample.settled is None else float(sample.settled.counts.sum())
    n_found = float(expected.matches.sum()) + expected.missed + n_settled
    numberless_m, numberless_u = numberless_shares(parameters, sample, expected.outside)
    comparisons = tuple(
        _updated(
            old,
            first,
            sample.levels[:, c],
            _matches_by_level(parameters, sample, expected.matches, c, anchors, n_persons),
            (expected.met, expected.unmet) if household else None,
            rivals=rivals,
        )
        for c, (old, first) in enumerate(zip(parameters.comparisons, start.comparisons, strict=True))
    )
    return replace(
        parameters,
        comparisons=comparisons,
        share_in_registry=_share(n_found, sample.n_claims + n_settled, 1.0 - 1e-6 if rivals else n_persons / 2),
        household_rate=expected.household_rate if household else 0.0,
        numberless_m=numberless_m,
        numberless_u=numberless_u,
    )


def _share(found: float, of: float, most: float) -> float:
    return float(np.clip((found + 1.0) / (of + 2.0), 1e-6, most))


def _matches_by_level(
    parameters: Parameters,
    sample: TrainingSample,
    matches: Vector,
    comparison: int,
    anchors: Mapping[int, tuple[int, ...]],
    n_persons: int,
) -> Vector:
    """The expected matches that a comparison's m is learnt from, by its level: float64[n_levels]; matches:
    float64[n_patterns], those of the sample."""
    by_level = np.zeros(len(parameters.comparisons[comparison].labels))
    known = [(sample.levels, matches)]
    known += [] if sample.settled is None else [(sample.settled.levels, sample.settled.counts)]
    for levels, counts in known:
        if comparison in anchors:
            counts = np.where(
                _are_anchored(parameters, levels, comparison, anchors[comparison], n_persons), counts, 0.0
            )
        by_level += np.bincount(levels[:, comparison], weights=counts, minlength=by_level.size)
    return by_level


def _are_anchored(
    parameters: Parameters, levels: NDArray[np.uint8], comparison: int, anchors: tuple[int, ...], n_persons: int
) -> NDArray[np.bool_]:
    """Whether the others alone make a match of each pattern, and one of the anchors agrees: bool[n_patterns].

    Given that a pair is a match, its level says nothing of the other comparisons, so those anchored by these show the
    same m as all, without what resembles matches in the others' absence.
    """
    others = [c.log2_m_u if i != comparison else np.zeros(c.m.size) for i, c in enumerate(parameters.comparisons)]
    weights = sum(of[levels[:, i]] for i, of in enumerate(others))
    is_sure = weights >= ANCHOR_LOG2 + np.log2(n_persons / parameters.share_in_registry)
    agrees = [np.isin(levels[:, i], (1, *parameters.comparisons[i].shared_levels)) for i in anchors]
    return np.asarray(is_sure & np.any(agrees, axis=0))


def _updated(
    old: ComparisonParameters,
    start: ComparisonParameters,
    levels: NDArray[np.uint8],
    matches: Vector,
    relatives: tuple[Vector, Vector] | None,
    *,
    rivals: bool,
) -> ComparisonParameters:
    """One M-step of one comparison from expected counts, with Dirichlet priors at the starting values; rivals: see
    `estimate_m`.

    matches: expected matches by level; relatives: expected relatives by pattern, those met by a shared number and,
    beside them, those unmet.
    """
    n = len(old.labels)
    m = normalised(matches + PRIOR_MATCHES * start.m)
    m = normalised(np.maximum(m, LEAST_OF_PRIOR * start.m))
    if old.closer:
        m = in_order(m, old.u, old.closer)
    if "m" in old.fixed:
        m = start.m
    if relatives is None:
        return replace(old, m=m)
    met, unmet = relatives
    counts = np.bincount(levels, weights=met, minlength=n) + PRIOR_RELATIVES * start.household
    if old.shared_levels:
        # The unmet share no number, so here they are at the other levels, in the proportions known so far.
        others = old.household * (1.0 - old.is_shared())
        others[0] = 0.0
        if others.any():
            counts += unmet[levels > 0].sum() * others / others.sum()
    household = normalised(counts)
    if not rivals:
        # Where a record may have several matches none is another's rival. Relatives who agree by chance are few, and
        # taken for matches they would teach that matches differ in all else: so they agree as often as strangers.
        least = np.maximum(LEAST_OF_PRIOR * start.household, np.where(m > old.u, old.u, 0.0))
        household = normalised(np.maximum(household, least))
    return replace(old, m=m, household=household)


def _distance_left(changes: list[float]) -> float:
    """How far the probabilities still are from where they are heading, judged from the last two changes.

    EM closes in by a constant factor, so a small change may be one of many: the sum of the series to come is bounded by
    the last change over 1 - factor.
    """
    if len(changes) < 2:
        return np.inf
    factor = min(changes[-1] / changes[-2], 0.999) if changes[-2] > 0 else 0.0
    return changes[-1] * factor / (1.0 - factor)


def in_order(m: Vector, u: Vector, closer: Closer) -> Vector:
    """m with m / u made to fall, or stay, from closer levels to farther ones. Pooled levels, see `rising`, share m
    in proportion to u, so the total stays."""
    ratios = rising(u, m, closer)
    return np.where(ratios == u / m, m, u / ratios)


def _largest_change(before: Parameters, after: Parameters) -> float:
    """The largest absolute change of any level probability, or of a share of claims."""
    shares = "share_in_registry", "numberless_m", "numberless_u"
    changes = [float(abs(getattr(before, name) - getattr(after, name))) for name in shares]
    for a, b in zip(before.comparisons, after.comparisons, strict=True):
        changes += [float(np.abs(a.m - b.m).max()), float(np.abs(a.household - b.household).max())]
    return max(changes)
