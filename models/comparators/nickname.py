"""First names that stand for each other, Bob for Robert: a level behind "same" of a comparison of texts.

Words have the numbers of the groups of the user's table that they are in; two that share a group are one name.
"""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")

LABEL = "nickname"


@kernel
def nickname_level(level, a, b):  # type: ignore[no-untyped-def]
    """The level of two words of that text level with these groups, uint32[w] each, 0 for none."""
    if level < 2:
        return level
    for i in a:
        for j in b:
            if i != 0 and i == j:
                return 2
    return level + 1


@kernel
def nickname_levels(first, offsets, left, right, groups, levels):  # type: ignore[no-untyped-def]
    """levels = nickname_level(levels, groups of left, groups of right) over spans.

    left: uint32[n_spans], right: uint32[n] word ids; groups: uint32[n_words, w]; levels: uint32[n_pairs] of the texts.
    """
    for i in range(left.shape[0]):
        a = groups[left[i]]
        for k in range(offsets[i], offsets[i + 1]):
            if levels[k] > 1:
                levels[k] = nickname_level(levels[k], a, groups[right[first[i] + k - offsets[i]]])
