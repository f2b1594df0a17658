"""How matches agree, seen on pairs that are surely matches.

Such pairs are too few to link by and too alike to learn all of m from, but what a third field does among them tells its
starting values: a telephone number that both sides write in their own form differs in most matches, and a plan that
expects it to agree would call the training odd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from linkage.plan.sections import Comparison
from linkage.planning.fields import Planned
from linkage.planning.sure import SurePairs
from models.comparators.address import address_level
from models.comparators.date import date_level
from models.comparators.digits import digits_level
from models.comparators.postcode import postcode_level

_FEWEST = 100  # sure pairs that both have the field, to say anything of it
_MOST = 1000  # sure pairs of two fields that are looked at
_SEED = 2
_PRIOR = 5.0  # pairs that the defaults count for, so that no share is 0
_LEAST_BITS = 0.5  # that a guessed field has to tell of a match in the mean
# Kinds whose kernel says the level of two encoded values.
MEASURED: dict[str, Callable[..., int]] = {
    "address": address_level,
    "date": date_level,
    "digits": digits_level,
    "postcode": postcode_level,
}

Values = tuple[NDArray[np.generic], NDArray[np.generic]]


def level_shares(planned: Planned, sure: Sequence[SurePairs], values: Values) -> list[float] | None:
    """Shares of the levels of a comparison among sure pairs that other fields found; None where these are too few or
    the kind is compared in its own way.

    values: those of both sides as compared, [n_left] and [n_right]: texts, "" for none, or of the kinds of MEASURED
        what their kernel takes
    """
    comparison = planned.comparison
    if comparison.kind not in ("text", "category", "number", *MEASURED):
        return None
    counted = _counted(comparison, _samples(planned, sure), values)
    if counted.sum() < _FEWEST:
        return None
    counts = _PRIOR * np.array(comparison.starting_m) + counted
    return [float(share) for share in counts / counts.sum()]


def _samples(planned: Planned, sure: Sequence[SurePairs]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Some of the sure pairs that were found without a field."""
    rng = np.random.default_rng(_SEED)
    others = [pairs for pairs in sure if planned.field.name not in pairs.names]
    chosen = [rng.permutation(pairs.left.size)[:_MOST] for pairs in others]
    return [(pairs.left[rows], pairs.right[rows]) for pairs, rows in zip(others, chosen, strict=True)]


def _counted(
    comparison: Comparison, rows: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], values: Values
) -> NDArray[np.int64]:
    """How many of the pairs that state both have each level, "missing" left out."""
    kernel = MEASURED.get(comparison.kind)
    levels = [
        _text_level(comparison, a, b) if kernel is None else kernel(a, b)
        for left, right in rows
        for a, b in zip(values[0][left], values[1][right], strict=True)
    ]
    return np.bincount(np.array(levels, np.int64), minlength=len(comparison.labels))[1:]


def tells(planned: Planned, sure: Sequence[SurePairs], values: Values) -> bool | None:
    """Whether sure pairs that other fields found agree otherwise than pairs at random do, in the nearer levels too;
    None where they are too few to say."""
    rng = np.random.default_rng(_SEED)
    at_random = rng.integers(0, len(values[0]), _MOST), rng.integers(0, len(values[1]), _MOST)
    m, u = (_counted(planned.comparison, rows, values) for rows in (_samples(planned, sure), [at_random]))
    if m.sum() < _FEWEST or u.sum() < _FEWEST:
        return None
    m, u = ((counts + 0.5) / (counts + 0.5).sum() for counts in (m, u))
    return float((m * np.log2(m / u)).sum()) > _LEAST_BITS


def _text_level(comparison: Comparison, a: str, b: str) -> int:
    """The level of two texts, 0 where one is missing, 1 for the same."""
    if not a or not b:
        return 0
    return 1 if a == b else 1 + _unequal_level(comparison, a, b)


def _unequal_level(comparison: Comparison, a: str, b: str) -> int:
    """How many levels two unequal texts are from the same."""
    if comparison.kind == "category":
        return 1
    if comparison.kind == "number":
        gap = abs(float(a) - float(b)) if _is_number(a) and _is_number(b) else np.inf
        return next((i for i, most in enumerate(comparison.thresholds) if gap <= most), len(comparison.thresholds))
    for place, threshold in enumerate(comparison.thresholds, start=1):
        if comparison.measure == "jaro_winkler":
            is_within = JaroWinkler.similarity(a, b) >= threshold
        else:
            measure = Levenshtein if comparison.measure == "levenshtein" else DamerauLevenshtein
            is_within = measure.distance(a, b) <= threshold
        if is_within:
            return place
    return len(comparison.thresholds) + 1


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
