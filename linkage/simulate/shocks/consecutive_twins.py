"""Many twins whom a clerk entered one after the other: numbers that follow each other, one phone, one birthday."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.simulate.identifiers import NONE
from linkage.simulate.population import Population
from linkage.simulate.randomness import Chance, Int32s, Ints, Mask, below, uniform
from linkage.simulate.shocks.shock import Shock

TWIN_SHARE = 0.06  # of births, in pairs
CONSECUTIVE_SHARE = 0.5  # of pairs of one sex; the numbers of the others differ in one digit
_TRIES = 12  # until a number is nobody's
_SEX_PLACE = 10**8  # of the digit that states century and sex in a personal number


def bring_together(chance: Chance, people: Population, n_missing: int) -> Population:
    """Twins share home, phone and the form of their birthday, and the second has a number next to the first's."""
    first = np.flatnonzero(people.twins > np.arange(len(people))).astype(np.int32)
    second = people.twins[first]
    shared = {}
    for name in ("birth_forms", "residences", "phones"):
        shared[name] = getattr(people, name).copy()
        shared[name][second] = shared[name][first]
    # That the twin is a sister shows in one digit already, so all other digits are hers.
    other_sex = (people.sexes[second] - people.sexes[first]).astype(np.int64) * _SEX_PLACE
    drawn = people.id_numbers[first] + other_sex
    keys = chance.keys("consecutive twins", first)
    consecutive = (other_sex == 0) & (uniform(keys, 1) < CONSECUTIVE_SHARE)
    ids, old_ids = people.id_numbers.copy(), people.old_ids.copy()
    ids[second] = NONE
    ids[second] = _free_number(chance, first, drawn, other_sex != 0, consecutive, ids, people.id_numbers[second])
    both = (old_ids[first] >= 0) & (old_ids[second] >= 0)
    held, kept = old_ids[second[both]], old_ids.copy()
    kept[second[both]] = NONE
    old_ids[second[both]] = _free_number(
        chance, first[both], old_ids[first[both]], np.zeros(both.sum(), bool), consecutive[both], kept, held
    )
    return replace(people, id_numbers=ids, old_ids=old_ids, **shared)


def _free_number(
    chance: Chance, rows: Int32s, numbers: Ints, as_it_is: Mask, consecutive: Mask, held: Ints, fallback: Ints
) -> Ints:
    """A number beside each of ``numbers`` that nobody holds.

    Parameters
    ----------
    rows : people, for their chance
    as_it_is : the number itself is wanted first
    consecutive : the number after or before is wanted, else one with another digit among the last six
    held : numbers of all people
    fallback : where no number is found
    """
    taken, found = np.unique(held), np.full(len(numbers), NONE, np.int64)
    for turn in range(_TRIES):
        keys = chance.keys(f"number beside, {turn}", rows)
        step = np.where(uniform(keys, 1) < 0.5, 1, -1)
        place = 10 ** below(keys, 6, 2)
        digit = numbers // place % 10
        other_digit = ((digit + 1 + below(keys, 9, 3)) % 10 - digit) * place
        beside = numbers + np.where(consecutive, step, other_digit)
        wanted = np.where(as_it_is & (turn == 0), numbers, beside)
        # A step out of the serial numbers of its prefix would change the year of birth.
        free = (found < 0) & ~np.isin(wanted, taken) & (wanted // 10**6 == numbers // 10**6)
        first = np.unique(np.where(free, wanted, NONE), return_index=True)[1]
        chosen = first[free[first]]
        found[chosen] = wanted[chosen]
        taken = np.union1d(taken, wanted[chosen])
    return np.where(found < 0, fallback, found)


SHOCK = Shock(
    says="more twins, of one home, phone and birthday, with numbers that follow each other or differ in one digit",
    shares={"twins": TWIN_SHARE, "consecutive": CONSECUTIVE_SHARE},
    twin_share=TWIN_SHARE,
    people=bring_together,
    whole_only=True,
)
