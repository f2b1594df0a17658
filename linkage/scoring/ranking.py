"""The best candidates of claims, best first: the one struct of them from scoring to the published tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from linkage.machine.scratch import scratch_array

Value = TypeVar("Value", bound=np.generic)
Places = slice | NDArray[np.integer[Any]] | NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """The best candidates of n claims: [n, k], best first, or [n], the best of each alone.

    rows : int32[n, k], registry rows, -1 where there are fewer
    weights : float64[n, k], log2 Bayes factors, -inf where there are fewer
    passes : uint16[n, k], a bit for each pass of the plan, and one for a sibling; see linkage.published.decisions
    codes : uint32[n, k], agreement patterns
    ratios : float64[n, k], products of term frequency ratios
    sums : float64[n], Bayes factors of all candidates of each claim, those that are not kept too
    outside : float64[n], what claims say of themselves, see `models.parameters.Parameters.times_outside`
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float64]
    passes: NDArray[np.uint16]
    codes: NDArray[np.uint32]
    ratios: NDArray[np.float64]
    sums: NDArray[np.float64]
    outside: NDArray[np.float64]

    @classmethod
    def zeros(cls, shape: tuple[int, ...], scratch: Path | None = None) -> Ranked:
        """To be filled in, in work files in ``scratch`` or in memory."""
        return cls(
            rows=scratch_array(scratch, shape, np.int32),
            weights=scratch_array(scratch, shape, np.float64),
            passes=scratch_array(scratch, shape, np.uint16),
            codes=scratch_array(scratch, shape, np.uint32),
            ratios=scratch_array(scratch, shape, np.float64),
            sums=scratch_array(scratch, shape[0], np.float64),
            outside=scratch_array(scratch, shape[0], np.float64),
        )

    @classmethod
    def nobody(cls, shape: tuple[int, ...], scratch: Path | None = None) -> Ranked:
        """No candidates, to be filled in where there are some."""
        found = cls.zeros(shape, scratch)
        found.rows[:] = -1
        found.weights[:] = -np.inf
        return found

    @property
    def best(self) -> Ranked:
        """The first candidate of each claim: [n]."""
        return Ranked(*(values if values.ndim == 1 else values[:, 0] for values in vars(self).values()))

    def at(self, places: Places) -> Ranked:
        """Those of the claims at some places."""
        return Ranked(*(values[places] for values in vars(self).values()))

    def put(self, places: Places, others: Ranked) -> None:
        """Write the candidates of others over those of the claims at some places."""
        for name, values in vars(others).items():
            getattr(self, name)[places] = values

    def wider(self, width: int) -> Ranked:
        """The same with empty places behind: [n, width]."""
        n_empty = width - self.rows.shape[1]

        def widened(values: NDArray[Value], absent: float) -> NDArray[Value]:
            return np.pad(values, ((0, 0), (0, n_empty)), constant_values=absent)

        return Ranked(
            widened(self.rows, -1),
            widened(self.weights, -np.inf),
            widened(self.passes, 0),
            widened(self.codes, 0),
            widened(self.ratios, 1.0),
            self.sums,
            self.outside,
        )

    def reordered(self, width: int) -> Ranked:
        """The best of them by their weights, which have changed: [n, width]; of equals the one that stood first stays
        first."""
        order = np.argsort(-self.weights, axis=1, kind="stable")[:, :width]

        def ordered(values: NDArray[Value]) -> NDArray[Value]:
            return np.take_along_axis(values, order, axis=1)

        weights = ordered(self.weights)
        # Of a sum that was nearly all one candidate's, the rest is known only as well as its last digit.
        sums = np.maximum(self.sums, np.exp2(weights).sum(axis=1))
        others = ordered(self.passes), ordered(self.codes), ordered(self.ratios)
        return Ranked(ordered(self.rows), weights, *others, sums, self.outside)


@dataclass(frozen=True)
class Ranking:
    """Some claims of a batch, int64[n], by number, and their candidates, [n, k]."""

    claims: NDArray[np.int64]
    candidates: Ranked
