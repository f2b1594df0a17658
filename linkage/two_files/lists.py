"""The two lists of a linkage, or the one that is linked with itself: which records stand for others, and those of both
sides ready to be compared."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.sections import Plan
from linkage.registry.as_of import of_tables
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.registry.value_counts import add_up, count_part, needed_columns
from linkage.scoring.batch import Batch, prepare_batch, take
from linkage.two_files.copies import Copies


@dataclass(frozen=True)
class IdList:
    """The records of one side of a linkage and the copies among them; ids: string[n], ascending."""

    ids: pa.ChunkedArray
    copies: Copies


@dataclass(frozen=True)
class Compared:
    """Records of the left side ready to be compared with an index of some of the right one.

    claims, persons: int64[n] their numbers, by claim of the batch and by row of the index
    """

    batch: Batch
    index: Index
    claims: NDArray[np.int64]
    persons: NDArray[np.int64]

    def some(self, claims: NDArray[np.int64]) -> Compared:
        """Some of the claims, which stand in ascending order."""
        return replace(self, batch=take(self.batch, np.searchsorted(self.claims, claims)), claims=claims)

    def as_of(self, people: NDArray[np.int64], n_persons: int) -> Compared:
        """The same as if the index held n_persons, and its term frequencies counted some of its records only."""
        rows = np.flatnonzero(np.isin(self.persons, people))
        columns = {name: self.index.columns[name][rows] for name in needed_columns(self.index.plan)}
        counts = count_part(self.index.plan, columns)
        frequencies = {name: add_up(name, [counted]) for name, counted in counts.items()}
        manifest = self.index.manifest | {"persons": n_persons}
        return replace(self, index=replace(self.index, frequencies=frequencies, manifest=manifest))


@dataclass(frozen=True)
class Lists:
    """Both sides, tables sorted by id; of a file linked with itself the same twice. as_of: see
    `linkage.registry.as_of`."""

    tables: Mapping[str, pa.Table]
    left: IdList
    right: IdList
    plan: Plan
    is_self: bool
    as_of: datetime.date

    @classmethod
    def of(cls, tables: Mapping[str, pa.Table], plan: Plan, *, is_self: bool) -> Lists:
        """Both sides with their copies; where a record has one match at most, copies on the right stay rivals of it."""
        as_of = of_tables(plan, tables)
        if is_self:
            columns = list(dict.fromkeys([*plan.columns("left"), *plan.columns("right")]))
            both = IdList(tables["left"].column(plan.left_id), Copies.of(tables["left"], columns))
            return cls(tables, both, both, plan, is_self, as_of)
        left = Copies.of(tables["left"], plan.columns("left"))
        are_rivals = plan.decision.has_rivals
        n_right = tables["right"].num_rows
        right = Copies.none(n_right) if are_rivals else Copies.of(tables["right"], plan.columns("right"))
        ids = {side: tables[side].column(getattr(plan, f"{side}_id")) for side in tables}
        return cls(tables, IdList(ids["left"], left), IdList(ids["right"], right), plan, is_self, as_of)

    def kept(self, side: str) -> pa.Table:
        """The records of a side that stand for all."""
        return self._records(side, (self.left if side == "left" else self.right).copies.kept)

    def compared(self, folder: Path) -> Compared:
        """The records that stand for all, of both sides; the index is built in ``folder``."""
        persons = self.right.copies.kept
        index = build_index(Records.of(self._records("right", persons)), self.plan, folder, as_of=self.as_of)
        by_row = np.empty_like(persons)
        by_row[index.rows_of(self.right.ids.take(pa.array(persons)))] = persons
        claims = self.left.copies.kept
        return Compared(self._batch(claims, index), index, claims, by_row)

    def with_subjects(self, compared: Compared, claims: NDArray[np.int64]) -> Compared:
        """Other records of the left side with the same index."""
        return replace(compared, batch=self._batch(claims, compared.index), claims=claims)

    def with_copies(self, copies: Copies) -> Lists:
        """A file linked with itself of which others stand for all."""
        both = replace(self.left, copies=copies)
        return replace(self, left=both, right=both)

    def _records(self, side: str, numbers: NDArray[np.int64]) -> pa.Table:
        return self.tables[side].take(pa.array(numbers))

    def _batch(self, claims: NDArray[np.int64], index: Index) -> Batch:
        """Records of the left side, ready; of a file linked with itself, each with the row it has on the right."""
        records, dictionaries = self._records("left", claims).combine_chunks(), index.dictionaries.copy()
        batch = prepare_batch(encode(records, self.plan, "left", dictionaries), dictionaries, index)
        return replace(batch, own_rows=index.rows_of(records.column(self.plan.left_id))) if self.is_self else batch
