"""Claims of one platform subject: which person the other claims of a claim's subject are decided for, and how often the
claims of one subject belong to one person.

A claim gets a sibling's person only where nothing makes that doubtful: all its doses stand under one subject_id (an
identity typed under several may be that of several people), and all other decided claims of the subject fall on one
person. Whether they do may not depend on the claim itself, which may be decided wrongly. Decided claims are counted
once, however many doses they have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.doses.claims import grouped

# Subjects by their number of claims: two, three, more. Who is filed under with many is more often a whole family.
N_SIZES, _FEWEST_CLAIMS = 3, 2

# Of subjects, as if seen before any are counted: half a one whose claims fall on one person, and half a one whose do
# not (Jeffreys' prior).
_PRIOR_SAME, _PRIOR_ALL = 0.5, 1.0

# Of more claims a subject is no person but a list, or a word that stands for everybody's.
MOST_CLAIMS = 16

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class SiblingRates:
    """Subjects with several verified claims, by number of claims, and those whose verified claims are all of one
    person: same, subjects: int64[N_SIZES]."""

    same: NDArray[np.int64]
    subjects: NDArray[np.int64]

    def reliability(self) -> NDArray[np.float64]:
        """The probability that the claims of a subject are one person's: float64[N_SIZES], over 0 and under 1."""
        return (self.same + _PRIOR_SAME) / (self.subjects + _PRIOR_ALL)


@dataclass(frozen=True)
class Siblings:
    """Claims with a decided sibling, ascending: claim, person: int32[n]; source: int32[n], the sibling, of several
    the surest; chance: float64[n], the probability with which the person was decided; size: uint8[n], of the subject,
    see N_SIZES."""

    claim: Rows
    person: Rows
    source: Rows
    chance: NDArray[np.float64]
    size: NDArray[np.uint8]


@dataclass(frozen=True)
class FiledClaims:
    """Distinct (subject, claim) of the subjects with several claims, ascending.

    subject, claim: int32[n]; size: uint8[n_subjects], see N_SIZES; is_sure: bool[n_claims], all doses of the claim
    stand under one subject_id.
    """

    subject: Rows
    claim: Rows
    size: NDArray[np.uint8]
    is_sure: NDArray[np.bool_]


def filed_claims(subject_ids: NDArray[np.uint64], of_dose: Rows, n_claims: int) -> FiledClaims:
    """The claims of each subject. subject_ids: uint64[n_doses], 0 where none is stated; of_dose: int32[n_doses]."""
    stated = np.flatnonzero(subject_ids)
    ids, of_stated, _ = grouped(subject_ids[stated])
    filed = of_stated.astype(np.uint64) << np.uint64(32) | of_dose[stated].astype(np.uint64)
    filed = np.sort(filed)
    filed = filed[np.append(True, filed[1:] != filed[:-1])[: filed.size]]
    subject, claim = (filed >> np.uint64(32)).astype(np.int32), (filed & np.uint64(0xFFFFFFFF)).astype(np.int32)
    is_sure = np.bincount(claim, minlength=n_claims) == 1
    is_sure[of_dose[subject_ids == 0]] = False
    n_each = np.bincount(subject, minlength=ids.size)
    size = np.clip(n_each - _FEWEST_CLAIMS, 0, N_SIZES - 1).astype(np.uint8)
    is_several = n_each[subject] >= _FEWEST_CLAIMS
    return FiledClaims(subject[is_several], claim[is_several], size, is_sure)


def learn_siblings(filed: FiledClaims, person: Rows) -> SiblingRates:
    """How often the verified claims of one subject are one person's; person: int32[n_claims], -1 for other claims."""
    of_claim = person[filed.claim]
    is_decided = of_claim >= 0
    subject, of_claim = filed.subject[is_decided], of_claim[is_decided]
    starts = np.flatnonzero(np.append(True, subject[1:] != subject[:-1])[: subject.size])
    if starts.size == 0:
        return SiblingRates(np.zeros(N_SIZES, np.int64), np.zeros(N_SIZES, np.int64))
    is_several = np.diff(np.append(starts, subject.size)) > 1
    is_same = np.minimum.reduceat(of_claim, starts) == np.maximum.reduceat(of_claim, starts)
    size = filed.size[subject[starts]]
    same, subjects = (np.bincount(size[chosen], minlength=N_SIZES) for chosen in (is_several & is_same, is_several))
    return SiblingRates(same, subjects)


def find_siblings(filed: FiledClaims, person: Rows, chance: NDArray[np.float64]) -> Siblings:
    """The siblings of the claims that are sure. person: int32[n_claims], -1 where nobody is decided; chance:
    float64[n_claims]."""
    decided = np.flatnonzero(person[filed.claim] >= 0)
    claim = filed.claim[decided]
    order = np.lexsort((claim, -chance[claim], person[claim], filed.subject[decided]))
    decided, claim = decided[order], claim[order]
    subject = filed.subject[decided]
    # Groups of a subject's claims that are decided for one person, the surest first.
    is_first = np.append(True, (subject[1:] != subject[:-1]) | (person[claim][1:] != person[claim][:-1]))
    group = np.cumsum(is_first[: claim.size]) - 1
    starts = np.flatnonzero(is_first[: claim.size])
    n_in_group = np.diff(np.append(starts, claim.size))
    n_groups, groups = (np.zeros(filed.size.size, np.int64) for _ in range(2))
    np.add.at(n_groups, subject[starts], 1)
    np.add.at(groups, subject[starts], np.arange(starts.size))  # summed: where there is one, it is that one
    # Without the claim itself, of which a group of one consists.
    own = np.full(filed.claim.size, -1)
    own[decided] = group
    is_own = own >= 0
    is_own[is_own] = n_in_group[own[is_own]] == 1
    left = n_groups[filed.subject] - is_own
    receives = np.flatnonzero((left == 1) & filed.is_sure[filed.claim])
    other = groups[filed.subject[receives]] - np.where(is_own, own, 0)[receives]
    first = starts[other]
    receiver = filed.claim[receives]
    # A claim that is the surest of its group has the next one for a sibling.
    source = claim[first + (claim[first] == receiver)]
    order = np.argsort(receiver)
    receives, receiver, source = receives[order], receiver[order], source[order]
    return Siblings(receiver, person[source], source, chance[source], filed.size[filed.subject[receives]])


def filed_beside(filed: FiledClaims) -> tuple[Rows, Rows, NDArray[np.uint8]]:
    """Every claim that is sure with each other one of its subject: claim, other: int32[n], size: uint8[n], of the
    subject, see N_SIZES. Of subjects with more than `MOST_CLAIMS` none."""
    sure = np.flatnonzero(filed.is_sure[filed.claim])
    subject, claim = filed.subject[sure], filed.claim[sure]
    first, last = (np.searchsorted(subject, subject, side) for side in ("left", "right"))
    n = np.where(last - first <= MOST_CLAIMS, last - first, 0)
    one = np.repeat(np.arange(claim.size), n)
    other = np.arange(one.size) - np.repeat(np.cumsum(n) - n - first, n)
    one, other = one[one != other], other[one != other]
    return claim[one], claim[other], filed.size[subject[one]]
