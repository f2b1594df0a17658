"""Every twelfth dose belongs to somebody the registry does not hold, often to a near double of one it does hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.simulate.claims import Claims
from linkage.simulate.doses import LAST_DAY
from linkage.simulate.field_errors import drop_id
from linkage.simulate.identifiers import NONE
from linkage.simulate.population import Population, birth_years
from linkage.simulate.randomness import Chance, Int32s, Mask, below, uniform
from linkage.simulate.shocks.shock import Shock

# Of people without a row, of those with one: with the 2 % there are anyway and the foreigners, 8 % of the doses.
MISSING_SHARE = 0.056
BORN_TWIN_SHARE = 0.03  # of births, in pairs: enough of them for a double
# Of the people who lack a row by the shock; the rest is anybody.
TWIN_SHARE, SIBLING_SHARE, NAMESAKE_SHARE = 0.1, 0.4, 0.3
FULL_NUMBER_SHARE = 0.5  # of the namesakes state a full number, nobody's in the registry; the others state none
_LAST_BIRTH = LAST_DAY - np.timedelta64(5 * 365, "D")  # of those who are vaccinated
# How far away in order of age the person is sought whose name a namesake bears: within a year or so, so that they
# hardly ever share the very day; nearer by in a small commune.
_REACHES = (64, 64, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2)


def leave_out(chance: Chance, people: Population, n: int) -> Population:
    """Take ``n`` people out of the registry: twins, siblings, people who become namesakes, and anybody."""
    rng = chance.stream("unregistered")
    can = people.registered & (people.births < _LAST_BIRTH.astype(np.int64))
    order = rng.permutation(np.flatnonzero(can)).astype(np.int32)
    twins = order[people.twins[order] > order][: round(TWIN_SHARE * n)]
    siblings = _one_of_siblings(people, order[~np.isin(order, twins)])[: round(SIBLING_SHARE * n)]
    others = order[~np.isin(order, np.concatenate([twins, siblings]))][: n - len(twins) - len(siblings)]
    registered = people.registered.copy()
    registered[np.concatenate([twins, siblings, others])] = False
    models = _alike_in_age(chance, people, registered, others)
    namesakes = np.flatnonzero(models >= 0)[: round(NAMESAKE_SHARE * n)]
    rows, models = others[namesakes], models[namesakes]
    with_number = np.arange(len(rows)) < round(FULL_NUMBER_SHARE * len(rows))
    names, old_ids, numberless = people.names.copy(), people.old_ids.copy(), people.numberless.copy()
    names[rows] = names[models]
    old_ids[rows[with_number]] = NONE
    numberless[rows[~with_number]] = True
    return replace(people, names=names, old_ids=old_ids, numberless=numberless, registered=registered)


def _one_of_siblings(people: Population, rows: Int32s) -> Int32s:
    """Of every mother with two children or more in the registry one child, as ``rows`` are ordered."""
    mothers = people.mothers
    n_children = np.bincount(mothers[(mothers >= 0) & people.registered], minlength=len(people))
    rows = rows[mothers[rows] >= 0]
    rows = rows[n_children[mothers[rows]] >= 2]
    first = np.unique(mothers[rows], return_index=True)[1]
    return rows[np.sort(first)]


def _alike_in_age(chance: Chance, people: Population, registered: Mask, rows: Int32s) -> Int32s:
    """A registered person of about the age, of the same commune, people and sex, from another household; -1 nobody.

    Their years of birth are one apart at most.
    """
    order = np.lexsort((people.births, people.sexes, people.peoples, people.communes)).astype(np.int32)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    years = birth_years(people.births)
    found = np.full(len(rows), -1, np.int32)
    keys = chance.keys("namesakes", rows)
    for turn, reach in enumerate(_REACHES):
        step = (1 + below(keys, reach, 2 * turn)) * np.where(uniform(keys, 2 * turn + 1) < 0.5, 1, -1)
        other = order[(place[rows] + step) % len(order)]
        fits = registered[other] & (np.abs(years[other] - years[rows]) <= 1)
        fits &= people.households[other] != people.households[rows]
        for column in (people.communes, people.peoples, people.sexes):
            fits &= column[other] == column[rows]
        found = np.where((found < 0) & fits, other, found)
    return found


def leave_out_numbers(claims: Claims, first: int) -> None:
    """People who show no number."""
    rows = np.flatnonzero(claims.source.population.numberless[claims.persons])
    drop_id(claims, rows, claims.dose_keys[rows])


SHOCK = Shock(
    says="8 % of the doses belong to people without a row, among them twins, siblings and namesakes of people with one",
    shares={
        "missing": MISSING_SHARE,
        "born_twins": BORN_TWIN_SHARE,
        "twins": TWIN_SHARE,
        "siblings": SIBLING_SHARE,
        "namesakes": NAMESAKE_SHARE,
        "full_number": FULL_NUMBER_SHARE,
    },
    twin_share=BORN_TWIN_SHARE,
    missing_share=MISSING_SHARE,
    people=leave_out,
    claims=leave_out_numbers,
)
