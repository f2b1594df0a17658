"""Most people belong to minorities, of few names, with birthdays that are often only years or the first of January."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.simulate.population import FIRST_OF_JANUARY, YEAR_AND_MONTH, YEAR_ONLY, Population, birth_years
from linkage.simulate.randomness import Chance
from linkage.simulate.shocks.shock import Shock
from linkage.simulate.units import Communes

KINH_SHARE = 0.3
PROVINCES = ("45", "66", "68")  # of the Bru Vân Kiều, of the Ê Đê, of the Cơ Ho and the Mạ
# People of minorities whose birthday is not known to the day, by year of birth.
_VAGUE = ((1960, 0.75), (1985, 0.45), (2010, 0.2))
FIRST_OF_JANUARY_SHARE, YEAR_ONLY_SHARE = 0.55, 0.4  # of those; of the others the month is known


def make_kinh_few(communes: Communes) -> Communes:
    """Communes of which the Kinh are less than a third."""
    return replace(communes, kinh_shares=np.full(len(communes), KINH_SHARE))


def forget_birthdays(chance: Chance, people: Population, n_missing: int) -> Population:
    """Give minority people the first of January or only a year."""
    rng = chance.stream("minorities")
    years, shares = np.array(_VAGUE).T
    vague = (people.peoples > 0) & (rng.random(len(people)) < np.interp(birth_years(people.births), years, shares))
    lot = rng.random(len(people))
    forms = np.select(
        [lot < FIRST_OF_JANUARY_SHARE, lot < FIRST_OF_JANUARY_SHARE + YEAR_ONLY_SHARE],
        [FIRST_OF_JANUARY, YEAR_ONLY],
        YEAR_AND_MONTH,
    )
    return replace(people, birth_forms=np.where(vague, forms, people.birth_forms).astype(np.int32))


SHOCK = Shock(
    says="seven in ten people belong to minorities, and two in five of those have no birthday known to the day",
    shares={"kinh": KINH_SHARE, "first_of_january": FIRST_OF_JANUARY_SHARE, "year_only": YEAR_ONLY_SHARE},
    provinces=PROVINCES,
    country=make_kinh_few,
    people=forget_birthdays,
)
