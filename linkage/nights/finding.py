"""By what doses and claims are found in a state, for who comes with an id."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from linkage.ingest.duplicates import hash_keys
from linkage.state.tables import CLAIMS_OF_SUBJECTS, CLAIMS_TO_FIND, DOSES_OF_CLAIMS, StateTable


def dose_links(doses: pa.Table) -> dict[str, pa.Table]:
    """Rows of the tables that lead to claims, and from claims to doses, by table; doses: rows of the state's doses."""
    stated = doses.filter(pc.not_equal(doses["subject"], pa.scalar(0, pa.uint64())))
    typed = pa.table({"key": pa.array(hash_keys(doses["claim_id"])), "claim": doses["claim"]})
    found = ((CLAIMS_OF_SUBJECTS, stated), (DOSES_OF_CLAIMS, doses), (CLAIMS_TO_FIND, typed))
    return {table.name: _distinct(rows, table) for table, rows in found}


def _distinct(rows: pa.Table, table: StateTable) -> pa.Table:
    return rows.group_by(table.schema.names).aggregate([]).cast(table.schema)
