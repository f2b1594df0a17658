"""Where a subject says he lives against where a person is registered, and where he stays.

Communes are compared through a relation table made once a batch from the administrative units of both dates: a row per
commune stated, a column per commune of the registry. So a commune of 2021 that was split or merged costs nothing here.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LEVELS = ("missing", "same commune", "commune of current stay", "same old district", "same province", "other")

SHARED_COMMUNE = (1, 2)  # levels at which a stated and a registered commune are the same

# Values of the relation table.
OTHER, SAME_PROVINCE, SAME_DISTRICT, SAME_COMMUNE = range(4)


@kernel
def place_level(relation, row, permanent, residence):  # type: ignore[no-untyped-def]
    """Level of stated commune ``row`` of the relation table against two registry communes; row 0 and commune 0:
    unknown."""
    if row == 0 or (permanent == 0 and residence == 0):
        return 0
    at_home = relation[row, permanent]
    if at_home == SAME_COMMUNE:
        return 1
    away = relation[row, residence]
    if away == SAME_COMMUNE:
        return 2
    nearest = max(at_home, away)
    if nearest == SAME_DISTRICT:
        return 3
    return 4 if nearest == SAME_PROVINCE else 5


@kernel
def place_levels(offsets, rows, left, relation, permanent, residence, stride, codes):  # type: ignore[no-untyped-def]
    """codes[k] += stride * level; left: uint16[n_subjects] rows of relation: uint8[n_stated + 1, n_communes + 1]."""
    for s in range(left.shape[0]):
        a = left[s]
        for k in range(offsets[s], offsets[s + 1]):
            row = rows[k]
            codes[k] += stride * place_level(relation, a, permanent[row], residence[row])
