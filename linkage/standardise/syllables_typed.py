"""Residue of Vietnamese input methods: what was typed while the method was off or swallowed a key.

Telex ("Nguyeenx"), VNI keys ("Nguye6n4") and VIQR ("Nguye^~n") say the same three things: a letter gets a shape mark
(â ă ơ đ …) and the syllable gets a tone. All are brought to VNI's digits (1-5 tones, 6 circumflex, 7 horn, 8 breve,
9 the bar of đ) and composed from there. A decoding counts only when it yields a Vietnamese syllable.

Reference: RFC 1456 (VIQR); Telex and VNI as in UniKey 4.
"""

from __future__ import annotations

import re
from functools import lru_cache

from linkage.standardise.syllables import (
    canonical_syllable,
    is_syllable,
    is_unmarked_syllable,
    tone_of,
    toneless,
    with_tone,
)

_TONE_OF_DIGIT = {"1": "\u0301", "2": "\u0300", "3": "\u0309", "4": "\u0303", "5": "\u0323"}
_SHAPED = {"6": dict(zip("aeo", "âêô", strict=True)), "7": dict(zip("ou", "ơư", strict=True)), "8": {"a": "ă"}}


def _shape(letters: str, digit: str) -> str | None:
    """``letters`` with the shape mark of ``digit`` on the last letter that can carry it; None when none can."""
    if digit == "9":
        return "đ" + letters[1:] if letters.startswith("d") else None
    shaped = _SHAPED[digit]
    at = max((letters.rfind(letter, 1 if letters.startswith("qu") else 0) for letter in shaped), default=-1)
    return None if at < 0 else letters[:at] + shaped[letters[at]] + letters[at + 1 :]


def compose_digits(keys: str) -> str | None:
    """A syllable typed with VNI keys, in Unicode; None when it is not one.

    ``keys`` is in lower case; letters may already carry marks ("nguyên4").
    """
    letters, tone = "", tone_of(keys)
    for key in toneless(keys):
        if key in _TONE_OF_DIGIT:
            if tone:
                return None
            tone = _TONE_OF_DIGIT[key]
        elif key in "6789":
            shaped = _shape(letters, key)
            if shaped is None:
                return None
            letters = shaped
        else:
            letters += key
    # One horn key stands for both letters of "ươ"; canonical_syllable supplies the other horn.
    syllable = canonical_syllable(with_tone(letters, tone))
    return syllable if is_syllable(syllable) else None


_TELEX_TONE = dict(zip("sfrxj", "12345", strict=True))
_TELEX_INITIAL = re.compile(r"(?:ngh?|nh|gh?|qu|ch|kh|ph|th|tr|dd|[bcdđhklmnprstvx])?")


def _telex_keys(word: str) -> str:
    """Telex keys as VNI keys. A circumflex typed away from its letter ("nguyenex") needs a tone key beside it."""
    initial = _TELEX_INITIAL.match(word).group()  # type: ignore[union-attr]
    rest, keys = word[len(initial) :], "d9" if initial == "dd" else initial
    free = any(letter in _TELEX_TONE for letter in rest)
    typed = ""
    for letter in rest:
        if letter in _TELEX_TONE and typed:
            keys += _TELEX_TONE[letter]
            continue
        if letter in "aeo" and (typed.endswith(letter) or (free and letter in typed)):
            keys += "6"
        elif letter == "w":
            keys += _telex_w(typed)
        elif letter == "d" and initial == "d":
            keys += "9"
        else:
            keys, typed = keys + letter, typed + letter
    return keys


def _telex_w(typed: str) -> str:
    """The mark that a Telex w means after the vowels typed so far: breve on a, horn on u and o, alone the letter ư."""
    vowels = typed.rstrip("cghmnpt")
    if not vowels:
        return "u7"
    return "8" if vowels.endswith("a") and not vowels.endswith("ua") else "7"


@lru_cache(maxsize=1 << 16)
def decode_telex(word: str) -> str:
    """The syllable behind Telex residue; the word itself when it is a syllable as it stands or decodes to none.

    Parameters
    ----------
    word : lower case, NFC. Some marks may have been composed already ("nguyênx").
    """
    if is_syllable(word) or is_unmarked_syllable(word) or any(key.isdigit() for key in word):
        return word
    keys = _telex_keys(word)
    if not any(key.isdigit() for key in keys):
        return word
    return compose_digits(keys) or word


_VIQR_KEYS = str.maketrans("'`?~.^+(", "12345678")
_VIQR_WORD = re.compile(r"[A-Za-z][A-Za-z'`?~.^+(]*")
_VIQR_SIGN = re.compile(r"[AEOaeo]\^|[OUou]\+[A-Za-z'`?~.]|[Aa]\([A-Za-z'`?~.](?![^)]{0,80}\))|[AEIOUYaeiouy]~")
_DIGIT_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]+[1-9][^\W_]*")  # from its first letter, else a long word takes long
_DIGIT_SIGN = re.compile(r"[AEOaeo][1-5]?6|[OUou][1-5]?7|[Aa][1-5]?8|[Dd]9")


def _viqr_syllable(match: re.Match[str]) -> str:
    word = match.group().lower()
    keys = re.sub(r"^dd", "d9", word.translate(_VIQR_KEYS))
    if keys == word:
        return match.group()
    # A full stop or bracket at the end may be punctuation rather than a mark.
    return compose_digits(keys) or compose_digits(keys[:-1]) or match.group()


def _digit_syllable(match: re.Match[str]) -> str:
    return compose_digits(match.group().lower()) or match.group()


def repair_keys(text: str) -> str:
    """VIQR and VNI-key words of a name to Unicode, when a sign that nothing else explains occurs in it.

    A digit or an apostrophe alone is no sign ("Lan 2", "K' Brểu"); e^, a( inside a word, o6 or d9 are.
    """
    if _VIQR_SIGN.search(text):
        text = _VIQR_WORD.sub(_viqr_syllable, text)
    if _DIGIT_SIGN.search(text):
        text = _DIGIT_WORD.sub(_digit_syllable, text)
    return text
