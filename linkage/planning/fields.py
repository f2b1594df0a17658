"""From a correspondence of columns to a field of the plan and the comparison that fits its role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.plan.sections import Comparison, Field
from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import Correspondence
from linkage.planning.roles import Role, words_of
from linkage.standardise.phones import standardise_phones
from linkage.standardise.phones_international import REGIONS, standardise_international_phones

# Name and similarity limits of the levels: those of Splink's NameComparison, which Winkler's own studies go back to.
_NAME_LIMITS = [0.92, 0.8]
_COMPANY_LIMITS = [0.95, 0.88, 0.8]
_EMAIL_LIMITS = [0.95, 0.88]
_LONG_CODE = 5  # letters, from which two slips still leave a code like itself
# Other bearers that a row's value has in the mean, from which on values are counted. Where nearly all stand once, a
# count of one takes bits from each of them, and the few that stand twice are no more frequent for it; an e-mail
# address that stands often is that of a record entered again.
_COUNTED = 0.5

KIND_OF_ROLE = {
    Role.VIETNAMESE_NAME: "vietnamese_name",
    Role.BIRTH_DATE: "birth_date",
    Role.DATE: "date",
    Role.SEX: "sex",
    Role.QUANTITY: "number",
    Role.YEAR: "number",
    Role.POSTCODE: "postcode",
    Role.STREET: "address",
    Role.CATEGORY: "category",
}
_SIMILAR = {
    Role.FULL_NAME: _NAME_LIMITS,
    Role.GIVEN_NAME: _NAME_LIMITS,
    Role.MIDDLE_NAME: _NAME_LIMITS,
    Role.FAMILY_NAME: _NAME_LIMITS,
    Role.COMPANY: _COMPANY_LIMITS,
    Role.EMAIL: _EMAIL_LIMITS,
    Role.WEBSITE: _EMAIL_LIMITS,
    Role.STREET: _NAME_LIMITS,
    Role.TOWN: _NAME_LIMITS,
    Role.TEXT: _NAME_LIMITS,
}
_MOSTLY = 0.8  # of the values of a column
_NUMBERED = 0.5  # the same of addresses
_LOOKED_AT = 200  # phone numbers with a country's code
# Text is the costliest.
_COSTS = {"category": 0, "date": 1, "number": 1, "digits": 1, "postcode": 1, "vietnamese_name": 2, "address": 2}
# What people who are not the same often share, a home: distinct values over rows, from which on a value is one home's.
_SHARED_AT_HOME = {Role.PHONE: 0.1, Role.STREET: 0.1, Role.POSTCODE: 0.5, Role.WEBSITE: 0.1}


@dataclass(frozen=True)
class Planned:
    """A field with its comparison, and the correspondence both come from."""

    field: Field
    comparison: Comparison
    pair: Correspondence


def planned_fields(pairs: Sequence[Correspondence]) -> list[Planned]:
    """Fields and comparisons of the pairs, the cheapest comparison first."""
    planned: list[Planned] = []
    for pair in pairs:
        name, region = _name_of(pair, {p.field.name for p in planned}), _region_of(pair)
        kind = _field_kind(pair, region)
        field = Field(
            name=name,
            kind=kind,
            region=region,
            form=pair.form if kind == "text" else None,
            left=[column.name for column in pair.left],
            right=[column.name for column in pair.right],
        )
        planned.append(Planned(field, _comparison(field, pair), pair))
    return sorted(planned, key=lambda p: _cost(p.comparison))


def _field_kind(pair: Correspondence, region: str | None) -> str:
    """The kind of a role; a phone number is one of its own kind where it is of Viet Nam or the region is known."""
    if pair.role is Role.PHONE:
        is_vietnamese = _share_read(pair, standardise_phones) > _MOSTLY
        return "phone" if is_vietnamese or region is not None else "text"
    if pair.role is Role.STREET and not all(map(_is_numbered, (pair.left, pair.right))):
        return "text"
    return KIND_OF_ROLE.get(pair.role, "text")


def _is_numbered(columns: Sequence[TextColumn]) -> bool:
    """Whether most addresses have a number in them; a street's name alone is a text, in which letters slip."""
    return any(column.share_of(pc.match_substring_regex(column.values, r"\d")) > _NUMBERED for column in columns)


def _region_of(pair: Correspondence) -> str | None:
    """Where the phone numbers of a pair of columns are from, as "GB": the country of most of those that state one, if
    nearly all on both sides can be numbers of it; None where none states its country, or they are of Viet Nam."""
    if pair.role is not Role.PHONE or _share_read(pair, standardise_phones) > _MOSTLY:
        return None
    stated = Counter(region for c in (*pair.left, *pair.right) for region in _stated_regions(c))
    region = max(stated, key=lambda r: (stated[r], r), default=None)
    if region is None or _share_read(pair, lambda texts: standardise_international_phones(texts, region)) <= _MOSTLY:
        return None
    return region


