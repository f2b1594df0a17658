"""The records of a linkage that stand for all, without the crowds of a file that is linked with itself.

Crowds are found in two steps: by equal keys, which costs no more than the file is long, and by a first look at what
that leaves, before anything is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from linkage.training.train import untrained
from linkage.two_files.crowds import crowds_by_keys, joined, people_of, thinned
from linkage.two_files.lists import Compared, Lists

# Log2 of the Bayes factor of a pair over the number of records: by chance one record in so many has such a partner, so
# strangers make no crowds.
BEYOND_CHANCE_LOG2 = 3.5


@dataclass(frozen=True)
class Ready:
    """Lists with the records that stand for all, and these ready to be compared.

    everybody: with the others of their crowds; crowds: int64[n_groups], the crowd of each group of copies of the left
    side, -1 for none
    """

    lists: Lists
    compared: Compared
    everybody: Compared
    crowds: NDArray[np.int64]


def without_crowds(lists: Lists, folder: Path, n_threads: int) -> Ready:
    """The lists ready; indices are built in ``folder``."""
    everybody, copies = lists.compared(folder / "index"), lists.left.copies
    every_group = np.arange(copies.starts.size - 1)
    crowds = np.full(every_group.size, -1)
    if lists.is_self:
        crowds = crowds_by_keys(copies, everybody.batch.columns, lists.plan)
    if np.all(crowds < 0):
        return Ready(lists, everybody, everybody, crowds)
    first = _thinned(lists, crowds, everybody, folder / "first")
    left, right = _near(first.compared, n_threads)
    crowds = joined(crowds, copies.groups[left], copies.groups[right], copies.sizes(every_group))
    return _thinned(lists, crowds, everybody, folder / "second")


def _thinned(lists: Lists, crowds: NDArray[np.int64], everybody: Compared, folder: Path) -> Ready:
    """The lists with ten records kept of each crowd, of which term frequencies count one."""
    copies = thinned(lists.left.copies, crowds)
    few, people, n = lists.with_copies(copies), people_of(copies, crowds), copies.kept.size
    return Ready(few, few.compared(folder).as_of(people, n), everybody.as_of(people, n), crowds)


def _near(compared: Compared, n_threads: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of records that are nearer each other than chance makes them, by the plan's starting values."""
    floor = BEYOND_CHANCE_LOG2 + float(np.log2(compared.index.n_persons))
    parameters = untrained(compared.batch, compared.index, n_threads)
    scorer = Scorer(compared.batch, compared.index, parameters, floor_log2=floor)

    def work(part: slice) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        scored, _ = scorer.link(part)
        claims = np.repeat(np.arange(part.start, part.stop), np.diff(scored.candidates.offsets))
        is_near = scored.factors >= scorer.least_factor
        return claims[is_near], scored.candidates.rows[is_near]

    tiles = [pairs for _, pairs in run_tiles(work, compared.batch.n_claims, n_threads)]
    left, right = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
    return compared.claims[left], compared.persons[right]
