"""Whether a training learnt what matches are, or made matches of something else.

EM without labels finds the split of the pairs that fits best, which need not be that of matches and strangers: pairs of
relatives who share a phone, or of strangers who share a common value, are a class as good as matches where these are
few. The start then says one thing and the end another: matches that mostly differ in a date of birth, agreement that is
rarer among matches than among strangers, or far less of it than the plan expects. None of these proves an error, so
each is told; with any that is grave nothing should be decided without a person's word.

Two of them measure against the starting values. Matches that move house, or state one of two telephones, differ in it
as a rule, and where the plan states no m nobody claimed that they do not. There the other comparisons tell: a class of
relatives agrees in what a home shares and differs in what is a person's own, so where what is not shared identifies a
record by itself, and the odd comparison tells matches from strangers too, the class is one of matches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.estimate import PRIOR_MATCHES
from models.parameters import ComparisonParameters, Parameters

Vector = NDArray[np.float64]

# Matches that differ are the rule when they are more than one half; and so far from the start is far.
RULE = 0.5
# Agreement is rarer among matches when it is so by a tenth and by more than chance makes it, this many deviations.
NOTABLY_RARER, DEVIATIONS = 0.1, 3.0
FEWEST_SEEN = 10.0  # random pairs at a level, below which its u is not known
TELLS = 1.0  # bits of a match, in the mean, from which on a comparison tells matches from strangers
MOST_MATCHED = 0.25  # of all records of the other side, expected matches of one record
FEW_MATCHES = 5 * PRIOR_MATCHES  # with fewer the starting values weigh a sixth or more


@dataclass(frozen=True)
class Problem:
    """What is odd about a training, in plain words; is_grave: automatic decisions need a person's word."""

    text: str
    is_grave: bool


def problems(
    parameters: Parameters,
    start: Parameters,
    n_claims: int,
    n_random_pairs: int,
    *,
    converged: bool = True,
    unstated: Collection[str] = (),
    filled: Mapping[str, float] | None = None,
) -> list[Problem]:
    """What is odd about trained parameters, the gravest first; [] where nothing is.

    Parameters
    ----------
    parameters : as trained
    start : the starting values, of the same comparisons and levels
    n_claims : claims trained on; times share_in_registry the expected number of matches
    n_random_pairs : pairs that u was estimated from
    converged : whether the EM came to its end
    unstated : comparisons of which the plan states no m, so that nobody knows how matches agree in them
    filled : of the matches the share that has a comparison's value on both sides; 1 of those left out
    """
    n_matches = parameters.share_in_registry * n_claims
    found = []
    if n_matches >= PRIOR_MATCHES:
        odd = {
            first.name: _contradictions(trained, first, n_matches, n_random_pairs)
            for trained, first in zip(parameters.comparisons, start.comparisons, strict=True)
        }
        bits = sum(_filled(c, filled) * _bits(c) for c in parameters.comparisons if not odd[c.name] and _is_own(c))
        identifies = bits >= np.log2(max(parameters.n_persons, 2))
        for c in parameters.comparisons:
            is_excused = c.name in unstated and identifies and _bits(c) >= TELLS
            found += [
                Problem(f"comparison {c.name!r}: {text}", is_contrary or not is_excused)
                for text, is_contrary in odd[c.name]
            ]
    if n_matches < FEW_MATCHES:
        found.append(
            Problem(
                f"the training expects {n_matches:.3g} matches among {n_claims:,} records, few to learn from: the "
                f"plan's starting values weigh {_percent(PRIOR_MATCHES / (PRIOR_MATCHES + n_matches))} of what it took "
                "from both; check them, or give --model, trained on more",
                False,
            )
        )
    if parameters.share_in_registry > max(1.0, MOST_MATCHED * parameters.n_persons):
        found.append(
            Problem(
                f"the training takes each record to match {parameters.share_in_registry:.3g} of "
                f"{parameters.n_persons:,} records, as if nearly everything were one",
                True,
            )
        )
    if not converged:
        found.append(Problem("the training did not converge; see 'linkage model show'", False))
    return sorted(found, key=lambda problem: not problem.is_grave)


