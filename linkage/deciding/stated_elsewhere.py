"""What other claims of a subject state and a claim leaves out, as evidence against its candidates.

A claim without a number agrees with a namesake or a twin of its person as well as with the person. The number may stand
in another claim of the subject, and be nobody's: that claim has next to no candidate, and this one, of the same person,
has none either. So a claim is weighed once more with the numbers that another claim of its subject states and it does
not, and where a candidate weighs less, with F the Bayes factor then, B that before, and rho the probability that the
claims of a subject are one person's (linkage.doses.siblings), the factor is

    B' = rho F + (1 - rho) B.

Of several other claims the worst counts, for they are not independent. What they state for a candidate counts for
nothing here: a claim that it decides speaks as models.sibling has it, and under one subject stand families as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import NO_RIVALS, REVIEW, UNMATCHED, Decided
from linkage.doses.siblings import FiledClaims, filed_beside
from linkage.encode.columns import has_value
from linkage.encode.dictionaries import Columns
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, prepare_batch, rows_of
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.ranking import Ranking
from models.parameters import Parameters
from models.posterior import posterior

Claims = NDArray[np.int32]


def weigh_stated_elsewhere(
    base: Decided,
    filed: FiledClaims,
    linked: Ranking,
    batch: Batch,
    index: Index,
    parameters: Parameters,
    reliability: NDArray[np.float64],
    least: float,
    n_threads: int,
    scratch: Path | None,
) -> tuple[Claims, Claims, NDArray[np.float64]]:
    """Weigh the candidates of the linked claims, whose ranking is changed, by what undecided claims of the subject
    state.

    Parameters
    ----------
    base : what is decided of each claim by itself
    reliability : float64[N_SIZES], rho by the number of the subject's claims
    least : candidates under this probability stay as they are

    Returns
    -------
    claim, registry row, bits: int32[n], int32[n], float64[n], of each pair once, all under 0
    """
    claim, other, size = filed_beside(filed)
    is_open = (base.place[claim] != NO_RIVALS) & np.isin(base.status[other], (REVIEW, UNMATCHED))
    claim, other, size = claim[is_open], other[is_open], size[is_open]
    is_more, columns = _with_numbers_of(claim, other, batch, index)
    place, size = base.place[claim[is_more]], size[is_more]
    ranked = linked.candidates
    chances = posterior(ranked.weights[place], ranked.sums[place], ranked.outside[place], parameters).candidates
    pair, column = np.nonzero((chances >= least) & (ranked.rows[place] >= 0))
    at = place[pair], column
    # A claim that several stand beside is there once for each.
    filled = prepare_batch(columns, batch.dictionaries, index)
    no_pass, rows = np.zeros(pair.size, np.uint16), ranked.rows[at]
    again = weigh_given(filled, pair.astype(np.int64), rows, no_pass, index, parameters, n_threads, scratch)
    before, rho = ranked.weights[at], reliability[size[pair]]
    after = np.log2(rho * np.exp2(again.weights[:, 0]) + (1.0 - rho) * np.exp2(before))
    lowered = np.zeros((linked.claims.size, ranked.rows.shape[1]))
    np.minimum.at(lowered, at, after - before)
    touched = np.flatnonzero((lowered < 0).any(axis=1))
    number, column = np.nonzero(lowered[touched] < 0)
    bits = lowered[touched][number, column]
    found = linked.claims[touched][number].astype(np.int32), ranked.rows[touched[number], column], bits
    lists = ranked.at(touched)
    total = np.exp2(lists.weights).sum(axis=1)
    lists.weights[:] += lowered[touched]
    lists.sums[:] += np.exp2(lists.weights).sum(axis=1) - total
    ranked.put(touched, lists.reordered(ranked.rows.shape[1]))
    return found


def _with_numbers_of(claim: Claims, other: Claims, batch: Batch, index: Index) -> tuple[NDArray[np.bool_], Columns]:
    """Of which claims others state a number more, bool[n]; the columns of these claims with those numbers."""
    numbers = [comparison.left[0] for comparison in index.plan.comparisons if comparison.shared_levels]
    stated = {name: has_value(batch.columns, name) for name in numbers}
    lacks = {name: ~stated[name][claim] & stated[name][other] for name in numbers}
    is_more = np.any([*lacks.values(), np.zeros(claim.size, np.bool_)], axis=0)
    columns = rows_of(batch, claim[is_more].astype(np.int64))
    for name in numbers:
        for part in [column for column in columns if column == name or column.startswith(f"{name}.")]:
            at = np.flatnonzero(lacks[name][is_more])
            columns[part][at] = batch.columns[part][other[is_more][at]]
    return is_more, columns
