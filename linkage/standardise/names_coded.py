"""Names that a program wrote in its own code (linkage.standardise.program_codes) or spoilt: letters lost to "?" or
U+FFFD.

A lost letter was one with a mark, so it stands for a, e, i, o, u, y or d. Where one common syllable fits, the word is
that syllable without marks; where several do, only its first consonants are left, as in an abbreviated name.
"""

from __future__ import annotations

import re
from functools import lru_cache

from linkage.standardise.names_words import COMMON_SYLLABLES
from linkage.standardise.placeholders import ERROR_CELL
from linkage.standardise.program_codes import without_codes
from linkage.standardise.syllables import UNMARKED_SPELLINGS, ascii_fold

# Begins at the first letter or gap of a word: asked for at each of them, a long word would take its length squared.
_LOST_LETTER = re.compile(
    r"(?<![^\W\d_?\ufffd])(?<![?\ufffd])(?:[^\W\d_]*(?:[?\ufffd]+[^\W\d_]+)+[?\ufffd]*|[^\W\d_]+[?\ufffd]+)"
)
_LAST_WESTERN = "\xff"
_ERROR_CELL = re.compile(rf"\s*{ERROR_CELL}\s*", re.IGNORECASE)
# Lost letters that many syllables fit, of which one is by far the commonest in names.
_LIKELIEST = {"th?": "thi"}


def decoded(text: str) -> str:
    """A typed name out of the codes of programs; "" for the name of a spreadsheet's error."""
    if text.startswith("#") and _ERROR_CELL.fullmatch(text):
        return ""
    text = without_codes(text)
    if "?" in text or "\ufffd" in text:
        text = _without_gaps(text)
    return text


def _without_gaps(text: str) -> str:
    """Words with lost letters as what is left of them; a "?" behind letters that only Unicode has is no lost one."""
    kept = text.replace("\ufffd", "")
    if "\ufffd" not in text and any(letter > _LAST_WESTERN for letter in kept):
        return text
    return _LOST_LETTER.sub(lambda found: _restored(found.group()), text)


@lru_cache(maxsize=1 << 14)
def _restored(word: str) -> str:
    """The syllable that a word with gaps is taken for, without marks; else its first consonants."""
    plain = ascii_fold(word.lower().replace("\ufffd", "?"))
    if plain in _LIKELIEST:
        return f" {_LIKELIEST[plain]} "
    # One letter is one mark as a rule, and as many as it has bytes in UTF-8 at most.
    pattern = re.compile(re.sub(r"\?+", lambda gap: f"[aeiouyd]{{1,{len(gap.group())}}}", plain))
    fitting = {syllable for syllable in UNMARKED_SPELLINGS if pattern.fullmatch(syllable)}
    common = fitting & COMMON_SYLLABLES
    for found in (common, fitting):
        if len(found) == 1:
            return f" {found.pop()} "
    consonants = re.match(r"[bcdghklmnpqrstvx]*", plain)
    return f" {consonants.group() if consonants else ''} "
