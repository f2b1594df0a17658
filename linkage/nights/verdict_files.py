"""The files of verdicts of a night."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.doses.verdicts import AreKnown, are_among, read_verdicts
from linkage.errors import InputError
from linkage.ingest import Ingested
from linkage.ingest.duplicates import hash_keys
from linkage.nights.arriving import Arrived
from linkage.nights.quarantine import set_aside_again
from linkage.nights.versions import DoseChanges
from linkage.registry.index import Index
from linkage.schema import VERDICTS
from linkage.state.folder import State
from linkage.state.rows import versions_of, versions_with
from linkage.state.tables import DOSE_VERSIONS


def read_arrived_verdicts(
    arrived: Arrived,
    paths: Sequence[Path],
    columns: dict[str, str],
    index: Index,
    state: State,
    changes: DoseChanges,
    date: datetime.date,
    scratch: Path,
    again: Collection[Path] = (),
) -> tuple[Arrived, Ingested | None]:
    """Read the verdicts of a night, and add to what arrived what became of their files; None where there are none.

    They speak of doses and claims of any night so far, and are decided on its date or before.

    again : of the files those that come from quarantine
    """
    if not paths:
        return arrived, None

    def known(name: str) -> AreKnown:
        def are_known(ids: pa.Array) -> NDArray[np.bool_]:
            asked = ids.drop_null().unique()
            if name == "claim_id":
                found = versions_with(state, asked, hash_keys(pa.chunked_array([asked])), [name])
            else:
                found = versions_of(state, DOSE_VERSIONS, asked, columns=[name])
            there = found[name].combine_chunks()
            return are_among(pa.concat_arrays([there, changes.rows[name].combine_chunks()]))(ids)

        return are_known

    named = {file: name for file, name in columns.items() if name in VERDICTS.names}
    options: dict[str, Any] = {"latest": date, "columns": named, "scratch": scratch, "strict": False}
    try:
        found = read_verdicts(paths, index, known("claim_id"), known("dose_id"), needs_word=True, **options)
    except InputError as error:
        return replace(arrived, set_aside=(*arrived.set_aside, *set_aside_again(paths, again, error))), None
    metadata = arrived.rejected.schema.metadata
    more = found.rejected.replace_schema_metadata(metadata)
    told = replace(
        arrived,
        rejected=pa.concat_tables([arrived.rejected, more]),
        set_aside=(*arrived.set_aside, *found.set_aside),
        notes=(*arrived.notes, *found.notes),
        verdicts=found.files,
    )
    return told, found
