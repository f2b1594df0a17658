"""Which column of one file says what a column of the other says: by their names, their roles and their values."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import JaroWinkler

from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import FORM_OF, Correspondence
from linkage.planning.joined import is_numbered, joined_addresses, joined_names, joined_texts
from linkage.planning.likeness import shared_values, words_alike, years_alike
from linkage.planning.roles import Role, hint_of, role_of, words_of

# How much the names of two columns speak for each other, and the least that a pair needs with what its values add.
_SAME_NAME, _SAME_WORDS, _SAME_ROLE, _LIKE_NAME = 1.0, 0.8, 0.7, 0.5
_LIKE = 0.9  # Jaro-Winkler similarity of names
_LEAST = 0.65
_OF_VALUES, _OF_ROLES = 0.5, 0.25
_TELLING, _RARE = 0.2, 0.002  # share of values that the other side has, and how often two rows have the same
_FAMILIES = (
    {Role.VIETNAMESE_NAME, Role.FULL_NAME, Role.GIVEN_NAME, Role.FAMILY_NAME, Role.COMPANY, Role.TEXT},
    {Role.MIDDLE_NAME, Role.TEXT},
    {Role.STREET, Role.TOWN, Role.TEXT, Role.CATEGORY},
    {Role.IDENTIFIER, Role.PHONE, Role.POSTCODE, Role.TEXT},
    {Role.WEBSITE, Role.TEXT},
    {Role.CATEGORY, Role.SEX, Role.TEXT, Role.IDENTIFIER, Role.QUANTITY},
    {Role.DATE, Role.BIRTH_DATE, Role.YEAR},
)
# Written with and without marks, and with letters or without.
_CODED = {Role.IDENTIFIER, Role.PHONE, Role.TEXT}
# A house number and a tax number are both numbers: that two names say so is no reason to compare them.
_VAGUE = {Role.IDENTIFIER, Role.QUANTITY, Role.CATEGORY, Role.DATE}
# Their values meet by chance: equal values say nothing of equal columns.
_COMMON = {Role.CATEGORY, Role.SEX, Role.QUANTITY, Role.YEAR, Role.COUNTER}
_CHANCY = _COMMON - {Role.CATEGORY}  # whose words say as little
_TIMES = {Role.DATE, Role.BIRTH_DATE, Role.YEAR}
_SEVERAL, _SECOND = {Role.PHONE, Role.EMAIL}, 0.03  # of which people have two; share of values that the other knows
_LEAST_LIKENESS = 0.5  # of the words of two columns of which nothing else speaks


def of_two_files(left: Sequence[TextColumn], right: Sequence[TextColumn]) -> list[Correspondence]:
    """The best pairs of columns, each column once, in the order of the left file; a full name beside given and family
    name, and a telephone beside two, besides."""
    roles = {id(column): role_of(column) for column in (*left, *right)}
    scored = [(_score(a, b, roles[id(a)], roles[id(b)]), i, j) for i, a in enumerate(left) for j, b in enumerate(right)]
    pairs: dict[int, int] = {}
    for score, i, j in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        if score >= _LEAST and i not in pairs and j not in pairs.values():
            pairs[i] = j
    found = [_paired(left[i], right[j], roles) for i, j in sorted(pairs.items())]
    found += joined_names(*_left_over(left, right, found), roles)
    found += joined_texts(*_left_over(left, right, found), roles)
    found += _guessed(*_left_over(left, right, found), roles)
    found += _second(found, *_left_over(left, right, found), roles)
    return joined_addresses(found, *_left_over(left, right, found), roles)


def _left_over(
    left: Sequence[TextColumn], right: Sequence[TextColumn], found: Sequence[Correspondence]
) -> tuple[list[TextColumn], list[TextColumn]]:
    taken = [[column for pair in found for column in getattr(pair, side)] for side in ("left", "right")]
    return [c for c in left if c not in taken[0]], [c for c in right if c not in taken[1]]


def _paired(a: TextColumn, b: TextColumn, roles: dict[int, Role], *, is_guessed: bool = False) -> Correspondence:
    role = _common_role(a, b, roles)
    shared = shared_values(a, b, _forms(role, role))
    form = FORM_OF.get(role, shared.form)
    return Correspondence((a,), (b,), role, a.formed(form).share_found_in(b.formed(form)), form, is_guessed)


def _forms(role_a: Role, role_b: Role) -> list[str | None]:
    """The forms in which the values of two roles are looked at."""
    if {role_a, role_b} == {Role.TEXT}:
        return [None, "code", "digits", "company", "person"]
    coded: list[str | None] = ["code", "digits"] if {role_a, role_b} <= _CODED else []
    return [None, *coded, *dict.fromkeys(FORM_OF[role] for role in (role_a, role_b) if role in FORM_OF)]


def _guessed(left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]) -> list[Correspondence]:
    """Columns that nothing else pairs, by how alike their words, or their years, are distributed."""
    scored = sorted(((-_likeness(a, b, roles), i, j) for i, a in enumerate(left) for j, b in enumerate(right)))
    found: dict[int, int] = {}
    for score, i, j in scored:
        if -score >= _LEAST_LIKENESS and i not in found and j not in found.values():
            found[i] = j
    return [_paired(left[i], right[j], roles, is_guessed=True) for i, j in sorted(found.items())]


def _second(
    found: Sequence[Correspondence], left: Sequence[TextColumn], right: Sequence[TextColumn], roles: dict[int, Role]
) -> list[Correspondence]:
    """A second telephone or address of one side, which has no counterpart, beside the one of the other side that knows
    some of its values."""
    pairs = []
    for pair in found:
        if pair.role in _SEVERAL and len(pair.left) == len(pair.right) == 1:
            sides = [(pair.left[0], b) for b in right] + [(a, pair.right[0]) for a in left]
            for a, b in sides:
                if (
                    roles[id(a)] is roles[id(b)] is pair.role
                    and shared_values(a, b, _forms(pair.role, pair.role)).share > _SECOND
                ):
                    pairs.append(_paired(a, b, roles))
    return pairs


def _likeness(a: TextColumn, b: TextColumn, roles: dict[int, Role]) -> float:
    both = {roles[id(a)], roles[id(b)]}
    if both <= _TIMES:
        return years_alike(a, b)
    is_worded = any(both <= family for family in _FAMILIES[:3]) or both == {Role.CATEGORY}
    return words_alike(a, b) if is_worded and not both & _CHANCY else 0.0


def _score(a: TextColumn, b: TextColumn, role_a: Role, role_b: Role) -> float:
    """How much speaks for two columns: their names, and the values they share where these are not common ones."""
    if role_a is not role_b and not any({role_a, role_b} <= family for family in _FAMILIES):
        return 0.0
    if Role.TOWN in (role_a, role_b) and role_a is not role_b and is_numbered(a) is not is_numbered(b):
        return 0.0  # a town with its postcode: see joined_texts
    of_names = _name_score(a.name, b.name)
    if role_a in _COMMON or role_b in _COMMON:
        return of_names
    shared = shared_values(a, b, _forms(role_a, role_b)).share
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
    if {role_a, role_b} == {Role.COMPANY, Role.FULL_NAME}:  # a client or a customer may be either
        return Role.COMPANY
    for role in (Role.BIRTH_DATE, Role.DATE):
        if role in (role_a, role_b):
            return role
    hinted = [role for column, role in ((a, role_a), (b, role_b)) if hint_of(column.name).role is role]
    strict = {Role.CATEGORY, Role.SEX, Role.QUANTITY, Role.COUNTER, Role.VIETNAMESE_NAME}
    of_values = [role for role in (Role.COMPANY, Role.FULL_NAME) if role in (role_a, role_b)]
    return next((role for role in (*hinted, *of_values) if role not in strict), Role.TEXT)
