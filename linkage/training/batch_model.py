"""A model from a batch: its parameters, and the rates of what doses say of each other.

The threshold comes when the batch is decided by it (linkage.night.stages).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.evidence_rates import learn_rates
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, take
from linkage.training.model_file import ACCEPTED, Model
from linkage.training.sample import SettledClaims
from linkage.training.train import train


def model_of_batch(
    batch: Batch,
    doses: Doses,
    claims: Claims,
    verified: NDArray[np.int32],
    agrees: NDArray[np.bool_],
    index: Index,
    n_threads: int,
    *,
    verdicts: NDArray[np.int64] | None = None,
    accepted: str | None = None,
) -> Model:
    """Train a model on the claims that agree exactly with nobody, whom the model decides.

    Parameters
    ----------
    verified : int32[n_claims], the row that each claim agrees with exactly as it was typed, -1 for none
    agrees : bool[n_claims], whether it agrees as it was read
    verdicts : int64[n_claims], see linkage.training.train
    accepted : why the model is to decide though its training is doubtful
    """
    chosen = _trainees(agrees, doses.excluded[claims.first_dose] > 0)
    known = None if verdicts is None else verdicts[chosen]
    parameters, training = train(take(batch, chosen), index, n_threads, known, _settled(batch, chosen, verified))
    rates = learn_rates(verified, doses, claims, index)
    told = training.to_dict() | ({} if accepted is None else {ACCEPTED: accepted})
    return Model(parameters, index.plan, told, rates if rates.are_enough else None)


def _trainees(agrees: NDArray[np.bool_], is_excluded: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Claims to train on: those that agree exactly with nobody, whom the model decides; the others where all agree."""
    still_open = np.flatnonzero(~agrees & ~is_excluded)
    return still_open if still_open.size else np.flatnonzero(~is_excluded)


def _settled(batch: Batch, chosen: NDArray[np.int64], verified: NDArray[np.int32]) -> SettledClaims | None:
    """The claims that exact agreement settled, beside the ``chosen`` ones to train on."""
    of_all = np.flatnonzero(verified >= 0)
    if not of_all.size or verified[chosen].max(initial=-1) >= 0:
        return None
    return SettledClaims(batch, of_all, verified[of_all])
