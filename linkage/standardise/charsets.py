"""Text whose bytes were read in the wrong character set: UTF-8 mojibake, VNI-Windows, TCVN3 (ABC) and Windows-1258.

VNI and TCVN3 are font encodings of the 1990s: documents typed in them and opened without the font show Latin-1 letters
("Nguyeãn Vaên", "NguyÔn V¨n"). A repair is made only on evidence: the word is no Vietnamese syllable as it stands and
becomes one when decoded. Words that are syllables both ways ("Thò" is VNI for Thị) follow the rest of their name,
unless the name is half converted and other words prove that they are in Unicode already.

Reference: VNI Software, VNI-Windows code page; TCVN 5712:1993, third table (VN3).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from linkage.standardise.syllables import LETTERS, is_syllable

# ------------------------------------------------------------------------------------------------- UTF-8 mojibake

_NOT_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
_LOST_BYTE = re.compile(r"[ÃĂ](?=\s|$)")


def _byte_of(codec: str) -> dict[str, int]:
    """Character to byte of a one-byte code page; bytes the page leaves undefined are control characters."""
    table = {chr(byte): byte for byte in range(0x80, 0xA0)}
    for byte in range(0x80, 0x100):
        char = bytes([byte]).decode(codec, errors="replace")
        if char != "\ufffd":
            table[char] = byte
    return table


# cp1252 with its gaps filled also covers Latin-1. Central European Windows (cp1250) is left out: it shows Ê as ISO
# 8859-2 shows é, so one of the two has to be wrong, and 8859-2 is what real lists hold.
_BYTE_OF = [_byte_of(codec) for codec in ("cp1252", "iso8859_2", "cp1258")]


# Lead bytes of Vietnamese letters whose case a later step has changed ("LÃª" in lower case, "Trá»‹nh" in capitals).
_LEAD_BYTES = str.maketrans("ãäåæăĺćÁ", "ÃÄÅÆĂĹĆá")


def _decode_run(match: re.Match[str]) -> str:
    run = match.group()
    for text in (run, run.translate(_LEAD_BYTES)):
        for table in _BYTE_OF:
            try:
                decoded = bytes([table[char] for char in text]).decode("utf-8")
            except (KeyError, UnicodeDecodeError):
                continue
            letters = unicodedata.normalize("NFC", decoded)
            if all(char.lower() in LETTERS or unicodedata.combining(char) for char in letters):
                return decoded
    return run


def repair_mojibake(text: str) -> str:
    """Undo UTF-8 that was read as cp1252, Latin-1, ISO 8859-2 or cp1258, wherever in the text it stands.

    Only runs that decode to Vietnamese letters are touched, so a half converted name is repaired in its other half.
    """
    if text.isascii():
        return text
    repaired = _NOT_ASCII.sub(_decode_run, text)
    if repaired == text:
        return text
    # The second byte of à is a no-break space, which an earlier step may have turned into a space or trimmed.
    return _LOST_BYTE.sub("à", _NOT_ASCII.sub(_decode_run, repaired))


# ------------------------------------------------------------------------------------------------- VNI-Windows

_TONES = {"ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_CIRCUMFLEX = dict(zip("âáàåãä", ["", "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"], strict=True))
_BREVE = dict(zip("êéèúüë", ["", "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"], strict=True))
_VNI_LETTERS = {"ñ": "đ", "ô": "ơ", "ö": "ư", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}


def _vni_table() -> dict[str, str]:
    """VNI letter groups (lower case) to Unicode: a base letter, then one letter that stands for its marks."""
    marks = {base + "âáàåãä"[i]: base + "\u0302" + t for base in "aeo" for i, t in enumerate(_CIRCUMFLEX.values())}
    marks |= {"a" + letter: "a\u0306" + tone for letter, tone in _BREVE.items()}
    marks |= {base + letter: _VNI_LETTERS.get(base, base) + t for base in "aeouyôö" for letter, t in _TONES.items()}
    return {group: unicodedata.normalize("NFC", text) for group, text in (marks | _VNI_LETTERS).items()}


_VNI = _vni_table()
_VNI_GROUP = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))


def decode_vni(word: str) -> str:
    """A word of VNI-Windows shown as Latin-1, in Unicode and lower case."""
    return _VNI_GROUP.sub(lambda m: _VNI[m.group()], word.lower())


# ------------------------------------------------------------------------------------------------- TCVN3

_TCVN3 = str.maketrans(
    "¸µ¶·¹¨¾»¼½Æ©ÊÇÈÉËÐÌÎÏÑªÕÒÓÔÖÝ×ØÜÞãßáâä«èåæçé¬íêëìîóïñòô\u00adøõö÷ùýúûüþ®" + "¡¢§£¤¥¦",
    "áàảãạăắằẳẵặâấầẩẫậéèẻẽẹêếềểễệíìỉĩịóòỏõọôốồổỗộơớờởỡợúùủũụưứừửữựýỳỷỹỵđ" + "ĂÂĐÊÔƠƯ",
)


def decode_tcvn3(word: str) -> str:
    """A word of TCVN3 shown as Latin-1, in Unicode and lower case.

    The input keeps the case of the bytes: capital fonts (.VnTimeH) use the codes of the small letters.
    """
    return word.translate(_TCVN3).lower()


# ------------------------------------------------------------------------------------------------- Windows-1258

# Of its letters those that Windows-1252 shows otherwise; tones are marks behind the letter and have no case.
_WINDOWS_1258 = str.maketrans("ÌÒÞìòãõýðÃÕÝÐ", "\u0300\u0309\u0303\u0301\u0323ăơưđĂƠƯĐ")


def decode_windows_1258(word: str) -> str:
    """A word of Windows-1258 shown as Windows-1252 or Latin-1, in Unicode and lower case."""
    return unicodedata.normalize("NFC", word.translate(_WINDOWS_1258)).lower()


def in_each_charset(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in Unicode and lower case, once for each character set that their bytes may have been written in.

    ``texts`` are as in ``repair_legacy``; who asks knows by what comes out which set it was.
    """
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    for decode in (repair_mojibake, decode_tcvn3, decode_vni, decode_windows_1258):
        yield [decode(text) for text in composed]


