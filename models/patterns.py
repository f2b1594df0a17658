"""Agreement patterns: one level per comparison, written as one mixed-radix integer.

code = sum(level[c] * stride[c]); stride[0] = 1, stride[c + 1] = stride[c] * n_levels[c]. Comparisons stand in the
order in which they are evaluated, cheap ones first, so that a partial pattern is the code of the whole one modulo a
stride.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)

# A table over all patterns is looked up once a pair; past this size it leaves the caches and the memory budget.
MAX_PATTERNS = 1 << 25


@dataclass(frozen=True)
class PatternSpace:
    """The radices of a plan's comparisons."""

    n_levels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.size > MAX_PATTERNS:
            raise ValueError(
                f"{self.size} agreement patterns are more than {MAX_PATTERNS}; merge levels or drop a comparison"
            )

    @property
    def size(self) -> int:
        """Number of patterns."""
        return int(np.prod(np.array(self.n_levels, dtype=object)))

    @property
    def strides(self) -> tuple[int, ...]:
        """One stride per comparison."""
        return tuple(int(np.prod(np.array(self.n_levels[:c], dtype=object))) for c in range(len(self.n_levels)))

    def levels_of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Levels of patterns: uint8[n, n_comparisons] from uint32[n]."""
        return np.stack([self.level_of(codes, comparison) for comparison in range(len(self.n_levels))], axis=1)

    def level_of(self, codes: NDArray[np.uint32], comparison: int) -> NDArray[np.uint8]:
        """Level of one comparison, by its place, in each pattern: uint8[n] from uint32[n]."""
        return (codes // np.uint32(self.strides[comparison]) % np.uint32(self.n_levels[comparison])).astype(np.uint8)

    def halves_of_products(self, by_level: list[Vector]) -> tuple[Vector, Vector]:
        """The product of one number per comparison's level, in two tables: low, over all comparisons but the last, and
        high, of the last. That of a pattern is ``low[code % strides[-1]] * high[code // strides[-1]]``."""
        return _over_levels(np.multiply, by_level[:-1], by_level[-1].dtype), by_level[-1]

    def sum_over_levels(self, by_level: list[NDArray[Number]], n_first: int | None = None) -> NDArray[Number]:
        """Table over (partial) patterns of the sum of one number per comparison's level.

        Parameters: by_level, an array [n_levels[c]] per comparison, all of one type; n_first, only the first
        comparisons. Returns an array of that type [product of the radices].
        """
        return _over_levels(np.add, by_level[:n_first], by_level[0].dtype)


def _over_levels(operation: np.ufunc, by_level: list[NDArray[Number]], dtype: np.dtype[Number]) -> NDArray[Number]:
    """Table over the patterns of some comparisons of their levels' numbers, put together by an operation."""
    table: NDArray[Number] = np.full(1, operation.identity, dtype)
    for values in by_level:
        table = operation.outer(values, table).ravel()
    return table
