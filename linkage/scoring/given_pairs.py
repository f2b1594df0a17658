"""The match weight of claims and the one person that each is compared with, whether a pass finds the person or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, take
from linkage.scoring.ranking import Ranked
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from models.parameters import Parameters


def weigh_given(
    batch: Batch,
    claims: NDArray[np.int64],
    rows: NDArray[np.int32],
    passes: NDArray[np.uint16],
    index: Index,
    parameters: Parameters,
    n_threads: int,
    scratch: Path | None,
) -> Ranked:
    """The one candidate of each of some claims, who has no rival: by registry row and passes, [n, 1]."""
    scorer = Scorer(take(batch, claims, scratch), index, parameters, floor_log2=-np.inf)
    one = (claims.size, 1)
    weighed = Ranked.zeros(one, scratch)

    def weigh(part: slice) -> None:
        of_part = rows[part].astype(np.uint32)
        pairs = Candidates(np.arange(of_part.size + 1, dtype=np.int64), of_part, passes[part])
        weighed.put(part, scorer.rank(scorer.score_pairs(part, pairs), 1))

    for _ in run_tiles(weigh, claims.size, n_threads):
        pass
    # Whoever is given is compared, whatever the weight.
    return replace(weighed, rows=rows.reshape(one), passes=passes.reshape(one))
