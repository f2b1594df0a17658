"""How far a registry and a batch are from those that a model was trained with.

The registry changes every night, and a run takes the rarity of a value from the index of that night, never from the
model: equal values count right in any. What the model holds of the registry, u of the other levels, ages slowly. So a
model is not refused for another index; it carries what its tables were, and a run says which of them has moved.

The errors of another batch may differ, which the model cannot learn any more: m stays that of its training. So it
carries as well how the best candidates of its training claims were spread over the levels of each comparison, and a
batch whose are spread quite otherwise is decided by it only on a person's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Plan
from linkage.registry.cohorts import cohort_names
from linkage.registry.frequencies import COHORT, LOCAL, PEOPLE, Frequencies

# From here on it is said: u is off by this in the mean, which a level or two of agreement outweigh.
NOTABLE_LOG2 = 0.5
N_COMMONEST = 10
# Of people of one cohort who agree, twice as many as pairs; with fewer, chance alone moves the share
_FEWEST_PAIRS = 200

Tables = dict[str, dict[str, Any]]
Shares = dict[str, dict[str, int]]  # claims by comparison and label of the level

# The part of the claims that must be at other levels than in the training: told from the first on, refused from the
# second.
TOLD, REFUSED = 0.1, 0.25
FEWEST_REFUSED = 1000  # claims; of fewer a difference is told only
MISSING = "missing"  # the level of a value that one side does not state
_CHANCE = 1e-6  # at most of a distance by chance alone


def describe_tables(frequencies: Mapping[str, Frequencies], hashes: Mapping[str, str]) -> Tables:
    """What a model file says of the tables of the country, its cohorts and communes; hashes: `Frequencies.sha256` of
    each, as the manifest of an index has them.

    sha256, this hash; number of values and of bearers; but for communes also mean_share, the probability
    that two random people agree, or mean_shares, that two of one cohort do, by cohort; the shares of the commonest
    values, without the values.
    """
    described: Tables = {}
    for name, table in frequencies.items():
        n_values, highest = 0, np.empty(0, np.uint32)
        for values, counts in table.in_force():
            n_values += values.size
            highest = np.sort(np.concatenate([highest, counts[:, 0]]))[::-1][:N_COMMONEST]
        n_bearers = int(table.bearers[..., 0].sum())
        described[name] = {"sha256": hashes[name], "values": n_values, "bearers": n_bearers}
        if name.endswith((LOCAL, PEOPLE)):
            continue
        if name.endswith(COHORT):
            described[name]["mean_shares"] = _mean_shares(table)
            continue
        commonest = highest / max(1, n_bearers)
        described[name] |= {
            "mean_share": float(table.mean_share()[0]),
            "commonest_shares": [round(float(share), 6) for share in commonest],
        }
    return described


def _mean_shares(table: Frequencies) -> dict[str, float]:
    """The probability that two people of one cohort agree, by the cohort's years; of those with people who do."""
    bearers, squares = table.bearers[:, 0], table.squares[:, 0]
    return {
        years: float((squares[cohort] - bearers[cohort]) / bearers[cohort] / (bearers[cohort] - 1))
        for cohort, years in enumerate(cohort_names(), start=1)
        if squares[cohort] - bearers[cohort] >= _FEWEST_PAIRS
    }


def drift_notes(training: Mapping[str, Any], frequencies: Mapping[str, Frequencies]) -> tuple[str, ...]:
    """A note for each table in which two people agree notably more, or less, often than where the model was trained.

    training: of the model; one without tables, made elsewhere or imported, has no note.
    """
    notes = []
    for name, then in training.get("term_frequencies", {}).items():
        if name not in frequencies or name.endswith((LOCAL, PEOPLE)):
            continue
        if name.endswith(COHORT):
            shares, counted = _mean_shares(frequencies[name]), name.removesuffix(COHORT)
            pairs = [(f" born {years}", shares.get(years), share) for years, share in then["mean_shares"].items()]
        else:
            counted, pairs = name, [("", float(frequencies[name].mean_share()[0]), then["mean_share"])]
        for born, share, share_then in pairs:
            if share is not None and abs(np.log2(share / share_then)) >= NOTABLE_LOG2:
                times = f"{share / share_then:.2g} times as often as where the model was trained"
                notes.append(f"two people{born} of this index have the same {counted} {times}; train it again")
    return tuple(notes)


