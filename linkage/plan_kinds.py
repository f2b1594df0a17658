"""What a plan can be made of: kinds of fields, kinds of comparisons, and which compares which.

A field kind says how columns are read (see `linkage.encode`), a comparison kind how two values are compared (see
`linkage.binding`). A comparison of a field it cannot compare would give levels that mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.comparators import category, date, digits, name, place

WORDS = ("text", "category")  # fields whose values are words of a dictionary of their own
NUMBERS = ("person_number", "phone", "insurance_number")
DATES = ("birth_date", "date")
CODES = ("sex", "ethnicity", "commune")

FIELD_KINDS = ("vietnamese_name", *CODES[:1], *DATES, *NUMBERS, *CODES[1:], *WORDS, "number")
TEXT_MEASURES = ("jaro_winkler", "levenshtein", "damerau_levenshtein")


@dataclass(frozen=True)
class Kind:
    """A kind of comparison.

    fields: kinds of fields that it compares; labels: of its levels, "missing" first, None where the thresholds of the
    comparison make them; columns: how many it takes of the left side and of the right; measures: those of which it
    needs one; has_same: whether equality is a level before those of the thresholds
    """

    fields: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    columns: tuple[int, int] = (1, 1)
    measures: tuple[str, ...] = ()
    has_same: bool = True


COMPARISON_KINDS = {
    "category": Kind((*CODES, *WORDS, *DATES, *NUMBERS), category.LEVELS),
    "date": Kind(DATES, date.LEVELS),
    "digits": Kind(NUMBERS, digits.LEVELS),
    "person_number": Kind(("person_number",), digits.PERSON_LEVELS, (2, 2)),
    "place": Kind(("commune",), place.LEVELS, (1, 2)),
    "vietnamese_name": Kind(("vietnamese_name",), name.LEVELS),
    "text": Kind(WORDS, measures=TEXT_MEASURES),
    "number": Kind(("number",), has_same=False),
}
