"""Two names that may have changed places, as given and family name do.

Each name of the left side is compared as a text with each of the right: straight, the first with the first and the
second with the second, and crossed. Text levels are 0 missing, 1 same, 2 and on the thresholds, then different.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

FIRST_LABELS = ("missing", "both same", "both same, swapped")
LAST_LABELS = ("second same", "first same", "different")


@kernel
def _worse(one, other, far):  # type: ignore[no-untyped-def]
    """The level that both of two reach; far where one of them is missing."""
    return far if one == 0 or other == 0 else max(one, other)


@kernel
def name_pair_level(first, second, crossed_first, crossed_second, n_steps):  # type: ignore[no-untyped-def]
    """The level of two pairs from the text levels of their names, with n_steps thresholds; crossed_first: of the left
    first name and the right second one."""
    far = 2 + n_steps
    straight, crossed = _worse(first, second, far), _worse(crossed_first, crossed_second, far)
    if straight == 1:
        return 1
    if crossed == 1:
        return 2
    if min(straight, crossed) < far:
        return 1 + min(straight, crossed)
    if second == 1:
        return 3 + n_steps
    if first == 1:
        return 4 + n_steps
    return 0 if first == 0 and second == 0 else 5 + n_steps


@kernel
def name_pair_levels(first, second, crossed_first, crossed_second, n_steps, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * name_pair_level, uint32[n] of n pairs all."""
    for k in range(codes.shape[0]):
        level = name_pair_level(first[k], second[k], crossed_first[k], crossed_second[k], n_steps)
        codes[k] += stride * level
