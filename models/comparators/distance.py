"""Places on the globe by distance.

A place is a point of the unit sphere, so that the square of the straight line between two, their chord, needs no
trigonometry: d = 2 R asin(chord / 2), R the mean radius of the earth (IUGG: 6371.0088 km).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

kernel = njit(cache=True, nogil=True, error_model="numpy")

EARTH_RADIUS_KM = 6371.0088


def squared_chords(distances_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """The square of the chord of each distance: float64[n]; half the globe and more is all of it."""
    half = np.minimum(distances_km / (2.0 * EARTH_RADIUS_KM), np.pi / 2.0)
    return np.asarray((2.0 * np.sin(half)) ** 2)


@kernel
def distance_level(a, b, chords):  # type: ignore[no-untyped-def]
    """0 missing, 1 + i for the first squared chord that |a - b|^2 is within, else the last level; a, b: float64[3]."""
    if a[0] != a[0] or b[0] != b[0]:
        return 0
    chord = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
    for i in range(chords.shape[0]):
        if chord <= chords[i]:
            return 1 + i
    return 1 + chords.shape[0]


@kernel
def distance_levels(first, offsets, left, right, chords, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * distance_level(left, right) over spans; left: float64[n_spans, 3], right: float64[n, 3], NaN
    missing; chords: float64 ascending, see `squared_chords`."""
    for i in range(left.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            codes[k] += stride * distance_level(left[i], right[first[i] + k - offsets[i]], chords)
