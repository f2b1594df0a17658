"""Sex, ethnicity and nationality as typed, to small codes; each distinct value is worked once.

A code compares as evidence, so what is not plainly stated stays unknown (0) rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import OSA

from linkage.standardise.categories_countries import COUNTRIES
from linkage.standardise.categories_ethnicity import GROUPS, UNKNOWN
from linkage.standardise.charsets import repair_legacy, repair_mojibake
from linkage.standardise.syllables import ascii_fold
from linkage.standardise.syllables_typed import decode_telex

SEX_UNKNOWN, MALE, FEMALE = 0, 1, 2
FOREIGN_NATIONALITY, FOREIGN_PASSPORT = "foreign_nationality", "foreign_passport"

Strings: TypeAlias = pa.Array | pa.ChunkedArray
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_DECIMAL_ZERO = re.compile(r"[.,]0+$")
# Eleven digits: a spreadsheet took the leading zero.
_PERSONAL_NUMBER = re.compile(r"\d{11,12}")
_PASSPORT = re.compile(r"[A-Z]{1,2}\d{6,9}|\d{2}[A-Z]{2}\d{5}|[A-Z]\d{2}[A-Z]\d{5}")


def _key(text: str) -> str:
    """Letters a-z and digits of a typed value, after repair of its character set: "Nữ ", "NÖÕ" and "nữ" give "nu"."""
    repaired = repair_legacy(repair_mojibake(_DECIMAL_ZERO.sub("", text.strip())))
    words = unicodedata.normalize("NFKC", repaired).lower().split()
    return _NOT_ALPHANUMERIC.sub("", ascii_fold(" ".join(decode_telex(word) for word in words)))


def _codes(raw: Strings, code_of: Callable[[str], int]) -> npt.NDArray[np.uint8]:
    """uint8[n]: ``code_of`` each distinct value, 0 for null."""
    rows = raw.combine_chunks() if isinstance(raw, pa.ChunkedArray) else raw
    encoded = rows.cast(pa.string()).dictionary_encode()
    table = np.array([0, *(code_of(text) for text in encoded.dictionary.to_pylist())], dtype=np.uint8)
    entries: npt.NDArray[np.int32] = pc.fill_null(pc.add(encoded.indices, 1), 0).to_numpy(zero_copy_only=False)
    return np.take(table, entries)


# ------------------------------------------------------------------------------------------------------- sex

_SEX_WORDS = {
    MALE: "nam namgioi gioitinhnam trai betrai contrai chautrai danong m male man boy mr ong 1 01",
    FEMALE: "nu nugioi gioitinhnu gai begai congai chaugai phunu dan ba danba f female woman girl mrs ms ba 0 00 2 02",
}
_SEX_SIGNS = {"♂": MALE, "♀": FEMALE}
_SEX_OF = {word: sex for sex, words in _SEX_WORDS.items() for word in words.split()}


_SEX_PART = re.compile(r"[^\s/|,;:()\[\]–-]+")
_LOST_LETTER = re.compile(r"N[?\ufffd]{1,2}", re.IGNORECASE)  # "Nữ" where a program could not write the ữ


def _sex(text: str) -> int:
    sex = _SEX_OF.get(_key(text), SEX_UNKNOWN) or _SEX_SIGNS.get(text.strip().rstrip("\ufe0f\ufe0e"), SEX_UNKNOWN)
    if sex or _LOST_LETTER.fullmatch(text.strip()):
        return sex or FEMALE
    # Said in two ways that agree: "Nam/Male", "Nữ (F)", "Nam - 1".
    said = {_SEX_OF.get(_key(part), SEX_UNKNOWN) for part in _SEX_PART.findall(text)}
    return said.pop() if len(said) == 1 else SEX_UNKNOWN


def standardise_sex(raw: Strings) -> npt.NDArray[np.uint8]:
    """Sex as typed to 1 male, 2 female, 0 unknown.

    Parameters
    ----------
    raw : string[n]; Nam/Nữ in any spelling, M/F, male/female, trai/gái, 1 male, 0 or 2 female (the platform writes
        1/0, health insurance files 1/2). Null, "N", "x" and anything else mean unknown.

    Returns
    -------
    uint8[n].
    """
    return _codes(raw, _sex)


# ------------------------------------------------------------------------------------------------------- ethnicity

_IN_BRACKETS = re.compile(r"([^()\[\]]+)[(\[]([^()\[\]]+)[)\]]?\s*")
_ETHNICITY_OF = {_key(spelling): code for code, spellings in enumerate(GROUPS, start=1) for spelling in spellings}


def _ethnicity(text: str) -> int:
    """The code of a name, with another name of the same group in brackets or without."""
    code = _group_of(text)
    parts = _IN_BRACKETS.fullmatch(text)
    if code == UNKNOWN and parts is not None:
        code = _group_of(parts[1])
        return code if _group_of(parts[2]) in (code, UNKNOWN) else UNKNOWN
    return code


def _group_of(text: str) -> int:
    key = _key(text)
    if key.isdigit():
        return int(key) if len(key) <= 2 and int(key) <= len(GROUPS) else UNKNOWN
    for prefix in ("", "dantoc", "nguoi", "dt"):
        if key.startswith(prefix) and key[len(prefix) :] in _ETHNICITY_OF:
            return _ETHNICITY_OF[key[len(prefix) :]]
    return UNKNOWN


def standardise_ethnicity(raw: Strings) -> npt.NDArray[np.uint8]:
    """Ethnic group as typed to its code in the census list.

    Parameters
    ----------
    raw : string[n]; a name, a variant of it, with or without diacritics and marks ("H'Mông", "hmong", "Mèo"), or the
        code (1 to 54). Null and what names no single group mean unknown.

    Returns
    -------
    uint8[n], 1 to 54, 0 unknown.
    """
    return _codes(raw, _ethnicity)


# ------------------------------------------------------------------------------------------------------- nationality

_VIET_NAM = frozenset(["vn", "vnm", "vie", "viet", "vietnam", "vietnamese", "vietnamien", "nguoiviet"])
# "CHXHCN Việt Nam", "CHXHCNVN", "VN-Kinh", "Việt (Kinh)"
_STATES_VIET_NAM = re.compile(r"vietnam|chxhcn|conghoaxahoi|^vn|vn$|^viet(?!kieu)|^kinh|kinh$")
_PROVINCE_NAMES = """
    angiang bariavungtau baria vungtau baclieu bacgiang backan bacninh bentre binhduong binhdinh binhphuoc binhthuan
    camau caobang cantho danang daklak daclac daknong dacnong dienbien dongnai dongthap gialai hagiang hanam hanoi hatay
    hatinh haiduong haiphong haugiang hochiminh hcm tphcm saigon sg hoabinh hungyen khanhhoa kiengiang kontum laichau
    lamdong langson laocai longan namdinh nghean ninhbinh ninhthuan phutho phuyen quangbinh quangnam quangngai quangninh
    quangtri soctrang sonla tayninh thaibinh thainguyen thanhhoa thuathienhue hue tiengiang travinh tuyenquang vinhlong
    vinhphuc yenbai hn dn hp
