"""How often something happens in a night, and how many times that makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from linkage.errors import UsageError
from linkage.simulate.randomness import Ints
from linkage.simulate.regions import apportion


@dataclass(frozen=True)
class Shares:
    """What happens beside new doses; with 0 it never does, else at least once a night where it can.

    corrections, withdrawals, verdicts : as many as this share of the night's new doses
    registry_changes : share of the registry that changes in a night
    bad_files : of nights, those with a file that cannot be used
    """

    corrections: float = 0.01
    withdrawals: float = 0.002
    registry_changes: float = 0.001
    verdicts: float = 0.01
    bad_files: float = 0.15

    def check(self) -> None:
        """UsageError where a share is none."""
        for name, share in asdict(self).items():
            if not 0.0 <= share <= 1.0:
                raise UsageError(f"--{name.replace('_', '-')} {share}: is no share; give a number from 0 to 1")


USUAL = Shares()


def at_least_one(share: float, n: int) -> int:
    """``share`` of ``n`` in whole numbers, one at least unless either is 0."""
    return max(1, round(share * n)) if share > 0 and n > 0 else 0


def divided(total: int, weights: Mapping[str, float]) -> Ints:
    """``total`` by weight, in the order of ``weights``; each has one at least as far as the total goes."""
    least = np.zeros(len(weights), np.int64)
    least[np.argsort([-weight for weight in weights.values()], kind="stable")[:total]] = 1
    return least + apportion(total - int(least.sum()), np.array(list(weights.values())))
