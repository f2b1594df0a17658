"""Text files of the years before UTF-8: which one-byte encoding they are in, told by the words that come out.

Windows-1258 writes most tones as marks behind the letter. TCVN3 and VNI are fonts: their files are Windows-1252 by
name, and linkage.standardise.charsets reads their words. What a spreadsheet saves as "ANSI" is Windows-1252 too, with a
question mark for every letter that it lacks: nobody can give these back, so such a file is refused.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from linkage.errors import InputError
from linkage.standardise.charsets import repair_legacy
from linkage.standardise.syllables import is_syllable

VIETNAMESE, WESTERN = "cp1258", "cp1252"
MIXED = "utf-8 and cp1258"  # line by line, as where two files were joined
ENCODING_NAMES = {VIETNAMESE: "Windows-1258", WESTERN: "Windows-1252 with letters of TCVN3 or VNI"}

_SAMPLE_BYTES = 1 << 22
_SAMPLE_LINES = 2000
_LEAST_SOUND = 0.7  # of the words with a letter beyond ASCII, those that have to be Vietnamese syllables
_MOST_UTF8 = 0.1  # of the lines beyond ASCII, those that may be UTF-8 in a file of another encoding
_LEAST_LOST = 0.2  # of these lines, those with a lost letter in a file that is refused
_WORD = re.compile(r"[^\W\d_][^\W\d_\u0300-\u0323]*(?:[\u0300-\u0323][^\W\d_]*)*")
_LOST_LETTER = re.compile(r"[^\W\d_]\?+[^\W\d_]|(?<!\S)\?+[^\W\d_]|[^\W\d_]\?\??(?=[\s,;\t|]|$)")


def older_encoding(content: np.ndarray, file: str) -> str | None:
    """The one-byte encoding of a text that is not UTF-8 throughout; None when it is UTF-8 with damaged lines.

    Parameters: ``content`` uint8[n_bytes]. Raises InputError when its Vietnamese letters are lost.
    """
    beyond_ascii = [line for line in _sample(content).splitlines() if not line.isascii()]
    others = [line for line in beyond_ascii[:_SAMPLE_LINES] if not _is_utf8(line)]
    n_utf8 = min(len(beyond_ascii), _SAMPLE_LINES) - len(others)
    if not others:
        return None
    vietnamese = [unicodedata.normalize("NFC", line.decode(VIETNAMESE, "replace")) for line in others]
    if n_utf8 and _sound_share(vietnamese) >= _LEAST_SOUND:
        return MIXED
    if n_utf8 > _MOST_UTF8 * len(others):
        return None
    western = [line.decode(WESTERN, "replace") for line in others]
    if sum(_LOST_LETTER.search(line) is not None for line in western) > _LEAST_LOST * len(western):
        raise InputError(
            f"{file}: saved as Windows-1252 (\"ANSI\"), which has '?' for most Vietnamese letters: "
            "save it as UTF-8 from where it was made"
        )
    if _sound_share(vietnamese) >= _LEAST_SOUND:
        return VIETNAMESE
    if _sound_share([unicodedata.normalize("NFC", repair_legacy(line)) for line in western]) >= _LEAST_SOUND:
        return WESTERN
    return None


def repaired_line(line: bytes) -> bytes:
    """A line of a mixed file in UTF-8; one whose words prove no encoding stays as it is, and is rejected."""
    if line.isascii() or _is_utf8(line):
        return line
    try:
        text = unicodedata.normalize("NFC", line.decode(VIETNAMESE))
    except UnicodeDecodeError:
        return line
    return text.encode() if _sound_share([text]) >= _LEAST_SOUND else line


def _sample(content: np.ndarray) -> bytes:
    """The beginning of a text, or the part from its first line that is not UTF-8 where that comes later."""
    for start in range(0, content.size, _SAMPLE_BYTES):
        piece = content[start : start + _SAMPLE_BYTES].tobytes()
        whole = piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1] if start else piece[: piece.rfind(b"\n") + 1]
        if not _is_utf8(whole or piece):
            return piece
    return content[:_SAMPLE_BYTES].tobytes()


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _sound_share(lines: list[str]) -> float:
    """The share of the words beyond ASCII that are Vietnamese syllables; 0 when there are none."""
    words = [word.lower() for line in lines for word in _WORD.findall(line) if not word.isascii()]
    return sum(is_syllable(word) for word in words) / len(words) if words else 0.0
