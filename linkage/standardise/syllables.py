"""One Vietnamese syllable: is it one, where does its tone mark stand, and its coarser forms.

A Vietnamese syllable is an initial, a rhyme and a tone. The tables below hold every initial and rhyme of the standard
orthography, so that "is this a syllable?" has a sharp answer; every repair of a damaged name rests on it. All functions
take one syllable in lower case and NFC and are meant to be called once per distinct syllable, not once per row.

Reference: Đoàn Thiện Thuật, Ngữ âm tiếng Việt (1977), rhyme tables; tone placement as in "Quy định về chính tả tiếng
Việt" (1980), old style: hòa, thúy, thủy.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

TONE_MARKS = "\u0300\u0301\u0303\u0309\u0323"
LETTERS = frozenset("abcdeghiklmnopqrstuvxyăâđêôơư") | frozenset(
    unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in TONE_MARKS
)

# Names repeat some thousands of syllables; a full cache of one function holds about 10 MB.
_cached = lru_cache(maxsize=1 << 16)

_INITIAL_TABLE = "b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x"
_INITIALS = _INITIAL_TABLE.split()
ABBREVIATIONS = frozenset(_INITIALS) - {"gi", "qu"} | {"q", "gi"}

# "oong" and "ooc" are left out: they occur in loanwords (xoong), but "oo" in a name is ô typed in Telex.
_RHYME_TABLE = """
a ai ao au ay am an ang anh ap at ac ach  ăm ăn ăng ăp ăt ăc  âm ân âng âp ât âc âu ây
e eo em en eng ep et ec  ê êu êm ên ênh êp êt êch
i ia iu im in inh ip it ich  iêu iêm iên iêng iêp iêt iêc  y
o oi om on ong op ot oc  oa oai oao oay oam oan oang oanh oap oat oac oach  oăm oăn oăng oăt oăc
oe oeo oen oet  ô ôi ôm ôn ông ôp ôt ôc  ơ ơi ơm ơn ơp ơt
u ua ui um un ung up ut uc  uân uâng uât uây  uê uêu uên uênh uêt uêch  uơ  uôi uôm uôn uông uôt uôc
uy uya uyu uyn uynh uyt uyp uych uyên uyêt  ư ưa ưi ưu ưm ưn ưng ưt ưc  ươi ươu ươm ươn ương ươp ươt ươc
"""
_RHYMES = _RHYME_TABLE.split()
_AFTER_QU = [r for r in _RHYMES if r[0] in "aăâeêiơ"] + ["y", "ynh", "yt", "ych", "yn", "yên", "yêt", "yêu", "ôc", "ôi"]
_FRONT = "eêiy"


def _spellings() -> frozenset[str]:
    """Every orthographic syllable without its tone."""
    found = {"y" + rhyme[1:] if rhyme.startswith("iê") else rhyme for rhyme in _RHYMES}
    found |= {"qu" + rhyme for rhyme in _AFTER_QU}
    for initial in _INITIALS:
        if initial == "qu":
            continue
        for rhyme in _RHYMES:
            front = rhyme[0] in _FRONT
            if initial in ("k", "gh", "ngh") and not front:
                continue
            # "g" before "i" is the initial "gi" with its i written once: gì, gìn, giếng.
            if initial in ("c", "ng", "gi") and front and not (initial == "gi" and rhyme[0] in "eê"):
                continue
            if initial == "g" and front and rhyme[0] != "i":
                continue
            found.add(initial + rhyme)
    return frozenset(found)


_SPELLINGS = _spellings()
_STOPPED = re.compile(r"(?:[pt]|ch?)$")
_MARKED = re.compile(r"[ăâêôơư](?=[^ăâêôơư]*$)")
_NUCLEUS = re.compile(r"^(qu|gi(?=[aăâeêioôơuưy])|[^aăâeêioôơuưy]*)([aăâeêioôơuưy]+)(.*)$")
# Input methods leave the horn on one vowel of "ươ" only; no rhyme has "uơ" or "ưo" before another letter.
_HALF_HORNED = re.compile(r"(?<!q)(?:uơ|ưo)(?=[iumnptc])")

# Latin letters that NFD does not take apart.
_UNDECOMPOSED = str.maketrans(
    {"đ": "d", "ð": "d", "ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)


def tone_of(syllable: str) -> str:
    """The combining mark of the syllable's tone (the first, when damaged text holds several), "" for the level tone."""
    return next((mark for mark in unicodedata.normalize("NFD", syllable) if mark in TONE_MARKS), "")


