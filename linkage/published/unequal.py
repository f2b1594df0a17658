"""Groups of people for whom a run does much worse than for the others: who waits while the rest are linked.

Of every group of an attribute the share linked without anybody looking, and the share under review, are held against
those of the attribute's other groups together. Both are of the doses that are compared with the registry at all. The
doses of one claim are decided together, so a share counts as one of as many trials as there are claims among its doses
on average.

The interval of the gap is Newcombe's, made of the two score intervals, at a level that all comparisons of a run share
(Bonferroni): that any warning of a run is due to chance has a probability of 5 % at most.

Reference: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
Medicine 17 (1998), method 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import pyarrow as pa

from models.intervals import wilson_interval

AUTOMATIC, REVIEW = "linked", "in review"
_MEASURES = {AUTOMATIC: ("verified", "matched"), REVIEW: ("review",)}
_COMPARED = ("verified", "matched", "review", "unmatched")
WORSE_BY = 0.01  # of the doses: the gap at least that is told, beyond what chance explains
_ANY_BY_CHANCE = 0.05
FEWEST_CLAIMS = 100  # of a group: with fewer a single claim is more than the gap that is told
_NOTED = 5


@dataclass(frozen=True)
class UnequalGroup:
    """A group that fares worse: share of its doses and of the others', and the interval of the gap between them, which
    is over 0 where the group is worse off.

    measure: linked (without anybody looking) or in review.
    """

    attribute: str
    value: str
    measure: str
    n_doses: int
    share: float
    others: float
    gap_low: float
    gap_high: float


def unequal_groups(groups: pa.Table, doses_of_claim: float) -> list[UnequalGroup]:
    """The groups that fare worse than the others by more than chance explains, the worst first.

    Parameters
    ----------
    groups : see linkage.published.groups.GROUPS; doses whose group is not known are in no group and among no others
    doses_of_claim : mean number of doses of a claim
    """
    counts = _counts(groups)
    pairs = [(attribute, value, measure) for attribute, value in counts for measure in _MEASURES]
    z = NormalDist().inv_cdf(1.0 - _ANY_BY_CHANCE / 2.0 / max(1, len(pairs)))
    found = [
        group
        for attribute, value, measure in pairs
        for group in _worse(counts, attribute, value, measure, z, doses_of_claim)
    ]
    return sorted(found, key=lambda group: (-group.gap_low, group.attribute, group.value, group.measure))


def _counts(groups: pa.Table) -> dict[tuple[str, str], dict[str, int]]:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in groups.to_pylist():
        if row["value"] is not None and row["status"] in _COMPARED:
            counts.setdefault((row["attribute"], row["value"]), {})[row["status"]] = row["n_doses"]
    return counts


def _worse(
    counts: dict[tuple[str, str], dict[str, int]],
    attribute: str,
    value: str,
    measure: str,
    z: float,
    doses_of_claim: float,
) -> Iterator[UnequalGroup]:
    """The group, when the gap to the others is wide enough."""
    mine = counts[attribute, value]
    others = [statuses for (name, other), statuses in counts.items() if name == attribute and other != value]
    n, n_others = sum(mine.values()), sum(sum(statuses.values()) for statuses in others)
    if n < FEWEST_CLAIMS * doses_of_claim or n_others == 0:
        return
    share = sum(mine.get(status, 0) for status in _MEASURES[measure]) / n
    other = sum(statuses.get(status, 0) for statuses in others for status in _MEASURES[measure]) / n_others
    ends = difference_interval(share, n / doses_of_claim, other, n_others / doses_of_claim, z)
    # To be linked is good, to be in review is not.
    low, high = ends if measure == REVIEW else (-ends[1], -ends[0])
    if low > WORSE_BY:
        yield UnequalGroup(attribute, value, measure, n, share, other, low, high)


def difference_interval(first: float, n_first: float, second: float, n_second: float, z: float) -> tuple[float, float]:
    """Newcombe's interval of the difference of two shares, first less second, seen in so many trials; z: the normal
    quantile of its level."""
    low_1, high_1 = wilson_interval(first, n_first, z)
    low_2, high_2 = wilson_interval(second, n_second, z)
    gap = first - second
    return (
        gap - sqrt((first - low_1) ** 2 + (high_2 - second) ** 2),
        gap + sqrt((high_1 - first) ** 2 + (second - low_2) ** 2),
    )


def told(group: UnequalGroup) -> str:
    """A group in words."""
    return (
        f"{group.attribute} {group.value}: {group.share:.1%} of {group.n_doses:,} doses {group.measure}, of the others "
        f"{group.others:.1%}"
    )


def unequal_notes(groups: list[UnequalGroup]) -> tuple[str, ...]:
    """A note on the groups that fare worse, none where there are none."""
    if not groups:
        return ()
    shown = "; ".join(told(group) for group in groups[:_NOTED])
    more = f"; and {len(groups) - _NOTED} more, see 'unequal_groups' in manifest.json" if len(groups) > _NOTED else ""
    return (f"fare worse than the others: {shown}{more}; look at their claims first and at what their data lack",)
