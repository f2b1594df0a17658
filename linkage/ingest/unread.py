"""Columns of a file of which most values give nothing: another form than any that is known, or another column.

Of what is stated at a time a sample is read as the linkage will read it; only where that tells is all of it read.
Whatever the number of values, what most of a column's give is the file's fault: a single value that cannot be read is
rare enough that half of three, by chance, are rarer than a wrong form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.cleaning import holds
from linkage.ingest.rows import Sink
from linkage.machine.text_bytes import text_bytes
from linkage.schema import DOSES, REGISTRY, TableSchema
from linkage.standardise.categories import standardise_ethnicity, standardise_sex
from linkage.standardise.dates import LAST_DAY, standardise_birth_dates, standardise_dates
from linkage.standardise.digits import bare_digits
from linkage.standardise.identifiers import BAD_FORMAT, MISSING, standardise_ids, standardise_insurance
from linkage.standardise.names import canonical_names
from linkage.standardise.phones import standardise_phones
from linkage.standardise.placeholders import without_placeholders
from linkage.standardise.typed_kernels import read_parts
from linkage.wording.counted import counted

Masks = NDArray[np.bool_]

_SAMPLE, _TELLING = 40, 0.25  # stated values, and the share of them that give nothing from which on all are read
_LEAST_STATED, _MOST_UNREAD = 3, 0.5  # from where on a column is told, and is nobody's wrong information
NEVER_EXCUSED = frozenset({"id_number"})  # a stated number that cannot be read is the issue of its dose

# In files with a plan of their own a column of the same name may be another thing: phones of another country.
_OWN_TABLES = (DOSES.name, REGISTRY.name)

# A spreadsheet's way to show a long number, which saves no more of it than it shows.
_CUT_KEY = r"^\d(?:[.,]\d+)?[Ee]\+\d+$"

EXCUSED = ", so they are not counted as anybody's wrong information"


def _ids_read(texts: pa.StringArray) -> Masks:
    ids = standardise_ids(texts)
    return np.asarray((ids.number > 0) | ~np.isin(ids.fault, (BAD_FORMAT, MISSING)))


# What reads a column by its name in the schemas: whether each value, none of them null, gives something.
COLUMN_READERS: dict[str, Callable[[pa.StringArray], Masks]] = {
    "full_name": lambda texts: np.asarray(pc.not_equal(canonical_names(texts), "")),
    "gender": lambda texts: standardise_sex(texts) > 0,
    "date_of_birth": lambda texts: standardise_birth_dates(texts, latest=LAST_DAY) > 0,
    "dose_date": lambda texts: standardise_dates(texts) > 0,
    "date_of_death": lambda texts: standardise_dates(texts) > 0,
    "id_number": _ids_read,
    "old_id_number": _ids_read,
    "phone": lambda texts: standardise_phones(texts) > 0,
    "insurance_number": lambda texts: standardise_insurance(texts) > 0,
    "ethnicity": lambda texts: standardise_ethnicity(texts) > 0,
}


def _usual_dates(texts: pa.StringArray) -> Masks:
    parts, is_other = np.empty((3, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    read_parts(*text_bytes(texts), parts, is_other)
    return np.asarray(~is_other & (parts[1] <= 31) & (parts[2] <= 31))


def _usual_numbers(texts: pa.StringArray) -> Masks:
    return np.asarray(bare_digits(texts).value > 10**7)


# Values that need no rule to be read: where most of a sample are such, it need not be read to know. All in all this
# halves the time that a small file takes.
_USUAL: dict[str, Callable[[pa.StringArray], Masks]] = {
    "full_name": lambda texts: np.asarray(pc.match_substring_regex(texts, r"^\pL+\s+\pL+")),
    "date_of_birth": _usual_dates,
    "dose_date": _usual_dates,
    "id_number": _usual_numbers,
    "phone": _usual_numbers,
    "insurance_number": _usual_numbers,
}


@dataclass
class _Column:
    """Stated values, and how many of these are known to give nothing."""

    n_stated: int = 0
    n_unread: int = 0

    @property
    def is_unread(self) -> bool:
        return self.n_stated >= _LEAST_STATED and self.n_unread > _MOST_UNREAD * self.n_stated


class UnreadColumns:
    """A sink that hands rows on and looks at what their columns give."""

    def __init__(self, table: TableSchema, sink: Sink) -> None:
        self._sink = sink
        known = table.columns if table.name in _OWN_TABLES else ()
        self._columns = {column.name: _Column() for column in known if column.name in COLUMN_READERS}
        self._key, self._n_cut_keys = table.key, 0

    def __call__(self, rows: pa.Table) -> None:
        if self._key is not None and holds(keys := rows.column(self._key), b"E+", b"e+"):
            self._n_cut_keys += pc.sum(pc.match_substring_regex(keys, _CUT_KEY)).as_py() or 0
        for name, column in self._columns.items():
            values = rows.column(name)
            n_unread, n_none = _n_unread(name, values)
            column.n_stated += len(values) - values.null_count - n_none
            column.n_unread += n_unread
        self._sink(rows)

    def names(self) -> frozenset[str]:
        """The columns that the file as good as does not give: so many values give nothing that no dose is to blame."""
        return frozenset(name for name, column in self._columns.items() if _is_excused(name, column))

    def notes(self) -> list[str]:
        """The columns of which most values give nothing, with their counts, and keys that have lost figures."""
        cut = f"{counted(self._n_cut_keys, 'key', ('has', 'have'))} lost figures in a spreadsheet, as 2.021E+14"
        return [
            *([f"{self._key}: {cut}: save the column as text"] if self._n_cut_keys else []),
            *(
                f"column {name}: {column.n_unread:,} of {column.n_stated:,} values cannot be read"
                f"{EXCUSED if _is_excused(name, column) else ''}: correct the form, or the mapping"
                for name, column in self._columns.items()
                if column.is_unread
            ),
        ]


def _n_unread(name: str, values: pa.ChunkedArray) -> tuple[int, int]:
    """How many values state something that gives nothing, and how many say that there is none; where few of a sample
    give nothing, of the sample alone, and no others."""
    rows = np.flatnonzero(values.is_valid().to_numpy()) if values.null_count else np.arange(len(values))
    sample = rows[np.linspace(0, rows.size - 1, _SAMPLE).astype(np.int64)] if rows.size > _SAMPLE else rows
    n_of_sample = _n_not_read(name, values.take(pa.array(sample)).combine_chunks())
    if n_of_sample <= _TELLING * sample.size:
        return n_of_sample, 0
    typed = values.combine_chunks().drop_null()
    stated = without_placeholders(typed).drop_null()
    return _n_not_read(name, stated), len(typed) - len(stated)


def _n_not_read(name: str, stated: pa.StringArray) -> int:
    if not len(stated):
        return 0
    if name in _USUAL:
        is_read = _USUAL[name](stated)
        if np.count_nonzero(~is_read) <= _TELLING * len(stated):
            return 0
    return int(np.count_nonzero(~COLUMN_READERS[name](stated)))


def _is_excused(name: str, column: _Column) -> bool:
    return column.is_unread and name not in NEVER_EXCUSED