"""
_PROVINCES = frozenset(_PROVINCE_NAMES.split()) - {"sg"}  # Singapore's code
_NOT_STATED_WORDS = (
    "khong khongro chuaro khongco khongxacdinh chuaxacdinh khongbiet chuabiet khongkhai chuakhai chuaco chuacapnhat "
    "detrong botrong na none null nan nil unknown undefined notstated x xx xxx test"
)
_NOT_STATED = frozenset(_NOT_STATED_WORDS.split())
_PREFIXES = ("quoctich", "congdan", "nuoc", "qt")
# Names of a group and of a people abroad; "Lào" is not among them: in this column it is the country.
_EITHER_WAY = frozenset(["thai", "hoa", "han", "khmer", "khome", "vietkieu"])
_STATED_FOREIGN, _STATED_EITHER_WAY = 1, 2


def _nationality(text: str) -> int:
    """1 when a foreign country is stated, 2 when it may be one, 0 for Viet Nam and when none is stated."""
    whole = key = _key(text)
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    if not key or key.isdigit() or key in _NOT_STATED or key in _VIET_NAM or _STATES_VIET_NAM.search(key):
        return 0
    if key in _EITHER_WAY:
        return _STATED_EITHER_WAY
    # "USA" as typed: its letters would make "úa" in Telex.
    if not COUNTRIES.isdisjoint((key, whole, _NOT_ALPHANUMERIC.sub("", text.lower()))):
        return _STATED_FOREIGN
    # "Viẹt Nma", "Vietnan": no country's name is that near. "Kinh" and "Nam" stand in the wrong column, "Hà Nội" is
    # where somebody was born. Any other word proves nothing by itself.
    misspelled = len(key) >= 6 and OSA.distance(key, "vietnam", score_cutoff=2) <= 2
    is_domestic = misspelled or key in _ETHNICITY_OF or key in _SEX_OF or _is_place(key)
    return 0 if is_domestic else _STATED_EITHER_WAY


def _is_place(key: str) -> bool:
    """Whether this is a province or city of Viet Nam, of today or before 2025."""
    return any(key.removeprefix(prefix) in _PROVINCES for prefix in ("", "tinh", "thanhpho", "tp"))


_PERSONAL, _PASSPORT_FORM = 1, 2


def _document(text: str) -> int:
    """1 for a 12-digit personal number, 2 for the form of a passport number, 0 for anything else."""
    number = _NOT_ALPHANUMERIC.sub("", _DECIMAL_ZERO.sub("", text.strip())).upper()
    if _PERSONAL_NUMBER.fullmatch(number):
        return _PERSONAL
    return _PASSPORT_FORM if _PASSPORT.fullmatch(number) else 0


def foreign_reason(nationality: Strings, id_number: Strings) -> pa.StringArray:
    """Why a claim is taken for a foreigner, whom the registry of citizens cannot hold.

    The name of a foreign country decides, unless the ID is a 12-digit personal number, which only citizens hold:
    exclusion costs a citizen the passport, while a foreigner who is kept ends unmatched. Any other word that is stated
    ("nước ngoài", "khác", "Hoa", a country misspelled) does so only beside a passport number, and what is of Viet Nam
    ("CHXHCNVN", "Kinh", "Hà Nội", a sex) never. Without a stated nationality nobody is foreign: a passport
    number alone proves nothing, citizens hold passports of the same form.

    Parameters
    ----------
    nationality : string[n], null or a placeholder when not stated.
    id_number : string[n] as typed.

    Returns
    -------
    string[n]: "foreign_nationality", "foreign_passport" (nationality, and the ID has the form of a passport number),
    null for everyone else.
    """
    stated = _codes(nationality, _nationality)
    document = np.zeros(len(stated), dtype=np.uint8)
    rows = np.flatnonzero(stated)
    if len(rows):
        document[rows] = _codes(id_number.take(pa.array(rows)), _document)
    passport = document == _PASSPORT_FORM
    foreign = ((stated == _STATED_FOREIGN) & (document != _PERSONAL)) | ((stated == _STATED_EITHER_WAY) & passport)
    reasons = pa.array([None, FOREIGN_NATIONALITY, FOREIGN_PASSPORT], pa.string())
    return reasons.take(pa.array(np.where(foreign, 1 + passport, 0)))
