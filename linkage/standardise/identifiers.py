"""Identity numbers as typed: what kind of number, what is wrong with it, and what its digits say about the holder.

A personal number has 12 digits: place of birth registration (three), century and sex (one), year of birth (two) and six
random ones; there is no check digit. The older CMND has nine, beginning with the number of the issuing province. A
spreadsheet takes the leading zeros of either. Each value ends in exactly one of: a number (as it stood, or repaired),
no number, or a bad format.

Repairs are made only where one reading is left: a number that begins with zero did not lose its leading zeros, and a
restored personal number must belong to someone born between 1900 and 2099. Ten digits are read as a personal number of
Hà Nội, Hà Giang, Cao Bằng, Bắc Kạn or Tuyên Quang (001-008: two zeros lost).

Reference: circulars 07/2016/TT-BCA and 59/2021/TT-BCA, appendix 1 (places of birth registration); decree 137/2015/ND-CP
(structure of the personal number).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.standardise.digits import (
    Strings,
    UInt64s,
    bare_digits,
    distinct,
    n_digits,
    one_array,
    pack_digits,
    pack_numbers,
    plain_text,
    slice_number,
)
from linkage.standardise.typed_kernels import MAX_DIGITS

NO_NUMBER, PERSONAL, CMND, DOCUMENT = range(4)
FINE, MISSING, BAD_FORMAT, REPAIRED = range(4)
SEX_CONTRADICTS, YEAR_CONTRADICTS = 1, 2
DOCUMENT_BYTE = 0xFF

UInt8s = npt.NDArray[np.uint8]

# fmt: off
_PROVINCES = (
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33,
    34, 35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66,
    67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
)
# fmt: on
_COUNTRIES = range(101, 296)
_IS_PLACE = np.zeros(1000, dtype=bool)
_IS_PLACE[[*_PROVINCES, *_COUNTRIES]] = True
_CMND_PREFIXES = range(1, 39)

# "079123456789.0" is a number cell written as text; ".000" would be a group of three digits.
_DECIMAL_ZERO = r"^(\d{8,12})[.,]0{1,2}$"
_LABEL = (
    r"^(?:(?:SỐ|SO|THẺ|CCCD|CMND|CMTND|CMT|ĐDCN|DDCN|CĂN CƯỚC(?: CÔNG DÂN)?|ĐỊNH DANH(?: CÁ NHÂN)?|HỘ CHIẾU)[\s:./#-]*"
    r"|(?:HC|ID|PP|PASSPORT)[\s:./#-]+)+"
)
_SEPARATORS = r"[\s.\-'\"`´‘’“”_,:;*#/\\()]+"
_SCIENTIFIC = r"^(?P<head>\d)(?:[.,](?P<tail>\d+))?E\+?(?P<exponent>\d{1,2})$"
_DOCUMENT_FORM = r"^[A-Z]{1,2}\d{6,8}$"
_PERSONAL_INSIDE = r"(?:^|\D)(?P<digits>\d{12})(?:\D|$)"
_CMND_INSIDE = r"(?:^|\D)(?P<digits>\d{9})(?:\D|$)"
_REPEATED = "^(?:" + "|".join(f"{digit}+" for digit in range(10)) + ")$"
_UP, _DOWN = "012345678901234567890", "98765432109876543210"
_SEQUENCES = {run[i : i + n] for run in (_UP, _DOWN) for n in (8, 9, 10, 11, 12) for i in range(len(run) - n + 1)}
_SEQUENCES |= {"012345678910", "12345678910", "123456789101", "112233445566", "123123123", "123123123123"}
# The same of 9 and 12 digits, packed.
_PLACEHOLDERS = np.sort(pack_digits([*_SEQUENCES, *(digit * n for digit in "0123456789" for n in (9, 12))]))
_ONE_TOO_FEW, _ONE_TOO_MANY = 11, 13  # digits of a personal number that lost one or gained one
_LENGTH_OF_KIND = np.array([0, 12, 9], np.uint64)  # by NO_NUMBER, PERSONAL, CMND
_LOWEST = np.array([0, *(10**n for n in range(MAX_DIGITS))], np.uint64)  # number that begins with no zero, by length


@dataclass(frozen=True)
class Ids:
    """Identity numbers, three arrays [n] aligned with the rows.

    ``number``: uint64, packed digits (see linkage.standardise.digits), or for a document a hash under top byte 0xFF; 0
    when there is none. ``kind``: uint8, 0 none, 1 personal number of 12 digits, 2 CMND of 9 digits, 3 passport or other
    document. ``fault``: uint8, 0 fine, 1 missing or a placeholder, 2 bad format, 3 repaired. A number of 12 or 9 digits
    with an impossible place keeps its digits beside fault 2, as one digit of it may be all that is wrong, and so does
    one of 11 or 13, which may have lost or gained one, with kind 0; every other bad format has number 0 and kind 0.
    """

    number: UInt64s
    kind: UInt8s
    fault: UInt8s


def standardise_ids(raw: Strings) -> Ids:
    """Read identity numbers.

    Parameters
    ----------
    raw : string array [n] as typed; null, blank or a text without any digit is missing.

    Returns
    -------
    Ids
        Aligned with ``raw``.
    """
    texts = one_array(raw)
    digits = bare_digits(texts)
    length = n_digits(digits.packed)
    is_usual = (length == 9) | (length == 12)
    kind, fault = _judge(digits.value, length, _among(digits.packed, _PLACEHOLDERS))
    number = np.where(kind > NO_NUMBER, digits.packed, 0).astype(np.uint64)
    fault[~is_usual] = MISSING
    others = np.flatnonzero(~is_usual & (digits.is_other | (length > 0)))
    column = distinct(texts.take(pa.array(others)))
    number[others], kind[others], fault[others] = (column.spread(read) for read in _read_text(column.values))
    return Ids(number, kind, fault)


def _read_text(values: pa.StringArray) -> tuple[UInt64s, UInt8s, UInt8s]:
    """Values with anything but 9 or 12 bare digits: labels, separators, remarks, lost zeros, documents, no number."""
    text = pc.replace_substring_regex(plain_text(values), _DECIMAL_ZERO, r"\1")
    compact = pc.replace_substring_regex(pc.replace_substring_regex(text, _LABEL, ""), _SEPARATORS, "")
    compact = _with_figures(compact)
    bare = pc.replace_substring_regex(text, r"[\s']", "")
    scientific = _whole_scientific(bare)
    digits = pc.if_else(pc.ascii_is_decimal(compact), compact, pa.scalar(None, pa.string()))
    digits = pc.coalesce(scientific, digits)
    usable = pc.fill_null(pc.is_in(pc.binary_length(digits), pa.array([8, 9, 10, 11, 12], pa.int32())), False)
    # Nine figures behind the point of a number that lost its last ones are no document.
    is_scientific = pc.match_substring_regex(bare, _SCIENTIFIC)
    inside = pc.coalesce(_group(text, _PERSONAL_INSIDE), _group(text, _CMND_INSIDE))
    inside = pc.if_else(is_scientific, pa.scalar(None, pa.string()), inside)
    digits = pc.if_else(usable, digits, pc.coalesce(inside, digits))
    number, kind, fault = _read_digits(digits)
    fault[fault == FINE] = REPAIRED

    no_digit = ~_mask(pc.match_substring_regex(text, r"\d"))
    fault[no_digit] = MISSING
    documents = np.flatnonzero(_mask(pc.match_substring_regex(compact, _DOCUMENT_FORM)) & (kind == NO_NUMBER))
    for row in documents:
        number[row] = _document_hash(compact[row].as_py())
    kind[documents] = DOCUMENT
    fault[documents] = FINE
    return number, kind, fault


def _with_figures(compact: pa.StringArray) -> pa.StringArray:
    """Personal numbers and CMND with an O for a zero or an I or l for a one: whole ones, at most two such letters. A
    letter before nine figures or fewer may begin a document's number, and stays."""
    figures = compact
    for letters, figure in (("[OQ]", "0"), ("[IL|]", "1")):
        figures = pc.replace_substring_regex(figures, letters, figure)
    is_meant = pc.and_(
        pc.match_substring_regex(compact, r"^(?:\d*[OQIL|]){1,2}\d*$"),
        pc.or_(
            pc.match_substring_regex(figures, r"^0\d{11}$"),
            pc.and_(pc.match_substring_regex(compact, r"^\d"), pc.match_substring_regex(figures, r"^\d{9}$")),
        ),
    )
    return pc.if_else(is_meant, figures, compact)


