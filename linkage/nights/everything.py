"""Decides everything in force again, with a model that is to be adopted: all doses, all claims, all conflicts.

Dates of birth are read up to the day of the registry by now, which is later than when the model before was adopted. A
dose of somebody born since makes another claim then. Nobody corrected it: it is entered as another version, and the
verdicts on it go along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.deciding.pins import Pins
from linkage.night.stages import Work
from linkage.nights.deciding import Batch, Night, batch_of
from linkage.nights.reading import claims_made, read_anew
from linkage.nights.verdicts import VerdictChanges, in_force, moved_verdicts
from linkage.nights.versions import DoseChanges
from linkage.published.decided import ReadDoses
from linkage.registry.index import Index
from linkage.state.folder import State
from linkage.state.rows import rows_in_force
from linkage.state.tables import DOSE_VERSIONS, READ_OTHERWISE, WITHDRAWN
from linkage.training.model_file import Model


@dataclass(frozen=True)
class Everything:
    """What an adoption decides with and is about, and the batch of all claims; None where no dose is in force."""

    night: Night
    batch: Batch | None

    @property
    def changes(self) -> DoseChanges:
        return self.night.changes

    @property
    def verdicts(self) -> VerdictChanges:
        return self.night.verdicts


def decide_everything(state: State, index: Index, model: Model, work: Work) -> Everything:
    """Decide all doses in force; index: in force, as the epoch that begins decides with it."""
    doses = rows_in_force(state, DOSE_VERSIONS)
    doses = doses.filter(pc.not_equal(doses["what"], WITHDRAWN))
    nobody = pa.array([], pa.string())
    if not doses.num_rows:
        changes = _changes(doses, doses)
        verdicts = moved_verdicts(state, changes, index)
        return Everything(Night(state, changes, verdicts, index, model, work, nobody), None)
    with work.clock.stage("encode"):
        read = read_anew(doses, index, work)
        changes, versions = _read_otherwise(doses, read, len(state.nights) + 1)
        verdicts = moved_verdicts(state, changes, index)
        read = replace(read, pins=Pins.of(in_force(verdicts.known), read.claims.keys, index))
    night = Night(state, changes, verdicts, index, model, work, nobody, has_other_model=True)
    batch = batch_of(night, versions, read)
    return Everything(night, replace(batch, taken=np.ones(batch.keys.size, np.bool_)))


def _read_otherwise(doses: pa.Table, read: ReadDoses, number: int) -> tuple[DoseChanges, pa.Table]:
    """The doses that make other claims by now, and all of them with the claims that they make."""
    claims = pa.array(claims_made(read))
    differs = pc.not_equal(doses["claim"], claims)
    before = doses.filter(differs)
    versions = doses.set_column(doses.column_names.index("claim"), doses.schema.field("claim"), claims)
    n = before.num_rows
    changed = {
        "version": pc.add(before["version"], pa.scalar(1, pa.int32())),
        "night": pa.repeat(pa.scalar(number, pa.int32()), n),
        "what": pa.repeat(pa.scalar(READ_OTHERWISE), n),
        "reason": pa.nulls(n, pa.string()),
    }
    rows = versions.filter(differs)
    after = pa.table([changed.get(name, rows[name]) for name in rows.column_names], schema=DOSE_VERSIONS.schema)
    return _changes(before, after), versions


def _changes(before: pa.Table, after: pa.Table) -> DoseChanges:
    counts = dict.fromkeys(("new", "corrected", "unchanged", "replaced", "withdrawn"), 0)
    notes = [f"doses that make other claims, as dates of birth are read up to a later day: {after.num_rows:,}"]
    return DoseChanges(
        after, before, after, counts | {READ_OTHERWISE: after.num_rows}, tuple(notes if after.num_rows else ())
    )
