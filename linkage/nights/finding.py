"""By what doses and claims are found in a state, for who comes with an id or a number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.ingest.duplicates import hash_keys
from linkage.standardise.identifiers import standardise_ids, standardise_insurance
from linkage.standardise.phones import standardise_phones
from linkage.state.tables import CLAIMS_OF_SUBJECTS, CLAIMS_TO_FIND, DOSES_OF_CLAIMS, StateTable

# By which claims are found, and what of a dose states it; the salt of each keeps equal numbers of two kinds apart.
NUMBERS = {"person_number": "id_number", "insurance_number": "insurance_number", "phone": "phone"}


def dose_links(doses: pa.Table) -> dict[str, pa.Table]:
    """Rows of the tables that lead to claims, and from claims to doses, by table; doses: rows of the state's doses."""
    stated = doses.filter(pc.not_equal(doses["subject"], pa.scalar(0, pa.uint64())))
    found = ((CLAIMS_OF_SUBJECTS, stated), (DOSES_OF_CLAIMS, doses), (CLAIMS_TO_FIND, _ways_to_find(doses)))
    return {table.name: _distinct(rows, table) for table, rows in found}


def number_keys(numbers: Mapping[str, NDArray[np.uint64]]) -> dict[str, NDArray[np.uint64]]:
    """Keys by which claims that state some numbers are found, by the kinds of NUMBERS: uint64[n], of a number that is 0
    the key means nothing."""
    return {kind: mix(values, salt=1 + list(NUMBERS).index(kind)) for kind, values in numbers.items()}


def _ways_to_find(doses: pa.Table) -> pa.Table:
    """Claims by their ids as typed, and by each number that they state; as `linkage.insight.finding` reads these."""
    numbers = {
        "person_number": standardise_ids(doses["id_number"]).number,
        "insurance_number": standardise_insurance(doses["insurance_number"]),
        "phone": standardise_phones(doses["phone"]),
    }
    claims = doses["claim"].to_numpy()
    found = [(hash_keys(doses["claim_id"]), claims)]
    for kind, keys in number_keys(numbers).items():
        is_stated = numbers[kind] != 0
        found.append((keys[is_stated], claims[is_stated]))
    key, claim = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pa.table({"key": pa.array(key), "claim": pa.array(claim)})


def _distinct(rows: pa.Table, table: StateTable) -> pa.Table:
    return rows.group_by(table.schema.names).aggregate([]).cast(table.schema)
