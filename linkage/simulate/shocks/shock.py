"""The places where a shock can step in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from linkage.simulate.claims import Claims, Source
from linkage.simulate.doses import Doses
from linkage.simulate.population import Population
from linkage.simulate.randomness import Chance
from linkage.simulate.units import Communes

ChangeCountry = Callable[[Communes], Communes]
ChangePeople = Callable[[Chance, Population, int], Population]
ChangeDoses = Callable[[Doses], Doses]
ChangeRegistry = Callable[[Source], Population]
ChangeClaims = Callable[[Claims, int], None]
ChangeRows = Callable[[pa.Table, Claims, int], pa.Table]


@dataclass(frozen=True)
class Shock:
    """What a shock changes; what is not named stays as it is.

    says : what happens, for assumptions.json
    shares : the shares it is drawn with, for the same file
    provinces : codes of the provinces that an invented country has, instead of some by their size
    country : changes the communes
    twin_share : twins among the births, instead of ``households.TWIN_SHARE``
    missing_share : people without a row in the registry, of those with one, beside ``population.OUTSIDE_SHARE``;
        ``people`` must take exactly so many registered people (its third argument) out of the registry
    people : changes the population, before anyone is vaccinated
    registry : the population as the registry knows it, its rows and ``registered`` unchanged
    doses : puts the doses into another order
    claims : changes what stations typed, in place, after the errors; its second argument is the dose of the first claim
    rows : changes the typed text, last of all; arguments as those of ``claims``
    whole_only : cannot be drawn region by region
    """

    says: str
    shares: Mapping[str, float]
    provinces: tuple[str, ...] = ()
    country: ChangeCountry | None = None
    twin_share: float | None = None
    missing_share: float = 0.0
    people: ChangePeople | None = None
    registry: ChangeRegistry | None = None
    doses: ChangeDoses | None = None
    claims: ChangeClaims | None = None
    rows: ChangeRows | None = None
    whole_only: bool = False
