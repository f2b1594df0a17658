"""Half of the communes keep lists without ID numbers, and one phone stands for the village: that of its head."""

from __future__ import annotations

import numpy as np

from linkage.simulate.claims import TEN_DIGITS, Claims
from linkage.simulate.field_errors import drop_id
from linkage.simulate.population import Population
from linkage.simulate.randomness import Ints, uniform
from linkage.simulate.shocks.local import inhabitants, struck
from linkage.simulate.shocks.shock import Shock

COMMUNE_SHARE = 0.5  # of the communes, at whose stations it happens
NO_NUMBER_SHARE = 0.95  # of the doses there
VILLAGE_PHONE_SHARE = 0.6  # of the doses there
VILLAGES = 6  # of a commune


def make_lists_without_numbers(claims: Claims, first: int) -> None:
    """Drop the numbers of the doses of the communes, and give them the phone of the head of the village."""
    source = claims.source
    people = source.population
    communes = struck(source.chance, "lists without numbers", len(source.communes), COMMUNE_SHARE)
    there = np.isin(source.doses.communes[first : first + len(claims)], communes)
    rows = np.flatnonzero(there & (uniform(claims.dose_keys, 201) < NO_NUMBER_SHARE))
    drop_id(claims, rows, claims.dose_keys[rows])
    villages = _villages(people)
    heads = inhabitants(source.chance, people, villages, len(source.communes) * VILLAGES)[villages[claims.persons]]
    rows = np.flatnonzero(there & (heads >= 0) & (uniform(claims.dose_keys, 202) < VILLAGE_PHONE_SHARE))
    claims.phones[rows] = people.phones[heads[rows]]
    claims.phone_forms[rows] = TEN_DIGITS


def _villages(people: Population) -> Ints:
    """The village of each person: some households of a commune."""
    villages: Ints = people.communes.astype(np.int64) * VILLAGES + people.households % VILLAGES
    return villages


SHOCK = Shock(
    says="the stations of half of the communes state no ID numbers, and the phone of the village's head for most doses",
    shares={"communes": COMMUNE_SHARE, "no_number": NO_NUMBER_SHARE, "village_phone": VILLAGE_PHONE_SHARE},
    claims=make_lists_without_numbers,
)
