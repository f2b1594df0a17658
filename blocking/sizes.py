"""How many living rows each block of a pass has, counted in parts of a registry and added up.

Over-full blocks are judged by the whole registry: a part of it that judged them by its own rows would find candidates
that the whole does not. A table of the few blocks over a pass's bound is all that a part needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import stored_keys

_NARROWING_BITS = np.uint64(8)  # of a stored key, behind those of its block


@dataclass(frozen=True)
class BlockSizes:
    """blocks: uint64[k] ascending, distinct, what an entry of a pass of n_bits keeps of a key but its narrowing part;
    sizes: int64[k], rows of each."""

    blocks: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    n_bits: int

    @classmethod
    def of(cls, keys: Keys, n_bits: int) -> BlockSizes:
        """Of the keys of a part's rows, uint64[n]; rows with key 0 are in no block. n_bits: of the whole's pass."""
        blocks, sizes = np.unique(_blocks(keys[keys != 0], n_bits), return_counts=True)
        return cls(blocks, sizes.astype(np.int64), n_bits)

    def plus(self, other: BlockSizes) -> BlockSizes:
        """Of both parts together."""
        blocks, place = np.unique(np.concatenate([self.blocks, other.blocks]), return_inverse=True)
        sizes = np.zeros(blocks.size, np.int64)
        np.add.at(sizes, place, np.concatenate([self.sizes, other.sizes]))
        return BlockSizes(blocks, sizes, self.n_bits)

    def over(self, max_block: int) -> BlockSizes:
        """The blocks that have more rows than that."""
        is_over = self.sizes > max_block
        return BlockSizes(self.blocks[is_over], self.sizes[is_over], self.n_bits)

    def of_queries(self, queries: Keys) -> NDArray[np.int64]:
        """The rows of each query's block: int64 of the shape of queries, uint64; 0 for those not in the table and for
        query 0."""
        blocks = _blocks(queries.ravel(), self.n_bits)
        place = np.searchsorted(self.blocks, blocks)
        known = np.append(self.blocks, np.uint64(0))[place]
        is_there = (known == blocks) & (place < self.blocks.size) & (queries.ravel() != 0)
        return np.where(is_there, np.append(self.sizes, 0)[place], 0).reshape(queries.shape)


def _blocks(keys: Keys, n_bits: int) -> NDArray[np.uint64]:
    """The block of each key, uint64[n]."""
    stored: Keys = np.empty(keys.size, np.uint64)
    stored_keys(keys, n_bits, stored)
    return stored >> _NARROWING_BITS
