"""The most that a pair may still weigh, before its last comparison and its term frequencies are looked at.

What term frequencies can add differs by claim and by level. Where it differs most, levels are told apart: the patterns
of the comparisons before the last fall into bound groups, each with a gain of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linkage.registry.frequencies import Ratios
from linkage.scoring.batch import BoundComparison
from models.parameters import Parameters
from models.patterns import PatternSpace
from models.term_frequency import smallest

# More than single precision loses of a bound, so that no pair is dropped that double precision keeps.
_SLACK_LOG2 = 1e-3
_MOST_GROUPS = 64


class UpperBounds:
    """Upper bounds of match weights with given parameters.

    first_tables: weight and bound group of every pattern of the comparisons before the last: float32, uint16.
    """

    def __init__(
        self, comparisons: Sequence[BoundComparison], space: PatternSpace, parameters: Parameters, floor: float
    ) -> None:
        self._comparisons, self._space, self._floor = comparisons, space, floor
        self._log2_m_u = parameters.log2_m_u()
        self._grouped = self._choose_grouped()
        self.first_tables = self._make_first_tables()

    def _choose_grouped(self) -> list[int]:
        """The comparisons before the last whose levels the bound goes by: what they can gain differs by claim."""
        chosen, n_groups = [], 1
        for c, comparison in enumerate(self._comparisons[:-1]):
            n_levels = self._space.n_levels[c]
            if comparison.spec.term_frequency and n_groups * n_levels <= _MOST_GROUPS:
                chosen.append(c)
                n_groups *= n_levels
        return chosen

    def _make_first_tables(self) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Weight and bound group of every pattern of the comparisons before the last.

        The bound group is the levels of the chosen comparisons as one number.
        """
        n_first, stride = len(self._comparisons) - 1, 1
        by_level = [np.zeros(n, np.uint16) for n in self._space.n_levels]
        for c in self._grouped:
            by_level[c] = np.arange(self._space.n_levels[c], dtype=np.uint16) * np.uint16(stride)
            stride *= self._space.n_levels[c]
        weights = self._space.sum_over_levels(self._log2_m_u, n_first).astype(np.float32)
        return weights, self._space.sum_over_levels(by_level, n_first)

    def of_claims(self, ratios: list[Ratios | None], n_claims: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What pairs of some claims need, and what they can gain by their bound group.

        Returns float32[n, n_levels], the least weight of the comparisons before the last with which a pair may reach
        the floor, by the best level that the last may have; and float32[n, n_bound_groups], the most that term
        frequencies add to that weight.
        """
        needed, gains = np.full(n_claims, self._floor - _SLACK_LOG2), np.zeros((n_claims, 1))
        for c, ratio in enumerate(ratios[:-1]):
            if ratio is None:
                continue
            most = self._most_gained(c, ratio, n_claims)
            if c in self._grouped:
                n_groups = most.shape[0] * gains.shape[1]
                gains = (most.T[:, :, None] + gains[:, None, :]).reshape(n_claims, n_groups)
            else:
                needed -= most.max(axis=0)
        last = self._log2_m_u[-1][:, None] + self._most_gained(len(ratios) - 1, ratios[-1], n_claims)
        needed_by_level = np.array(
            [needed - last[levels].max(axis=0) for levels in self._comparisons[-1].may_be], np.float32
        )
        return np.ascontiguousarray(needed_by_level.T), gains.astype(np.float32)

    def _most_gained(self, c: int, ratios: Ratios | None, n_claims: int) -> NDArray[np.float64]:
        """The most that a claim's term frequencies may add at each level of a comparison: float64[n_levels, n]."""
        if ratios is None:
            return np.zeros((self._space.n_levels[c], n_claims))
        # A ratio raises a weight by -log2 of it; which of the groups it will be is not known yet.
        least = np.empty((n_claims, ratios.shape[2]))
        smallest(ratios, least)
        return np.asarray(-np.log2(least).T)