def pin_notes(training: Mapping[str, Any], tables: Mapping[str, str]) -> tuple[str, ...]:
    """A note where an index counts its values otherwise than where the model was trained: equal values have other
    weights then. tables: hashes of the index's, by name; a model without tables, made elsewhere, has no note."""
    then = training.get("term_frequencies", {})
    others = [name for name, digest in tables.items() if name in then and then[name]["sha256"] != digest]
    if not others:
        return ()
    return (
        f"{len(others)} of {len(tables)} tables of term frequencies are not those that the model was trained with; how "
        "rare a value is goes by this index",
    )


def describe_best(levels: NDArray[np.uint8], plan: Plan) -> Shares:
    """What a model file says of the best candidates of its training claims: how many are at each level of each
    comparison, "missing" included. levels: uint8[n, n_comparisons]."""
    described: Shares = {}
    for c, comparison in enumerate(plan.comparisons):
        counts = np.bincount(levels[:, c], minlength=len(comparison.labels))
        described[comparison.name] = dict(zip(comparison.labels, counts.tolist(), strict=True))
    return described


@dataclass(frozen=True)
class Moved:
    """A comparison whose levels are spread otherwise than in the training.

    distance: the part of the claims that must be at other levels, less what chance makes; label, share, share_then: the
    level that moved most. is_grave: whether the values of many claims agree otherwise. That more claims state none is
    told, but a value that is missing weighs nothing, so what the model learnt holds; and a few claims, such as one
    station's, may be unlike all others, which is no reason to refuse them.
    """

    name: str
    distance: float
    label: str
    share: float
    share_then: float
    is_grave: bool

    @property
    def text(self) -> str:
        return (
            f"{self.name} is '{self.label}' in {self.share:.1%} of the claims' best candidates and was in "
            f"{self.share_then:.1%} where the model was trained"
        )


def moved_levels(then: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]) -> tuple[Moved, ...]:
    """The comparisons told, the one that moved most first; of a model that says nothing of its training, none.

    The distance is the total variation of the two distributions, 1/2 sum |p - q|, less its mean by chance, at most 1/2
    sum sqrt(q (1 - q) (1/n + 1/k)), and less sqrt(log(1 / chance) (1/n + 1/k) / 2), which it passes so with that chance
    at most (McDiarmid 1989). So it is an effect's size, not a p-value: of five million claims any change is sure, and a
    handful can show none.
    """
    found = []
    for name, counts in now.items():
        labels = list(dict.fromkeys([*counts, *then.get(name, {})]))
        a, b = (np.array([of.get(label, 0) for label in labels], np.float64) for of in (counts, then.get(name, {})))
        is_stated = np.array([label != MISSING for label in labels])
        n_a, n_b = a.sum(), b.sum()
        grave, told = _distance(a * is_stated, b * is_stated), _distance(a, b)
        if max(grave, told) >= TOLD:
            # The level that moved most, of those that agree otherwise where these did.
            shares, shares_then = a / n_a, b / n_b
            most = int((np.abs(shares - shares_then) * (is_stated if grave >= TOLD else True)).argmax())
            distance, is_grave = max(grave, told), grave >= TOLD and int(n_a) >= FEWEST_REFUSED
            found.append(Moved(name, distance, labels[most], float(shares[most]), float(shares_then[most]), is_grave))
    return tuple(sorted(found, key=lambda moved: (not moved.is_grave, -moved.distance)))


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """How far two distributions lie apart, float64[n_levels] counts, less what chance makes; 0 where one is empty."""
    if a.sum() == 0 or b.sum() == 0:
        return 0.0
    p, q, scatter = a / a.sum(), b / b.sum(), 1.0 / a.sum() + 1.0 / b.sum()
    pooled = (a + b) / (a + b).sum()
    by_chance = 0.5 * np.sqrt(pooled * (1.0 - pooled) * scatter).sum() + np.sqrt(-np.log(_CHANCE) * scatter / 2.0)
    return float(0.5 * np.abs(p - q).sum() - by_chance)
