"""Groups records into entities: the connected components of the links of a file with itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.schema import ENTITIES


def entities_of(ids: pa.ChunkedArray, links: pa.Table) -> pa.Table:
    """One row per record, sorted by record id: its entity, named after the smallest record id in it.

    ids: string[n], distinct and sorted; links: columns left_id and right_id.
    """
    values = ids.combine_chunks()
    left, right = (pc.index_in(links.column(name), values).to_numpy() for name in ("left_id", "right_id"))
    roots = components(len(values), left.astype(np.int64), right.astype(np.int64))
    return pa.table([values, values.take(pa.array(roots))], schema=ENTITIES.arrow())


def components(n: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest member of each record's component, int64[n]: labels fall to the least neighbour until none
    changes."""
    label = np.arange(n)
    while True:
        before = label.copy()
        least = np.minimum(label[left], label[right])
        np.minimum.at(label, left, least)
        np.minimum.at(label, right, least)
        # A label points to a record that may have a smaller one by now: following it halves the rounds.
        label = label[label]
        if np.array_equal(label, before):
            return label
