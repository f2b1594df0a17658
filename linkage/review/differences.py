"""What differs between a value as typed and that of the registry, marked by kind.

Of names a syllable is the unit: it may have another tone mark, other letters, another place, or be missing. Of numbers
it is a digit, two neighbours of which may be swapped; of dates day, month and year.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

SAME, TONE, LETTER, ORDER, MISSING, DIGIT, SWAPPED, DAY_MONTH, PART, DIFFERENT, ABSENT = KINDS = (
    *("same", "tone", "letter", "order", "missing", "digit", "swapped", "day_month", "part", "different", "absent"),
)
# What a mark shows beside its colour, for who does not see colours.
SIGNS = {
    SAME: "=",
    TONE: "~",
    LETTER: "≠",
    ORDER: "⇄",
    MISSING: "∅",
    DIGIT: "#",
    SWAPPED: "⇆",
    DAY_MONTH: "⇅",
    PART: "≈",
    DIFFERENT: "≠",
    ABSENT: "?",
}
_TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}  # grave, acute, tilde, hook, dot below
_DATE = re.compile(r"\d+")
HIDDEN = "•"
_LAST_SHOWN = 3  # digits of a masked number


@dataclass(frozen=True)
class Piece:
    """Part of a text. kind: how it differs, SAME where it does not."""

    text: str
    kind: str = SAME


@dataclass(frozen=True)
class Marked:
    """A value of the registry beside the one typed. kind: the gravest difference of all."""

    pieces: tuple[Piece, ...]
    kind: str


def compare_names(stated: str | None, registered: str | None) -> Marked:
    """The registered name, syllable by syllable; a missing syllable stands as ∅ where the typed name has it."""
    if not stated or not registered:
        return _absent(registered)
    theirs = _syllables(registered)
    typed, held = [_spoken(one) for one in _syllables(stated)], [_spoken(one) for one in theirs]
    if typed == held:
        return Marked(_words(theirs, [SAME] * len(theirs)), SAME)
    if sorted(typed) == sorted(held):
        kinds = [SAME if a == b else ORDER for a, b in zip(typed, held, strict=True)]
        return Marked(_words(theirs, kinds), ORDER)
    shown, kinds = [], []
    for step in Levenshtein.opcodes(typed, held):
        if step.tag == "delete":
            shown += [SIGNS[MISSING]] * (step.src_end - step.src_start)
            kinds += [MISSING] * (step.src_end - step.src_start)
            continue
        for place in range(step.dest_start, step.dest_end):
            shown.append(theirs[place])
            if step.tag == "equal":
                kinds.append(SAME)
            elif step.tag == "insert":
                kinds.append(MISSING)
            else:
                ours = typed[step.src_start + place - step.dest_start]
                kinds.append(TONE if ours[0] == held[place][0] else LETTER)
    if SAME not in kinds and TONE not in kinds:
        return Marked((Piece(" ".join(theirs), DIFFERENT),), DIFFERENT)
    return Marked(_words(shown, kinds), _gravest(kinds))


def compare_numbers(stated: str | None, registered: str | None, *, is_masked: bool) -> Marked:
    """The registered number, digit by digit; masked all digits but the last three are hidden, and where they differ
    still shows."""
    theirs = _digits(registered)
    if not _digits(stated) or not theirs:
        return _absent(_mask(theirs) if is_masked else theirs)
    ours = _digits(stated)
    shown = _mask(theirs) if is_masked else theirs
    if ours == theirs:
        return Marked((Piece(shown),), SAME)
    places = [place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b]
    if len(ours) == len(theirs):
        is_swap = (
            len(places) == 2
            and places[1] == places[0] + 1
            and ours[places[0]] == theirs[places[1]]
            and ours[places[1]] == theirs[places[0]]
        )
        if len(places) <= 3:
            kind = SWAPPED if is_swap else DIGIT
            return Marked(_runs(shown, [kind if n in places else SAME for n in range(len(shown))]), kind)
    elif Levenshtein.distance(ours, theirs) <= 2:
        kept = {
            n
            for step in Levenshtein.opcodes(ours, theirs)
            if step.tag == "equal"
            for n in range(step.dest_start, step.dest_end)
        }
        return Marked(_runs(shown, [SAME if n in kept else DIGIT for n in range(len(shown))]), DIGIT)
    return Marked((Piece(shown, DIFFERENT),), DIFFERENT)


def compare_dates(stated: str | None, registered: str | None) -> Marked:
    """The registered date as day/month/year, part by part."""
    ours, theirs = _day(stated), _day(registered)
    if ours is None or theirs is None:
        return _absent(_written(theirs) if theirs is not None else registered)
    if ours == theirs:
        return Marked((Piece(_written(theirs)),), SAME)
    day, month, year = theirs
    if year == ours[2] and day and (day, month) == (ours[1], ours[0]):
        return Marked((Piece(f"{day:02d}/{month:02d}", DAY_MONTH), Piece(f"/{year}")), DAY_MONTH)
    kinds = [SAME if a == b else DIGIT for a, b in zip(ours, theirs, strict=True)]
    if SAME not in kinds:
        return Marked((Piece(_written(theirs), DIFFERENT),), DIFFERENT)
    if not (day and ours[0]):
        return Marked((Piece(_written(theirs), PART),), PART if year == ours[2] else DIFFERENT)
    texts = (f"{day:02d}", f"{month:02d}", f"{year}")
    pieces = [piece for text, kind in zip(texts, kinds, strict=True) for piece in (Piece(text, kind), Piece("/"))]
    return Marked(tuple(pieces[:-1]), DIGIT)


def compare_words(stated: str | None, registered: str | None) -> Marked:
    """A word that is the same or is not."""
    if not stated or not registered:
        return _absent(registered)
    kind = SAME if _plain(stated) == _plain(registered) else DIFFERENT
    return Marked((Piece(registered, kind),), kind)


def masked(number: str | None) -> str:
    """A number of which the last three digits are shown."""
    return _mask(_digits(number)) if _digits(number) else (number or "")


def shown_date(text: str | None) -> str:
    """A date as an office writes it; what cannot be read as it stands."""
    day = _day(text)
    return text or "" if day is None else _written(day)


def _absent(text: str | None) -> Marked:
    return Marked((Piece(text),) if text else (), ABSENT)


def _syllables(name: str) -> list[str]:
    return unicodedata.normalize("NFC", name).split()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


def _spoken(syllable: str) -> tuple[str, str]:
    """A syllable without its tone mark, and the mark: "hoà" and "hòa" are one, only written by two rules."""
    parts = unicodedata.normalize("NFD", _plain(syllable))
    letters = "".join(part for part in parts if part not in _TONES)
    return unicodedata.normalize("NFC", letters), "".join(part for part in parts if part in _TONES)


def _gravest(kinds: Sequence[str]) -> str:
    return next(kind for kind in (LETTER, MISSING, TONE) if kind in kinds)


def _words(texts: Sequence[str], kinds: Sequence[str]) -> tuple[Piece, ...]:
    pieces = []
    for place, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        pieces += [Piece(" ")] if place else []
        pieces.append(Piece(text, kind))
    return tuple(pieces)


def _runs(text: str, kinds: Sequence[str]) -> tuple[Piece, ...]:
    """Characters with their kinds, equal neighbours joined."""
    pieces: list[Piece] = []
    for letter, kind in zip(text, kinds, strict=True):
        if pieces and pieces[-1].kind == kind:
            pieces[-1] = Piece(pieces[-1].text + letter, kind)
        else:
            pieces.append(Piece(letter, kind))
    return tuple(pieces)


def _digits(number: str | None) -> str:
    return re.sub(r"[\s.\-]", "", number or "")


def _mask(digits: str) -> str:
    return HIDDEN * max(0, len(digits) - _LAST_SHOWN) + digits[-_LAST_SHOWN:]


def _day(text: str | None) -> tuple[int, int, int] | None:
    """Day, month and year, 0 for a part that is not stated; None where the text is no date that is written so."""
    parts = [int(part) for part in _DATE.findall((text or "").split("T")[0])]
    if not parts or len(parts) > 3 or not re.fullmatch(r"[\d\s./-]+", (text or "").split("T")[0]):
        return None
    day, month, year = reversed(parts + [0] * (3 - len(parts))) if parts[0] > 31 else ([0] * (3 - len(parts)) + parts)
    return (day, month, year) if year > 31 and month <= 12 and day <= 31 else None


def _written(day: tuple[int, int, int]) -> str:
    return "/".join(([f"{day[0]:02d}"] if day[0] else []) + ([f"{day[1]:02d}"] if day[1] else []) + [f"{day[2]}"])
