"""Full names as typed to one canonical spelling.

Lower case, NFC, one place for the tone mark, đ for ð, single spaces; wrong character sets and input-method residue
repaired where the result proves the repair; remarks, titles and placeholders removed. Not changed: i and y, the order
of the words, abbreviations ("ng t lan"), names of other languages.

Two lanes give the same result. A name whose every word is a sound Vietnamese syllable (or one typed without marks)
needs no rule beyond the spelling of its syllables: these are canonicalised once per distinct syllable and joined
vectorised. Any other name goes through all rules, once per distinct name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.standardise.charsets import NEVER_A_NAME, repair_legacy, repair_mojibake
from linkage.standardise.names_coded import decoded
from linkage.standardise.names_words import (
    begins_with_surname,
    concern,
    expanded,
    is_placeholder,
    without_parents,
    without_titles,
)
from linkage.standardise.syllables import (
    ABBREVIATIONS,
    LETTERS,
    ascii_fold,
    canonical_syllable,
    is_syllable,
    is_unmarked_syllable,
    sound_key,
    toneless,
)
from linkage.standardise.syllables_typed import decode_telex, repair_keys

Mask: TypeAlias = npt.NDArray[np.bool_]

__all__ = ["ascii_fold", "canonical_name", "canonical_names", "sound_key", "toneless"]

# Letters of other scripts that look like Latin ones and get typed or scanned for them.
_LOOKALIKES = str.maketrans(
    "АВЕІЈКМНОРСТУХаеіјорсухѕһԁΑΒΕΖΗΙΚΜΝΟΡΤΥΧοıİ",
    "ABEIJKMHOPCTYXaeijopcyxshdABEZHIKMNOPTYXoiI",
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc]"
)
_REMARK = re.compile(
    r"\([^()]*(?:\)|$)|\[[^\[\]]*(?:\]|$)|\{[^{}]*(?:\}|$)|(?<=\s)[\"\u201c][^\"\u201c\u201d]*[\"\u201d]"
)
# What a form calls the field, typed into it with the name: "Họ và tên: …".
_NAME_LABEL = re.compile(r"(?i)^\s*(?:(?:họ|ho)(?: (?:và|va|,))?\s(?:tên|ten)|tên|ten|full ?name|name)\s*:\s*")
_BRACKETED = re.compile(r"[(\[{]([^()\[\]{}]*)")
# What follows a name: another name of the same person, a telephone number, a relative who came along.
_OTHER_NAME = (
    "tức(?: là| gọi| danh)?|tuc (?:la|goi|danh)|(?:tên )?(?:(?:hay|hoặc|cũng|còn|thường|tục|được) ){1,3}(?:gọi|kêu)"
    "|(?:ten )?(?:(?:hay|hoac|cung|con|thuong|tuc|duoc) ){1,3}goi|còn có tên|con co ten|hay tên|hay ten"
    "|tên (?:gọi|khác|tục|ở nhà|cúng cơm|thánh|hiệu|cũ)|(?:bí|biệt|tục|pháp|thánh) danh"
    "|ten (?:goi|khac|tuc|o nha|cung com|thanh|hieu|cu)|(?:bi|biet) danh|biệt hiệu|biet hieu"
    "|alias|a\\.?k\\.?a|nick ?name"
)
_APPENDED = re.compile(
    rf"(?i)(?<=\w)(?:\s++|\s*+[-\u2013\u2014+,;:/.]\s*+)(?:(?:{_OTHER_NAME})\.?[\s:].*$|tự\s?:.*$)"
    r"|(?i:(?<=\w)\s*+[-\u2013\u2014+,;:/]\s*+(?:sđt|sdt|đt|dt|tel|số|vợ|chồng|con|mẹ|bố|cha|tự)\b.*$)"
)
# "tự" is a word of many names: the other name's only where it alone is small, or behind a middle and a given name.
_CALLED = re.compile(
    r"(?P<name>[A-ZĐ]\S{1,20}(?:\s[^\W\d_]\S{0,20}){1,4})\stự\s[A-ZĐÀ-Ỹ].*"
    r"|(?P<plain>(?i:\S{2,20}\s(?:văn|van|thị|thi)(?:\s[^\W\d_]{2,20}){1,2}))\s(?i:tự)\s\S.*"
)
_REMARK_WORDS, _PLAIN_REMARK_WORDS = (
    frozenset(["tức", "tự", "bí", "tục", "pháp", "thánh"]),
    frozenset(["con", "ten", "goi", "biet"]),
)
_MAX_ROUNDS = 5
_MOST_CHARACTERS = 500  # a longer text is no name, and some rules would take its length squared


# ------------------------------------------------------------------------------------------------- one syllable


@lru_cache(maxsize=1 << 16)
def _sound_syllable(word: str) -> str:
    """The canonical form of a lower-case word that no repair can concern; "" when the word needs a closer look."""
    if word in ABBREVIATIONS:
        return word
    composed = unicodedata.normalize("NFC", word).replace("ð", "đ")
    if not LETTERS.issuperset(composed):
        return ""
    canonical = canonical_syllable(composed)
    # "con bà Lan" and "tức Cò" may stand anywhere in a name.
    begins_remark = canonical in _REMARK_WORDS or ascii_fold(canonical) in _PLAIN_REMARK_WORDS
    sound = _is_vietnamese(canonical) and canonical not in NEVER_A_NAME and not begins_remark
    return canonical if sound else ""


def _plain_name(raw: str) -> str | None:
    """The canonical form when every word is sound as typed; None when the rules have to look at the name."""
    if "\u00a0" in raw:
        return None
    words = [_sound_syllable(word) for word in raw.lower().split()]
    if not words or not all(words) or concern(words[0]):
        return None
    return " ".join(words)


# ------------------------------------------------------------------------------------------------- one name


@lru_cache(maxsize=1 << 17)  # damaged names come again with every dose of their holder
def canonical_name(raw: str | None) -> str:
    """The canonical form of one full name as typed.

    Parameters
    ----------
    raw : the text of the name field; None and placeholders ("không rõ", "xxx") mean that no name is stated.

    Returns
    -------
    Lower-case words with single spaces; "" when there is no usable name (nothing, a placeholder, one letter, only the
    name of a parent, a text longer than any name). Idempotent.
    """
    name = raw or ""
    for _ in range(_MAX_ROUNDS):
        if len(name) > _MOST_CHARACTERS:
            return ""
        plain = _plain_name(name)
        if plain is not None:
            name = plain
            break
        before, name = name, _repaired(name)
        if name == before:
            break
    return name if len(name) > 1 else ""


def _repaired(raw: str) -> str:
    """All rules once. Character sets first: they need the case, the symbols and the invisible characters as typed."""
    text = unicodedata.normalize("NFC", repair_mojibake(decoded(raw)))
    text = repair_keys(repair_legacy(text))
    words = [canonical_syllable(word) for word in _words(_without_remarks(_folded(text)))]
    if not words or is_placeholder(words):
        return ""
    words = without_parents(without_titles(words))
    words = [canonical_syllable(decode_telex(word)) for word in expanded(words)]
    return " ".join(words)


def _folded(text: str) -> str:
    """Compatibility forms (full width, ligatures), invisible characters and look-alike letters to plain letters."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    folded = text.translate(_LOOKALIKES)
    if folded == text:
        return text
    # A name that is really Cyrillic or Greek keeps its letters: look-alikes occur among Latin ones.
    foreign = any("\u0370" <= char <= "\u052f" for char in folded)
    return text if foreign else unicodedata.normalize("NFC", folded)


