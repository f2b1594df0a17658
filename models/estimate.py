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
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.estimate_u import normalised
from models.order import Closer, rising
from models.parameters import ComparisonParameters, Parameters
from models.score import bayes_factors, expect, raise_by_chance

Vector = NDArray[np.float64]

# Weight of the prior level probabilities, in pairs. Small against any real batch, enough that no zero sticks.
PRIOR_MATCHES = 20.0
PRIOR_RELATIVES = 20.0
PRIOR_UNMATCHED = 20.0  # the same for the household rate, in claims
PRIOR_OUTSIDE = 20.0  # the same for the sorts of claims outside the registry, in claims
ANCHOR_LOG2 = 7.0  # odds at which the other comparisons alone make a pair a match: 99 %
# No level falls under this part of its prior share: what one batch has never shown may happen in the next, and a
# weight of -29 bits for one wrong entry would overrule everything else.
LEAST_OF_PRIOR = 0.05
FEWEST_TOGETHER = 200.0  # matches, with fewer a correlation is mostly chance: up to 2 / sqrt(200) = 0.14
MAX_ITERATIONS = 200
CERTAIN = 2.0**400  # the Bayes factor of a pair that a person has decided to be the match
TOLERANCE = 1e-4  # how far any probability may still be from its limit


@dataclass(frozen=True)
class Settled:
    """Matches known without a model, by pattern: levels: uint8[n_patterns, n_comparisons], counts: float64[n_patterns],
    in proportion to the claims of the sample.

    Whoever agrees exactly is not in the sample, which is thus of claims with an error somewhere: beside the right
    number its dates and names would seem wrong far more often than those of claims without a number are. Whether a
    claim was settled follows from its pattern alone, so m of all matches is m of the others too (Rubin 1976).
    """

    levels: NDArray[np.uint8]
    counts: Vector


@dataclass(frozen=True)
class TrainingSample:
    """Candidates of the training claims in CSR form: claim s has the pairs offsets[s] to offsets[s + 1].

    levels: uint8[n_patterns, n_comparisons] of the distinct patterns; patterns: uint32[n] number of each pair's
    pattern; ratios: float64[n] term frequency ratios of the pairs; chances: by comparison float32[n], how many times as
    common as the mean the left side's value is around it, see `ComparisonParameters.chance_over_household`.

    verdicts: int64[k] pairs that a person has decided, is_match: bool[k] how; the EM takes them as they are. A claim
    with a decided match has verdicts on all his pairs.

    settled: matches of claims beside these, whom exact agreement settled before any model.
    """

    offsets: NDArray[np.int64]
    levels: NDArray[np.uint8]
    patterns: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    verdicts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    is_match: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    settled: Settled | None = None
    chances: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)

    def times(self, parameters: Parameters) -> Vector:
        """How many times likelier the pairs' patterns are among relatives for the values' sake: float64[n]."""
        times = np.ones(self.patterns.size)
        for c, chances in self.chances.items():
            by_pattern = parameters.comparisons[c].chance_over_household[self.levels[:, c]]
            raise_by_chance(chances, self.patterns, by_pattern, times)
        return times


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
    prior: Parameters | None = None,
    anchors: Mapping[int, tuple[int, ...]] | None = None,
) -> tuple[Parameters, Convergence]:
    """m, household probabilities, share in the registry, household and twin rate by EM; u, the twins' probabilities and
    the blocking recall stay.

    rivals: at most one candidate of a claim is the match; False judges every pair by itself, and share_in_registry
    becomes the expected number of matches per record. prior: where the Dirichlet priors stand, the parameters to start
    from when None. anchors: by comparison whose m is learnt from anchored pairs only, the comparisons of which one has
    to be the same (level 1) for that.

    The twin rate given is that of the registry; the one returned that of claims without a match where these have
    more, judged by the one given.

    Deterministic: sums run over the sample in its order, whatever the number of threads.
    """
    start = parameters if prior is None else prior
    n_claims = sample.offsets.size - 1
    n_settled = 0.0 if sample.settled is None else float(sample.settled.counts.sum())
    offsets = sample.offsets if rivals else np.arange(sample.patterns.size + 1, dtype=np.int64)
    most = 1.0 - 1e-6 if rivals else n_persons / 2
    matches, relatives = np.empty(sample.levels.shape[0]), np.empty((4, sample.levels.shape[0]))
    shares_number = parameters.share_a_number(sample.levels)
    factors = np.empty(sample.patterns.size)
    rates = np.ones(2)  # relatives of claims found and not found, over the household rate
    changes: list[float] = []
    log_likelihood = 0.0
    while len(changes) < MAX_ITERATIONS and _distance_left(changes) > TOLERANCE:
        kin, times = kin_odds(parameters, sample.levels, n_persons), sample.times(parameters)
        weigh(sample, parameters, kin, times, factors)
        share = parameters.share_in_registry
        none = 1.0 - (share * parameters.blocking_recall if rivals else share / n_persons)
        log_likelihood = expect(
            *(offsets, factors, sample.patterns, (sample.ratios, times), kin, rates),
            *(share / n_persons, none, matches, relatives),
        )
        # The unsearched part of "not found" belongs to the people in the registry.
        found = float(matches.sum())
        missed = (n_claims - found) * share * (1.0 - parameters.blocking_recall) / none if rivals else 0.0
        # Relatives who share no number cannot be told from strangers: they are counted from those who do.
        met = relatives[:2] * shares_number
        known = met.sum(axis=0)
        unmet = _unmet_relatives(parameters, sample.levels, known)
        rate, rates = _household_rates(parameters, sample.levels, met, found if rivals else None, n_claims)
        updated = replace(
            parameters,
            comparisons=tuple(
                _updated(
                    old,
                    first,
                    sample.levels[:, c],
                    _matches_by_level(parameters, sample, matches, c, anchors or {}, n_persons),
                    (known, unmet) if household else None,
                    rivals=rivals,
                )
                for c, (old, first) in enumerate(zip(parameters.comparisons, start.comparisons, strict=True))
            ),
            share_in_registry=_share(found + missed + n_settled, n_claims + n_settled, most),
            household_rate=rate if household else 0.0,
        )
        changes.append(_largest_change(parameters, updated))
        parameters = updated
    correlation = residual_correlation(parameters, sample.levels, matches)
    # Not within the loop: a class that takes pairs from the matches, and grows by what it took, would take them all.
    n_unmatched = max(n_claims - float(matches.sum()), 0.0) + PRIOR_UNMATCHED
    of_unmatched = (float(relatives[2].sum()) + PRIOR_UNMATCHED * parameters.twin_rate) / n_unmatched
    parameters = replace(parameters, twin_rate=max(parameters.twin_rate, of_unmatched))
    return parameters, Convergence(
        _distance_left(changes) <= TOLERANCE, len(changes), log_likelihood, tuple(changes), correlation
    )


