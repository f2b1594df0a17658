"""What a file of changes states and nobody can read does not overwrite what the registry has and can be read.

`index build` keeps an unreadable value as text that counts as missing; there is nothing else to keep. A change has the
value before it: "31/02/1980" in the place of a good date of birth, "abc" in that of a number, would lose it silently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encode.columns import encode, has_value
from linkage.encode.dictionaries import Columns
from linkage.ingest.unread import COLUMN_READERS
from linkage.plan.sections import Plan
from linkage.registry.change_rows import DEATH
from linkage.registry.contradictions import died_unborn
from linkage.registry.index import Index
from linkage.schema import REGISTRY
from linkage.standardise.dates import day_of, days, standardise_dates
from linkage.standardise.placeholders import without_placeholders
from linkage.wording.counted import counted
from linkage.wording.masking import shape_of

Masks = NDArray[np.bool_]
_DATES = frozenset(column.name for column in REGISTRY.columns if column.is_date)


@dataclass(frozen=True)
class Kept:
    """The values of a column that stayed, or that new people are without: how many, and of the first the record in the
    file and the shape of what it states."""

    column: str
    n: int
    position: int
    shape: str
    of_new: bool = False

    def note(self, file: str) -> str:
        """What the operator should know of them."""
        unborn = " or is before the birth" if self.column == DEATH else ""
        then = "new people are without" if self.of_new else "what the registry has there stays"
        return (
            f"{file}: {self.column}: {counted(self.n, 'value')} cannot be read{unborn} (the first: record "
            f"{self.position}, {self.shape!r}); {then}: correct them and apply the file again"
        )


def with_kept_values(
    stated: pa.Table, before: pa.Table, index: Index, positions: NDArray[np.int64]
) -> tuple[pa.Table, list[Kept]]:
    """Changed rows, with the value before where it can be read and the stated one cannot.

    stated, before : the rows of the changes and the persons as they are, in one order; positions : int64[n], records
    of the file; index : its plan says how a column is read, its latest date which births are possible
    """
    read = _are_read(pa.concat_tables([stated, before]), index)
    kept = []
    for name, is_read in read.items():
        new, old = stated.column(name).combine_chunks(), before.column(name).combine_chunks()
        says_something = without_placeholders(new).is_valid().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(says_something & ~is_read[: len(new)] & is_read[len(new) :])
        if not rows.size:
            continue
        stays = np.zeros(len(new), np.bool_)
        stays[rows] = True
        place = stated.column_names.index(name)
        stated = stated.set_column(place, stated.schema.field(place), pc.if_else(pa.array(stays), old, new))
        first = rows[np.argmin(positions[rows])]
        kept.append(Kept(name, rows.size, int(positions[first]), shape_of(new[int(first)].as_py())))
    return stated, kept


def unread_of_new(stated: pa.Table, index: Index, positions: NDArray[np.int64]) -> list[Kept]:
    """What new people state and nobody can read; parameters as of ``with_kept_values``."""
    found = []
    for name, is_read in _are_read(stated, index).items():
        typed = stated.column(name).combine_chunks()
        rows = np.flatnonzero(without_placeholders(typed).is_valid().to_numpy(zero_copy_only=False) & ~is_read)
        if rows.size:
            first = rows[np.argmin(positions[rows])]
            shape = shape_of(typed[int(first)].as_py())
            found.append(Kept(name, rows.size, int(positions[first]), shape, of_new=True))
    return found


def _are_read(rows: pa.Table, index: Index) -> dict[str, Masks]:
    """Whether each value gives something, by column: as the plan reads it, a column that it does not read as its name
    in the schema says. A date that no calendar has gives none here, nor does a death before the birth."""
    plan = index.plan
    fields = {spec.name: spec.right[0] for spec in plan.fields if spec.right and len(spec.right) == 1}
    if not (index.folder / "units").is_dir():  # codes are compared as they are
        fields = {name: column for name, column in fields.items() if _kind(plan, name) != "commune"}
    encoded = encode(rows, plan, "right", index.dictionaries.copy())
    read: dict[str, Masks] = {}
    for name, column in fields.items():
        read[column] = read.get(column, np.zeros(rows.num_rows, np.bool_)) | _gives_something(encoded, name, plan)
    in_parts = {name for spec in plan.fields if len(spec.right) > 1 for name in spec.right}
    others = set(rows.column_names) & set(COLUMN_READERS) - set(read) - in_parts
    for name in sorted(others):
        texts = pc.fill_null(rows.column(name).combine_chunks(), "")
        read[name] = _are_real(standardise_dates(texts)) if name in _DATES else COLUMN_READERS[name](texts)
    if DEATH in read:
        read[DEATH] &= ~died_unborn(rows, index.dictionaries.latest_date)
    return read


def _kind(plan: Plan, name: str) -> str:
    return next(spec.kind for spec in plan.fields if spec.name == name)


def _gives_something(encoded: Columns, name: str, plan: Plan) -> Masks:
    if _kind(plan, name) in ("birth_date", "date"):
        return _are_real(encoded[name].astype(np.uint32))
    return has_value(encoded, name)


def _are_real(packed: NDArray[np.uint32]) -> Masks:
    """Whether packed dates are known and, where their day is, of a calendar."""
    return np.asarray((packed > 0) & ((day_of(packed) == 0) | (days(packed) > 0)))
