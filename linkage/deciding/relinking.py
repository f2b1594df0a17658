"""Claims whose person is sure, linked again without what made them so: labels for error rates without a reviewer.

A claim is sure that was decided with the person's own number. Its other fields have the errors that such claims really
have, so that nothing has to be drawn from the model: if the model is wrong about errors, because it was trained on
others, an estimate from its m would be wrong in the same way (an empirical bootstrap instead of a parametric one; Efron
and Tibshirani 1993, chapter 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import MATCHED, VERIFIED, Decided
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, prepare_batch, take, without_rows
from linkage.scoring.number_levels import number_levels
from linkage.scoring.tiles import link_batch
from models.comparators import digits
from models.parameters import Parameters
from models.posterior import posterior

SAMPLE = 10_000
TAKEN_OUT = 4000  # of these, with their person taken out of the registry
SEED = 20220504  # the day of the clean-up procedure; any fixed number gives the same sample at every run


@dataclass(frozen=True)
class Relinked:
    """n claims linked again.

    persons: int64[n], the true ones; rows: int64[n], the best ones found, -1 for none; chances: float64[n] of these;
    levels: uint8[n, n_comparisons] of the best.
    """

    persons: NDArray[np.int64]
    rows: NDArray[np.int64]
    chances: NDArray[np.float64]
    levels: NDArray[np.uint8]

    @property
    def is_true(self) -> NDArray[np.bool_]:
        return np.asarray(self.rows == self.persons)


@dataclass(frozen=True)
class SureClaims:
    """Sure claims linked again: with their number hidden; with the person taken out of the registry, those who are not
    there stating a number; and with both."""

    no_number: Relinked
    no_person: Relinked
    neither: Relinked


def link_sure_claims_again(
    decided: Decided, batch: Batch, index: Index, parameters: Parameters, n_threads: int
) -> SureClaims | None:
    """A sample of the sure claims linked again; None where there are none.

    With the person taken out some are linked with their number and as many without.
    """
    automatic = np.flatnonzero((decided.status == VERIFIED) | (decided.status == MATCHED))
    sure = automatic[np.isin(number_levels(decided.best.codes[automatic], index.plan), digits.SHARED)]
    if sure.size < 2:
        return None
    rng = np.random.default_rng(SEED)
    chosen = np.sort(rng.choice(sure, min(SAMPLE, sure.size), replace=False))
    persons = decided.best.rows[chosen].astype(np.int64)
    stating, hidden = take(batch, chosen), _without_number(take(batch, chosen), index)
    some = np.sort(rng.choice(chosen.size, min(TAKEN_OUT, chosen.size), replace=False))
    odd, even = some[1::2], some[::2]

    def again(claims: Batch, of: NDArray[np.int64]) -> Relinked:
        ranked = link_batch(claims, index, parameters, n_threads).ranked
        chances = posterior(ranked.weights, ranked.sums, ranked.outside, parameters).candidates[:, 0]
        levels = pattern_space(index.plan).levels_of(ranked.codes[:, 0])
        return Relinked(of, ranked.rows[:, 0].astype(np.int64), chances, levels)

    return SureClaims(
        again(hidden, persons),
        again(without_rows(take(stating, odd), persons[odd], index), persons[odd]),
        again(without_rows(take(hidden, even), persons[even], index), persons[even]),
    )


def _without_number(batch: Batch, index: Index) -> Batch:
    """The claims as if they had stated no number."""
    numbers = [c.left[0] for c in index.plan.comparisons if c.kind == "person_number"]
    hidden = {name: np.zeros_like(batch.columns[name]) for name in numbers}
    return prepare_batch({**batch.columns, **hidden}, batch.dictionaries, index)
