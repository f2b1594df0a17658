"""What the tables of a run are made of: what was read, what is decided about its claims, and what about its doses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import Decided
from linkage.deciding.dose_evidence import Evidence
from linkage.deciding.pins import Pins
from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.published.patterns import PairCounts
from linkage.scoring.batch import Batch
from linkage.stations import Stations
from linkage.training.model_file import Model


@dataclass(frozen=True)
class ReadDoses:
    """Doses as they were read, their distinct claims, these encoded, what was found of the stations, and what officers
    decided of the claims."""

    doses: Doses
    claims: Claims
    batch: Batch
    stations: Stations
    pins: Pins


@dataclass(frozen=True)
class DecidedClaims:
    """Candidates and decisions of all claims, the excluded ones without candidates.

    decided : with what the doses say of each other
    evidence : what they say, as it is in the weights of decided
    pairs : that were compared
    model : complete, with the threshold
    """

    decided: Decided
    evidence: Evidence
    pairs: PairCounts
    model: Model


@dataclass(frozen=True)
class DecidedDoses:
    """Decisions of doses, uint8[n_doses] each: status, that of the claim unless a conflict changed it, and the bits of
    the conflicts."""

    status: NDArray[np.uint8]
    conflicts: NDArray[np.uint8]
