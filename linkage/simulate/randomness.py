"""Two sources of chance, both functions of the seed alone: sequential streams and numbers keyed by a row.

Sequential streams (numpy generators) build the population. Errors draw from keyed numbers instead: then they do not
depend on the tiling of the doses, and an error of a subject comes back the same in its other doses.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blocking.keys import mix as scrambled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Chance:
    """All chance of one simulation, or of one region of it."""

    seed: int
    region: int = 0  # 0: drawn whole

    def stream(self, name: str) -> np.random.Generator:
        """A generator of its own for each named use: a change in one use leaves the others as they were."""
        return np.random.Generator(np.random.PCG64(self._entropy(name)))

    def keys(self, name: str, numbers: npt.NDArray[np.integer]) -> Keys:
        """Random 64-bit keys, a fixed function of seed, region, name and number (shape of ``numbers``)."""
        start = np.uint64(np.random.SeedSequence(self._entropy(name)).generate_state(1, np.uint64)[0])
        return mix(numbers.astype(np.uint64) + start)

    def _entropy(self, name: str) -> list[int]:
        return [self.seed, zlib.crc32(name.encode()), *([self.region] if self.region else [])]


def mix(keys: Keys) -> Keys:
    """One step of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits that looks random."""
    return scrambled(keys * _GAMMA)


def uniform(keys: Keys, use: int = 0) -> Floats:
    """Uniform numbers in [0, 1) from keys; each ``use`` gives an independent set."""
    shift = np.uint64(use * 0xD1B54A32D192ED03 % 2**64)
    numbers: Floats = (mix(keys + shift) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def below(keys: Keys, limits: npt.NDArray[np.integer] | np.integer | int, use: int = 0) -> Ints:
    """Uniform integers in [0, limit) from keys."""
    return (uniform(keys, use) * limits).astype(np.int64)


def pick(rng: np.random.Generator, weights: Floats, n: int) -> Ints:
    """``n`` draws of an index with the given weights (shape (k,), not negative, any sum)."""
    edges = np.cumsum(weights)
    chosen: Ints = np.searchsorted(edges, rng.random(n) * edges[-1], side="right").clip(0, len(weights) - 1)
    return chosen


def distinct(rng: np.random.Generator, prefixes: Ints, n_digits: int) -> Ints:
    """Numbers ``prefix`` followed by ``n_digits`` random digits, no two the same.

    The prefixes must leave room: fewer rows per prefix than 10**n_digits.
    """
    scale = 10**n_digits
    numbers: Ints = prefixes * scale + rng.integers(0, scale, len(prefixes))
    while True:
        order = np.argsort(numbers, kind="stable")
        repeated = order[1:][numbers[order][1:] == numbers[order][:-1]]
        if not len(repeated):
            return numbers
        numbers[repeated] = prefixes[repeated] * scale + rng.integers(0, scale, len(repeated))
