"""What a review is worth: how likely an officer settles a claim with a person, which claims are put before one, and in
which order.

An officer settles a claim when its person is among the candidates shown, so the probability of that is the sum of
their posteriors. Claims are worth the time from one in ten on (or from the plan's ``lowest_review_probability`` where
that is more): of four development batches, two of them with shocks, 289 of 1,365 claims of two in a hundred on lay
below, and 6 of these came true, seven in a thousand of the people whom all could settle. The rest are searched for as
people whom nobody fits are, from the candidates there are. The limit is one of the claim's own probability, not of its
place in the queue: whether a claim is reviewed does not depend on the batch it is in.

Within a commune the order is: claims of the police list, then those most likely to be settled, then those of most
doses; equal ones by their key. The day the list is due is the same for a run's claims, so it does not tell them apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Decision

SETTLED_OF_CLAIMS = 0.1  # an officer who opens ten claims settles one at least
LEAST_SHOWN = 1e-3  # a further candidate under this probability is not worth an officer's glance


def is_shown(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which candidates an officer sees, bool[n, k]: the best always, and the others unless they are out of the
    question."""
    shown = probabilities >= LEAST_SHOWN
    shown[:, 0] = True
    return np.asarray(shown)


def settle_probability(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that the person is among the candidates shown: float64[n] from posteriors float64[n, k], best
    first."""
    return np.asarray(np.minimum(1.0, np.where(is_shown(probabilities), probabilities, 0.0).sum(axis=1)))


def is_worth_review(probabilities: NDArray[np.float64], rule: Decision) -> NDArray[np.bool_]:
    """Whether an officer's time is well spent on each claim: bool[n] from posteriors float64[n, k], best first."""
    lowest = max(rule.lowest_review_probability, SETTLED_OF_CLAIMS)
    return np.asarray(settle_probability(probabilities) >= lowest)


def priorities(
    communes: NDArray[np.integer],
    is_listed: NDArray[np.bool_],
    settled: NDArray[np.float64],
    n_doses: NDArray[np.int32],
) -> NDArray[np.int32]:
    """The place of each claim in the list of its commune, from 1: int32[n].

    Parameters
    ----------
    communes : [n], the commune of each claim
    is_listed : bool[n], whether it stands in the list of the commune's police
    settled : float64[n], see settle_probability
    n_doses : int32[n], the doses that wait for it; the claims are in the order of their keys
    """
    order = np.lexsort((-n_doses, -settled, ~is_listed, communes))
    commune = communes[order]
    starts = np.flatnonzero(np.append(True, commune[1:] != commune[:-1])[: order.size])
    sizes = np.diff(np.append(starts, order.size))
    place = np.empty(order.size, np.int32)
    place[order] = np.arange(1, order.size + 1) - np.repeat(starts, sizes)
    return place
