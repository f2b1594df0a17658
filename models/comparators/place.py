"""The commune that a claim states against those where a person is registered and stays.

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
    return _known_level(relation[row, permanent], relation[row, residence])


@kernel
def _known_level(at_home, away):  # type: ignore[no-untyped-def]
    """Level of what the stated commune is to the permanent one and to that of the current stay."""
    if at_home == SAME_COMMUNE:
        return 1
    return 2 if away == SAME_COMMUNE else 5 - max(at_home, away)


@kernel
def place_levels(first, offsets, left, relation, permanent, residence, stride, codes):  # type: ignore[no-untyped-def]
    """codes += stride * place_level over spans; left: uint16[n_spans] rows of relation: uint8[n_stated + 1, n_communes
    + 1]; permanent, residence: uint16[n]."""
    for i in range(left.shape[0]):
        if left[i] == 0:
            continue
        related = relation[left[i]]
        span = codes[offsets[i] : offsets[i + 1]]
        at_home = permanent[first[i] : first[i] + span.shape[0]]
        away = residence[first[i] : first[i] + span.shape[0]]
        for k in range(span.shape[0]):
            if at_home[k] != 0 or away[k] != 0:
                span[k] += stride * _known_level(related[at_home[k]], related[away[k]])
