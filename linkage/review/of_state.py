"""What the state of nights knows of items beside the folders of nights: doses, and all that stands in a queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, insert, select

from linkage.errors import UsageError, VerificationError
from linkage.nights.configuration import Configuration
from linkage.nights.pruning import n_pruned
from linkage.review.arriving import OPENED, Night, claims_of, read_night
from linkage.review.standing import parts
from linkage.review.store import Store
from linkage.review.tables import claims, doses, items
from linkage.review.taking import Taken, take, taken_nights
from linkage.schema import REVIEW_QUEUE, UNMATCHED_QUEUE
from linkage.state.folder import State, open_state
from linkage.state.rows import claims_of_subjects, doses_of_claims, rows_in_force
from linkage.state.tables import DOSE_VERSIONS, KEPT_VERDICTS, PUBLISHED_DECISIONS, QUEUE_ITEMS
from linkage.state.verdicts import MOVED

_OF_DOSE = ("vaccine", "dose_number", "dose_date", "lot", "facility_code", "facility_level")
_STATES = ("full_name", "date_of_birth")
_DECIDED = ("status", "person_id", "conflicts")


def take_nights(store: Store, configuration: Configuration) -> list[Taken]:
    """Take all nights that the store lacks, each with the doses in force of the items that it touches.

    Raises
    ------
    UsageError : there was no night yet
    VerificationError : the state, or a folder of a night, is damaged
    """
    state = open_state(configuration.state)
    if not state.nights:
        raise UsageError(f"{configuration.file}: there was no night yet; 'linkage night --config {configuration.file}'")
    ids = [str(night["night_id"]) for night in state.nights]
    with store.reading() as connection:
        known = [row.night_id for row in taken_nights(connection)]
    doses_in_force = partial(write_doses, state)
    first = ids.index(known[-1]) + 1 if known and known[-1] in ids else 0
    if first < n_pruned(configuration) or (known and first == 0):
        return [take(store, _whole(configuration, state), is_all=True, doses=doses_in_force)]
    return [take(store, read_night(configuration.nights / name), doses=doses_in_force) for name in ids[first:]]


def _whole(configuration: Configuration, state: State) -> Night:
    """All that stands in a queue, as a night that opens it. state_after is that of the last night."""
    tables = {}
    for queue in (REVIEW_QUEUE, UNMATCHED_QUEUE):
        (table,) = [one for one in QUEUE_ITEMS if one.name == queue.name]
        rows = rows_in_force(state, table)
        tables[queue.name] = rows.append_column("change", pa.repeat(pa.scalar(OPENED), rows.num_rows))
    of_queue = tables[UNMATCHED_QUEUE.name]["dose_ids"].combine_chunks().flatten()
    decided = rows_in_force(state, PUBLISHED_DECISIONS, of_queue.unique(), columns=["dose_id", "issue"])
    issues = dict(zip(decided["dose_id"].to_pylist(), decided["issue"].to_pylist(), strict=True))
    last = state.nights[-1]
    if state.name is None:
        raise VerificationError(f"{configuration.state}: names no version; restore the state from a copy")
    found = claims_of(tables[REVIEW_QUEUE.name], tables[UNMATCHED_QUEUE.name], issues)
    became = [row for row in rows_in_force(state, KEPT_VERDICTS).to_pylist() if row["became"] != MOVED]
    return Night(str(last["night_id"]), str(last["date"]), None, state.name, found, became)


def write_doses(state: State, connection: Connection, item_ids: Collection[int]) -> None:
    """Write the doses in force of some items: those of the subject, or of the claim where no subject is stated."""
    for part in parts(sorted(item_ids)):
        asked = connection.execute(
            select(items.c.item_id, items.c.subject, items.c.has_subject_id, claims.c.content)
            .join(claims, claims.c.item_id == items.c.item_id)
            .where(items.c.item_id.in_(part))
        ).all()
        own = {dose for row in asked for dose in row.content["dose_ids"]}
        by_subject = {row.subject: row.item_id for row in asked if row.has_subject_id}
        by_dose = {dose: row.item_id for row in asked for dose in row.content["dose_ids"]}
        connection.execute(delete(doses).where(doses.c.item_id.in_(part)))
        found = []
        for row in _doses_of(state, sorted(own)):
            item_id = by_subject.get(row["subject_id"], by_dose.get(row["dose_id"]))
            if item_id is not None:
                found.append({"item_id": item_id, "dose_id": row["dose_id"], "content": _content(row)})
        if found:
            connection.execute(insert(doses), found)


def _doses_of(state: State, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Doses in force by their ids and all of the same subjects, each with its decision."""
    own = rows_in_force(state, DOSE_VERSIONS, pa.array(ids, pa.string()), columns=["claim", "subject"])
    subjects = np.unique(own["subject"].to_numpy())
    keys = np.union1d(own["claim"].to_numpy(), claims_of_subjects(state, subjects[subjects > 0]))
    found = doses_of_claims(state, keys)
    is_asked = pc.or_(
        pc.is_in(found["dose_id"], pa.array(ids, pa.string())),
        pc.is_in(found["subject"], pa.array(subjects[subjects > 0])),
    )
    found = found.filter(is_asked).sort_by("dose_id")
    decided = rows_in_force(state, PUBLISHED_DECISIONS, found["dose_id"].combine_chunks(), columns=list(_DECIDED))
    decisions = {row["dose_id"]: row for row in decided.to_pylist()}
    return [row | decisions.get(row["dose_id"], {}) for row in found.to_pylist()]


def _content(row: dict[str, Any]) -> dict[str, Any]:
    names = ("claim_id", *_OF_DOSE, *_STATES, *_DECIDED)
    return {name: row[name] for name in names if row.get(name)}