@_cached
def toneless(syllable: str) -> str:
    """The syllable without its tone mark; ă â ê ô ơ ư đ are letters and stay.

    Parameters
    ----------
    syllable : lower case, one syllable or a whole name; "" stays "".
    """
    if syllable.isascii():
        return syllable
    marks = unicodedata.normalize("NFD", syllable)
    return unicodedata.normalize("NFC", "".join(c for c in marks if c not in TONE_MARKS))


@_cached
def ascii_fold(syllable: str) -> str:
    """The letters a-z of the syllable: no diacritics, đ as d; spaces stay, letters of other scripts vanish."""
    if syllable.isascii():
        return syllable
    plain = unicodedata.normalize("NFD", syllable.translate(_UNDECOMPOSED))
    return "".join(c for c in plain if c.isascii())


UNMARKED_SPELLINGS = frozenset(ascii_fold(spelling) for spelling in _SPELLINGS)


@_cached
def is_syllable(syllable: str) -> bool:
    """Whether this is a well-formed Vietnamese syllable: initial and rhyme exist, and a stop has tone sắc or nặng."""
    base = toneless(syllable)
    if base not in _SPELLINGS:
        return False
    marks = [c for c in unicodedata.normalize("NFD", syllable) if c in TONE_MARKS]
    if len(marks) > 1:
        return False
    return not _STOPPED.search(base) or marks in (["\u0301"], ["\u0323"])


def is_unmarked_syllable(syllable: str) -> bool:
    """Whether this is a Vietnamese syllable typed without any diacritics ("nguyen", "duc")."""
    return syllable in UNMARKED_SPELLINGS


def with_tone(base: str, tone: str) -> str:
    """The toneless syllable ``base`` with its tone mark in the one canonical place (old style: hòa, thủy, quý).

    ``tone`` is a combining mark or "". A base without a vowel is returned without a tone.
    """
    parts = _NUCLEUS.match(base)
    if not tone or parts is None:
        return base
    initial, vowels, final = parts.groups()
    marked = _MARKED.search(vowels)
    if marked:
        at = marked.start()
    elif final or len(vowels) == 1:
        at = len(vowels) - 1
    else:
        at = len(vowels) - 2
    toned = initial + vowels[: at + 1] + tone + vowels[at + 1 :] + final
    return unicodedata.normalize("NFC", toned)


@_cached
def canonical_syllable(syllable: str) -> str:
    """The one spelling of a syllable: đ for ð, "ươ" with both horns, the tone mark in its canonical place.

    i and y stay as typed (the sound key folds them). What is no Vietnamese syllable stays as it is: the marks of a
    French or K'Ho name are not tones.
    """
    written = syllable.replace("ð", "đ")
    if written.isascii():
        return written
    tone, base = tone_of(written), toneless(written)
    mended = _HALF_HORNED.sub("ươ", base)
    for candidate in (base, mended):
        spelled = with_tone(candidate, tone)
        if is_syllable(spelled):
            return spelled
    return with_tone(mended, tone) if mended in _SPELLINGS else written


_SOUND_INITIALS = (
    ("ngh", "ng"), ("ng", "ng"), ("nh", "nh"), ("gh", "g"), ("ch", "ch"), ("tr", "ch"), ("kh", "kh"), ("ph", "ph"),
    ("th", "th"), ("qu", "qu"), ("k", "c"), ("f", "ph"), ("n", "l"), ("x", "s"), ("r", "d"), ("v", "d"),
)  # fmt: skip
_SOUND_FINALS = (("ng", "n"), ("nh", "n"), ("ch", "t"), ("c", "t"))


def sound_key(syllable: str) -> str:
    """The sound class of a syllable: spellings that regional speech does not tell apart share one key.

    On the ASCII form: initials l/n, s/x, ch/tr, d/đ/gi/r/v, c/k, g/gh, ng/ngh; i/y except after a (tai and tay differ);
    finals n/ng/nh and t/c/ch. Made for partial agreement, never for identity.
    """
    text = ascii_fold(syllable)
    if text.startswith("gi"):
        head, rest = "d", text[2:] if re.search("[aeouy]", text[2:]) else text[1:]
    else:
        head, rest = "", text
        for spelled, sound in _SOUND_INITIALS:
            if text.startswith(spelled) and len(text) > len(spelled):
                head, rest = sound, text[len(spelled) :]
                break
    for spelled, sound in _SOUND_FINALS:
        if len(rest) > len(spelled) and rest.endswith(spelled):
            rest = rest[: -len(spelled)] + sound
            break
    return head + re.sub(r"(?<!a)y", "i", rest)
