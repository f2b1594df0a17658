"""Figures of scored pairs against the truth: plain arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.insight.evaluate import BIN_EDGES

THRESHOLDS = (0.5, 0.9, 0.99, 0.999)
PRECISIONS = (0.999, 0.9999)
# Under the first nobody looks at a pair, at the second a careful user would link without looking.
REVIEW_FROM, REVIEW_TO = 0.02, 0.99


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs as a linker gives them, and what they are.

    probability, weight: float64[n]; weight orders pairs whose probability rounds to 1. is_true: bool[n]. left:
    int64[n], the left record of each pair. n_true: true pairs of the set, found or not. n_left: left records.
    """

    probability: NDArray[np.float64]
    weight: NDArray[np.float64]
    is_true: NDArray[np.bool_]
    left: NDArray[np.int64]
    n_true: int
    n_left: int


@dataclass(frozen=True)
class AtThreshold:
    """Precision, recall and F1 of the pairs with at least this probability; precision and f1 None where none has."""

    threshold: float
    n_pairs: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class AtPrecision:
    """The largest recall over all thresholds whose precision is at least ``wanted``.

    Where no threshold is that precise, as in a small set with one bad pair on top, ``reached`` is the highest precision
    of any threshold and recall the one there; else it equals ``wanted``.
    """

    wanted: float
    reached: float | None
    recall: float | None


@dataclass(frozen=True)
class Measures:
    """All figures of one linker on one set."""

    n_pairs: int
    n_true: int
    thresholds: tuple[AtThreshold, ...]
    automatic: tuple[AtPrecision, ...]
    review_share: float
    calibration_error: float | None


def measure(pairs: ScoredPairs) -> Measures:
    """All figures of scored pairs."""
    return Measures(
        n_pairs=int(pairs.probability.size),
        n_true=pairs.n_true,
        thresholds=tuple(at_threshold(pairs, threshold) for threshold in THRESHOLDS),
        automatic=tuple(at_precision(pairs, wanted) for wanted in PRECISIONS),
        review_share=review_share(pairs),
        calibration_error=calibration_error(pairs),
    )


def at_threshold(pairs: ScoredPairs, threshold: float) -> AtThreshold:
    """What linking every pair with at least this probability gives."""
    is_linked = pairs.probability >= threshold
    n, right = int(is_linked.sum()), int((is_linked & pairs.is_true).sum())
    precision = right / n if n else None
    recall = right / pairs.n_true if pairs.n_true else None
    f1 = 2 * right / (n + pairs.n_true) if n and pairs.n_true else None
    return AtThreshold(threshold, n, precision, recall, f1)


def at_precision(pairs: ScoredPairs, wanted: float) -> AtPrecision:
    """The automatic recall at a precision; pairs with equal probability and weight stand or fall together."""
    if not pairs.probability.size or not pairs.n_true:
        return AtPrecision(wanted, None, None)
    order = np.lexsort((-pairs.weight, -pairs.probability))
    probability, weight = pairs.probability[order], pairs.weight[order]
    is_last = np.append((np.diff(probability) != 0) | (np.diff(weight) != 0), True)
    right = np.cumsum(pairs.is_true[order])[is_last]
    precision = right / (np.flatnonzero(is_last) + 1)
    reached = min(wanted, float(precision.max()))
    return AtPrecision(wanted, reached, int(right[precision >= reached].max()) / pairs.n_true)


def review_share(pairs: ScoredPairs) -> float:
    """Left records whose best candidate is neither sure nor negligible, as a share of all left records."""
    _, place = np.unique(pairs.left, return_inverse=True)
    best = np.zeros(int(place.max(initial=-1)) + 1)
    np.maximum.at(best, place, pairs.probability)
    return float(np.count_nonzero((best >= REVIEW_FROM) & (best < REVIEW_TO)) / max(1, pairs.n_left))


def calibration_error(pairs: ScoredPairs) -> float | None:
    """Expected calibration error over evaluate's bins, of the pairs that somebody would look at; None without any."""
    is_seen = pairs.probability >= REVIEW_FROM
    if not is_seen.any():
        return None
    probability, is_true = pairs.probability[is_seen], pairs.is_true[is_seen]
    place = np.digitize(probability, BIN_EDGES[1:-1])
    promised = np.bincount(place, weights=probability)
    came = np.bincount(place, weights=is_true.astype(np.float64))
    return float(np.abs(promised - came).sum() / probability.size)


def best_only(pairs: ScoredPairs) -> ScoredPairs:
    """The best pair of every left record, its probability as it was."""
    order = np.lexsort((-pairs.weight, -pairs.probability, pairs.left))
    left = pairs.left[order]
    chosen = order[np.append(True, np.diff(left) != 0)[: left.size]]
    return replace(
        pairs,
        probability=pairs.probability[chosen],
        weight=pairs.weight[chosen],
        is_true=pairs.is_true[chosen],
        left=pairs.left[chosen],
    )
