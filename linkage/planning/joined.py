"""Columns of one side that the other has in one: a full name beside given and family name, an address with its town."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from linkage.encode.texts import address_words
from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import Correspondence
from linkage.planning.roles import MOST, Role, words_of
from linkage.standardise.text_forms import unmarked

_SAMPLE = 2000  # distinct values looked at
_CONTAINED, _USED = 0.5, 0.3  # of the addresses that hold a value of a column, and of its rows whose value some holds
_MOST_WORDS = 3  # of a town or a code
_PARTS = (Role.TOWN, Role.POSTCODE, Role.CATEGORY, Role.TEXT)
# Any small number is the number of some house: only a column that says so is part of an address.
_OF_HOUSES = {
    "house",
    "street",
    "building",
    "flat",
    "unit",
    "apartment",
    "apt",
    "hausnummer",
    "hausnr",
    "hnr",
    "numero",
}


def joined_names(
    left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """A full name on one side beside given and family name on the other: its first word is the given name, its last one
    the family name, or the other way round where most given names stand last; Vietnamese names are joined in the order
    in which they are said, the middle name too."""

    def first(columns: Sequence[TextColumn], role: Role) -> tuple[TextColumn, ...]:
        return tuple(column for column in columns if roles[id(column)] is role)[:1]

    for role in (Role.FULL_NAME, Role.VIETNAMESE_NAME):
        for whole, parted in ((left, right), (right, left)):
            full = first(whole, role)
            given, family = first(parted, Role.GIVEN_NAME), first(parted, Role.FAMILY_NAME)
            if not (full and given and family):
                continue
            if role is Role.VIETNAMESE_NAME:
                parts = family + first(parted, Role.MIDDLE_NAME) + given
                return [Correspondence(*((full, parts) if whole is left else (parts, full)), role, None)]
            ends = (
                ("given", "family")
                if _share_of_given(full, given, "given") >= _share_of_given(full, given, "family")
                else ("family", "given")
            )
            return [
                Correspondence(*((full, part) if whole is left else (part, full)), of_part, None, form)
                for part, of_part, form in zip((given, family), (Role.GIVEN_NAME, Role.FAMILY_NAME), ends, strict=True)
            ]
    return []


def _share_of_given(full: Sequence[TextColumn], given: Sequence[TextColumn], form: str) -> float:
    """How many full names have a given name at an end, the first word in form "given", the last in form "family"."""
    return full[0].formed(form).share_found_in(given[0].formed("given"))


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


def joined_texts(
    left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """A column of one side that holds the town of the other, and perhaps its postcode, as "64034 Pau", read as an
    address.

    left, right : columns that have no counterpart
    """
    for whole, parted in ((left, right), (right, left)):
        for column in filter(is_numbered, whole):
            parts = tuple(c for c in parted if roles[id(c)] in _PARTS and _is_part(c, (column,)))
            if any(roles[id(c)] is Role.TOWN for c in parts):
                of_left, of_right = ((column,), parts) if whole is left else (parts, (column,))
                return [Correspondence(of_left, of_right, Role.STREET, None)]
    return []


def is_numbered(column: TextColumn) -> bool:
    """Whether nearly all values have a number in them."""
    return column.share_of(pc.match_substring_regex(column.values, r"\d")) > MOST


def _may_be_part(column: TextColumn, role: Role) -> bool:
    return role in _PARTS or bool(_OF_HOUSES & set(words_of(column.name)))


def _is_part(column: TextColumn, addresses: Sequence[TextColumn]) -> bool:
    """Whether most addresses hold a value of the column as words of theirs, and most of its values are in some."""
    texts = [" ".join(words) for words in _words(column.values)]
    values = set(texts) - {""}
    held = [values & _spans(words) for address in addresses for words in _words(address.values.slice(0, _SAMPLE))]
    used = set().union(*held)
    in_use = sum(n for text, n in zip(texts, column.counts.to_pylist(), strict=True) if text in used)
    return sum(map(bool, held)) > _CONTAINED * len(held) and in_use > _USED * column.filled


def _words(values: pa.StringArray) -> list[list[str]]:
    return [address_words(value) for value in unmarked(values).to_pylist()]


def _spans(words: Sequence[str]) -> set[str]:
    """All runs of one to three words."""
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(i + _MOST_WORDS, len(words)) + 1)}
