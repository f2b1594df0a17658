"""The match weight of claims and the one person that each is compared with, whether a pass finds the person or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage.machine.scratch import scratch_array
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, take
from linkage.scoring.ranking import Ranking
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
) -> Ranking:
    """A ranking of one candidate each, who has no rival: registry row and passes of each of some claims."""
    scorer = Scorer(take(batch, claims, scratch), index, parameters, floor_log2=-np.inf)
    one = (claims.size, 1)
    weighed = Ranking(
        claims,
        rows.reshape(one),
        scratch_array(scratch, one, np.float64),
        passes.reshape(one),
        scratch_array(scratch, one, np.uint32),
        scratch_array(scratch, one, np.float64),
        scratch_array(scratch, claims.size, np.float64),
    )

    def weigh(part: slice) -> None:
        of_part = rows[part].astype(np.uint32)
        pairs = Candidates(np.arange(of_part.size + 1, dtype=np.int64), of_part, passes[part])
        ranked = scorer.rank(scorer.score_pairs(part, pairs), 1)
        for name in ("weights", "codes", "ratios", "sums"):
            getattr(weighed, name)[part] = getattr(ranked, name)

    for _ in run_tiles(weigh, claims.size, n_threads):
        pass
    return weighed
