"""How far the term frequencies of an index are from those that a model was trained with.

The registry changes every night, and a run takes the rarity of a value from the index of that night, never from the
model: equal values count right in any. What the model holds of the registry, u of the other levels, ages slowly. So a
model is not refused for another index; it carries what its tables were, and a run says which of them has moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from linkage.cohorts import cohort_names
from linkage.frequencies import COHORT, LOCAL, PEOPLE, Frequencies

# From here on it is said: u is off by this in the mean, which a level or two of agreement outweigh.
NOTABLE_LOG2 = 0.5
N_COMMONEST = 10
# Of people of one cohort who agree, twice as many as pairs; with fewer, chance alone moves the share
_FEWEST_PAIRS = 200

Tables = dict[str, dict[str, Any]]


def describe_tables(frequencies: Mapping[str, Frequencies]) -> Tables:
    """What a model file says of the tables of the country and its cohorts, by counted column; those within communes
    follow from the index.

    sha256 of values and counts; number of values and of bearers; mean_share, the probability that two random people
    agree, or mean_shares, that two of one cohort do, by cohort; the shares of the commonest values, without the values.
    """
    described: Tables = {}
    for name, table in frequencies.items():
        if name.endswith((LOCAL, PEOPLE)):
            continue
        digest = hashlib.sha256(np.ascontiguousarray(table.values).tobytes())
        digest.update(np.ascontiguousarray(table.counts).tobytes())
        described[name] = {
            "sha256": digest.hexdigest(),
            "values": int(table.values.size),
            "bearers": int(table.bearers[..., 0].sum()),
        }
        if name.endswith(COHORT):
            described[name]["mean_shares"] = _mean_shares(table)
            continue
        commonest = np.sort(table.counts[:, 0])[::-1][:N_COMMONEST] / max(1, int(table.bearers[0]))
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
        if name not in frequencies:
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
