"""A key of every person that is no row: the same in a fresh build, beside changes, and in any part of a registry."""

from __future__ import annotations

import pyarrow as pa

from linkage.encode.columns import encode
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest.duplicates import hash_keys
from linkage.plan.sections import Plan
from linkage.registry.persons_by_id import PERSON_KEY


def encode_persons(rows: pa.Table, plan: Plan, dictionaries: Dictionaries) -> Columns:
    """The encoded columns of registry rows, and a hash of each one's id."""
    return encode(rows, plan, "right", dictionaries) | {PERSON_KEY: hash_keys(rows.column(plan.right_id))}
