"""Estimates what strangers are like who agree in what another comparison's values are made of.

An e-mail address made of the names is alike in nearly all who share them. Taken for independent the names and the
address count the same thing twice, and strangers of one name look like matches: so they are a class of their own,
beside all other strangers. Two records of a side that names nobody twice are two people, so pairs of them teach it
without labels (see models.estimate_registry).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.estimate_u import normalised
from models.parameters import Parameters

PRIOR_LOOKALIKES = 2.0  # pairs of strangers like any other that are thought to be among them


@dataclass(frozen=True)
class Lookalikes:
    """Pairs of records of one side that agree in what another comparison's values are made of.

    levels: uint8[n_patterns, n_comparisons], counts: float64[n_patterns] pairs of each; n_pairs: all pairs of the
    records that state what these agree in; involved: the comparisons that depend on each other
    """

    levels: NDArray[np.uint8]
    counts: NDArray[np.float64]
    n_pairs: float
    involved: tuple[int, ...]


def with_lookalikes(parameters: Parameters, pairs: Lookalikes) -> Parameters:
    """The parameters with the share of look-alikes among strangers, and what they are like, in ``neighbour``."""
    comparisons = []
    for i, c in enumerate(parameters.comparisons):
        found = np.bincount(pairs.levels[:, i], weights=pairs.counts, minlength=c.u.size)
        shares = normalised(found + PRIOR_LOOKALIKES * c.u) if i in pairs.involved else None
        comparisons.append(replace(c, neighbour=shares))
    share = float(pairs.counts.sum()) / max(1.0, pairs.n_pairs)
    return replace(parameters, comparisons=tuple(comparisons), neighbour_share=share)
