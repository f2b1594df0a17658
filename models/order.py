"""Ratios of shares that keep the order of levels, from closer to farther ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Closer = tuple[tuple[int, ...], ...]  # of each level those next closer to agreement, () for none


def rising(shares: Vector, m: Vector, closer: Closer, alike: tuple[int, ...] = ()) -> Vector:
    """shares / m by level, float64[n_levels], made to rise, or stay, from closer levels to farther ones.

    Levels of which the farther has the lower ratio are pooled: all have the sum of the shares over the sum of m. So a
    level of which little was seen, whose ratio may be anything, goes with the one next to it. Of levels one behind the
    other this is pooling of neighbours (Ayer et al. 1955); of others the pair that falls most is pooled first.
    """
    block = np.arange(m.size)
    block[list(alike)] = alike[:1]
    edges = [(other, level) for level, others in enumerate(closer) for other in others]
    while True:
        above, below = (np.bincount(block, weights=of, minlength=m.size) for of in (shares, m))
        ratio = np.asarray((above / np.where(below > 0, below, 1.0))[block])
        log = np.log(np.maximum(ratio, 1e-300))
        falls = [(log[a] - log[b], a, b) for a, b in edges if block[a] != block[b] and ratio[a] > ratio[b]]
        if not falls:
            return ratio
        _, other, level = max(falls)
        block[block == block[level]] = block[other]


def chain(n: int) -> Closer:
    """The order of n levels, "missing" among them, each of which is next to the one before."""
    return ((), (), *((level - 1,) for level in range(2, n)))
