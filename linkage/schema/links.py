"""What the linkage of any two files gives: pairs, and the groups that links make."""

from __future__ import annotations

import pyarrow as pa

from linkage.schema.columns import Column, TableSchema

_PAIR = (
    Column("left_id", pa.string(), "id of the left record", key=True),
    Column("right_id", pa.string(), "id of the right record"),
    Column("match_probability", pa.float64(), "posterior of right_id among all candidates and none"),
    Column("match_weight", pa.float64(), "log2 Bayes factor"),
)

LINKS = TableSchema("links", _PAIR)

# All pairs with at least decision.lowest_review_probability, the links among them.
PAIRS = TableSchema("candidates", _PAIR)

ENTITIES = TableSchema(
    "entities",
    (
        Column("record_id", pa.string(), "id of the record", key=True),
        Column("entity_id", pa.string(), "the smallest record id among the records linked with it, directly or not"),
    ),
)
