"""Text whose bytes were read in the wrong character set: UTF-8 mojibake, VNI-Windows and TCVN3 (ABC).

VNI and TCVN3 are font encodings of the 1990s: documents typed in them and opened without the font show Latin-1 letters
("Nguyeãn Vaên", "NguyÔn V¨n"). A repair is made only on evidence: the word is no Vietnamese syllable as it stands and
becomes one when decoded. Words that are syllables both ways ("Thò" is VNI for Thị) follow the rest of their name,
unless the name is half converted and other words prove that they are in Unicode already.

Reference: VNI Software, VNI-Windows code page; TCVN 5712:1993, third table (VN3).
"""

from __future__ import annotations

import re
import unicodedata
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


# ------------------------------------------------------------------------------------------------- evidence

# A syllable, but no name: VNI for Thị, the middle name of a quarter of the population.
NEVER_A_NAME = frozenset({"thò"})
_WORD = re.compile(r"[^\s!-@\[-`{-~]+")


@lru_cache(maxsize=1 << 16)
def _readings(word: str) -> tuple[bool, str, str]:
    """(is a syllable in Unicode, VNI reading, TCVN3 reading); a reading that is no syllable is ""."""
    written = unicodedata.normalize("NFC", word.lower())
    in_unicode = is_syllable(written) and written not in NEVER_A_NAME
    if any(char > "\xff" for char in word):
        return in_unicode, "", ""
    vni, tcvn3 = decode_vni(word), decode_tcvn3(word)
    return in_unicode, vni if is_syllable(vni) else "", tcvn3 if is_syllable(tcvn3) else ""


def repair_legacy(text: str) -> str:
    """VNI-Windows and TCVN3 words of a name to Unicode, where the evidence of this name says so (see the module).

    ``text`` keeps the case, soft hyphens and symbols it was typed with (TCVN3 uses them as letters) and is in NFC.
    """
    if text.isascii():
        return text
    readings = {word: _readings(word) for word in _WORD.findall(text)}
    evidence = [sum(not r[0] and bool(r[which]) for r in readings.values()) for which in (1, 2)]
    if not any(evidence):
        return text
    which = 1 if evidence[0] >= evidence[1] else 2
    half_converted = any(
        unicode and not word.isascii() and not readings[word][which] for word, (unicode, *_) in readings.items()
    )

    def repaired(match: re.Match[str]) -> str:
        word = match.group()
        in_unicode, *decoded = readings[word]
        if not in_unicode:
            return decoded[which - 1] or decoded[0] or decoded[1] or word
        return word if half_converted else decoded[which - 1] or word

    return _WORD.sub(repaired, text)
