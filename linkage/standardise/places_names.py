"""Names of administrative units as typed, turned into keys that equal spellings share.

A typed name has a kind ("Xã", "P.", "TT") and a name proper. Spellings that are no difference at all are folded in both
keys: case, spaces, apostrophes (B' Lá, B'Lá, B’Lá), the place of the tone mark (Hoà, Hòa), leading zeros and Roman
numerals (Phường 1, P.01, Phường I). The folded key moreover drops diacritics and tells i from y no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

COMMUNE_KINDS = {
    "xã": "xã",
    "xa": "xã",
    "x": "xã",
    "phường": "phường",
    "phuong": "phường",
    "p": "phường",
    "f": "phường",
    "thị trấn": "thị trấn",
    "thi tran": "thị trấn",
    "tt": "thị trấn",
    "đặc khu": "đặc khu",
    "dac khu": "đặc khu",
}
DISTRICT_KINDS = {
    "quận": "quận",
    "quan": "quận",
    "q": "quận",
    "huyện": "huyện",
    "huyen": "huyện",
    "h": "huyện",
    "thị xã": "thị xã",
    "thi xa": "thị xã",
    "tx": "thị xã",
    "thành phố": "thành phố",
    "thanh pho": "thành phố",
    "tp": "thành phố",
}
PROVINCE_KINDS = {
    "tỉnh": "tỉnh",
    "tinh": "tỉnh",
    "t": "tỉnh",
    "thành phố": "thành phố",
    "thanh pho": "thành phố",
    "tp": "thành phố",
}
# Folded province names in use beside the official ones.
PROVINCE_ALIASES = {
    "hcm": "hochiminh",
    "tphcm": "hochiminh",
    "hcmc": "hochiminh",
    "saigon": "hochiminh",
    "hn": "hanoi",
    "tphn": "hanoi",
    "dn": "danang",
    "hp": "haiphong",
    "hue": "thuathienhue",
    "tthue": "thuathienhue",
    "thuathien": "thuathienhue",
    "brvt": "bariavungtau",
    "vungtau": "bariavungtau",
    "daclac": "daklak",
    "dacnong": "daknong",
}

_TONES = dict(zip("\u0300\u0301\u0303\u0309\u0323", "12345", strict=True))
_ROMAN_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_ROMAN = {numeral: str(i) for i, numeral in enumerate(_ROMAN_NUMERALS, start=1)}
_APOSTROPHES = re.compile(r"['’‘`´ʼ\"]")
_SHORT_KINDS = re.compile(r"\bt\s?\.\s?([tpx])\b\.?")
_GLUED_NUMBER = re.compile(r"(?<![^\W\d])([^\W\d]+)(\d+)")  # from its first letter, else a long word takes long
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Reading:
    """One way to read a typed name: its kind ("" when none is stated) and the two keys of the name proper.

    ``marked``: there is a diacritic somewhere in the text. Without any, "Sa Pa" may as well be Sa Pả.
    """

    kind: str
    exact: str
    folded: str
    marked: bool

    @property
    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Keys from the strictest to the loosest; of a written and a folded name, first with the kind, then without."""
        kinds = (self.kind, "") if self.kind else ("",)
        names = [("exact", self.exact)] * self.marked + [("folded", self.folded)]
        return tuple((level, kind, name) for level, name in names for kind in kinds)


def read_commune(typed: str) -> tuple[Reading, ...]:
    """Readings of a commune's name; what follows a comma (the district) is left out. Empty when there is no name."""
    return _read(typed.partition(",")[0], COMMUNE_KINDS)


def read_district(typed: str) -> tuple[Reading, ...]:
    """Readings of a district's name, likewise."""
    return _read(typed.partition(",")[0], DISTRICT_KINDS)


def read_province(typed: str) -> tuple[str, ...]:
    """Folded keys of a province's name; no two provinces share one, so neither kind nor diacritics are needed."""
    keys = [reading.folded for reading in _read(typed, PROVINCE_KINDS)]
    return tuple(dict.fromkeys(keys + [PROVINCE_ALIASES[key] for key in keys if key in PROVINCE_ALIASES]))


def _read(typed: str, kinds: Mapping[str, str]) -> tuple[Reading, ...]:
    """The reading without a leading kind first, then the whole as a name: "Xa Phin" is also Xà Phìn."""
    text = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", typed).lower())
    words = _NOT_WORDS.sub(" ", _SHORT_KINDS.sub(r"t\1 ", text)).split()
    if words and (glued := _GLUED_NUMBER.fullmatch(words[0])) and glued[1] in kinds:
        words[:1] = [glued[1], glued[2]]
    readings = [
        _reading(kinds[" ".join(words[:n])], words[n:], marked=not text.isascii())
        for n in (2, 1)
        if len(words) > n and " ".join(words[:n]) in kinds
    ]
    return (*readings, _reading("", words, marked=not text.isascii())) if words else ()


def _reading(kind: str, words: list[str], *, marked: bool) -> Reading:
    last = _ROMAN.get(words[-1], words[-1])
    plain = [(word.lstrip("0") or "0") if word.isdecimal() else word for word in (*words[:-1], last)]
    exact = [_tone_last(word) for word in plain]
    return Reading(kind, "".join(exact), _fold("".join(plain)), marked)


@lru_cache(maxsize=20_000)
def _tone_last(word: str) -> str:
    """The word with its tone as a number at the end, so that the letter that carries the mark does not matter."""
    decomposed = unicodedata.normalize("NFD", word)
    tones = "".join(_TONES[char] for char in decomposed if char in _TONES)
    rest = "".join(char for char in decomposed if char not in _TONES)
    return unicodedata.normalize("NFC", rest) + (f"~{tones}" if tones else "")


def _fold(word: str) -> str:
    """Letters a-z without y, and digits."""
    letters = unicodedata.normalize("NFD", word.replace("đ", "d").replace("ð", "d"))
    return "".join(char for char in letters if not unicodedata.combining(char)).replace("y", "i")