def _share(found: float, of: float, most: float) -> float:
    return float(np.clip((found + 1.0) / (of + 2.0), 1e-6, most))


def kin_odds(parameters: Parameters, levels: NDArray[np.uint8], n_persons: int) -> Vector:
    """Odds of relatives, of twins and of namesakes over strangers, of patterns: float64[3, n_patterns]."""
    kinds = parameters.household_odds, parameters.twin_odds, parameters.namesake_odds
    return np.stack([odds(levels, n_persons) for odds in kinds])


def weigh(sample: TrainingSample, parameters: Parameters, kin: Vector, times: Vector, factors: Vector) -> None:
    """Bayes factors of the sample's pairs, float64[n] out, certain where a person has decided; kin: see `kin_odds`,
    times: see `TrainingSample.times`."""
    tables = np.exp2(parameters.pattern_weights(sample.levels)), kin.sum(axis=0), kin[0]
    bayes_factors(sample.patterns, sample.ratios, times, tables, factors)
    factors[sample.verdicts] = np.where(sample.is_match, CERTAIN, 0.0)


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


def outside_by_sort(
    parameters: Parameters, sample: TrainingSample, sorts: NDArray[np.uint8], n_sorts: int, n_persons: int
) -> Vector:
    """How many times more often each sort of claim is outside the registry than among all: float64[n_sorts].

    A number that is well formed, agrees with sex and birth year, and is nobody's in the registry, says more of the
    claim than of any pair: his person is probably not there. sorts: uint8[n_claims]. Shrunk to 1 by
    `PRIOR_OUTSIDE` claims.
    """
    n_claims = sorts.size
    factors = np.empty(sample.patterns.size)
    weigh(sample, parameters, kin_odds(parameters, sample.levels, n_persons), sample.times(parameters), factors)
    share = parameters.share_in_registry
    claim = np.repeat(np.arange(n_claims), np.diff(sample.offsets))
    found = share / n_persons * np.bincount(claim, weights=factors, minlength=n_claims)
    none = (1.0 - share) / (1.0 - share * parameters.blocking_recall + found)
    of_all = np.bincount(sorts, minlength=n_sorts) / max(1, n_claims)
    of_outside = np.bincount(sorts, weights=none, minlength=n_sorts) + PRIOR_OUTSIDE * of_all
    return np.asarray(np.where(of_all > 0, of_outside / (none.sum() + PRIOR_OUTSIDE) / np.maximum(of_all, 1e-12), 1.0))


