"""Everything in force, as the tables of one run on all the doses in force: the same bytes."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.deciding.review_worth import priorities
from linkage.errors import UsageError
from linkage.nights.configuration import Configuration
from linkage.published.claims import with_comparisons
from linkage.published.folders import new_stage
from linkage.published.queues import REVIEW_DAYS
from linkage.schema import DECISIONS, REVIEW_QUEUE
from linkage.state.folder import State, open_state
from linkage.state.rows import rows_in_force
from linkage.state.tables import ITEM_KEY, PUBLISHED_DECISIONS, QUEUE_ITEMS, QUEUES
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import make_folder
from linkage.training.model_file import Model


def export_state(configuration: Configuration, out: Path, list_date: datetime.date | None = None) -> dict[str, int]:
    """Write the decisions and queues of all doses in force into a new folder; returns the doses by status.

    list_date : on which the queues are drawn up; the date of the last night when not given

    Raises
    ------
    UsageError : there was no night yet, or the folder is there already
    VerificationError : the state is damaged
    """
    state = open_state(configuration.state)
    if state.model is None:
        raise UsageError(
            f"{configuration.state}: there was no night yet; 'linkage night --config {configuration.file}'"
        )
    check_folder(out, is_new=True)
    model, last = Model.load(state.model), state.nights[-1]
    drawn_up = list_date or datetime.date.fromisoformat(last["date"])
    make_folder(out.absolute().parent)
    with new_stage(out.absolute().parent, out.name) as stage:
        rows = rows_in_force(state, PUBLISHED_DECISIONS).select(DECISIONS.names)
        stage.write_parts(DECISIONS.name, DECISIONS.arrow(), [rows])
        for table, queue in zip(QUEUE_ITEMS, QUEUES, strict=True):
            schema = with_comparisons(queue, model.parameters) if queue is REVIEW_QUEUE else queue.arrow()
            items = rows_in_force(state, table)
            items = _drawn_up(items, drawn_up) if items.num_rows else schema.empty_table()
            stage.write_parts(queue.name, schema, [items.select(schema.names)])
        counts = state.manifest["counts"]
        entries = {"state": state.name, "night": last["night_id"], "list_date": drawn_up.isoformat(), "counts": counts}
        stage.write_manifest(entries)
        stage.commit()
    return {status: int(n) for status, n in counts.items()}


def _drawn_up(items: pa.Table, day: datetime.date) -> pa.Table:
    """Items of a queue as if drawn up on a day, in the order of work of each commune."""
    dates = {"list_date": day, "deadline": day + datetime.timedelta(days=REVIEW_DAYS)}
    for name, date in dates.items():
        if name in items.column_names:
            place = items.column_names.index(name)
            items = items.set_column(place, name, pa.repeat(pa.scalar(date, pa.date32()), items.num_rows))
    if "priority" not in items.column_names:
        return items
    place = items.column_names.index("priority")
    return items.set_column(place, "priority", pa.array(_priorities(items)))


def _priorities(items: pa.Table) -> np.ndarray:
    """The place of each row's item in the list of its commune; items by key."""
    is_first = np.ones(items.num_rows, np.bool_)
    keys = [items[name].combine_chunks() for name in ITEM_KEY]
    is_first[1:] = ~np.logical_and.reduce([pc.equal(key[1:], key[:-1]).to_numpy(zero_copy_only=False) for key in keys])
    first = items.filter(pa.array(is_first))
    communes = pc.coalesce(first["commune_code_now"], first["commune_code"], "").combine_chunks().dictionary_encode()
    place = priorities(
        communes.indices.to_numpy(),
        first["in_police_list"].to_numpy(),
        first["settle_probability"].to_numpy(),
        first["n_doses"].to_numpy(),
    )
    return np.asarray(place[np.cumsum(is_first) - 1])


def state_info(configuration: Configuration) -> dict[str, object]:
    """What the state in force is: version, nights, doses by status."""
    state = open_state(configuration.state)
    nights = state.nights
    return {
        "state": str(configuration.state),
        "version": state.name,
        "nights": len(nights),
        "last_night": nights[-1]["night_id"] if nights else None,
        "counts": dict(state.manifest["counts"]),
        "parts": len(state.manifest["parts"]),
        "bytes": _n_bytes(state),
    }


def _n_bytes(state: State) -> int:
    return sum(file.n_bytes for file in state.files.values())