def _stated_regions(column: TextColumn) -> list[str]:
    """The countries of the numbers that begin with a country's code."""
    coded = column.values.filter(pc.match_substring_regex(column.values, r"^(\+|00)\d")).slice(0, _LOOKED_AT)
    found = []
    for text in coded.to_pylist():
        try:
            number = phonenumbers.parse("+" + text.removeprefix("+").removeprefix("00"))
        except phonenumbers.NumberParseException:
            continue
        found.append(phonenumbers.region_code_for_country_code(number.country_code or 0))
    return [region for region in found if region in REGIONS]


def _share_read(pair: Correspondence, read: Callable[[pa.StringArray], NDArray[np.uint64]]) -> float:
    """The least share of the values of a column that are read."""
    return min(column.share_of(pa.array(read(column.values) > 0)) for column in (*pair.left, *pair.right))


def _cost(comparison: Comparison) -> tuple[int, int]:
    return _COSTS.get(comparison.kind, 3), comparison.measure == "jaro_winkler"


def _name_of(pair: Correspondence, taken: set[str]) -> str:
    """The field's name: the words of the first column's name, told apart by its digits or a number."""
    column = pair.right[0] if len(pair.right) == 1 else pair.left[0]
    # The first and the last word of a full name are called what they are.
    called = pair.role.value if pair.form in ("given", "family") else column.name
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in called.strip().lower()).strip("_")
    name = name if any(c.isalpha() for c in name) else "_".join(words_of(column.name)) or "field"
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique


def _comparison(field: Field, pair: Correspondence) -> Comparison:
    column, name = pair.right[0], field.name
    base = Comparison(name=name, kind="text", left=[name], right=[name])
    is_shared = column.n_distinct > _SHARED_AT_HOME.get(pair.role, 1.0) * column.filled
    compared = column.formed(pair.form)
    often = pair.role is not Role.EMAIL and compared.collision * compared.filled - 1.0 > _COUNTED
    match pair.role:
        case Role.VIETNAMESE_NAME:
            return _with(base, kind="vietnamese_name", term_frequency=True)
        case Role.BIRTH_DATE | Role.DATE:
            return _with(base, kind="date")
        case Role.SEX:
            return _with(base, kind="category")
        case Role.CATEGORY:
            return _with(base, kind="category", term_frequency=True)
        case Role.STREET if field.kind == "address":
            return _with(base, kind="address", shared_number=is_shared)
        case Role.POSTCODE:
            return _with(base, kind="postcode", term_frequency=often, shared_number=is_shared)
        case Role.QUANTITY | Role.YEAR:
            return _with(base, kind="number", thresholds=_differences(column))
        case Role.PHONE | Role.IDENTIFIER:
            if field.kind == "phone":
                return _with(base, kind="digits", shared_number=is_shared)
            limits = [1.0, 2.0] if _mean_letters(column) >= _LONG_CODE else [1.0]
            return _with(
                base,
                measure="damerau_levenshtein",
                thresholds=limits,
                term_frequency=often and pair.role is not Role.PHONE,
                shared_number=is_shared,
            )
        case _:
            limits = _SIMILAR[pair.role]
            return _with(base, measure="jaro_winkler", thresholds=limits, term_frequency=often, shared_number=is_shared)


def _with(comparison: Comparison, **changes: object) -> Comparison:
    return msgspec.structs.replace(comparison, **changes)


def _mean_letters(column: TextColumn) -> float:
    lengths = pc.utf8_length(column.values).to_numpy(zero_copy_only=False)
    return float(np.average(lengths, weights=column.counts.to_numpy())) if column.filled else 0.0


def _differences(column: TextColumn) -> list[float]:
    """Differences that still count as near: of whole numbers 0, 1 and 3; of others parts of their spread."""
    is_whole = column.share_of(pc.match_substring_regex(column.values, r"^[+-]?\d{1,4}([.,]0*)?$")) > 0.99
    if is_whole:
        return [0.0, 1.0, 3.0]
    texts = pc.replace_substring(column.values, ",", ".")
    numbers = np.array([float(t) for t in texts.to_pylist() if _is_number(t)])
    spread = float(np.subtract(*np.percentile(numbers, [75, 25]))) or 1.0
    return [0.0, *(float(f"{spread * part:.1g}") for part in (0.01, 0.1))]


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()


def without_level(planned: Planned) -> Planned:
    """The same with the last limit of its comparison given up, where it has more than one."""
    limits = planned.comparison.thresholds
    return (
        replace(planned, comparison=_with(planned.comparison, thresholds=limits[:-1])) if len(limits) > 1 else planned
    )
