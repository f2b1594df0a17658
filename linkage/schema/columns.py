"""What a table is: its columns with their types, units, meaning, and what missing means."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``missing`` says what a null (or an empty string in an input) means. ``required`` is about the column, not the
    value: a file without a required column is unusable; ``key`` columns may not be empty in any row. ``is_date``: an
    input's text is a date. ``personal``: it says who or where somebody is, so its values stand in tables alone, never
    in a manifest, a model, an error or a note; keys, ids, codes and statuses may be named there.
    """

    name: str
    type: pa.DataType
    meaning: str
    missing: str = "never missing"
    required: bool = True
    key: bool = False
    is_date: bool = False
    personal: bool = False


@dataclass(frozen=True)
class TableSchema:
    """A named, ordered set of columns; remedy: what helps where a file calls one otherwise; derives_key: a file
    without the key column that has one of these gets keys from its content and the place of each record in it."""

    name: str
    columns: tuple[Column, ...]
    remedy: str = "map its name with --columns"
    derives_key: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def key(self) -> str | None:
        """The name of the key column; None for a table whose records are known by their position only."""
        return next((column.name for column in self.columns if column.key), None)

    def arrow(self) -> pa.Schema:
        """The Arrow schema of the table, columns in their order."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.key) for c in self.columns])


# Columns of the inputs that say who or where somebody is.
PERSONAL = frozenset(
    (
        *("full_name", "gender", "date_of_birth", "id_number", "old_id_number", "nationality", "phone"),
        *("insurance_number", "ethnicity", "province", "district", "commune", "address", "date_of_death"),
    )
)
