"""Agreement patterns of random pairs of claim and person: how often strangers agree, from which u is estimated.

Pairs are made from two samples, some claims and some people of the registry, each claim meeting a different stretch
of the people in random order. So 10^8 distinct pairs touch a hundred thousand rows of the registry, whatever its size:
these are copied together once and stay in the processor's caches, where single draws would page in all of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blocking.parts import PartedColumn
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, BoundComparison, Pairs
from linkage.scoring.binding import bind
from linkage.scoring.tiles import run_tiles
from models.parameters import Parameters

# As many people as claims say enough of either side: what is common in one of 10^5 people is known to a few percent.
PEOPLE = 1 << 17
PAIRS_AT_ONCE = 1 << 20

Counts = tuple[NDArray[np.uint32], NDArray[np.int64]]


def random_patterns(
    rng: np.random.Generator, sample: Batch, index: Index, parameters: Parameters, n_pairs: int, n_threads: int
) -> Counts:
    """Distinct patterns of about n_pairs random pairs, ascending, and how many pairs have each.

    No pair comes twice, so a small sample, of a night of few doses, gives fewer: every claim with everybody of
    `PEOPLE` people, or of the registry. parameters are needed for their shape only.
    """
    people = index.nth(rng.choice(index.n_persons, min(index.n_persons, PEOPLE), replace=False))
    # Twice in a row, so that a stretch which starts near the end goes on at the beginning.
    rows = np.concatenate([people, people])
    met = replace(
        index, columns={name: PartedColumn(_read_only(column[rows])) for name, column in index.columns.items()}
    )
    n_partners = max(1, min(people.size, -(-n_pairs // max(1, sample.n_claims))))
    first = rng.integers(0, people.size, sample.n_claims)
    bound = bind(sample, met, parameters)

    def work(part: slice) -> Counts:
        step = max(1, PAIRS_AT_ONCE // n_partners)
        pieces = [slice(start, min(start + step, part.stop)) for start in range(part.start, part.stop, step)]
        return _added([_count(bound, sample, piece, first[piece], n_partners) for piece in pieces])

    return _added([counts for _, counts in run_tiles(work, sample.n_claims, n_threads)])


def _read_only(column: NDArray[Any]) -> NDArray[Any]:
    """The column as the kernels know those of an index."""
    column.flags.writeable = False
    return column


def _count(
    bound: list[BoundComparison], sample: Batch, part: slice, first: NDArray[np.int64], n_partners: int
) -> Counts:
    """Patterns of the claims of a part with the people from ``first`` on."""
    offsets = np.arange(first.size + 1, dtype=np.int64) * n_partners
    pairs = Pairs(np.arange(part.start, part.stop), first, offsets, None)
    codes = np.zeros(int(offsets[-1]), np.uint32)
    for comparison in bound:
        comparison.add(sample.columns, pairs, codes)
    counted = np.bincount(codes)
    distinct = np.flatnonzero(counted)
    return distinct.astype(np.uint32), counted[distinct]


def _added(tables: list[Counts]) -> Counts:
    """One table of patterns and counts from several."""
    if not tables:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    patterns, place = np.unique(np.concatenate([codes for codes, _ in tables]), return_inverse=True)
    counts = np.zeros(patterns.size, np.int64)
    np.add.at(counts, place, np.concatenate([n for _, n in tables]))
    return patterns, counts
