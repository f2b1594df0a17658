"""All columns of a file as text, and what can be counted of each before anything is known about it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError
from linkage.ingest import column_names, ingest
from linkage.schema import Column, TableSchema
from linkage.standardise.text_forms import in_form

_SHOWN = 3  # examples of a column
_LOOKED_AT = 100_000  # values, for the words in them
_SLASHED, _MOSTLY = r"^\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}", 0.9
# Forms of values that the name of a column has only where the row of names is a record: dates, long numbers, mail.
_FORMS_OF_DATA = (_SLASHED, r"^\s*\d{4}-\d{1,2}-\d{1,2}", r"^\s*\+?\d{8,}\s*$", r"\w@\w")


@dataclass(frozen=True, eq=False)
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
    _formed: dict[str, TextColumn] = field(default_factory=dict, repr=False)

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

    def formed(self, form: str | None) -> TextColumn:
        """The column with its values in a form, see `linkage.standardise.text_forms`."""
        if form is None:
            return self
        if form not in self._formed:
            self._formed[form] = _in_form(self, form)
        return self._formed[form]

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
    table = _read(path, names, frozenset())
    if table.num_rows == 0:
        raise InputError(f"{path}: no record could be read; there is nothing to plan for")
    if _is_record(names, table):
        raise InputError(
            f"{path}: the first row holds values, as the rows under it do; a plan needs a file with a header"
        )
    slashed = frozenset(name for name in names if _mostly(_SLASHED, table.column(name)))
    return _read(path, names, slashed) if slashed else table


def _read(path: Path, names: Sequence[str], dates: frozenset[str]) -> pa.Table:
    columns = tuple(Column(name, pa.string(), "of the file", "not stated", is_date=name in dates) for name in names)
    return ingest([path], TableSchema(path.name, columns)).accepted.read()


def _is_record(names: Sequence[str], table: pa.Table) -> bool:
    """Whether names are a record's values, which are not to stand in a plan: one in the form of its column's values, or
    half of them, or two, in words that their columns hold too."""
    if any(re.search(form, name) and _mostly(form, table.column(name)) for name in names for form in _FORMS_OF_DATA):
        return True
    worded = [name for name in names if any(letter.isalpha() for letter in name)]
    n_again = sum(
        bool(pc.any(pc.equal(pc.utf8_trim_whitespace(table.column(name)), name.strip())).as_py()) for name in worded
    )
    return n_again > 1 or len(names) <= 2 * n_again


def header_notes(path: Path, table: pa.Table) -> list[str]:
    """What to tell of a first row that reads like those under it, as one of a list of names without a header may: it is
    not certain, and does not say what stands there, which may be a person's name."""
    n_alike = sum(_is_like_values(name, table.column(name)) for name in table.column_names)
    if 2 * n_alike < table.num_columns:
        return []
    return [
        f"{path.name}: the first row reads like the rows under it (columns {n_alike} of {table.num_columns}): where it "
        "is a record, put a row of names above it, or that record is lost and what it states stands in the plan"
    ]


def _is_like_values(name: str, column: pa.ChunkedArray) -> bool:
    """Whether a column's name has the form of most values in it, figures among letters, or is made of words that they
    are made of too, as a person's name is of others' names."""
    values = pc.utf8_lower(pc.utf8_normalize(column.drop_null().combine_chunks(), "NFC"))
    said = unicodedata.normalize("NFC", name).lower().strip()
    if any(figure.isdigit() for figure in said):
        shape = pc.replace_substring_regex(pc.replace_substring_regex(values, r"\d+", "0"), r"\pL+", "a")
        form = re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", said))
        return len(values) > 0 and bool(pc.mean(pc.equal(pc.utf8_trim_whitespace(shape), form)).as_py() > _MOSTLY)
    words = [word for word in re.split(r"[^\w']+", said) if word]
    parts = pc.split_pattern_regex(values.slice(0, _LOOKED_AT), r"[^\pL\pN_']+")
    there = set(pc.list_flatten(parts).unique().to_pylist())
    n_again = sum(word in there for word in words)
    return len(words) > 1 and n_again > 1 and 2 * n_again > len(words)


def _mostly(form: str, column: pa.ChunkedArray) -> bool:
    """Whether most values have a form. A column of what may be dates with day or month first is read again, in the
    file's order."""
    has_form = pc.match_substring_regex(column.drop_null(), form)
    return len(has_form) > 0 and bool(pc.mean(has_form).as_py() > _MOSTLY)


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


def _in_form(column: TextColumn, form: str) -> TextColumn:
    """The distinct values in a form, those that it makes equal as one; what it leaves empty is no value."""
    texts = in_form(pc.utf8_trim_whitespace(pc.replace_substring_regex(column.values, r"\s+", " ")), form)
    rows = pa.table({"value": texts, "count": column.counts}).filter(pc.not_equal(pc.field("value"), ""))
    counted = rows.group_by("value").aggregate([("count", "sum")]).combine_chunks()
    values, counts = (counted.column(name).combine_chunks() for name in ("value", "count_sum"))
    return replace(column, filled=int(pc.sum(counts).as_py() or 0), values=values, counts=counts, _formed={})
