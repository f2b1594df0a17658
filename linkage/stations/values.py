"""Values that belong to no person of their rows: one that a station states for everybody, and the value above dragged
down.

How many people state a value is told by their given names and dates of birth, and whether two rows are of two people
by their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.machine.parts import parts_of
from linkage.stations.cells import Cells, Rows

# How the people who share a number thin out: another one shares it in half of the cases at most. Households with a
# phone have three or four members who are vaccinated; 2**-20 is one in a million.
_ANOTHER_SHARES = 0.5
_CHANCE = 0.01  # that any number of a batch without such an error looks like one


@dataclass(frozen=True)
class OneValue:
    """The values that a facility states for more people each than a household has: for how many people together, of how
    many of whom it states any; rows: the records, ascending.

    probability: that not even the one of fewest people is shared by chance.
    """

    facility: int
    n_people: int
    of: int
    probability: float
    rows: Rows


def one_value(
    values: NDArray[np.uint64], people: NDArray[np.uint64], facility: NDArray[np.int32], least_share: float
) -> list[OneValue]:
    """Numbers that a facility states for more people than a household has, together for a notable share of its people.

    Parameters
    ----------
    values : uint64[n_records], a number, 0 where none is stated
    people : uint64[n_records], a hash of whose record it is
    facility : int32[n_records], the number of each one's facility

    Under the rule that each further person shares a number with probability 1/2 at most, one of v numbers has n people
    with probability v / 2**(n - 1) at most; a number is told from where that is under 0.01.
    """
    stated = np.flatnonzero(values)
    keys = mix(values[stated] ^ mix(facility[stated].astype(np.uint64), 1))
    ordered = np.sort(keys)
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
    n_values, fewest = starts.size, fewest_people(starts.size)
    often = ordered[starts[np.diff(np.append(starts, ordered.size)) >= fewest]]
    if not often.size:
        return []
    place = np.minimum(np.searchsorted(often, keys), often.size - 1)
    is_often = often[place] == keys
    rows, place = stated[is_often], place[is_often]
    n_people = _n_distinct(place, people[rows], often.size)
    facility_of = np.empty(often.size, np.int32)
    facility_of[place] = facility[rows]
    concerned = np.isin(facility, facility_of[n_people >= fewest]) & (values != 0)
    of = _n_distinct(facility[concerned], people[concerned], int(facility.max()) + 1)
    is_told = n_people >= fewest
    of_facility = np.bincount(facility_of, n_people * is_told, minlength=of.size).astype(np.int64)
    found = []
    for number in np.flatnonzero((of_facility > 0) & (of_facility >= least_share * of)).tolist():
        told = is_told & (facility_of == number)
        chance = min(1.0, n_values * _ANOTHER_SHARES ** (float(n_people[told].min()) - 1.0))
        n_told = min(int(of_facility[number]), int(of[number]))  # who states two of them counts once
        found.append(OneValue(number, n_told, int(of[number]), 1.0 - chance, rows[told[place]]))
    return found


def _n_distinct(groups: NDArray[np.integer], values: NDArray[np.uint64], n_groups: int) -> NDArray[np.int64]:
    """How many different values each group has: int64[n_groups]."""
    order = np.lexsort((values, groups))
    group, value = groups[order], values[order]
    is_new = np.append(True, (group[1:] != group[:-1]) | (value[1:] != value[:-1]))[: order.size]
    return np.bincount(group[is_new], minlength=n_groups)


def fewest_people(n_values: int) -> int:
    """From how many people on a number is shared by more than chance allows, among so many numbers."""
    return 1 + ceil(log2(max(1, n_values) / _CHANCE))


@dataclass(frozen=True)
class Neighbours:
    """Records in the order of their cells and files: order int32[n], and whether each but the first is below one of its
    cell that is of another person: bool[n - 1]."""

    order: NDArray[np.int32]
    is_pair: NDArray[np.bool_]


def neighbours(names: NDArray[np.uint16], claims: NDArray[np.uint64], cells: Cells) -> Neighbours:
    """The neighbouring rows of two people: whose given names differ, and one of their first two syllables beside. A
    slip in one syllable leaves a person who has a row for each dose the same.

    Parameters
    ----------
    names : uint16[n_records, 6], the syllables of the names, 0 after the end
    claims : uint64[n_records], a hash of the platform's id of the subject, 0 where none is stated
    """
    rows = np.arange(cells.of_record.size, dtype=np.uint64)
    # Faster than a stable sort.
    order = np.argsort(cells.of_record.astype(np.uint64) << np.uint64(32) | rows).astype(np.int32)
    is_pair = np.empty(max(0, order.size - 1), np.bool_)
    for part in parts_of(is_pair.size):
        here = order[part.start : part.stop + 1]
        cell, claim = cells.of_record[here], claims[here]
        is_pair[part] = (cell[1:] == cell[:-1]) & _are_others(names[here])
        is_pair[part] &= (claim[1:] != claim[:-1]) | (claim[1:] == 0)
    return Neighbours(order, is_pair)


def _are_others(names: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Whether each but the first of some names is another person's than the one before: bool[n - 1]."""
    last = np.maximum((names != 0).sum(axis=1), 1) - 1
    given = names[np.arange(last.size), last]
    differ = names[1:, :2] != names[:-1, :2]
    # The second syllable of a name of two is the given name.
    is_other = differ[:, 0] | differ[:, 1] & ((last[1:] > 1) | (last[:-1] > 1))
    return np.asarray((given[1:] != given[:-1]) & is_other & (given[1:] != 0) & (given[:-1] != 0))


def repeats(values: NDArray[np.generic], found: Neighbours) -> tuple[Rows, Rows, Rows]:
    """The rows below of neighbouring rows of two people that both state a value, [n_records], 0 where none; and of
    those that state the same the rows above and below."""
    below, first, second = ([np.zeros(0, np.int64)] for _ in range(3))
    for part in parts_of(found.is_pair.size):
        here = found.order[part.start : part.stop + 1].astype(np.int64)
        value = values[here]
        is_pair = found.is_pair[part] & (value[1:] != 0) & (value[:-1] != 0)
        below.append(here[1:][is_pair])
        is_same = is_pair & (value[1:] == value[:-1])
        first.append(here[:-1][is_same])
        second.append(here[1:][is_same])
    return np.concatenate(below), np.concatenate(first), np.concatenate(second)
