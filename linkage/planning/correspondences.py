"""Which column of one file says what a column of the other says: by their names, their roles and their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import JaroWinkler

from linkage.planning.columns import TextColumn
from linkage.planning.roles import Role, hint_of, role_of, words_of

# How much the names of two columns speak for each other, and the least that a pair needs with what its values add.
_SAME_NAME, _SAME_WORDS, _SAME_ROLE, _LIKE_NAME = 1.0, 0.8, 0.7, 0.5
_LIKE = 0.9  # Jaro-Winkler similarity of names
_LEAST = 0.65
_OF_VALUES, _OF_ROLES = 0.5, 0.25
_TELLING, _RARE = 0.2, 0.002  # share of values that the other side has, and how often two rows have the same
_OVERLAP_OF_AN_ID = 0.2  # ids that one file knows of the other say who is meant
# Among rows that share a value of B, so many share the value of A: A says nothing that B does not.
_DETERMINED = 0.95
_ROWS_A_VALUE = 3
_FILLED_LESS = 0.05
_FAMILIES = (
    {Role.VIETNAMESE_NAME, Role.FULL_NAME, Role.GIVEN_NAME, Role.FAMILY_NAME, Role.COMPANY, Role.TEXT},
    {Role.STREET, Role.TOWN, Role.TEXT, Role.CATEGORY},
    {Role.IDENTIFIER, Role.PHONE, Role.POSTCODE, Role.TEXT},
    {Role.CATEGORY, Role.SEX, Role.TEXT, Role.IDENTIFIER, Role.QUANTITY},
    {Role.DATE, Role.BIRTH_DATE},
)
# A house number and a tax number are both numbers: that two names say so is no reason to compare them.
_VAGUE = {Role.IDENTIFIER, Role.QUANTITY, Role.CATEGORY, Role.DATE}
# Their values meet by chance: equal values say nothing of equal columns.
_COMMON = {Role.CATEGORY, Role.SEX, Role.QUANTITY, Role.COUNTER}


@dataclass(frozen=True)
class Correspondence:
    """A field in the making: columns of both sides that say the same; several columns are read as one text.

    found: share of the filled left rows whose value the right side has; None of joined columns.
    """

    left: tuple[TextColumn, ...]
    right: tuple[TextColumn, ...]
    role: Role
    found: float | None

    @property
    def filled(self) -> float:
        """Share of pairs of rows that both have a value, were it missing by chance."""
        shares = [max(column.filled_share for column in side) for side in (self.left, self.right)]
        return shares[0] * shares[1]


def of_one_file(columns: Sequence[TextColumn]) -> list[Correspondence]:
    """Every column beside itself, for a file that is linked with itself."""
    return [Correspondence((c,), (c,), role_of(c), 1.0) for c in columns]


def of_two_files(left: Sequence[TextColumn], right: Sequence[TextColumn]) -> list[Correspondence]:
    """The best pairs of columns, each column once, in the order of the left file; a full name beside given and family
    name besides."""
    roles = {id(column): role_of(column) for column in (*left, *right)}
    scored = [(_score(a, b, roles[id(a)], roles[id(b)]), i, j) for i, a in enumerate(left) for j, b in enumerate(right)]
    pairs: dict[int, int] = {}
    for score, i, j in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        if score >= _LEAST and i not in pairs and j not in pairs.values():
            pairs[i] = j
    found = [
        Correspondence(
            (left[i],), (right[j],), _common_role(left[i], right[j], roles), left[i].share_found_in(right[j])
        )
        for i, j in sorted(pairs.items())
    ]
    left_over = [column for i, column in enumerate(left) if i not in pairs]
    right_over = [column for j, column in enumerate(right) if j not in pairs.values()]
    return found + _joined_names(left_over, right_over, roles)


def _score(a: TextColumn, b: TextColumn, role_a: Role, role_b: Role) -> float:
    """How much speaks for two columns: their names, and the values they share where these are not common ones."""
    if role_a is not role_b and not any({role_a, role_b} <= family for family in _FAMILIES):
        return 0.0
    of_names = _name_score(a.name, b.name)
    if role_a in _COMMON or role_b in _COMMON:
        return of_names
    shared = min(a.share_found_in(b), b.share_found_in(a) + 0.5)
    # Rare values do not meet by chance.
    is_telling = shared >= _TELLING and max(a.collision, b.collision) < _RARE
    return of_names + _OF_VALUES * shared + _OF_ROLES * (role_a is role_b) + _LEAST * is_telling


def _name_score(a: str, b: str) -> float:
    if a.strip().casefold() == b.strip().casefold():
        return _SAME_NAME
    words_a, words_b = words_of(a), words_of(b)
    if words_a and words_a == words_b:
        return _SAME_WORDS
    hint_a, hint_b = hint_of(a), hint_of(b)
    is_vague = hint_a.role in _VAGUE and min(len(hint.phrase.split()) for hint in (hint_a, hint_b)) < 2
    if hint_a.role is not None and hint_a.role is hint_b.role and not is_vague:
        return _SAME_ROLE
    is_like = JaroWinkler.similarity(" ".join(words_a), " ".join(words_b)) >= _LIKE
    return _LIKE_NAME if is_like else 0.0


def _common_role(a: TextColumn, b: TextColumn, roles: dict[int, Role]) -> Role:
    """The role of both; where they differ, that of the one whose name says it, else text."""
    role_a, role_b = roles[id(a)], roles[id(b)]
    if role_a is role_b:
        return role_a
    if Role.BIRTH_DATE in (role_a, role_b):
        return Role.BIRTH_DATE
    hinted = [role for column, role in ((a, role_a), (b, role_b)) if hint_of(column.name).role is role]
    strict = {Role.CATEGORY, Role.SEX, Role.QUANTITY, Role.COUNTER, Role.VIETNAMESE_NAME}
    return next((role for role in hinted if role not in strict), Role.TEXT)


def _joined_names(
    left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """A full name on one side beside given and family name on the other."""

    def first(columns: Sequence[TextColumn], role: Role) -> tuple[TextColumn, ...]:
        return tuple(column for column in columns if roles[id(column)] is role)[:1]

    for role in (Role.FULL_NAME, Role.VIETNAMESE_NAME):
        for whole, parted in ((left, right), (right, left)):
            full = first(whole, role)
            parts = first(parted, Role.GIVEN_NAME) + first(parted, Role.FAMILY_NAME)
            if full and len(parts) == 2:
                of_left, of_right = (full, parts) if whole is left else (parts, full)
                return [Correspondence(of_left, of_right, Role.FULL_NAME, None)]
    return []


def id_of(columns: Sequence[TextColumn], pairs: Sequence[Correspondence], side: str) -> str | None:
    """The column that names the records of a side: complete, each value once, and not known to the other side.

    Of several a running number goes first, then one that is called an id, then the first. None: there is none.
    """
    known = {
        column.name
        for pair in pairs
        for column in getattr(pair, side)
        if pair.left != pair.right and pair.role is not Role.COUNTER and (pair.found or 0.0) > _OVERLAP_OF_AN_ID
    }
    unique = [c for c in columns if c.n_distinct == c.n_rows and c.name not in known]
    best = min(unique, key=lambda c: (role_of(c) is not Role.COUNTER, "id" not in words_of(c.name)), default=None)
    return None if best is None else best.name


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
