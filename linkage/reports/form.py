"""The shape every report has: a title, columns, rows and a last row that adds up; and the order of Vietnamese names."""

from __future__ import annotations

import datetime
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from linkage.reports.office import UNKNOWN_OFFICE, Office

TOTAL = "Cộng"
UNKNOWN_COMMUNE = "Không rõ địa bàn"

_ALPHABET = {letter: rank for rank, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz", start=100)}
# Dictionary order of the tones: level, grave, hook, tilde, acute, dot below.
_TONES = {mark: rank for rank, mark in enumerate("\u0300\u0309\u0303\u0301\u0323", start=1)}

Cell = str | int | datetime.date | None
# The cells before the counts, and the counts.
Line = tuple[Sequence[Cell], Sequence[int]]


@dataclass(frozen=True)
class ReportColumn:
    """A column: its key in JSON, its heading, its width in characters, and whether it counts something."""

    key: str
    heading: str
    width: int
    is_count: bool


@dataclass(frozen=True)
class Report:
    """A filled-in form: ``rows`` and ``total``, the last row, have a cell per column; a count is never None.

    as_of : the day up to which it counts, None where that is not known; office : who reports; annex : it goes with a
    letter, whose number is filled in by hand
    """

    form: str
    title: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...]
    as_of: datetime.date | None = None
    office: Office = UNKNOWN_OFFICE
    is_annex: bool = False

    @property
    def day(self) -> str:
        """As the letters say of which day the counts are."""
        return f"{'......../......../............' if self.as_of is None else format(self.as_of, '%d/%m/%Y')}"


def add_up(form: str, title: str, columns: tuple[ReportColumn, ...], lines: Iterable[Line]) -> Report:
    """The report of some lines, each with its sum behind its counts, and the sums of the columns in the last row."""
    rows: list[tuple[Cell, ...]] = []
    sums = [0] * (sum(column.is_count for column in columns) - 1)
    for texts, counts in lines:
        rows.append((*texts, *counts, sum(counts)))
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
    blanks = [None] * (len(columns) - len(sums) - 2)
    return Report(form, title, columns, tuple(rows), (TOTAL, *blanks, *sums, sum(sums)))


def vietnamese_order(name: str) -> tuple[list[int], list[int]]:
    """Sort key of the Vietnamese dictionary: letters first (a ă â … d đ … o ô ơ), tones only between equal letters."""
    letters: list[int] = []
    tones: list[int] = []
    for character in unicodedata.normalize("NFC", name.casefold()):
        decomposed = unicodedata.normalize("NFD", character)
        marks = [mark for mark in decomposed if mark in _TONES]
        letter = unicodedata.normalize("NFC", "".join(mark for mark in decomposed if mark not in _TONES))
        # What is no letter keeps its code: spaces and signs are below the alphabet, foreign letters above.
        code = ord(letter[0]) if letter else 0
        letters.append(_ALPHABET.get(letter, code if code < 100 else code + 1000))
        tones.append(_TONES[marks[0]] if marks else 0)
    return letters, tones


def commune_labels(codes: set[str], names: Mapping[str, str]) -> dict[str, str]:
    """A label per commune code: its name, with the code behind it where several of them share the name."""
    labels = {code: names.get(code, code) for code in codes}
    bearers = Counter(labels.values())
    return {code: f"{label} ({code})" if bearers[label] > 1 else label for code, label in labels.items()}
