"""Columns of one side that the other has in one: a full name beside given and family name, an address with its town."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from linkage.encode.texts import WORD
from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import Correspondence
from linkage.planning.roles import Role, words_of

_SAMPLE = 2000  # distinct values looked at
_CONTAINED, _USED = 0.5, 0.3  # of the addresses that hold a value of a column, and of its rows whose value some holds
_MOST_WORDS = 3  # of a town or a code
_PARTS = (Role.TOWN, Role.POSTCODE, Role.CATEGORY, Role.TEXT)
# Any small number is the number of some house: only a column that says so is part of an address.
_OF_HOUSES = {"house", "street", "building", "flat", "unit", "apartment", "apt", "hausnummer"}


def joined_names(
    left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """A full name on one side beside given and family name on the other: its first word is the given name, its last one
    the family name, whatever stands between them; of Vietnamese names all are joined."""

    def first(columns: Sequence[TextColumn], role: Role) -> tuple[TextColumn, ...]:
        return tuple(column for column in columns if roles[id(column)] is role)[:1]

    for role in (Role.FULL_NAME, Role.VIETNAMESE_NAME):
        for whole, parted in ((left, right), (right, left)):
            full = first(whole, role)
            given, family = first(parted, Role.GIVEN_NAME), first(parted, Role.FAMILY_NAME)
            if not (full and given and family):
                continue
            if role is Role.VIETNAMESE_NAME:
                sides = (full, given + family) if whole is left else (given + family, full)
                return [Correspondence(*sides, Role.FULL_NAME, None, "person")]
            return [
                Correspondence(*((full, part) if whole is left else (part, full)), of_part, None, form)
                for part, of_part, form in ((given, Role.GIVEN_NAME, "given"), (family, Role.FAMILY_NAME, "family"))
            ]
    return []


def joined_addresses(
    pairs: Sequence[Correspondence], left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """The pairs, the first of addresses with the columns besides that the other side's address holds as well.

    left, right : columns that have no counterpart
    """
    joined = list(pairs)
    place = next((i for i, pair in enumerate(pairs) if pair.role is Role.STREET), None)
    if place is None:
        return joined
    street = pairs[place]
    of_left, of_right = (
        tuple(c for c in columns if _may_be_part(c, roles[id(c)]) and _is_part(c, addresses))
        for columns, addresses in ((left, street.right), (right, street.left))
    )
    if of_left or of_right:
        joined[place] = replace(street, left=street.left + of_left, right=street.right + of_right, found=None)
    return joined


def _may_be_part(column: TextColumn, role: Role) -> bool:
    return role in _PARTS or bool(_OF_HOUSES & set(words_of(column.name)))


def _is_part(column: TextColumn, addresses: Sequence[TextColumn]) -> bool:
    """Whether most addresses hold a value of the column as words of theirs, and most of its values are in some."""
    values = {" ".join(WORD.findall(value)) for value in column.values.to_pylist()} - {""}
    looked_at = [value for address in addresses for value in address.values.slice(0, _SAMPLE).to_pylist()]
    held = [values & _spans(WORD.findall(value)) for value in looked_at]
    used = set().union(*held)
    counts = zip(column.values.to_pylist(), column.counts.to_pylist(), strict=True)
    in_use = sum(n for value, n in counts if " ".join(WORD.findall(value)) in used)
    return sum(map(bool, held)) > _CONTAINED * len(held) and in_use > _USED * column.filled


def _spans(words: Sequence[str]) -> set[str]:
    """All runs of one to three words."""
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(i + _MOST_WORDS, len(words)) + 1)}
