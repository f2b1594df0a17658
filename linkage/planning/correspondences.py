"""Columns of both files that say the same, and what single columns say: who is meant, or nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import UsageError
from linkage.planning.columns import TextColumn
from linkage.planning.roles import Role, role_of, words_of

_OVERLAP_OF_AN_ID = 0.2  # ids that one file knows of the other say who is meant
_SPACED = 0.1  # of the values of an id have a blank, but for codes as "HRB 1234 B"
_CODE = r"^\PL*(\pL\PL*){0,5}$"  # and a digit in it
# Among rows that share a value of B, so many share the value of A: A says nothing that B does not.
_DETERMINED = 0.95
_ROWS_A_VALUE = 3
_FILLED_LESS = 0.05
# The form of a role, in which texts of it are compared.
FORM_OF = {Role.COMPANY: "company", Role.FULL_NAME: "person", Role.WEBSITE: "host"}


@dataclass(frozen=True)
class Correspondence:
    """A field in the making: columns of both sides that say the same; several columns are read as one text.

    found: share of the filled left rows whose value the right side has; None of joined columns. form: the one in which
    both sides write a text alike, see `linkage.standardise.text_forms`. is_guessed: only how often values occur speaks
    for it.
    """

    left: tuple[TextColumn, ...]
    right: tuple[TextColumn, ...]
    role: Role
    found: float | None
    form: str | None = None
    is_guessed: bool = False

    @property
    def filled(self) -> float:
        """Share of pairs of rows that both have a value, were it missing by chance."""
        shares = [max(column.filled_share for column in side) for side in (self.left, self.right)]
        return shares[0] * shares[1]


def of_one_file(columns: Sequence[TextColumn]) -> list[Correspondence]:
    """Every column beside itself, for a file that is linked with itself."""
    return [Correspondence((c,), (c,), role := role_of(c), 1.0, FORM_OF.get(role)) for c in columns]


def ids_of(
    columns: Mapping[str, Sequence[TextColumn]], pairs: Sequence[Correspondence], named: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The column that names the records of each side: the one named for it, else see `id_of`.

    Raises UsageError where a column named is not there, or does not name each record once.
    """
    found = {}
    for side, of_side in columns.items():
        name = named.get(side)
        found[side] = id_of(of_side, pairs, side) if name is None else _named(name, of_side, side)
    return found


def _named(name: str, columns: Sequence[TextColumn], side: str) -> str:
    column = next((c for c in columns if c.name == name), None)
    if column is None:
        has = ", ".join(c.name for c in columns)
        raise UsageError(f"--{side}-id: the {side} file has no column {name!r}; it has {has}")
    if column.n_distinct < column.n_rows:
        raise UsageError(
            f"--{side}-id: column {name!r} has {column.n_distinct:,} different values in {column.n_rows:,} records; an "
            "id names each record once"
        )
    return name


def id_of(columns: Sequence[TextColumn], pairs: Sequence[Correspondence], side: str) -> str | None:
    """The column that names the records of a side: complete, each value once, and a number or code, for two companies
    may come to have one name.

    Of several one that the other side does not know goes first, for what it knows is a field, then a running number,
    then one that is called an id, then the first. None: there is none.
    """
    known = {c.name for pair in pairs if says_who(pair) for c in getattr(pair, side)}
    unique = [c for c in columns if c.n_distinct == c.n_rows and _may_be_id(c)]
    best = min(
        unique,
        key=lambda c: (c.name in known, role_of(c) is not Role.COUNTER, "id" not in words_of(c.name)),
        default=None,
    )
    return None if best is None else best.name


def says_who(pair: Correspondence) -> bool:
    """Whether a column of one file is known to the other, so that it says who is meant even where it names records."""
    return pair.left != pair.right and pair.role is not Role.COUNTER and (pair.found or 0.0) > _OVERLAP_OF_AN_ID


def _may_be_id(column: TextColumn) -> bool:
    """Whether values may be names of records: each a word or a code, and nothing that people or firms are called by."""
    if role_of(column) not in (Role.COUNTER, Role.IDENTIFIER, Role.TEXT, Role.CATEGORY):
        return False
    is_spaced = pc.match_substring_regex(column.values, r"\s")
    is_code = pc.and_(*(pc.match_substring_regex(column.values, form) for form in (_CODE, r"\d")))
    return column.share_of(pc.and_not(is_spaced, is_code)) < _SPACED


def determined_by(table: pa.Table, name: str, other: str) -> bool:
    """Whether a column of a table says nothing that another one does not say: rows that share a value of the other
    share the column's too, the other has few enough values to tell, and is hardly filled less."""
    columns = [table.column(column).combine_chunks() for column in (name, other)]
    if columns[1].null_count - columns[0].null_count > _FILLED_LESS * table.num_rows:
        return False
    filled = pa.table(columns, ["a", "b"]).drop_null()
    codes = [pc.dictionary_encode(column.combine_chunks()) for column in filled.columns]
    n_distinct = [len(code.dictionary) for code in codes]
    if filled.num_rows < _ROWS_A_VALUE * max(n_distinct[1], 1) or n_distinct[0] < 2:
        return False
    a, b = (code.indices.to_numpy().astype(np.int64) for code in codes)
    both, counts = np.unique(b * n_distinct[0] + a, return_counts=True)
    most = np.zeros(n_distinct[1], np.int64)
    np.maximum.at(most, both // n_distinct[0], counts)
    return bool(most.sum() >= _DETERMINED * filled.num_rows)
