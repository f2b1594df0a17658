"""What a plan can be made of: kinds of fields, kinds of comparisons, and which compares which.

A field kind says how columns are read (see `linkage.encode.columns`), a comparison kind how two values are compared
(see `linkage.scoring.binding`). A comparison of a field it cannot compare would give levels that mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.comparators import address, category, date, digits, name, name_pair, nickname, place, postcode

WORDS = ("text", "category", "name_pair", "alternatives", "address")  # fields with a dictionary of their own
MANY_WORDS = ("name_pair", "alternatives", "address")  # of these, those with a key of all the words of a value
NUMBERS = ("person_number", "phone", "insurance_number")
DATES = ("birth_date", "date")
CODES = ("ethnicity", "commune", "postcode")

MOST_ALTERNATIVES = 8  # of a list, the first so many count
FOUND_BY_SUBJECT = "subject"  # behind the passes of a plan, what finds the person of a decided claim of the subject

# What a run has to know of the fields of its plan, with the kind that such a field has; see `Plan.field_as`.
ROLES = {
    "number": "person_number",
    "name": "vietnamese_name",
    "birth": "birth_date",
    "sex": "sex",
    "commune": "commune",
    "ethnicity": "ethnicity",
}
NEEDED_ROLES = ("number", "name", "birth", "sex", "commune")  # without the others a report has fewer tables

FIELD_KINDS = ("vietnamese_name", "sex", *DATES, *NUMBERS, *CODES, *WORDS, "number", "coordinates")
_OF_DATES = ("", "year", "birthday", "complete")
# Parts of fields that a pass can take, "" for the whole value.
PARTS: dict[str, tuple[str, ...]] = dict.fromkeys(FIELD_KINDS, ("",)) | {
    "vietnamese_name": ("plain", "given", "key"),
    "birth_date": _OF_DATES,
    "date": _OF_DATES,
    "person_number": ("", "neighbours"),
    "commune": ("", "province"),
    "postcode": ("", "sector", "district"),
    "text": ("", "prefix"),
    "category": ("", "prefix"),
    "name_pair": ("key", "first", "second"),
    "alternatives": ("", "key", *(str(place) for place in range(1, MOST_ALTERNATIVES + 1))),
    "address": ("key",),
    "coordinates": (),
}
TEXT_MEASURES = ("jaro_winkler", "levenshtein", "damerau_levenshtein")
WITH_MISSING, _SAME, _DIFFERENT = ("missing",), ("missing", "same"), ("different",)


@dataclass(frozen=True)
class Kind:
    """A kind of comparison.

    fields: kinds of fields that it compares; labels: of its levels, "missing" first, None where the thresholds of the
    comparison make them; closer: of each level those next closer to agreement, none where each is next to the one
    before; alike: levels that the left side alone tells apart, which weigh the same; before, after: those around the
    thresholds' and step: the words for a threshold; columns: how many it takes of the left side and of the right;
    checked_by: kinds of those of the left behind the first, which it is checked by; measures: those of which it needs
    one, None for none

    Of the encoded columns of a value, by what follows the field's name, "" for the main one: counted: those that term
    frequencies count, of equal values and last of near ones, none where it has no term frequency; stated: that which is
    0 where there is no value, None where it has no absent_level; compared: those that it looks at beside the main one
    """

    fields: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    columns: tuple[int, int] = (1, 1)
    checked_by: tuple[str, ...] = ()
    measures: tuple[str | None, ...] = (None,)
    before: tuple[str, ...] = WITH_MISSING
    step: str = "{}"
    after: tuple[str, ...] = _DIFFERENT
    closer: tuple[tuple[int, ...], ...] = ()
    alike: tuple[int, ...] = ()
    counted: tuple[str, ...] = ("",)
    stated: str | None = ""
    compared: tuple[str, ...] = ()


COMPARISON_KINDS = {
    "category": Kind(("sex", *CODES, "text", "category", *DATES, *NUMBERS), category.LEVELS),
    "date": Kind(DATES, date.LEVELS, closer=date.CLOSER),
    "digits": Kind(NUMBERS, digits.LEVELS),
    "person_number": Kind(
        ("person_number",),
        digits.PERSON_LEVELS,
        (3, 2),
        ("sex", "birth_date"),
        closer=digits.PERSON_CLOSER,
        alike=digits.PERSON_ALIKE,
    ),
    "place": Kind(("commune",), place.LEVELS, (1, 2)),
    "vietnamese_name": Kind(
        ("vietnamese_name",),
        name.LEVELS,
        closer=name.CLOSER,
        counted=(".key", ".plain"),
        stated=".signature",
        compared=(".signature",),
    ),
    "text": Kind(("text", "category"), measures=TEXT_MEASURES, before=_SAME),
    "nickname": Kind(("text",), measures=TEXT_MEASURES, before=(*_SAME, nickname.LABEL)),
    "name_pair": Kind(
        ("name_pair",),
        measures=TEXT_MEASURES,
        before=name_pair.FIRST_LABELS,
        step="both {}",
        after=name_pair.LAST_LABELS,
        counted=(".key",),
        stated=".key",
        compared=(".first", ".second"),
    ),
    "alternatives": Kind(("alternatives",), measures=TEXT_MEASURES, before=_SAME, counted=(".key",), stated=".key"),
    "address": Kind(("address",), address.LEVELS, counted=(".key",), stated=".key"),
    "postcode": Kind(("postcode",), postcode.LEVELS),
    "number": Kind(("number",), measures=(None, "relative")),
    "distance": Kind(("coordinates",), step="{} km", counted=(), stated=None),
}
