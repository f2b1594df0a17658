"""Standardised tables to fixed-width integer columns: what is compared, blocked on and kept in the registry index.

A field of the plan becomes columns named after it: ``birth_date``, or ``full_name`` with ``full_name.key`` and so on. A
missing value is 0 (NaN for numbers). Both sides of a linkage share the dictionaries, which only grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encode import texts as encode_texts
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.plain_texts import spaced
from linkage.encode.syllables import split_names
from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.machine.threads import in_order
from linkage.plan.sections import Field, Plan
from linkage.standardise import categories, dates, identifiers, phones
from linkage.standardise.names import canonical_names
from linkage.standardise.phones_international import standardise_international_phones
from linkage.standardise.placeholders import without_placeholders
from models.comparators.digits import CONTRADICTS, UNCHECKED

# Columns that follow from others of the same value: they are no part of a claim's key, as all others of one number are.
DERIVED = (".plain", ".given", ".signature")
# Columns, or what makes them from the dictionaries, which then grow.
Encoded = Columns | Callable[[Dictionaries], Columns]


def encode(table: pa.Table, plan: Plan, side: str, dictionaries: Dictionaries) -> Columns:
    """Encode one side ("left" or "right") of a linkage; arrays are aligned with the rows of the table."""
    return _complete(_standardise(table, plan, side, dictionaries), dictionaries)


def encode_chunks(
    records: Records,
    plan: Plan,
    side: str,
    dictionaries: Dictionaries,
    *,
    columns: Sequence[str] | None = None,
    n_threads: int = 2,
) -> Iterator[tuple[pa.Table, Columns]]:
    """Encode records chunk by chunk, in their order: (chunk, its encoded columns).

    Texts are standardised in threads; the dictionaries grow in the caller's thread, chunk after chunk, so that the
    arrays are the same at any number of threads.

    Parameters
    ----------
    columns : what the chunks hold, at least what the plan reads; None is all
    """

    def work(chunk: pa.Table) -> tuple[pa.Table, list[Encoded]]:
        return chunk, _standardise(chunk, plan, side, dictionaries)

    with ThreadPoolExecutor(n_threads) as pool:
        for chunk, encoded in in_order((partial(work, chunk) for chunk in records.chunks(columns)), pool, n_threads):
            yield chunk, _complete(encoded, dictionaries)


def _standardise(table: pa.Table, plan: Plan, side: str, dictionaries: Dictionaries) -> list[Encoded]:
    """All fields of one side as far as the dictionaries need not grow."""
    encoded = []
    for spec in plan.fields:
        inputs = getattr(spec, side)
        if inputs:
            texts = [_column(table, name, spec, side) for name in inputs]
            encoded.append(_ENCODERS[spec.kind](spec, side, texts, dictionaries))
    return encoded


def _complete(encoded: list[Encoded], dictionaries: Dictionaries) -> Columns:
    columns: Columns = {}
    for field_columns in encoded:
        columns |= field_columns(dictionaries) if callable(field_columns) else field_columns
    return columns


def has_value(columns: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.bool_]:
    """Which records have a value of an encoded field, bool[n]; a field in parts has a column of each."""
    found = [columns[name]] if name in columns else [columns[part] for part in columns if part.startswith(f"{name}.")]
    is_there = np.zeros(len(found[0]), np.bool_)
    for values in found:
        is_value = ~np.isnan(values) if np.issubdtype(values.dtype, np.floating) else values != 0
        is_there |= is_value.reshape(is_there.size, -1).any(axis=1) if is_there.size else is_there
    return is_there


def mark_contradictions(columns: Columns, number: str, sex: str, birth_date: str) -> NDArray[np.uint8]:
    """uint8[n], CONTRADICTS where the 12-digit number contradicts the sex or birth year stated beside it, UNCHECKED
    where there is no birth year."""
    year = dates.year_of(columns[birth_date].astype(np.uint32))
    flags = identifiers.contradictions(columns[number].astype(np.uint64), columns[sex].astype(np.uint8), year)
    return (np.where(flags > 0, CONTRADICTS, 0) | np.where(year == 0, UNCHECKED, 0)).astype(np.uint8)


def _column(table: pa.Table, name: str, spec: Field, side: str) -> pa.Array:
    if name not in table.column_names:
        raise UsageError(
            f"field {spec.name!r}: the {side} table has no column {name!r}; it has {', '.join(table.column_names)}"
        )
    column = table.column(name).combine_chunks()
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _names(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Encoded:
    names, name = split_names(canonical_names(spaced(texts))), spec.name

    def columns(grown: Dictionaries) -> Columns:
        encoded = grown.syllables.encode(names)
        return {
            name: encoded.syllables,
            f"{name}.key": encoded.key,
            f"{name}.plain": encoded.plain,
            f"{name}.given": encoded.given,
            f"{name}.signature": encoded.signature,
        }

    return columns


def _sex(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    return {spec.name: categories.standardise_sex(texts[0])}


def _birth_date(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    return {
        spec.name: dates.standardise_birth_dates(texts[0], latest=dictionaries.latest_date, first_year=spec.first_year)
    }


def _date(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    """A date in one column, or year, month and (when known) day in a column each."""
    if len(texts) == 1:
        return {spec.name: dates.standardise_dates(texts[0], first_year=spec.first_year)}
    parts = [_whole_numbers(text) for text in [*texts, *[pa.nulls(len(texts[0]), pa.string())] * (3 - len(texts))]]
    year, month, day = (part.astype(np.uint32) for part in parts)
    month = np.where((year > 0) & (month <= 12), month, 0)
    day = np.where((month > 0) & (day <= 31), day, 0)
    return {spec.name: dates.pack_date(year, month, day)}


def _person_number(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    ids = identifiers.standardise_ids(texts[0])
    return {spec.name: ids.number, f"{spec.name}.fault": ids.fault}


def _phone(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    if spec.region is not None:
        return {spec.name: standardise_international_phones(texts[0], spec.region)}
    return {spec.name: phones.standardise_phones(texts[0])}


def _insurance(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    return {spec.name: identifiers.standardise_insurance(texts[0])}


def _ethnicity(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    return {spec.name: categories.standardise_ethnicity(texts[0])}


def _commune(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    """A dose's commune is an id of the units of 2021, a person's an id of the units of the registry's date; 0
    unknown."""
    units = dictionaries.units
    if side == "right":
        return {spec.name: units.resolve_registry(texts[0], dictionaries.commune_date)}
    code, province, district, commune, dose_date = texts
    ids = units.resolve_doses(code, province, district, commune, dates.standardise_dates(dose_date))
    return {spec.name: ids, f"{spec.name}.code": units.dose_code_hashes[ids]}


def _coordinates(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    """Latitude and longitude in degrees, of two columns or of one that has both, as a point of the unit sphere:
    float64[n, 3], NaN where there is none."""
    if len(texts) == 1:
        both = pc.split_pattern_regex(pc.utf8_trim_whitespace(pc.fill_null(texts[0], "")), r"\s*[,; ]\s*", max_splits=1)
        texts = [pc.list_element(pc.list_slice(both, i, i + 1, return_fixed_size_list=True), 0) for i in (0, 1)]
    latitude, longitude = (np.radians(_numbers(text)) for text in texts)
    is_place = (np.abs(latitude) <= np.pi / 2) & (np.abs(longitude) <= np.pi)
    x, y = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
    return {spec.name: np.where(is_place[:, None], np.stack([x, y, np.sin(latitude)], axis=1), np.nan)}


def _number(spec: Field, side: str, texts: list[pa.Array], dictionaries: Dictionaries) -> Columns:
    return {spec.name: _numbers(texts[0])}


def _numbers(text: pa.Array) -> NDArray[np.float64]:
    """Decimal numbers, NaN where there is none."""
    trimmed = pc.utf8_trim_whitespace(text)
    is_number = pc.match_substring_regex(trimmed, r"^[+-]?\d+(\.\d*)?$")
    numbers = pc.if_else(pc.fill_null(is_number, False), trimmed, None).cast(pa.float64())
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(zero_copy_only=False))


def _whole_numbers(text: pa.Array) -> NDArray[np.int64]:
    """Non-negative whole numbers, 0 where there is none; "7.0" is 7."""
    digits = pc.struct_field(pc.extract_regex(text, r"^\s*(?P<n>\d{1,9})(?:\.0*)?\s*$"), "n")
    return np.asarray(pc.fill_null(digits.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))


def _words(encoder: Callable[[Field, list[pa.Array]], Encoded]) -> Callable[..., Encoded]:
    """An encoder of texts, which needs neither the side nor, before they grow, the dictionaries; "N/A" is no text."""
    return lambda spec, side, texts, dictionaries: encoder(spec, [without_placeholders(text) for text in texts])


_ENCODERS: dict[str, Callable[..., Encoded]] = {
    "vietnamese_name": _names,
    "sex": _sex,
    "birth_date": _birth_date,
    "date": _date,
    "person_number": _person_number,
    "phone": _phone,
    "insurance_number": _insurance,
    "ethnicity": _ethnicity,
    "commune": _commune,
    "text": _words(encode_texts.text),
    "category": _words(encode_texts.text),
    "name_pair": _words(encode_texts.name_pair),
    "alternatives": _words(encode_texts.alternatives),
    "address": _words(encode_texts.addresses),
    "postcode": _words(encode_texts.postcodes),
    "number": _number,
    "coordinates": _coordinates,
}
