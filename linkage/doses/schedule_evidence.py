"""Conflicts of schedule and product as evidence against a person, by how much rarer they are among the right people.

A dose conflicts with a person when it conflicts with doses of other claims that are decided for the person. How often
that is so of the right person is counted among the doses of verified claims, each beside the other doses of its person;
how often of a wrong one, with the same doses beside those of another verified person, the next in the order of the
registry, which is mostly one of the same commune and age. The log2 of the ratio of both is the weight, and never over
0: what occurs among verified doses as often as by chance (products that differ, say, where every other dose names
another) is no evidence, and that nothing conflicts is none either. Conflicts that occur together are one pattern with a
rate of its own, for a slip in a date makes two of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.doses.schedule import DOSE_NUMBER, INTERVAL, PRODUCT, SHORTEST_INTERVAL_DAYS, Injections, may_not_follow
from linkage.machine.parts import parts_of
from linkage.registry.index import Index

N_PATTERNS = 8  # of DOSE_NUMBER, INTERVAL and PRODUCT, whose bits lie side by side above that of DEAD
_SHIFT = np.uint8(1)

# What is supposed before anything is counted, as if of so many doses: with the right person conflicts are next to none,
# with a wrong one common. So what was never seen among the right ones keeps a claim from being decided.
_PRIOR_DOSES = 20.0
_PRIOR_RIGHT, _PRIOR_WRONG = 0.001, 0.5

# A person has no more doses than this; of more, which a fault of the files makes, the earliest are looked at.
_MOST_OF_ONE_PERSON = 64
_MOST_LEARNT = 1 << 20  # people whose doses are counted

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class Given:
    """Doses decided for people, by person and day: person, owner: int32[n], owner being what made the dose (a claim, or
    the dose itself); injections[n], their days known."""

    person: Rows
    owner: Rows
    injections: Injections

    @classmethod
    def of(cls, person: Rows, owner: Rows, injections: Injections) -> Given:
        """Of doses int32[n], whose person is -1 where nobody is decided; those without a day are left out."""
        doses = np.flatnonzero((person >= 0) & (injections.day >= 0))
        # Owners stand in an order that the files do not change.
        doses = doses[np.lexsort((owner[doses], injections.day[doses], person[doses]))]
        return cls(person[doses], owner[doses], injections[doses])


@dataclass(frozen=True)
class ScheduleRates:
    """Doses by pattern of conflicts: right, wrong: int64[N_PATTERNS], beside the right person and a wrong one."""

    right: NDArray[np.int64]
    wrong: NDArray[np.int64]

    def weights(self) -> NDArray[np.float64]:
        """log2 of P(conflicts | right) / P(conflicts | wrong) by conflict bits, at most 0: float64[2 * N_PATTERNS]."""
        right, wrong = (
            (counts + _prior(share)) / (counts.sum() + _PRIOR_DOSES)
            for counts, share in ((self.right, _PRIOR_RIGHT), (self.wrong, _PRIOR_WRONG))
        )
        by_pattern = np.minimum(0.0, np.log2(right / wrong))
        by_pattern[0] = 0.0
        return np.repeat(by_pattern, 2)  # whether the person was dead is another matter


def _prior(share: float) -> NDArray[np.float64]:
    """The supposed doses by pattern, of which a share is in conflict."""
    doses = np.full(N_PATTERNS, share / (N_PATTERNS - 1))
    doses[0] = 1.0 - share
    return doses * _PRIOR_DOSES


def conflicts_with(
    person: NDArray[np.integer[Any]], owner: Rows, injections: Injections, given: Given
) -> NDArray[np.uint8]:
    """The bits of what conflicts between each dose and those given to a person by others than its owner: uint8[n]."""
    conflicts = np.zeros(person.size, np.uint8)
    forbidden = may_not_follow()
    for part in parts_of(person.size):
        first, last = (np.searchsorted(given.person, person[part], side) for side in ("left", "right"))
        first[injections.day[part] < 0] = last[injections.day[part] < 0] = 0
        n = np.minimum(last - first, _MOST_OF_ONE_PERSON)
        dose = np.repeat(np.arange(n.size), n)
        other = np.arange(dose.size) + np.repeat(first - np.cumsum(n) + n, n)
        is_others = given.owner[other] != owner[part][dose]
        dose, other = dose[is_others], other[is_others]
        one, beside = injections[part][dose], given.injections[other]
        is_other_day = one.day != beside.day
        bits = np.where(is_other_day & (np.abs(one.day - beside.day) < SHORTEST_INTERVAL_DAYS), INTERVAL, 0)
        bits |= np.where(is_other_day & (one.number == beside.number) & (one.number > 0), DOSE_NUMBER, 0)
        follows = (one.number == 1) & (beside.number == 2) & forbidden[one.product, beside.product]
        follows |= (one.number == 2) & (beside.number == 1) & forbidden[beside.product, one.product]
        bits |= np.where(follows, PRODUCT, 0)
        in_conflict = np.flatnonzero(bits)
        np.bitwise_or.at(conflicts, part.start + dose[in_conflict], bits[in_conflict].astype(np.uint8))
    return conflicts


def learn_schedule(person: Rows, injections: Injections, index: Index) -> ScheduleRates:
    """The rates of conflicts among the doses of verified claims; person: int32[n_doses], -1 for other doses."""
    doses = np.arange(person.size, dtype=np.int32)
    given = Given.of(person, doses, injections)
    people, n_each = np.unique(given.person, return_counts=True)
    if people.size < 2:
        return ScheduleRates(np.zeros(N_PATTERNS, np.int64), np.zeros(N_PATTERNS, np.int64))
    # Any other person, the same whatever rows they stand in.
    order = index.in_order(people)
    next_person = np.empty_like(people)
    next_person[order] = people[np.roll(order, -1)]
    is_learnt = n_each > 1
    is_learnt[order[np.arange(people.size) % (1 + people.size // _MOST_LEARNT) > 0]] = False
    place = np.searchsorted(people, given.person)
    learnt = np.flatnonzero(is_learnt[place])
    own, theirs = given.owner[learnt], given.injections[learnt]
    counted = [
        np.bincount(conflicts_with(beside[place[learnt]], own, theirs, given) >> _SHIFT, minlength=N_PATTERNS)
        for beside in (people, next_person)
    ]
    return ScheduleRates(*counted)
