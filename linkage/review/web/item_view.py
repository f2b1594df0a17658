"""What the page of an item shows: texts, marks and charts, ready to be written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from linkage.review.arriving import BITS, UNMATCHED, Candidate
from linkage.review.differences import (
    ABSENT,
    DIFFERENT,
    PART,
    SAME,
    SIGNS,
    Marked,
    Piece,
    compare_dates,
    compare_names,
    compare_numbers,
    compare_words,
    masked,
    shown_date,
)
from linkage.review.looking import Looked
from linkage.review.units import name_of
from linkage.review.web.wording import Words
from linkage.wording.cell_text import visible

MOST_BITS = 20.0  # as long as a bar gets
BAR_WIDTH, BAR_HEIGHT = 160, 12
LINE_WIDTH, LINE_HEIGHT = 640, 64
_NUMBERS = ("id_number", "phone", "insurance_number")
_MAIN = ("full_name", "date_of_birth", "gender", *_NUMBERS)
_COMPARISON_OF = {"gender": "sex", "ethnicity": "ethnicity", "place": "commune"}
_OF_LEVEL = {
    "missing": ABSENT,
    "same": SAME,
    "same commune": SAME,
    "commune of current stay": SAME,
    "same old district": PART,
    "same province": PART,
}
_OF_DOSE = (
    *("dose_id", "dose_number", "dose_date", "vaccine", "facility_code", "full_name", "date_of_birth"),
    *("status", "conflicts"),
)
_HINTED_HOUSEHOLD = -1.0  # bits from which on relatives are worth a warning
_CLOSE = 0.2  # of the best probability, from which on a second one is a rival
_SURE = 0.985


@dataclass(frozen=True)
class Row:
    """A field: what is typed, and of each candidate the marked value."""

    key: str
    title: str
    stated: str
    cells: Sequence[Marked]


@dataclass(frozen=True)
class Bar:
    """A comparison of a candidate. x, width: of the bar in a chart of BAR_WIDTH."""

    title: str
    bits: str
    sentence: str
    x: float
    width: float
    is_for: bool


@dataclass(frozen=True)
class Point:
    """A dose on the time line. x: in a chart of LINE_WIDTH."""

    x: float
    label: str
    is_conflict: bool


def rows_of(looked: Looked, words: Words, connection: Connection, *, is_masked: bool) -> list[Row]:
    """The fields of the claim shown beside those of each candidate."""
    stated = looked.claims[0].content["stated"]
    shown = {**stated, "place": _stated_place(stated)}
    rows = []
    for key in (*_MAIN, "ethnicity", "place", "status"):
        cells = [_cell(key, shown, one, words, connection, is_masked) for one in looked.candidates]
        text = visible(str(shown.get(key) or ""))
        if key in _NUMBERS and is_masked:
            text = masked(text)
        if key == "date_of_birth":
            text = shown_date(text)
        if text or any(cell.pieces for cell in cells):
            rows.append(Row(key, words(f"field.{key}"), text, cells))
    return rows


def _cell(
    key: str, stated: Mapping[str, str], one: Candidate, words: Words, connection: Connection, is_masked: bool
) -> Marked:
    held = one.registered
    if key == "full_name":
        return compare_names(stated.get(key), held.get(key))
    if key == "date_of_birth":
        return compare_dates(stated.get(key), held.get(key))
    if key == "id_number":
        numbers = (held.get(name) for name in (key, "old_id_number"))
        found = [compare_numbers(stated.get(key), number, is_masked=is_masked) for number in numbers]
        return next((cell for cell in found if cell.kind == SAME), found[0] if found[0].pieces else found[1])
    if key in _NUMBERS:
        return compare_numbers(stated.get(key), held.get(key), is_masked=is_masked)
    text = held.get(key, "")
    if key == "place":
        codes = [held.get(name) for name in ("residence_commune_code", "commune_code")]
        text = " / ".join(name_of(connection, code) for code in dict.fromkeys(codes) if code)
    if key == "status":
        return Marked((Piece(words.of("status", text), SAME if text in ("", "alive") else DIFFERENT),), SAME)
    level = {item.comparison: item.level for item in one.evidence}.get(_COMPARISON_OF[key])
    if level is None:
        return compare_words(stated.get(key), text)
    kind = _OF_LEVEL.get(level, DIFFERENT)
    return Marked((Piece(text, kind),) if text else (), kind if text else ABSENT)


def _stated_place(stated: Mapping[str, str]) -> str:
    return ", ".join(stated[name] for name in ("address", "commune", "district", "province") if stated.get(name))


def bars_of(one: Candidate, words: Words) -> list[Bar]:
    """The weight of each comparison, the weightiest first; what counts for nothing is left out."""
    bars = [
        _bar(words.of("comparison", item.comparison), item.bits, words.of("level", item.level), words)
        for item in one.evidence
        if abs(item.bits) >= 0.05
    ]
    for name in BITS:
        bits = one.bits.get(name, 0.0)
        if abs(bits) < 0.05:
            continue
        key = f"for.{'more' if bits > 0 else 'less'}" if name == "rarity_bits" else f"for.{name}"
        bars.append(_bar(words(f"comparison.{name}"), bits, words(key), words))
    return bars


def _bar(title: str, bits: float, sentence: str, words: Words) -> Bar:
    length = min(abs(bits), MOST_BITS) / MOST_BITS * BAR_WIDTH / 2
    x = BAR_WIDTH / 2 - (length if bits < 0 else 0.0)
    return Bar(title, words.bits(bits), sentence, round(x, 1), round(max(length, 1.0), 1), bits >= 0)


def why_not(looked: Looked) -> list[str]:
    """Keys of why nobody was matched automatically."""
    content = looked.claims[0].content
    found = ["why_not.dead"] if "dead_before_dose" in content["conflicts"] else []
    if any(told.endswith(": contradicted") for told in content["verdicts"]):
        found.append("why_not.contradicted")
    if looked.claims[0].queue == UNMATCHED:
        return [*found, "why_not.nobody"]
    probabilities = [one.probability or 0.0 for one in looked.candidates]
    if len(probabilities) > 1 and probabilities[1] > _CLOSE * probabilities[0]:
        found.append("why_not.two")
    levels = {item.comparison: item.level for one in looked.candidates[:1] for item in one.evidence}
    if probabilities and probabilities[0] > _SURE and levels.get("id_number", "").startswith("different"):
        found.append("why_not.never")
    return found or ["why_not.low"]


def warnings_of(looked: Looked) -> list[str]:
    """Keys of what an officer should have in mind."""
    content, persons = looked.claims[0].content, looked.candidates
    found = [f"warning.{name}" for name in content["conflicts"]]
    if persons and persons[0].bits.get("household_bits", 0.0) < _HINTED_HOUSEHOLD:
        found.append("warning.household")
    pairs = [(a.registered, b.registered) for n, a in enumerate(persons) for b in persons[n + 1 :]]
    if any(_same(a, b, "full_name") for a, b in pairs):
        found.append("warning.namesake")
    if any(_same(a, b, "date_of_birth") and _family(a) == _family(b) for a, b in pairs):
        found.append("warning.twin")
    if not content["is_place_stated"]:
        found.append("warning.no_commune")
    if looked.item.priority == 1:
        found.append("warning.hospital")
    return found


def _same(a: Mapping[str, str], b: Mapping[str, str], name: str) -> bool:
    return bool(a.get(name)) and (a.get(name) or "").casefold() == (b.get(name) or "").casefold()


def _family(registered: Mapping[str, str]) -> str:
    return (registered.get("full_name") or "").casefold().partition(" ")[0]


def points_of(doses: Sequence[Mapping[str, Any]]) -> list[Point]:
    """The doses with a day, along a line from the first to the last; none where there are fewer than two."""
    dated = sorted(((day, dose) for dose in doses if (day := _day_of(dose)) is not None), key=lambda one: one[0])
    if len(dated) < 2:
        return []
    first, span = dated[0][0], max(1, (dated[-1][0] - dated[0][0]).days)
    margin = 24
    return [
        Point(
            round(margin + (day - first).days / span * (LINE_WIDTH - 2 * margin), 1),
            str(dose.get("dose_number") or "?"),
            bool(dose.get("conflicts")),
        )
        for day, dose in dated
    ]


def by_day(doses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The doses, the first one first, with None for what is not stated; those without a day stand last."""
    ordered = sorted(doses, key=lambda dose: (_day_of(dose) or datetime.date.max, dose["dose_id"]))
    return [{name: dose.get(name) for name in _OF_DOSE} for dose in ordered]


def _day_of(dose: Mapping[str, Any]) -> datetime.date | None:
    text = shown_date(dose.get("dose_date"))
    try:
        return datetime.datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None


def legend(rows: Sequence[Row]) -> list[str]:
    """The kinds of differences that a page has."""
    kinds = {piece.kind for row in rows for cell in row.cells for piece in cell.pieces} - {SAME}
    return [kind for kind in SIGNS if kind in kinds]
