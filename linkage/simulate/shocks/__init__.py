"""Shocks: worlds in which what a model takes for granted no longer holds. Without one nothing here is used.

A shock steps in at named places of a simulation (``shock.Shock``); several go together, always in the order of
``SHOCKS``. The truth stays right: it names the person who was vaccinated, or nobody when the registry lacks the person.
"""

from __future__ import annotations

from collections.abc import Sequence

from linkage.errors import UsageError
from linkage.simulate.shocks import (
    consecutive_twins,
    lists,
    minorities,
    stale_registry,
    stations,
    unregistered,
    village_phone,
)
from linkage.simulate.shocks.shock import Shock

SHOCKS: dict[str, Shock] = {
    "minorities": minorities.SHOCK,
    "consecutive_twins": consecutive_twins.SHOCK,
    "unregistered": unregistered.SHOCK,
    "stale_registry": stale_registry.SHOCK,
    "no_ids_village_phone": village_phone.SHOCK,
    "fill_down_and_household_swaps": lists.SHOCK,
    "stations": stations.SHOCK,
}

__all__ = ["SHOCKS", "Shock", "chosen_shocks"]


def chosen_shocks(names: Sequence[str]) -> dict[str, Shock]:
    """The shocks of these names, in the order in which they act.

    Raises
    ------
    UsageError
        A shock does not exist.
    """
    for name in names:
        if name not in SHOCKS:
            raise UsageError(f"shock {name}: does not exist; choose from {', '.join(SHOCKS)}")
    return {name: shock for name, shock in SHOCKS.items() if name in names}
