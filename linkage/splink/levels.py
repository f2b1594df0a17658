"""What the conditions of a Splink comparison say, told from their SQL, which is never taken for something like it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from linkage.errors import UsageError
from linkage.plan.sections import Comparison
from linkage.splink.conditions import ELSE, Alphabet, jaro_winkler, level_conditions, quoted

NO_LETTERS = Alphabet()

# A column of one side, quoted or not: "first name_l", first_name_r.
_NAME = r'"?(?P<{0}>[^"\s(),]+|(?<=")[^"]+)_{0}"?'
_LEFT, _RIGHT = _NAME.format("l"), _NAME.format("r")
_THRESHOLD = r"(?P<threshold>\d+(?:\.\d*)?(?:e[+-]?\d+)?)"
_FORMS = {
    "null": re.compile(rf"{_LEFT} IS NULL OR {_RIGHT} IS NULL", re.IGNORECASE),
    "absent": re.compile(rf"{_LEFT} IS NOT NULL AND {_RIGHT} IS NULL", re.IGNORECASE),
    "exact": re.compile(rf"{_LEFT} ?= ?{_RIGHT}", re.IGNORECASE),
    "number": re.compile(rf"ABS\({_LEFT} - {_RIGHT}\) <= {_THRESHOLD}", re.IGNORECASE),
    "jaro_winkler": re.compile(rf"jaro_winkler_similarity\({_LEFT}, {_RIGHT}\) >= {_THRESHOLD}", re.IGNORECASE),
    "levenshtein": re.compile(rf"levenshtein\({_LEFT}, {_RIGHT}\) <= {_THRESHOLD}", re.IGNORECASE),
    "damerau_levenshtein": re.compile(rf"damerau_levenshtein\({_LEFT}, {_RIGHT}\) <= {_THRESHOLD}", re.IGNORECASE),
}
_TRANSLATED = re.compile(r"translate\((\"[^\"]+\"), '[^']*', '[^']*'\)")
_AT_LEAST = re.compile(rf".* >= {_THRESHOLD}", re.IGNORECASE)


@dataclass(frozen=True)
class Recognised:
    """A comparison of one column of each side. kind: text, category, number or date; measure and thresholds as in a
    plan; absent_level: the first level is that the right side alone lacks the value."""

    kind: str
    left: str
    right: str
    measure: str | None = None
    thresholds: tuple[float, ...] = ()
    absent_level: bool = False


@dataclass(frozen=True)
class _Level:
    """What a condition says of which columns; form is a key of _FORMS."""

    form: str
    left: str
    right: str
    threshold: float


def recognise(levels: list[dict[str, Any]], where: str) -> Recognised:
    """What a comparison compares and how.

    Parameters
    ----------
    levels : as Splink's settings hold them, the null level first; before it may stand one of what the right side lacks
    where : the comparison, for messages

    Raises
    ------
    UsageError : names the first level that cannot be read
    """
    conditions = [_plain(level.get("sql_condition", "")) for level in levels]
    null = _read(conditions[0])
    if null is not None and null.form == "absent" and len(levels) > 1:
        compared = recognise(levels[1:], where)
        if (null.left, null.right) != (compared.left, compared.right) or compared.absent_level:
            raise _cannot_read(levels[0], where, "it is about other columns than the null level")
        return replace(compared, absent_level=True)
    if null is None or null.form != "null" or not levels[0].get("is_null_level"):
        raise UsageError(f"{where}: its first level must be the null level of one column, not ({conditions[0]})")
    date = Comparison(name="", kind="date", left=[null.left], right=[null.right], m=[])
    if conditions == level_conditions(date, NO_LETTERS):
        return Recognised("date", null.left, null.right)
    if conditions[-1].upper() != ELSE or len(conditions) < 3:
        raise _cannot_read(levels[-1], where, "the last level must be ELSE, after the null level and another one")
    read: list[_Level] = []
    for level, condition in zip(levels[1:-1], conditions[1:-1], strict=True):
        said = _read(condition)
        if said is None or said.form in ("null", "absent"):
            raise _cannot_read(
                level, where, "only equal, Jaro-Winkler, Levenshtein, Damerau-Levenshtein and ABS are read"
            )
        if (said.left, said.right) != (null.left, null.right):
            raise _cannot_read(level, where, "it is about other columns than the null level")
        if not _follows(said, read):
            raise _cannot_read(level, where, "an equal level comes first, then one measure, the strictest level first")
        read.append(said)
    return _joined(read, null)


def _plain(condition: str) -> str:
    """A condition on one line, without brackets around it and without stand-ins for letters."""
    text = _TRANSLATED.sub(r"\1", " ".join(condition.split()))
    while text.startswith("(") and text.endswith(")") and _closes_at_the_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_the_end(text: str) -> bool:
    """Whether the bracket that opens a text is the one that ends it."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def _read(condition: str) -> _Level | None:
    """What one condition says; None when it is of no known form."""
    for form, pattern in _FORMS.items():
        found = pattern.fullmatch(condition)
        if found:
            return _Level(form, found["l"], found["r"], float(found.groupdict().get("threshold") or 0.0))
    return _read_ours(condition)


def _read_ours(condition: str) -> _Level | None:
    """Jaro-Winkler as export_splink writes it out."""
    names = re.search(r'jaro_similarity\("([^"]+)_l", "([^"]+)_r"\)', condition)
    threshold = _AT_LEAST.fullmatch(condition)
    if not names or not threshold:
        return None
    left, right, least = names[1], names[2], float(threshold["threshold"])
    if condition != jaro_winkler(quoted(f"{left}_l"), quoted(f"{right}_r"), NO_LETTERS, least):
        return None
    return _Level("jaro_winkler", left, right, least)


def _follows(level: _Level, before: list[_Level]) -> bool:
    """Whether a level can stand after those before it: one measure after "exact", looser and looser."""
    if not before:
        return level.form in ("exact", "number")
    last = before[-1]
    if last.form == "exact":
        return level.form != "exact"
    is_looser = level.threshold < last.threshold if level.form == "jaro_winkler" else level.threshold > last.threshold
    return level.form == last.form and is_looser


def _joined(levels: list[_Level], null: _Level) -> Recognised:
    """The comparison that levels in order make; equal numbers are a difference of 0."""
    last = levels[-1]
    if last.form == "exact":
        return Recognised("category", null.left, null.right)
    if last.form == "number":
        return Recognised("number", null.left, null.right, None, tuple(level.threshold for level in levels))
    return Recognised("text", null.left, null.right, last.form, tuple(level.threshold for level in levels[1:]))


def _cannot_read(level: dict[str, Any], where: str, why: str) -> UsageError:
    label = level.get("label_for_charts", "")
    return UsageError(f"{where}, level {label!r}: cannot read {_plain(level.get('sql_condition', ''))!r}; {why}")
