"""The places where a shock can step in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from linkage.simulate.claims import Claims
from linkage.simulate.population import Population
from linkage.simulate.randomness import Chance

ChangePeople = Callable[[Chance, Population, int], Population]
ChangeClaims = Callable[[Claims], None]


@dataclass(frozen=True)
class Shock:
    """What a shock changes; what is not named stays as it is.

    says : what happens, for assumptions.json
    shares : the shares it is drawn with, for the same file
    twin_share : twins among the births, instead of ``households.TWIN_SHARE``
    missing_share : people without a row in the registry, of those with one, beside ``population.OUTSIDE_SHARE``;
        ``people`` must take exactly so many registered people (its third argument) out of the registry
    people : changes the population, before anyone is vaccinated
    claims : changes what stations typed, in place, after the errors
    whole_only : cannot be drawn region by region
    """

    says: str
    shares: Mapping[str, float]
    twin_share: float | None = None
    missing_share: float = 0.0
    people: ChangePeople | None = None
    claims: ChangeClaims | None = None
    whole_only: bool = False
