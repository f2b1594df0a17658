"""All columns of a file as text, and what can be counted of each before anything is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError
from linkage.ingest import column_names, ingest
from linkage.schema import Column, TableSchema

_SHOWN = 3  # examples of a column


@dataclass(frozen=True)
class TextColumn:
    """One column of a file.

    values: distinct texts as compared (trimmed, lower case), counts: int64[n_distinct] rows of each; an empty text is
    no value. filled: rows with a value; examples: the most frequent values as typed.
    """

    name: str
    n_rows: int
    filled: int
    values: pa.StringArray
    counts: pa.Int64Array
    examples: tuple[str, ...]

    @property
    def filled_share(self) -> float:
        return self.filled / max(1, self.n_rows)

    @property
    def n_distinct(self) -> int:
        return len(self.values)

    @property
    def collision(self) -> float:
        """Probability that two filled rows hold the same value."""
        shares = self.counts.to_numpy() / max(1, self.filled)
        return float((shares**2).sum())

    def share_of(self, is_so: pa.BooleanArray) -> float:
        """Share of the filled rows whose value is so; is_so: bool[n_distinct]."""
        wanted = pc.fill_null(is_so, False).to_numpy(zero_copy_only=False)
        return float(self.counts.to_numpy()[wanted].sum() / max(1, self.filled))

    def share_found_in(self, other: TextColumn) -> float:
        """Share of the filled rows whose value the other column has as well."""
        return self.share_of(pc.is_in(self.values, value_set=other.values))


def read_columns(path: Path) -> pa.Table:
    """Every column of a file that has a name of its own, as text.

    Raises InputError where the file cannot be read, or has no record or no named column.
    """
    names = list(dict.fromkeys(name for name in column_names(path) if name.strip()))
    if not names:
        raise InputError(f"{path}: the first row names no column; a plan needs a file with a header")
    columns = tuple(Column(name, pa.string(), "of the file", "not stated") for name in names)
    table = ingest([path], TableSchema(path.name, columns)).accepted.read()
    if table.num_rows == 0:
        raise InputError(f"{path}: no record could be read; there is nothing to plan for")
    return table


def text_columns(table: pa.Table) -> list[TextColumn]:
    """What is counted of every column of a table of texts."""
    return [_text_column(name, table.column(name)) for name in table.column_names]


def _text_column(name: str, column: pa.ChunkedArray) -> TextColumn:
    typed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    typed = typed.filter(pc.not_equal(pc.fill_null(typed, ""), ""))
    counted = pc.value_counts(pc.utf8_lower(pc.utf8_normalize(typed, "NFKC")))
    values, counts = counted.field("values"), counted.field("counts")
    often = pc.value_counts(typed)
    first = np.argsort(-often.field("counts").to_numpy(), kind="stable")[:_SHOWN]
    examples = tuple(often.field("values").take(pa.array(first)).to_pylist())
    return TextColumn(name, len(column), len(typed), values, counts, examples)