def _read_digits(digits: pa.StringArray) -> tuple[UInt64s, UInt8s, UInt8s]:
    """number, kind and fault of digit strings of any length; null is a bad format."""
    n = pc.fill_null(pc.binary_length(digits), 0).to_numpy(zero_copy_only=False)
    length = np.where((n >= 8) & (n <= 12), n, 0).astype(np.uint8)
    is_read = pa.array((length > 0) | (n == _ONE_TOO_MANY))
    value = pc.if_else(is_read, digits, "0").cast(pa.uint64()).to_numpy(zero_copy_only=False)
    kind, fault = _judge(np.where(length > 0, value, 0).astype(np.uint64), length, _is_placeholder(digits))
    is_cut = (kind == NO_NUMBER) & (fault == BAD_FORMAT) & ((n == _ONE_TOO_FEW) | (n == _ONE_TOO_MANY))
    return pack_numbers(value, np.where(is_cut, n, _LENGTH_OF_KIND[kind]).astype(np.uint64)), kind, fault


def _judge(value: UInt64s, length: UInt8s, is_placeholder: npt.NDArray[np.bool_]) -> tuple[UInt8s, UInt8s]:
    """kind and fault of numbers as written in 8 to 12 digits; any other length is a bad format."""
    starts_with_zero = value < _LOWEST[length]
    restorable = ~starts_with_zero & (value // 10**8 % 10 <= 3)
    place = (value // 10**9 % 1000).astype(np.intp)
    to_personal = restorable & ((length == 11) | (length == 10)) & _IS_PLACE[place]
    to_cmnd = (length == 8) & ~starts_with_zero
    personal = (length == 12) | to_personal
    cmnd = (length == 9) | to_cmnd

    in_province = (value // 10**7 >= _CMND_PREFIXES.start) & (value // 10**7 < _CMND_PREFIXES.stop)
    possible = np.where(personal, _IS_PLACE[place], cmnd & in_province)
    fault = np.full(len(length), BAD_FORMAT, dtype=np.uint8)
    fault[possible] = FINE
    fault[possible & (to_personal | to_cmnd)] = REPAIRED
    kind = np.where(personal, PERSONAL, np.where(cmnd, CMND, NO_NUMBER)).astype(np.uint8)

    empty = is_placeholder | (personal & (value % 10**9 == 0))
    kind[empty], fault[empty] = NO_NUMBER, MISSING
    return kind, fault


def _among(values: UInt64s, ascending: UInt64s) -> npt.NDArray[np.bool_]:
    """Whether each value is one of a few."""
    place = np.minimum(np.searchsorted(ascending, values), ascending.size - 1)
    return np.asarray(ascending[place] == values, dtype=np.bool_)


def _is_placeholder(digits: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Digits typed to get past the form: one digit repeated, or a sequence. False where null."""
    repeated = pc.match_substring_regex(digits, _REPEATED)
    return _mask(repeated) | _mask(pc.is_in(digits, pa.array(sorted(_SEQUENCES))))


def _whole_scientific(text: pa.StringArray) -> pa.StringArray:
    """The digits of a number in scientific notation that lost none ("7.9123456789E+10"); null for any other text."""
    parts = pc.extract_regex(text, _SCIENTIFIC)
    head, tail, exponent = (pc.struct_field(parts, name) for name in ("head", "tail", "exponent"))
    # Excel writes "E+09" where others write "E9".
    complete = pc.fill_null(pc.equal(pc.binary_length(tail), pc.cast(exponent, pa.int32())), False)
    joined = pc.binary_join_element_wise(head, tail, "")
    return pc.if_else(complete, joined, pa.scalar(None, pa.string()))


def _document_hash(document: str) -> int:
    """A stable 64-bit stand-in for a document number: 56 bits of BLAKE2b under the top byte 0xFF, so never 0."""
    digest = hashlib.blake2b(document.encode(), digest_size=7).digest()
    return DOCUMENT_BYTE << 56 | int.from_bytes(digest, "big")


def _group(text: pa.StringArray, pattern: str) -> pa.StringArray:
    """The group ``digits`` of the pattern; null where it does not match."""
    return pc.struct_field(pc.extract_regex(text, pattern), "digits")


def _mask(flags: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """Arrow booleans as numpy, null as False."""
    result: npt.NDArray[np.bool_] = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return result


def inner_sex(number: UInt64s) -> UInt8s:
    """The sex a personal number states, uint8[n]: 1 male, 2 female, 0 for any other number."""
    return np.where(n_digits(number) == 12, slice_number(number, 3, 4, 12) % 2 + 1, 0).astype(np.uint8)


def inner_birth_year(number: UInt64s) -> npt.NDArray[np.uint16]:
    """The year of birth a personal number states, uint16[n]; 0 for any other number."""
    year = 1900 + slice_number(number, 3, 4, 12) // 2 * 100 + slice_number(number, 4, 6, 12)
    return np.where(n_digits(number) == 12, year, 0).astype(np.uint16)


def contradictions(number: UInt64s, sex: UInt8s, birth_year: npt.NDArray[np.uint16]) -> UInt8s:
    """What of the record the personal number contradicts, where both sides are known.

    Parameters
    ----------
    number : uint64[n], packed; only personal numbers state anything.
    sex : uint8[n], 0 unknown, 1 male, 2 female.
    birth_year : uint16[n], 0 unknown.

    Returns
    -------
    uint8[n]
        Flags: 1 the sex, 2 the year of birth.
    """
    stated_sex, stated_year = inner_sex(number), inner_birth_year(number)
    wrong_sex = (stated_sex > 0) & (sex > 0) & (stated_sex != sex)
    wrong_year = (stated_year > 0) & (birth_year > 0) & (stated_year != birth_year)
    flags = wrong_sex * SEX_CONTRADICTS + wrong_year * YEAR_CONTRADICTS
    return np.asarray(flags, dtype=np.uint8)


def standardise_insurance(raw: Strings) -> UInt64s:
    """Health insurance and social insurance numbers.

    The card of 15 characters ends with the 10 digits of the social insurance number, which since April 2021 stand
    alone; nine digits are ten whose leading zero a spreadsheet took.

    Parameters
    ----------
    raw : string array [n] as typed.

    Returns
    -------
    uint64[n]
        The last ten digits, packed; 0 when missing, a placeholder or of another form.
    """
    column = distinct(raw)
    text = pc.replace_substring_regex(plain_text(column.values), r"^(\d{9,10})\.0$", r"\1")
    compact = pc.replace_substring_regex(text, _SEPARATORS, "")
    digits = _group(compact, r"^(?:[A-Z]{2}\d{3})?(?P<digits>\d{10})$")
    digits = pc.coalesce(digits, pc.binary_join_element_wise("0", _group(compact, r"^(?P<digits>[1-9]\d{8})$"), ""))
    number = pc.fill_null(digits, "0").cast(pa.uint64()).to_numpy(zero_copy_only=False)
    empty = _mask(pc.is_null(digits)) | _is_placeholder(digits) | (number % 10**8 == 0)
    return column.spread(pack_numbers(number, np.where(empty, 0, 10).astype(np.uint64)))
