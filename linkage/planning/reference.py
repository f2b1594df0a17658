"""Writes a part of docs/plan.md: what fields and comparisons a plan can have, read from the program itself.

    python -m linkage.planning.reference docs/plan.md

The parts of a field are tried, not listed: whatever a pass can take as a part of a field of each kind.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import msgspec
import pyarrow as pa

from linkage.encode.columns import encode
from linkage.encode.dictionaries import Dictionaries
from linkage.encode.keys import key_part
from linkage.errors import UsageError
from linkage.plan.checks import FORMAT
from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS
from linkage.plan.sections import Comparison, Field, Pass, Plan
from linkage.standardise.places import Units

MARK = "<!-- generated: python -m linkage.planning.reference docs/plan.md writes what follows -->"

_MEANINGS = {
    "vietnamese_name": "the full name of a Vietnamese person, family name first; several columns are joined",
    "sex": "Nam/Nữ, M/F, 1/0 and the like",
    "birth_date": "a date of birth in any spelling, none in the future; incomplete ones too",
    "date": "any other date, in one column or in year, month and day",
    "person_number": "a Vietnamese personal number of 12 digits or an old one of 9",
    "phone": "a phone number: of Viet Nam, or with `region` (as `GB`) of any country",
    "insurance_number": "the number of a Vietnamese health insurance card",
    "ethnicity": "one of Viet Nam's ethnic groups",
    "commune": "a Vietnamese commune, by code or by names, as of the date of the record",
    "postcode": "a postal code, of which the first part is an area",
    "text": "any text: lower case, single spaces, with `form` without what is written in several ways; several columns "
    "are joined",
    "category": "a text of few values, the same or not",
    "name_pair": "two names that may have been swapped, a column each",
    "alternatives": "a list of values separated by `delimiter`, or several columns; as a whole any value "
    "of the left meets the first of the right",
    "address": "a street address: its numbers and its words, in any order",
    "number": "a decimal number",
    "coordinates": "latitude and longitude in degrees, in two columns or in one",
}
# What parts may be tried of a field, and what they are.
_PARTS = {
    "": "the whole value",
    "prefix": "the first three letters",
    "year": "the year",
    "birthday": "day and month, 01/01 left out",
    "complete": "the whole date, 01/01 and incomplete ones left out",
    "plain": "the name without diacritics",
    "given": "the given name, without diacritics",
    "key": "all of it at once, of names and addresses of several parts whatever their order",
    "first": "the first of both",
    "second": "the second of both",
    "1": "the first value of the list, `.2` the second and so on",
    "province": "its province",
    "sector": "the code without its last two letters",
    "district": "the code without its last three letters",
    "neighbours": "the numbers one slip away: a record stands in several blocks",
}
_COLUMNS = {"name_pair": 2, "coordinates": 2, "commune": 5}
_SAMPLE = "1"
_THRESHOLDS = {"jaro_winkler": [0.9, 0.8]}  # by measure, or by kind where it has none


def parts_of(kind: str) -> list[str]:
    """The parts that a pass can take of a field of a kind, "" for the whole value."""
    columns = [f"column {i}" for i in range(_COLUMNS.get(kind, 1))]
    plan = Plan(
        format=FORMAT,
        name="parts",
        fields=[Field(name="field", kind=kind, left=columns)],
        passes=[Pass(name="any", left=["field"], right=["field"])],
        comparisons=[],
    )
    dictionaries = Dictionaries(Units.none(pa.array([], pa.string())), "2021", datetime.date(2021, 7, 8))
    table = pa.table({name: [_SAMPLE] for name in columns})
    encoded = encode(table, plan, "left", dictionaries)
    found = []
    for part in _PARTS:
        try:
            key_part(f"field.{part}" if part else "field", "left", encoded, plan, dictionaries)
        except UsageError:
            continue
        found.append(part)
    return found


def plan_reference() -> str:
    """The generated part of docs/plan.md."""
    return "\n".join([*_fields(), *_comparisons(), ""]).rstrip("\n") + "\n"


def plan_page(text: str) -> str:
    """The page with what follows its mark written anew."""
    written, mark, _ = text.partition(MARK)
    if not mark:
        raise ValueError(f"no line {MARK}")
    return f"{written}{mark}\n\n{plan_reference()}"


def _fields() -> list[str]:
    lines = [
        "## Kinds of fields and their parts",
        "",
        "A pass takes a field by its name, or a part of it: `born.year`. Where the whole value is not listed, only",
        "parts of it can block.",
        "",
        "| kind | what it reads | parts for passes |",
        "|---|---|---|",
    ]
    for kind in FIELD_KINDS:
        parts = [f"`.{part}` {_PARTS[part]}" if part else _PARTS[part] for part in parts_of(kind)]
        lines.append(f"| `{kind}` | {_MEANINGS[kind]} | {'; '.join(parts) or 'none'} |")
    return [*lines, ""]


def _comparisons() -> list[str]:
    lines = [
        "## Kinds of comparisons and their levels",
        "",
        "A pair has one level of each comparison; the level *missing* has no weight and no share in `m`. A",
        "comparison that leaves out `m` or `household` starts from the shares shown: of the matches, and of people of",
        "one household who share a number. With `absent_level` one more level follows: the right side has no value.",
        "",
    ]
    for kind, spec in COMPARISON_KINDS.items():
        lines += [f"### `{kind}`", "", f"Compares fields of kind {', '.join(f'`{f}`' for f in spec.fields)}."]
        lines += _measures(kind, spec.measures)
        for measure in _shown_measures(spec.measures):
            lines += ["", *_levels(_example(kind, measure, spec.labels is None))]
        lines.append("")
    return lines


def _measures(kind: str, measures: tuple[str | None, ...]) -> list[str]:
    stated = [measure for measure in measures if measure is not None]
    if not stated:
        return []
    needed = "Needs" if None not in measures else "May have"
    return [f"{needed} a `measure`: {', '.join(f'`{measure}`' for measure in stated)}; levels here as an example."]


def _shown_measures(measures: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """One measure that falls and one that rises show what the levels of all look like."""
    return measures[:2]


def _example(kind: str, measure: str | None, has_thresholds: bool) -> Comparison:
    thresholds = _THRESHOLDS.get(measure or kind, [1.0, 2.0]) if has_thresholds else []
    return Comparison(name=kind, kind=kind, left=["field"], right=["field"], measure=measure, thresholds=thresholds)


def _levels(comparison: Comparison) -> list[str]:
    stated = (
        f"with `thresholds = {msgspec.json.encode(comparison.thresholds).decode()}`" if comparison.thresholds else ""
    )
    measure = f'`measure = "{comparison.measure}"` ' if comparison.measure else ""
    title = [f"{measure}{stated}".strip(), ""] if measure or stated else []
    table = ["| level | m | household |", "|---|---|---|"]
    rows = zip(comparison.labels[1:], comparison.starting_m, comparison.starting_household, strict=True)
    return [*title, *table, *(f"| {label} | {m:.3f} | {h:.3f} |" for label, m, h in rows)]


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(plan_page(page.read_text(encoding="utf-8")), encoding="utf-8")