# ------------------------------------------------------------------------------------------------- evidence

# Syllables, but no names: VNI for Thị and Windows-1258 for Văn, the middle names of half the population.
NEVER_A_NAME = frozenset({"thò", "vãn"})
# The syllables that a third of all names begin with, or have in the middle.
_COMMON_WORDS = "nguyễn trần phạm hoàng võ vũ đặng bùi đỗ đào tạ lý thị văn đình đức"
_COMMON_IN_NAMES = frozenset(_COMMON_WORDS.split())
_WORD = re.compile(r"[^\s!-@\[-`{-~]+")


@lru_cache(maxsize=1 << 16)
def _readings(word: str) -> tuple[bool, str, str, str]:
    """(is a syllable in Unicode, VNI reading, TCVN3 reading, Windows-1258 reading); one that is no syllable is ""."""
    written = unicodedata.normalize("NFC", word.lower())
    in_unicode = is_syllable(written) and written not in NEVER_A_NAME
    if any(char > "\xff" for char in word):
        return in_unicode, "", "", ""
    decoded = decode_vni(word), decode_tcvn3(word), decode_windows_1258(word)
    vni, tcvn3, windows = (reading if is_syllable(reading) else "" for reading in decoded)
    return in_unicode, vni, tcvn3, windows


def _evidence(reading: str) -> float:
    """How much a reading speaks for its character set: "thiò" is thị in one and thĩu in another."""
    return (1.5 if reading in _COMMON_IN_NAMES else 1.0) if reading else 0.0


def repair_legacy(text: str) -> str:
    """VNI-Windows, TCVN3 and Windows-1258 words of a name to Unicode, where the evidence of this name says so (see the
    module).

    ``text`` keeps the case, soft hyphens and symbols it was typed with (TCVN3 uses them as letters) and is in NFC.
    """
    if text.isascii():
        return text
    readings = {word: _readings(word) for word in _WORD.findall(text)}
    unsound = [decoded for in_unicode, *decoded in readings.values() if not in_unicode]
    evidence = [sum(map(_evidence, one_set)) for one_set in zip(*unsound, strict=True)]
    if not any(evidence):
        return text
    which = 1 + evidence.index(max(evidence))
    half_converted = any(
        unicode and not word.isascii() and not readings[word][which] for word, (unicode, *_) in readings.items()
    )

    def repaired(match: re.Match[str]) -> str:
        word = match.group()
        in_unicode, *decoded = readings[word]
        if not in_unicode:
            return next((reading for reading in (decoded[which - 1], *decoded) if reading), word)
        return word if half_converted else decoded[which - 1] or word

    return _WORD.sub(repaired, text)