def _household_rates(
    parameters: Parameters, levels: NDArray[np.uint8], relatives: Vector, n_found: float | None, n_claims: int
) -> tuple[float, Vector]:
    """Expected relatives per claim, and over it those of claims found and of the others, float64[2].

    A relative is taken for the person mostly where the person himself is not there. Who borrows a number shares it with
    its owner, and may be in no registry; who states his own shares it with nobody. A rate over all would hide the
    owners among the many who meet no relative: so it is that of the unmatched where these have more. relatives:
    float64[2, n_patterns]; n_found: expected claims with a match, None where nobody is known to have none, so that
    all have one rate. The rates of both sorts are shrunk to that of all.
    """
    totals = np.array([(known + _unmet_relatives(parameters, levels, known)).sum() for known in relatives])
    of_all = (float(totals.sum()) + 1e-3) / max(1, n_claims)
    if n_found is None:
        return of_all, np.ones(2)
    n_of_sort = np.maximum([n_found, n_claims - n_found], 0.0) + PRIOR_UNMATCHED
    rates = totals / n_of_sort + PRIOR_UNMATCHED / n_of_sort * of_all
    rate = max(of_all, float(rates[1]))
    return rate, rates / rate


def _unmet_relatives(parameters: Parameters, levels: NDArray[np.uint8], relatives: Vector) -> Vector:
    """Relatives who share none of the numbers known of a pair, and whom no pass can meet for that: float64[n_patterns].

    Only those who share one are seen, which would make relatives seem to share more than they do: the household
    probabilities are those of a distribution truncated to shared numbers, and these are its missing part (Dempster,
    Laird and Rubin 1977, section 4.2). A number that the right side lacks is known not to be shared.
    """
    shares_none = np.ones(levels.shape[0])
    for i, comparison in enumerate(parameters.comparisons):
        if comparison.shared_levels:
            shared = float(comparison.household @ comparison.is_shared())
            shares_none *= np.where(levels[:, i] > 0, 1.0 - shared, 1.0)
    return np.where(shares_none < 1.0, relatives * shares_none / (1.0 - np.minimum(shares_none, 1.0 - 1e-9)), 0.0)


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


def residual_correlation(parameters: Parameters, levels: NDArray[np.uint8], matches: Vector) -> Vector:
    """Correlation of agreement between comparisons among the matches: float64[n_comparisons, n_comparisons].

    The model takes comparisons as independent given a match, so everything off the diagonal should be 0; what is not
    makes probabilities too sure, or too timid where it is negative. A level is an agreement when m > u. levels:
    uint8[n_patterns, n_comparisons], matches: float64[n_patterns], expected matches by pattern; pairs of comparisons
    that are both known in fewer than `FEWEST_TOGETHER` matches, or never vary, have correlation 0. What the right side
    lacks is not known.
    """
    agrees = [(c.m > c.u).astype(np.float64)[levels[:, i]] for i, c in enumerate(parameters.comparisons)]
    is_known = [(levels[:, i] > 0) & (levels[:, i] < c.n_compared) for i, c in enumerate(parameters.comparisons)]
    table = np.eye(len(agrees))
    for i in range(len(agrees)):
        for j in range(i):
            mass = np.where((matches > 0) & is_known[i] & is_known[j], matches, 0.0)
            total = mass.sum()
            if total < FEWEST_TOGETHER:
                continue
            p, q = (mass * agrees[i]).sum() / total, (mass * agrees[j]).sum() / total
            spread = np.sqrt(p * (1 - p) * q * (1 - q))
            both = (mass * agrees[i] * agrees[j]).sum() / total
            table[i, j] = table[j, i] = (both - p * q) / spread if spread > 0 else 0.0
    return table


def _largest_change(before: Parameters, after: Parameters) -> float:
    """The largest absolute change of any level probability, or of the share in the registry."""
    changes = [abs(before.share_in_registry - after.share_in_registry)]
    for a, b in zip(before.comparisons, after.comparisons, strict=True):
        changes += [float(np.abs(a.m - b.m).max()), float(np.abs(a.household - b.household).max())]
    return max(changes)
