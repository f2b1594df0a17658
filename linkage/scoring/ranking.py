"""The best candidates of some claims, as linking ranked them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """The best candidates of some claims, best first, as linking ranked them.

    claims: int64[n], their numbers; rows: int32[n, k], weights: float64[n, k], passes: uint16[n, k], codes:
    uint32[n, k], ratios: float64[n, k], sums: float64[n], see linkage.scoring.scorer.Ranked.
    """

    claims: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float64]
    passes: NDArray[np.uint16]
    codes: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    sums: NDArray[np.float64]
