"""What of a published table a reader sees, and in which words: an office its columns in Vietnamese, an analyst all."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from linkage.exports.lists import Cell, ListColumn
from linkage.exports.words import CODES, TITLES, YES_NO

PROBABILITY_FORMAT = "0.00%"

_PRINTED_SIDES = ("full_name", "date_of_birth", "gender", "id_number", "phone")
# The columns of the queues in the order in which an office works through a row: those that are printed, for both sides
# have to lie beside each other on a sheet of paper, and the others. Weights and levels are the analyst's.
_PRINTED = (
    "priority",
    "rank",
    *(f"{side}_{name}" for name in _PRINTED_SIDES for side in ("stated", "registered")),
    "registered_old_id_number",
    "stated_address",
    "registered_status",
    "match_probability",
    "issue",
    "wrong_fields",
    "conflicts",
    "verdicts",
    "reason",
    "facility_code",
    "deadline",
)
_NOT_PRINTED = (
    "subject_id",
    "dose_ids",
    "n_doses",
    "facility_level",
    *(f"{side}_{name}" for name in ("insurance_number", "ethnicity") for side in ("stated", "registered")),
    "stated_province",
    "stated_district",
    "stated_commune",
    "commune_code",
    "commune_name",
    "district_name",
    "province_name",
    "commune_code_now",
    "registered_commune_code",
    "registered_residence_commune_code",
    "settle_probability",
    "candidate_ids",
    "candidate_probabilities",
    "in_police_list",
    "list_date",
    "person_id",
    "claim_id",
)
_WIDTHS = {
    "priority": 7,
    "rank": 6,
    "full_name": 22,
    "date_of_birth": 12,
    "gender": 8,
    "phone": 14,
    "address": 22,
    "status": 11,
    "match_probability": 10,
    "dose_ids": 24,
    "wrong_fields": 16,
    "conflicts": 16,
    "verdicts": 16,
    "raw": 60,
    "claim_id": 18,
}
# What columns of the plan's comparisons begin with, which alone have no title of their own.
_OF_COMPARISONS = {"level": "Mức", "weight": "Điểm"}
_ISO_DATE = r"^(\d{4})-(\d{2})-(\d{2})$"
_ISO_MONTH = r"^(\d{4})-(\d{2})$"


@dataclass(frozen=True)
class View:
    """The columns of a table that are shown, the language of titles and codes, and the columns that are printed, which
    come first (none named: all)."""

    names: tuple[str, ...]
    language: str
    printed: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: str, names: Sequence[str], language: str) -> View:
        """What a reader of a language sees of a table with these columns."""
        if language == "vi" and table.startswith("queues/") and "raw" not in names:
            return cls(tuple(name for name in (*_PRINTED, *_NOT_PRINTED) if name in names), language, _PRINTED)
        return cls(tuple(names), language)

    def columns(self) -> list[ListColumn]:
        """Titles, widths and forms of numbers."""
        return [
            ListColumn(
                self._title(name),
                _WIDTHS.get(name.removeprefix("stated_").removeprefix("registered_"), 14),
                PROBABILITY_FORMAT if name.endswith("_probability") and self.language == "vi" else "",
                name in self.printed or not self.printed,
            )
            for name in self.names
        ]

    def rows(self, rows: pa.Table) -> Iterator[tuple[Cell, ...]]:
        """The cells of some rows of the table."""
        shown = [_cells(name, rows.column(name), self.language).to_pylist() for name in self.names]
        yield from zip(*shown, strict=True)

    def _title(self, name: str) -> str:
        if self.language == "en":
            return name
        kind, _, comparison = name.partition("_")
        if name in TITLES or kind not in _OF_COMPARISONS:
            return TITLES.get(name, name)
        return f"{_OF_COMPARISONS[kind]}: {comparison}"


def _cells(name: str, column: pa.ChunkedArray, language: str) -> pa.Array:
    """A column as cells hold it: text, numbers, dates."""
    values = column.combine_chunks()
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_list(values.type):
        return _joined(values, CODES.get(name, {}) if language == "vi" else {}, ".4g" if language == "vi" else "")
    if pa.types.is_binary(values.type):
        texts = [None if raw is None else raw.decode("utf-8", "backslashreplace") for raw in values.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_boolean(values.type):
        yes, no = YES_NO if language == "vi" else ("true", "false")
        return pc.if_else(values, yes, no)
    if language == "en":
        return pc.strftime(values, "%Y-%m-%d") if pa.types.is_date(values.type) else values
    if name.startswith("registered_") and name.endswith("date_of_birth"):
        values = pc.replace_substring_regex(values, _ISO_DATE, r"\3/\2/\1")
        return pc.replace_substring_regex(values, _ISO_MONTH, r"\2/\1")
    return _worded(values, CODES.get(name, {}))


def _worded(values: pa.Array, words: Mapping[str, str]) -> pa.Array:
    """Texts that are codes as their words."""
    if not words or not pa.types.is_string(values.type):
        return values
    place = pc.index_in(values, value_set=pa.array(list(words)))
    return pc.coalesce(pa.array(list(words.values())).take(place), values)


def _joined(lists: pa.Array, words: Mapping[str, str], number_format: str) -> pa.Array:
    """Lists as texts, the members parted by semicolons."""
    members = lists.flatten()
    if pa.types.is_floating(members.type):
        texts = pa.array([format(member, number_format) for member in members.to_pylist()], pa.string())
    else:
        texts = _worded(members.cast(pa.string()), words)
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0))
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    return pc.binary_join(pa.ListArray.from_arrays(starts, texts), "; ")


def json_value(value: object) -> object:
    """A value of a table as JSON holds it: dates in ISO form, bytes and infinite numbers as text."""
    if isinstance(value, list):
        return [json_value(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