def _contradictions(
    c: ComparisonParameters, first: ComparisonParameters, n_matches: float, n_random_pairs: int
) -> list[tuple[str, bool]]:
    """What contradicts that the matches of a training are matches, in one comparison, and whether it does so whatever
    the plan expects."""
    of_start = _different_as_a_rule(c, first)
    of_strangers = _agreement_rarer(c, n_matches, n_random_pairs)
    if not of_start and not of_strangers:
        of_start = _far_from_start(c, first, n_matches)
    return [(text, False) for text in of_start] + [(text, True) for text in of_strangers]


def _filled(c: ComparisonParameters, filled: Mapping[str, float] | None) -> float:
    """Of the matches the share that states a comparison's value on both sides."""
    return 1.0 if filled is None else filled.get(c.name, 1.0)


def _bits(c: ComparisonParameters) -> float:
    """What a match that states both is told by a comparison in the mean: sum of m log2(m / u)."""
    m, u = (np.maximum(_compared(shares, c), 1e-12) for shares in (c.m, c.u))
    return float((m * np.log2(m / u)).sum())


def _is_own(c: ComparisonParameters) -> bool:
    """Whether what is compared is a record's own, and not what a home has in common."""
    return not c.shared_levels


def _different_as_a_rule(c: ComparisonParameters, first: ComparisonParameters) -> list[str]:
    """That most matches have the last of the levels that come of comparing, where the plan does not say so."""
    differ, expected = _compared(c.m, c)[-1], _compared(first.m, c)[-1]
    if not differ > RULE >= expected:
        return []
    label = c.labels[c.n_compared - 1]
    return [
        f"{label!r} is the rule among what was taken for matches ({_percent(differ)}; the plan expects "
        f"{_percent(expected)})"
    ]


def _agreement_rarer(c: ComparisonParameters, n_matches: float, n_random_pairs: int) -> list[str]:
    """That the first level, or any agreement, is rarer among matches than among strangers."""
    m, u = _compared(c.m, c), _compared(c.u, c)
    agrees = ~c.is_farthest[1 : c.n_compared]
    for what, place in ((repr(c.labels[1]), slice(0, 1)), ("agreement", agrees)):
        of_matches, of_strangers = float(m[place].sum()), float(u[place].sum())
        chance = DEVIATIONS * np.sqrt(max(of_strangers * (1.0 - of_strangers), 0.0) / n_matches)
        is_known = of_strangers * n_random_pairs >= FEWEST_SEEN
        if is_known and of_strangers - of_matches > max(NOTABLY_RARER * of_strangers, chance):
            return [
                f"{what} is rarer among what was taken for matches ({_percent(of_matches)}) than among strangers "
                f"({_percent(of_strangers)})"
            ]
    return []


def _far_from_start(c: ComparisonParameters, first: ComparisonParameters, n_matches: float) -> list[str]:
    """That matches agree far less than the starting values say, by more than chance: half of the way from the first
    level to the last, and in the mean.

    The way is the one-sided Wasserstein distance over the levels' order, mean(F0 - F) over the cuts between levels
    where F0 > F, their cumulated shares. A share F counted among n matches is off by sqrt(F (1 - F) / n) <= 1 / (2
    sqrt(n)). Levels of one closeness may change places, as where a file has years for dates.
    """
    cuts, before = np.cumsum(_compared(c.m, c))[:-1], np.cumsum(_compared(first.m, c))[:-1]
    way = float(np.maximum(before - cuts, 0.0).mean()) if cuts.size else 0.0
    if way - 0.5 / np.sqrt(n_matches) <= RULE:
        return []
    return [
        f"what was taken for matches agrees far less than the plan's m says, by {_percent(way)} of the way from "
        f"{c.labels[1]!r} to {c.labels[c.n_compared - 1]!r}"
    ]


def _compared(shares: Vector, c: ComparisonParameters) -> Vector:
    """Shares of the levels that come of comparing, "missing" left out, as parts of these."""
    of_compared = shares[1 : c.n_compared]
    return np.asarray(of_compared / of_compared.sum())


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
