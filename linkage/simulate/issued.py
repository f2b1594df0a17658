"""Numbers that no two people of the country hold, when the country is drawn region by region."""

from __future__ import annotations

import numpy as np

from linkage.errors import UsageError
from linkage.simulate.randomness import Chance, Ints, below

N_SERIALS = 10**6
_MOST_PREFIXES = 100_000  # of one kind of number; prefixes have five digits at most


class Issued:
    """How many numbers of each prefix are issued so far.

    A number is its prefix and six digits. The k-th of a prefix takes the k-th entry of one random order of all serials,
    counted from a place of the prefix's own: so the numbers look drawn, no two are the same, none has to be remembered
    but the counts, and a prefix can be filled to the brim.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._order = chance.stream("serials").permutation(N_SERIALS)
        self._counts: dict[str, Ints] = {}

    def numbers(self, kind: str, prefixes: Ints) -> Ints:
        """A number for each prefix (shape of ``prefixes``), different from all those of the kind issued before.

        Raises
        ------
        UsageError
            A prefix has fewer numbers left than are asked for.
        """
        counts = self._counts.setdefault(kind, np.zeros(_MOST_PREFIXES, np.int64))
        wanted = np.bincount(prefixes, minlength=_MOST_PREFIXES)
        full = np.flatnonzero(counts + wanted > N_SERIALS)
        if len(full):
            raise UsageError(f"{kind} numbers {full[0]}...: all are issued; ask for fewer persons or more units")
        places = below(self._chance.keys(kind, np.arange(_MOST_PREFIXES)), N_SERIALS) + counts
        serials = self._order[(places[prefixes] + _ranks(prefixes, wanted)) % N_SERIALS]
        counts += wanted
        numbers: Ints = prefixes * N_SERIALS + serials
        return numbers


def _ranks(groups: Ints, sizes: Ints) -> Ints:
    """How many entries of its group stand before each entry; ``sizes`` has the entries of each group."""
    used = np.flatnonzero(sizes)
    dense = np.zeros(len(sizes), np.uint16 if len(used) < 2**16 else np.int64)
    dense[used] = np.arange(len(used))
    # Numbers of 16 bits are sorted by radix, many times faster than longer ones.
    order = np.argsort(dense[groups], kind="stable")
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes[used]) - sizes[used], sizes[used])
    return ranks