def _without_remarks(text: str) -> str:
    """Drop the label of the field, and what stands in brackets, unless these hold the whole name, or all of it but a
    nickname."""
    text = _NAME_LABEL.sub("", text)
    kept = _REMARK.sub(" ", text)
    called = _CALLED.fullmatch(" ".join(kept.split()))
    shorter = _APPENDED.sub("", kept) if called is None else called["name"] or called["plain"]
    kept = shorter if len(shorter.split()) > 1 else kept
    bracketed = _BRACKETED.search(text)
    if bracketed is not None and len(kept.split()) < 2 and begins_with_surname(bracketed.group(1)):
        return bracketed.group(1)
    return kept if any(char.isalpha() for char in kept) else text


class _LettersOnly(dict[int, str]):
    """A translation table filled as characters occur: letters and their marks stay, numbers go, the rest separates."""

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))[0]
        self[code] = chr(code) if kind in "LM" else "" if kind == "N" else " "
        return self[code]


_LETTERS_ONLY = _LettersOnly()
_LOOSE_MARKS = "".join(chr(code) for code in range(0x300, 0x370))


def _words(text: str) -> list[str]:
    """Lower-case words of letters and their marks; digits vanish, everything else separates words."""
    parts = [part for word in text.translate(_LETTERS_ONLY).split() for part in _uncamelled(word)]
    words = [unicodedata.normalize("NFC", part.lower()).lstrip(_LOOSE_MARKS) for part in parts]
    return [word for word in words if word]


