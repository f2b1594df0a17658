"""Disagreements that true matches do not explain: a check of matched claims against those known by their own number.

Given a match, the comparisons are taken as independent. So claims whose number tells nothing of them (none stated, a
slip in it, nobody's) should differ from their persons in name, date, sex and so on as often as claims that state the
person's own number, whose person is sure. What they have too much of is mostly other people: namesakes who differ in
one digit of the birth date, twins who differ in the given name. That needs no label and no trust in m, but a reference
that the same threshold let through: see `expected_level_shares`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]
Kind = tuple[tuple[int, tuple[int, ...]], ...]  # comparisons, and of each the levels of which a claim has one

# In standard deviations, for some hundreds of kinds are looked at in a run.
NOTABLE = 3.0
FEWEST_REFERENCES = 100  # claims, with fewer the shares expected are not known


@dataclass(frozen=True)
class Excess:
    """A kind of disagreement that too many of some claims have.

    given: what all claims looked at have; count: how many of n of these are of the kind; expected: how many should be,
    by the reference; deviation: standard deviation of their difference.
    """

    kind: Kind
    given: Kind
    count: int
    n: int
    expected: float
    deviation: float

    @property
    def surplus(self) -> float:
        return self.count - self.expected

    @property
    def is_notable(self) -> bool:
        """Whether it is more than chance makes of the largest of all."""
        return self.surplus >= NOTABLE * self.deviation


def decided_alike(odds: NDArray[np.float64], factor: float, threshold: float) -> NDArray[np.bool_]:
    """Which claims of the reference, linked without their number, would be matched with a number of another level:
    bool[k]. odds: float64[k] of the true person, 0 where another stands first; factor: m / u of that level. The rivals
    keep their weights."""
    return np.asarray(odds * factor * (1.0 - threshold) >= threshold)


def largest_excess(observed: Levels, reference: Levels, kinds: list[tuple[Kind, Kind]]) -> Excess | None:
    """The notable kind of disagreement with the largest surplus; where none is notable, the one that stands out most,
    in standard deviations; None where too little is known of all.

    Two shares are compared, count / n and that of the k of the reference, with half a claim added to it so that none is
    0. The variance of count - n * share is n * share + n^2 * share / k, and 3 is added, so that not a handful stands
    out where none is expected.

    Parameters
    ----------
    observed, reference : uint8[n, n_comparisons], uint8[k, n_comparisons] levels of best candidates
    kinds : those looked at, each among the claims and references of a second kind only
    """
    found = []
    for kind, given in kinds:
        among, references = observed[has_kind(observed, given)], reference[has_kind(reference, given)]
        n, k = among.shape[0], references.shape[0]
        if n == 0 or k < FEWEST_REFERENCES:
            continue
        count = int(has_kind(among, kind).sum())
        expected = n * (int(has_kind(references, kind).sum()) + 0.5) / (k + 1.0)
        deviation = float(np.sqrt(expected + n * expected / k + 3.0))
        found.append(Excess(kind, given, count, n, expected, deviation))
    notable = [excess for excess in found if excess.is_notable]
    if notable:
        return max(notable, key=lambda excess: excess.surplus)
    return max(found, key=lambda excess: excess.surplus / excess.deviation, default=None)


def has_kind(levels: Levels, kind: Kind) -> NDArray[np.bool_]:
    """Which claims are of a kind, all of the kind of no comparisons: bool[n] from uint8[n, n_comparisons]."""
    has = np.ones(levels.shape[0], np.bool_)
    for comparison, some in kind:
        has &= np.isin(levels[:, comparison], some)
    return has
