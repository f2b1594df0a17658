"""What a file of changes states: which people are new, changed or removed, and what of it replaces nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import InputError
from linkage.ingest import Ingested
from linkage.registry.change_rows import (
    REMOVED,
    are_changed,
    check_nothing_is_lost,
    merged,
    read_statuses,
    with_statuses,
)
from linkage.registry.index import Index
from linkage.registry.kept_values import Kept, unread_of_new, with_kept_values
from linkage.schema import PERSON_STATUSES, REGISTRY
from linkage.wording.counted import counted

Rows = NDArray[Any]


def check_all_accepted(changes: Path, ingested: Ingested) -> None:
    """InputError where a record of a file of changes cannot be used."""
    if ingested.rejected.num_rows:
        reasons = ingested.rejected.column("reasons")[0].as_py()
        raise InputError(
            f"{changes.name}: {counted(ingested.rejected.num_rows, 'row')} cannot be used (the first: record "
            f"{ingested.rejected.column('position')[0]}, {', '.join(reasons)}); mend them, nothing was applied"
        )


def _check_statuses(ingested: Ingested, typed: pa.ChunkedArray, status: pa.Array) -> None:
    """A slip in ``removed`` would put an empty row in the place of a person."""
    unknown = np.flatnonzero(status.is_null().to_numpy(zero_copy_only=False))
    if unknown.size:
        file, position = ingested.files[0], ingested.positions()[unknown[0]]
        raise InputError(
            f"{file.file}: record {position}: status {typed[int(unknown[0])].as_py()!r} is none of "
            f"{', '.join((*PERSON_STATUSES, REMOVED))}; correct it, nothing was applied"
        )


def _check_new(ingested: Ingested, n_new: int) -> None:
    """A slip in a person_id would make somebody new of whom nothing is known."""
    file = ingested.files[0]
    lacking = [name for name in file.absent if REGISTRY.columns[REGISTRY.names.index(name)].required]
    if n_new and lacking:
        raise InputError(
            f"{file.file}: {counted(n_new, 'person', ('is', 'are'))} not in the index, and new people need the column "
            f"{lacking[0]}: correct the person_id, or add the column; nothing was applied"
        )


@dataclass(frozen=True)
class Stated:
    """The rows that change something, the row of the index of each or -1, whether it is removed; how many removals are
    of people who are not in the index, and what was not overwritten."""

    rows: pa.Table
    numbers: Rows
    is_removed: Rows
    n_unknown: int
    kept: list[Kept]

    @property
    def staying(self) -> pa.Table:
        """The rows of people who are in the registry then."""
        return self.rows.filter(pa.array(~self.is_removed))


def stated_changes(ingested: Ingested, index: Index, partial: bool, whole: bool) -> Stated:
    """What the rows of a file of changes change of an index; partial, whole: see `linkage.registry.from_files`."""
    accepted = ingested.accepted.read()
    status = read_statuses(accepted.column("status"))
    _check_statuses(ingested, accepted.column("status"), status)
    is_removed = pc.equal(status, REMOVED).to_numpy(zero_copy_only=False)
    rows = index.rows_of(accepted.column(index.plan.right_id))
    _check_new(ingested, int(np.count_nonzero((rows < 0) & ~is_removed)))
    is_changed = (rows < 0) ^ is_removed  # new, or removed and there
    known, kept = np.flatnonzero((rows >= 0) & ~is_removed), list[Kept]()
    if known.size:
        stated, before = accepted.take(pa.array(known)), index.take(rows[known], accepted.column_names)
        if partial:
            stated = merged(stated, before)
        elif not whole:
            check_nothing_is_lost(stated, before, ingested.files[0].absent, ingested.files[0].file)
        stated, kept = with_kept_values(with_statuses(stated), before, index, ingested.positions()[known])
        is_changed[known] = are_changed(stated, before)
        place = np.arange(rows.size)
        place[known] = rows.size + np.arange(known.size)
        accepted = pa.concat_tables([accepted, stated]).take(pa.array(place))
    new = np.flatnonzero((rows < 0) & ~is_removed)
    accepted = with_statuses(accepted)
    if new.size:
        kept += unread_of_new(accepted.take(pa.array(new)), index, ingested.positions()[new])
    n_unknown = int(np.count_nonzero((rows < 0) & is_removed))
    return Stated(accepted.filter(pa.array(is_changed)), rows[is_changed], is_removed[is_changed], n_unknown, kept)
