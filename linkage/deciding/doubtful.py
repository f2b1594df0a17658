"""Patterns of agreement that the plan leaves to a person, whatever their probability.

A name, a commune and a year are what a cousin shares. Beside a full number that is somebody else's, or nobody's, or
beside no number at all and another day, they are no ground to give anybody a dose without a look, however rare the
name: the model counts namesakes as it met them, and the next village may have more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Plan
from linkage.scoring.batch import pattern_space


def are_doubtful(codes: NDArray[np.uint32], plan: Plan) -> NDArray[np.bool_]:
    """Whether a pair of each pattern is left to a person: bool[n]. A rule applies where every comparison that it names
    is at one of the levels stated."""
    space, places = pattern_space(plan), {comparison.name: i for i, comparison in enumerate(plan.comparisons)}
    doubtful = np.zeros(codes.size, np.bool_)
    for rule in plan.decision.never_automatic:
        applies = np.ones(codes.size, np.bool_)
        for name, labels in rule.items():
            c = places[name]
            is_one = np.isin(plan.comparisons[c].labels, labels)
            applies &= is_one[space.level_of(codes, c)]
        doubtful |= applies
    return doubtful
