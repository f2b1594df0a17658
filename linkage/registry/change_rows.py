"""What rows of the registry say: statuses in the words of the schema; and what those of a file of changes mean for the
persons they are about, as a whole or only in what they state."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import InputError
from linkage.schema import PERSON_STATUSES
from linkage.standardise.names import ascii_fold
from linkage.standardise.placeholders import without_placeholders

ALIVE, DECEASED, EMIGRATED = PERSON_STATUSES
STATUS, DEATH = "status", "date_of_death"
_SAME_AS_NONE = {STATUS: ["", ALIVE]}  # what a row that states none has by itself
REMOVED = "removed"  # the status of a change that takes a person out of the registry

# By what is left of them without marks and case.
_WORDS = {
    ALIVE: "con song|dang song|song|thuong tru|dang cu tru|binh thuong|hien dien|dang sinh song",
    DECEASED: (
        "da chet|chet|tu vong|da tu vong|da mat|mat|qua doi|da qua doi|tu tran|hy sinh|da hy sinh|khai tu|da khai tu"
        "|dead|died"
    ),
    EMIGRATED: (
        "xuat canh|da xuat canh|di cu|da di cu|dinh cu nuoc ngoai|dinh cu o nuoc ngoai|ra nuoc ngoai|o nuoc ngoai"
        "|di nuoc ngoai"
    ),
    REMOVED: (
        "xoa|da xoa|bi xoa|huy|da huy|xoa dang ky|da xoa dang ky|xoa khoi danh sach|loai|loai bo|loai khoi danh sach"
        "|deleted"
    ),
}
_STATUS_OF = {word: status for status, words in _WORDS.items() for word in words.split("|")}


def read_statuses(column: pa.ChunkedArray) -> pa.Array:
    """Statuses as typed, in English or Vietnamese, as the words of the schema; "" where none is stated, null where the
    word is not known: string[n]."""
    values = column.combine_chunks().dictionary_encode()
    meant = [_status(text) for text in values.dictionary.to_pylist()]
    found = pa.array(meant, pa.string()).take(values.indices)
    return pc.if_else(pc.is_null(values.indices), pa.scalar(""), found)


def _status(text: str) -> str | None:
    words = " ".join(ascii_fold(unicodedata.normalize("NFKC", text).lower()).split())
    return words if words in ("", *PERSON_STATUSES, REMOVED) else _STATUS_OF.get(words)


def with_statuses(rows: pa.Table) -> pa.Table:
    """Rows whose statuses are the words of the schema: what means the same is the same in an index. Whoever states
    none is alive, unless a date of death is stated; what is not known stays as typed."""
    typed = rows.column(STATUS)
    read = read_statuses(typed)
    dies = without_placeholders(rows.column(DEATH).combine_chunks()).is_valid()
    of_silent = pc.if_else(dies, pa.scalar(None, pa.string()), ALIVE)
    is_silent = pc.fill_null(pc.equal(read, ""), False)
    words = pc.if_else(is_silent, of_silent, pc.coalesce(read, typed.combine_chunks()))
    return rows.set_column(rows.column_names.index(STATUS), rows.schema.field(STATUS), words)


def merged(rows: pa.Table, before: pa.Table) -> pa.Table:
    """Rows of changes that leave what they do not state as it was, a placeholder such as "N/A" or "#REF!" among it;
    ``before``: the persons as they are, in the order of the rows."""
    stated = [without_placeholders(rows.column(name).combine_chunks()) for name in rows.column_names]
    columns = [pc.coalesce(new, old) for new, old in zip(stated, before.columns, strict=True)]
    return pa.table(columns, schema=rows.schema)


def check_nothing_is_lost(rows: pa.Table, before: pa.Table, absent: frozenset[str], file: str) -> None:
    """InputError where whole rows would empty what a person states, for their file has no column for it."""
    lost = [
        name
        for name in rows.column_names
        if name in absent
        and not pc.all(pc.is_in(_texts(before.column(name)), pa.array(_SAME_AS_NONE.get(name, [""])))).as_py()
    ]
    if lost:
        raise InputError(
            f"{file}: has no column {', '.join(lost)}, which people it changes have values in: with --partial only "
            "what it states is changed, with --whole these are emptied; nothing was applied"
        )


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return pc.fill_null(column, "").combine_chunks()


def are_changed(rows: pa.Table, before: pa.Table) -> NDArray[np.bool_]:
    """Whether each row differs from the person as it is: bool[n]; statuses are in the words of the schema."""
    changed = np.zeros(rows.num_rows, np.bool_)
    for name in rows.column_names:
        here, there = (_texts(table.column(name)) for table in (rows, before))
        changed |= pc.not_equal(here, there).to_numpy(zero_copy_only=False)
    return changed