def _uncamelled(word: str) -> list[str]:
    """Words run together: "NguyễnVăn", and "KBrểu" for K' Brểu (likewise H and Y); "KHánh" is a slip of a key."""
    lowered = word.lower()
    if word in (lowered, word.upper(), word.capitalize()) or _is_vietnamese(lowered):
        return [word]
    if word[0] in "KHY" and word[1].isupper() and not word[2:].isupper():
        return [word[0], word[1:]]
    cuts = [at for at in range(1, len(word)) if word[at].isupper() and word[at - 1].islower()]
    parts = [word[start:end] for start, end in zip([0, *cuts], [*cuts, len(word)], strict=True)]
    return parts if all(_is_vietnamese(part.lower()) for part in parts) else [word]


def _is_vietnamese(word: str) -> bool:
    return is_syllable(word) or is_unmarked_syllable(word)


# ------------------------------------------------------------------------------------------------- many names


def canonical_names(raw: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    """`canonical_name` of every row, worked once per distinct value.

    Parameters
    ----------
    raw : string[n] (any Arrow string type, or a dictionary of strings); null means no name.

    Returns
    -------
    string[n] without nulls; "" where there is no usable name.
    """
    encoded = _dictionary(raw)
    distinct = _canonical_distinct(encoded.dictionary)
    return pc.fill_null(distinct.take(encoded.indices), "")


def _dictionary(raw: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """The rows as one dictionary array over distinct plain strings."""
    rows = raw.combine_chunks() if isinstance(raw, pa.ChunkedArray) else raw
    if not pa.types.is_dictionary(rows.type):
        return rows.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(rows.indices, pc.fill_null(rows.dictionary.cast(pa.string()), ""))


def _canonical_distinct(names: pa.StringArray) -> pa.StringArray:
    """Canonical form of distinct names: vectorised for names of sound syllables, by the rules for the others."""
    if not len(names):
        return pa.array([], pa.string())
    words = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(pc.utf8_lower(names)))
    offsets = words.offsets.to_numpy()
    flat = words.flatten().dictionary_encode()
    spelled = [_sound_syllable(word) for word in flat.dictionary.to_pylist()]
    syllables = flat.indices.to_numpy()
    plain = _plain_rows(names, offsets, syllables, spelled)
    joined = pc.binary_join(
        pa.ListArray.from_arrays(words.offsets, pa.array(spelled, pa.string()).take(flat.indices)), " "
    )
    repaired = [canonical_name(name) for name in names.filter(pa.array(~plain)).to_pylist()]
    joined = pc.replace_with_mask(joined, pa.array(~plain), pa.array(repaired, pa.string()))
    is_name = pc.and_(pc.greater(pc.utf8_length(joined), 1), pc.less_equal(pc.utf8_length(names), _MOST_CHARACTERS))
    return pc.if_else(is_name, joined, "")


def _plain_rows(names: pa.StringArray, offsets: np.ndarray, syllables: np.ndarray, spelled: list[str]) -> Mask:
    """bool[n]: the rows for which `_plain_name` has an answer."""
    sound = np.array([bool(word) for word in spelled], dtype=bool)
    begins = np.array([bool(word) and not concern(word) for word in spelled], dtype=bool)
    unsound = np.concatenate(([0], np.cumsum(~sound[syllables], dtype=np.int64)))
    plain: Mask = (offsets[1:] > offsets[:-1]) & (unsound[offsets[1:]] == unsound[offsets[:-1]])
    rows = np.flatnonzero(plain)
    plain[rows] = begins[syllables[offsets[rows]]]
    plain[pc.match_substring(names, "\u00a0").to_numpy(zero_copy_only=False)] = False
    return plain
