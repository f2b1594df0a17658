"""The recordlinkage package on FEBRL: the comparison of its documentation, its unsupervised classifier (ECM).

Comparisons are those of its example "Link two datasets" on FEBRL 4; its blocking on the given name alone is replaced by
the union of five blocks, so that recall is not decided by blocking.
"""

from __future__ import annotations

import time

import numpy as np
import pandas
import pyarrow as pa
import recordlinkage

from benchmarks.accuracy.labelled import Prepared

_BLOCKS = ("given_name", "surname", "date_of_birth", "soc_sec_id", "postcode")


def link_febrl(files: Prepared) -> tuple[pa.Table, dict[str, float]]:
    """Pairs with the classifier's probability, and seconds."""
    start = time.perf_counter()
    left = pandas.read_parquet(files.left).set_index("rec_id")
    frames = (left,) if files.is_self else (left, pandas.read_parquet(files.right).set_index("rec_id"))
    index = recordlinkage.Index()
    for column in _BLOCKS:
        index.block(column)
    pairs = index.index(*frames)
    features = _comparisons().compute(pairs, *frames)
    classifier = recordlinkage.ECMClassifier(binarize=0.5)
    classifier.fit(features)
    probability = classifier.prob(features).to_numpy()
    # Its probability of a match; odds of 0 or infinity come where a feature never differs.
    with np.errstate(divide="ignore"):
        weight = np.log2(probability) - np.log2(1.0 - probability)
    table = pa.table(
        {
            "left_id": pairs.get_level_values(0).astype(str).tolist(),
            "right_id": pairs.get_level_values(1).astype(str).tolist(),
            "match_probability": probability,
            "match_weight": weight,
        }
    )
    return table, {"link": time.perf_counter() - start}


def _comparisons() -> recordlinkage.Compare:
    compare = recordlinkage.Compare()
    compare.exact("given_name", "given_name", label="given_name")
    compare.string("surname", "surname", method="jarowinkler", threshold=0.85, label="surname")
    compare.exact("date_of_birth", "date_of_birth", label="date_of_birth")
    compare.exact("suburb", "suburb", label="suburb")
    compare.exact("state", "state", label="state")
    compare.string("address_1", "address_1", threshold=0.85, label="address_1")
    return compare
