"""The levels of a comparison as SQL conditions of DuckDB, over the columns that linkage.splink.tables writes.

Measured against DuckDB 2.0: Levenshtein, Damerau-Levenshtein (unrestricted there too) and Jaro are the same as ours to
the last bit, but count bytes. So letters beyond ASCII are first translated, one by one, into ASCII characters that the
column does not use. Jaro-Winkler is written out from Jaro: the function of that name rounds otherwise in the last bit,
and 54 of 200,000 pairs of short words fell to the other side of 0.92, which is a value that short words often have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from linkage.plan.sections import Comparison

ELSE = "ELSE"
_FIRST_BEYOND_ASCII = 128
_PREFIX = 4


@dataclass(frozen=True)
class Alphabet:
    """Letters beyond ASCII, and ASCII characters that no word uses to stand for them in the same order."""

    letters: str = ""
    stand_ins: str = ""


def alphabet_of(words: Iterable[str]) -> Alphabet | None:
    """The alphabet of a text column; None when it has too many letters to be told apart in single bytes."""
    used = set().union(*words)
    letters = sorted(letter for letter in used if ord(letter) >= _FIRST_BEYOND_ASCII)
    # Printable characters first; the quote and NUL stay out of SQL text.
    order = [*range(65, 91), *range(33, 65), *range(91, 127), *range(1, 33), 127]
    free = [chr(code) for code in order if chr(code) not in used and chr(code) != "'"]
    if len(letters) > len(free):
        return None
    return Alphabet("".join(letters), "".join(free[: len(letters)]))


def column(name: str) -> str:
    """The name of an encoded column in the tables that Splink reads."""
    return name.replace(".", "_")


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def level_conditions(comparison: Comparison, alphabet: Alphabet) -> list[str] | None:
    """The conditions of all levels that come of comparing, the missing one first and ELSE last; None for a kind that
    SQL cannot tell."""
    if comparison.kind not in _CONDITIONS_OF:
        return None
    a, b = quoted(f"{column(comparison.left[0])}_l"), quoted(f"{column(comparison.right[0])}_r")
    return [f"{a} IS NULL OR {b} IS NULL", *_CONDITIONS_OF[comparison.kind](comparison, a, b, alphabet), ELSE]


def absent_condition(comparison: Comparison) -> str:
    """The condition of the level of what the right side alone lacks; it stands before that of the missing one."""
    a, b = quoted(f"{column(comparison.left[0])}_l"), quoted(f"{column(comparison.right[0])}_r")
    return f"{a} IS NOT NULL AND {b} IS NULL"


def literal(value: float) -> str:
    """A number that DuckDB reads back to the same bits: over 15 digits, its decimals would not."""
    text = str(int(value)) if float(value).is_integer() else repr(float(value))
    return text if "e" in text or len(text) <= 16 else f"{text}e0"


def _category(comparison: Comparison, a: str, b: str, alphabet: Alphabet) -> list[str]:
    return [f"{a} = {b}"]


def _number(comparison: Comparison, a: str, b: str, alphabet: Alphabet) -> list[str]:
    gap = f"ABS({a} - {b})"
    if comparison.measure == "relative":
        gap = f"CASE WHEN {a} = {b} THEN 0e0 ELSE {gap} / GREATEST(ABS({a}), ABS({b})) END"
    return [f"{gap} <= {literal(threshold)}" for threshold in comparison.thresholds]


def _text(comparison: Comparison, a: str, b: str, alphabet: Alphabet) -> list[str]:
    if comparison.measure == "jaro_winkler":
        return [f"{a} = {b}", *(jaro_winkler(a, b, alphabet, threshold) for threshold in comparison.thresholds)]
    distance = f"{comparison.measure}({_bytes(a, alphabet)}, {_bytes(b, alphabet)})"
    return [f"{a} = {b}", *(f"{distance} <= {literal(threshold)}" for threshold in comparison.thresholds)]


def jaro_winkler(a: str, b: str, alphabet: Alphabet, threshold: float) -> str:
    """Jaro-Winkler of two unequal words at least at the threshold; parts as in models.comparators.text."""
    jaro = f"jaro_similarity({_bytes(a, alphabet)}, {_bytes(b, alphabet)})"
    # Of unequal words, equal beginnings of k letters have k letters.
    prefix = " + ".join(f"(LEFT({a}, {k}) = LEFT({b}, {k}))::DOUBLE" for k in range(1, _PREFIX + 1))
    raised = f"{jaro} + ({prefix}) * 0.1e0 * (1e0 - {jaro})"
    return f"CASE WHEN {jaro} > 0.7e0 THEN {raised} ELSE {jaro} END >= {literal(threshold)}"


def _bytes(text: str, alphabet: Alphabet) -> str:
    """A text with a byte per letter."""
    return f"translate({text}, '{alphabet.letters}', '{alphabet.stand_ins}')" if alphabet.letters else text


def _digits(comparison: Comparison, a: str, b: str, alphabet: Alphabet) -> list[str]:
    # Of strings of one length, one edit is a digit changed or two neighbours swapped.
    return [f"{a} = {b}", f"LENGTH({a}) = LENGTH({b}) AND damerau_levenshtein({a}, {b}) = 1"]


def _date(comparison: Comparison, a: str, b: str, alphabet: Alphabet) -> list[str]:
    """Dates are YYYY-MM-DD, with 00 for a month or day that is not stated."""
    year_a, year_b = f"SUBSTR({a}, 1, 4)", f"SUBSTR({b}, 1, 4)"
    month_a, month_b = f"SUBSTR({a}, 6, 2)", f"SUBSTR({b}, 6, 2)"
    day_a, day_b = f"SUBSTR({a}, 9, 2)", f"SUBSTR({b}, 9, 2)"
    known_a, known_b = (
        f"NOT ({m} = '00' OR {d} = '00' OR {m} || {d} = '0101')" for m, d in ((month_a, day_a), (month_b, day_b))
    )
    complete = f"{known_a} AND {known_b}"
    return [
        f"{a} = {b} AND {known_a}",
        f"{a} = {b}",
        f"{complete} AND {year_a} = {year_b} AND {month_a} = {day_b} AND {day_a} = {month_b}",
        f"{complete} AND hamming({a}, {b}) = 1",
        f"NOT ({complete}) AND {year_a} = {year_b}",
        f"{complete} AND {month_a} = {month_b} AND {day_a} = {day_b}",
        f"{year_a} = {year_b}",
        f"ABS(CAST({year_a} AS INTEGER) - CAST({year_b} AS INTEGER)) <= 1",
    ]


_CONDITIONS_OF = {"category": _category, "number": _number, "text": _text, "digits": _digits, "date": _date}
