"""What is decided of identity claims, and their candidates."""

from __future__ import annotations

import pyarrow as pa

from linkage.schema.columns import Column, TableSchema

CLAIM_FORM = "c1"  # the first line of the text whose hash is a claim_id, see docs/claim-id.md
CLAIM_PREFIX = f"{CLAIM_FORM}-"  # of every claim_id
CLAIM_ID = Column("claim_id", pa.string(), "the identity claim, as in decisions", key=True)
CLAIMS = TableSchema(
    "claims",
    (
        CLAIM_ID,
        Column(
            "compared_as",
            pa.string(),
            "the least claim_id of those equal after standardising, as which they were compared once",
            "itself",
        ),
        Column("status", pa.string(), "what is decided of the claim, before the conflicts of a dose"),
        Column("n_doses", pa.int32(), "doses that state the claim"),
    ),
)

# What makes up a match weight beside the comparisons, whose weights stand in columns of their own.
BITS = (
    Column("rarity_bits", pa.float64(), "part of match_weight: how rare the values are that agree"),
    Column("near_number_bits", pa.float64(), "part of match_weight: others whose number is near"),
    Column("household_bits", pa.float64(), "part of match_weight: relatives, twins and namesakes agree by chance"),
    Column(
        "subject_bits",
        pa.float64(),
        "part of match_weight: what other claims of the platform's subject say: for person_id where one is decided "
        "so, against where they state another number",
    ),
    Column(
        "schedule_bits",
        pa.float64(),
        "part of match_weight, at most 0: conflicts with doses decided for person_id",
    ),
)


def compared_columns(comparison: str) -> tuple[str, str]:
    """What the columns of a comparison's level and of its weight are called."""
    return f"level_{comparison}", f"weight_{comparison}"


# Every candidate kept of the claims that the model decided, and the one person of a verified claim. Behind these
# columns stand level and weight of each comparison of the plan; these weights and all bits add up to match_weight.
CANDIDATES = TableSchema(
    "candidates",
    (
        CLAIM_ID,
        Column("rank", pa.int16(), "1 for the best candidate"),
        Column("person_id", pa.string(), "the candidate"),
        Column("match_probability", pa.float64(), "posterior of person_id"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor"),
        Column("found_by", pa.list_(pa.string()), "passes that found person_id"),
        *BITS,
    ),
)
