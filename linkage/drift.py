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

from linkage.frequencies import LOCAL, PEOPLE, Frequencies

# From here on it is said: u is off by this in the mean, which a level or two of agreement outweigh.
NOTABLE_LOG2 = 0.5
N_COMMONEST = 10

Tables = dict[str, dict[str, Any]]


def describe_tables(frequencies: Mapping[str, Frequencies]) -> Tables:
    """What a model file says of the country's tables, by counted column; those within communes follow from the index.

    sha256 of values and counts; number of values and of bearers; mean_share, the probability that two random people
    agree; the shares of the commonest values, without the values.
    """
    described = {}
    for name, table in frequencies.items():
        if name.endswith((LOCAL, PEOPLE)):
            continue
        digest = hashlib.sha256(np.ascontiguousarray(table.values).tobytes())
        digest.update(np.ascontiguousarray(table.counts).tobytes())
        commonest = np.sort(table.counts[:, 0])[::-1][:N_COMMONEST] / max(1, int(table.bearers[0]))
        described[name] = {
            "sha256": digest.hexdigest(),
            "values": int(table.values.size),
            "bearers": int(table.bearers[0]),
            "mean_share": float(table.mean_share()[0]),
            "commonest_shares": [round(float(share), 6) for share in commonest],
        }
    return described


def drift_notes(training: Mapping[str, Any], frequencies: Mapping[str, Frequencies]) -> tuple[str, ...]:
    """A note for each table in which two people agree notably more, or less, often than where the model was trained.

    training: of the model; one without tables, made elsewhere or imported, has no note.
    """
    notes = []
    for name, then in training.get("term_frequencies", {}).items():
        if name not in frequencies:
            continue
        times = float(frequencies[name].mean_share()[0]) / then["mean_share"]
        if abs(np.log2(times)) >= NOTABLE_LOG2:
            notes.append(
                f"two people of this index have the same {name} {times:.2g} times as often as where the model was "
                "trained; train it again"
            )
    return tuple(notes)
