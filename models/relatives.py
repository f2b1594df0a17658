"""How many relatives and twins a claim meets among its candidates, and how many that no pass can show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.parameters import Parameters

Vector = NDArray[np.float64]

PRIOR_UNMATCHED = 20.0  # weight of the prior for the rates of relatives and of twins, in claims


def household_rates(
    parameters: Parameters,
    levels: NDArray[np.uint8],
    relatives: Vector,
    n_found: float | None,
    n_claims: int,
    *,
    borrowed: bool,
) -> tuple[float, Vector]:
    """Expected relatives of a claim without a match, and over it those of claims found and of the others, float64[2].

    A relative is taken for the person mostly where the person is not in the registry, so the rate is that of these
    claims. Of a file of homes they may have more relatives, or hardly any: who moved is not there, nor the family;
    the rate of all would take the one candidate at that address, whose name is written otherwise, for the wife.

    borrowed: whether people give each other's numbers. A borrowed number is shared with its owner, and the borrower may
    be in no registry; one's own is shared with nobody. Owners are few among the unmatched, who mostly gave no number,
    so there the rate is not under that of all. relatives: float64[2, n_patterns]; n_found: expected claims with a
    match, None where nobody is known to have none, so that all have one rate. The rates of both sorts are shrunk to
    that of all.
    """
    totals = np.array([(known + unmet_relatives(parameters, levels, known)).sum() for known in relatives])
    of_all = (float(totals.sum()) + 1e-3) / max(1, n_claims)
    if n_found is None:
        return of_all, np.ones(2)
    n_of_sort = np.maximum([n_found, n_claims - n_found], 0.0) + PRIOR_UNMATCHED
    rates = totals / n_of_sort + PRIOR_UNMATCHED / n_of_sort * of_all
    rate = max(of_all if borrowed else 0.0, float(rates[1]))
    return rate, rates / rate


def unmet_relatives(parameters: Parameters, levels: NDArray[np.uint8], relatives: Vector) -> Vector:
    """Relatives who share none of the numbers known of a pair, and whom no pass can meet for that: float64[n_patterns].

    Only those who share one are seen, which would make relatives seem to share more than they do: the household
    probabilities are those of a distribution truncated to shared numbers, and these are its missing part (Dempster,
    Laird and Rubin 1977, section 4.2). A number that the right side lacks is known not to be shared.
    """
    shares_none = np.ones(levels.shape[0])
    for i, comparison in enumerate(parameters.comparisons):
        if comparison.shared_levels:
            shared = float(comparison.household @ comparison.is_shared())
            shares_none *= np.where(levels[:, i] > 0, 1.0 - shared, 1.0)
    return np.where(shares_none < 1.0, relatives * shares_none / (1.0 - np.minimum(shares_none, 1.0 - 1e-9)), 0.0)


def twin_rate(parameters: Parameters, n_twins: float, n_unmatched: float) -> float:
    """Twins per claim: those of the registry, or of the claims without a match where these have more."""
    of_unmatched = (n_twins + PRIOR_UNMATCHED * parameters.twin_rate) / (max(n_unmatched, 0.0) + PRIOR_UNMATCHED)
    return max(parameters.twin_rate, of_unmatched)
