"""Phone numbers as typed, in today's national form.

Mobile numbers have ten digits. Until September 2018 those of 21 prefixes had eleven; they moved to new prefixes, the
last seven digits unchanged. Landlines have an area code beginning with 02 and ten or eleven digits.

Reference: plan of the Ministry of Information and Communications of 2018 for the change of the 11-digit mobile numbers.
"""

from __future__ import annotations

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
    pack_numbers,
    plain_text,
)

# Old prefix to new, both without the leading zero: 0120 became 070.
_MIGRATED = {120: 70, 121: 79, 122: 77, 126: 76, 128: 78}  # MobiFone
_MIGRATED |= {123: 83, 124: 84, 125: 85, 127: 81, 129: 82}  # VinaPhone
_MIGRATED |= {162: 32, 163: 33, 164: 34, 165: 35, 166: 36, 167: 37, 168: 38, 169: 39}  # Viettel
_MIGRATED |= {186: 56, 188: 58, 199: 59}  # Vietnamobile, Gmobile
_NEW_PREFIX = np.zeros(1000, dtype=np.uint64)
_NEW_PREFIX[list(_MIGRATED)] = list(_MIGRATED.values())

# Typed to get past the form, without the leading zero.
_PLACEHOLDERS = np.array([123456789, 987654321, 912345678, 909090909, 989898989, 900000001], dtype=np.uint64)

_SEPARATORS = r"[\s.\-()'`’‘\"_*]+"
_DECIMAL_ZERO = r"^(\d{9,12})[.,]0$"
# The first number of the cell; one that follows without a gap is told by its leading zero.
_NUMBER = r"0?[1-9]\d{8,9})(?:\D|0\d{9,10}$|$)"
_WITH_COUNTRY = r"^\D*(?:00)?84(?P<number>" + _NUMBER
_NATIONAL = r"(?:^|\D)(?P<number>" + _NUMBER


def standardise_phones(raw: Strings) -> UInt64s:
    """Read phone numbers.

    Parameters
    ----------
    raw : string array [n] as typed, with or without country code, separators or leading zero; of several numbers in
        one cell the first counts.

    Returns
    -------
    uint64[n]
        Packed digits with the leading zero (10, landlines also 11); 0 when missing, too short, of no Vietnamese form,
        or a placeholder such as 0900000000.
    """
    texts = one_array(raw)
    digits = bare_digits(texts)
    # Ten digits, the first of which is 0 and the second is not, are read by the rules as they stand.
    is_usual = (n_digits(digits.packed) == 10) & (digits.value >= 10**8) & (digits.value < 10**9)
    phones = np.where(is_usual & (_length(digits.value) > 0), digits.packed, 0).astype(np.uint64)
    others = np.flatnonzero(~is_usual & (digits.is_other | (digits.packed > 0)))
    column = distinct(texts.take(pa.array(others)))
    phones[others] = column.spread(_read_phones(column.values))
    return phones


def _read_phones(values: pa.StringArray) -> UInt64s:
    """Packed numbers per distinct value, by the rules for any spelling."""
    text = pc.replace_substring_regex(plain_text(values), _DECIMAL_ZERO, r"\1")
    compact = pc.replace_substring_regex(text, _SEPARATORS, "")
    # A number may itself begin with 84 (0841234567 without its zero): then too few digits follow for the first reading.
    digits = pc.coalesce(*(pc.struct_field(pc.extract_regex(compact, p), "number") for p in (_WITH_COUNTRY, _NATIONAL)))
    number = _migrate(pc.fill_null(digits, "0").cast(pa.uint64()).to_numpy(zero_copy_only=False))
    return pack_numbers(number, _length(number))


def _length(number: UInt64s) -> UInt64s:
    """How many digits, with the leading zero, the phone of this number has; 0 when it is none."""
    mobile_or_old_landline = (number >= 2 * 10**8) & (number < 10**9)
    landline = number // 10**9 == 2
    length = np.where(mobile_or_old_landline, 10, np.where(landline, 11, 0))
    length[_is_placeholder(number)] = 0
    return length.astype(np.uint64)


def _migrate(number: UInt64s) -> UInt64s:
    """Numbers without leading zero; those of an old 11-digit prefix get the new one."""
    new_prefix = np.where(number // 10**9 == 1, _NEW_PREFIX[(number // 10**7 % 1000).astype(np.intp)], 0)
    return np.where(new_prefix > 0, new_prefix * 10**7 + number % 10**7, number).astype(np.uint64)


def _is_placeholder(number: UInt64s) -> npt.NDArray[np.bool_]:
    """One digit eight times at the end, seven zeros at the end, or a sequence known to be typed instead of a number."""
    tail = number % 10**8
    return np.asarray((tail % 11111111 == 0) | (number % 10**7 == 0) | np.isin(number, _PLACEHOLDERS), dtype=bool)
