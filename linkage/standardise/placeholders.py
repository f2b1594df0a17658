"""Values that stand for none in any kind of field: "N/A", "-", "unknown", "#REF!", 000000000.

What may be a value of its own is left: Nan and Null are names, NA is the code of a country, 0 is a number, Không is no.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.machine.text_bytes import text_bytes
from linkage.standardise.digits import one_array

# A spreadsheet's errors, and "####" where a column was too narrow.
ERROR_CELL = r"#(?:REF!?|N/?A!?|VALUE!?|NAME\??|DIV/0!?|NULL!?|NUM!?|SPILL!?|CALC!?|#+)"
_ANY_CASE = (
    r"n/a|n\.a\.?|n/k|<na>|\(null\)|\\n|unknown|unkn?|not (?:known|stated|available|applicable|given)|undefined|nil"
    r"|không rõ|khong ro|không có|khong co|không xác định|khong xac dinh|không biết|khong biet|chưa rõ|chua ro"
    r"|chưa có|chua co|chưa xác định|chua xac dinh|chưa cập nhật|chua cap nhat|để trống|bỏ trống"
)
_NAN, _NULL, _NONE = "nan|NaN|NAN", "null|NULL|<null>|<NULL>", "none|NONE|None"
_STROKES = r"[-–—_.?*/\\~]+"
_REPEATED = "|".join(f"{digit}{{7,}}" for digit in "0123456789")
_PLACEHOLDER = rf"^\s*(?:(?i:{ERROR_CELL}|{_ANY_CASE})|{_NAN}|{_NULL}|{_NONE}|{_STROKES}|0{{5,}}|{_REPEATED})\s*$"
# No key is a word for none, whatever its case; zeros and repeated digits may be.
_NO_KEY = rf"^(?:(?i:{ERROR_CELL}|{_ANY_CASE}|nan|null|<null>|none|không|khong)|{_STROKES})$"
# Few values are as short as the longest of these; longer ones need not be looked at.
_LONGEST_BYTES = 24


def without_placeholders(texts: pa.StringArray) -> pa.StringArray:
    """Typed values, placeholders as null: string[n]."""
    encoded = texts.dictionary_encode()
    values = encoded.dictionary
    is_none = pc.and_(
        pc.less_equal(pc.binary_length(values), _LONGEST_BYTES), pc.match_substring_regex(values, _PLACEHOLDER)
    )
    if not pc.any(is_none).as_py():
        return texts
    return pc.if_else(is_none, pa.scalar(None, pa.string()), values).take(encoded.indices)


def without_no_keys(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keys without outer blanks, those that say that there is none as null; next to none is looked at where keys end
    with a digit."""
    text, offsets = text_bytes(one_array(keys))
    ends = offsets[1:]
    length = ends - offsets[:-1]
    ends_with_digit = np.zeros(length.size, np.bool_)
    stated = np.flatnonzero(length)
    last = text[ends[stated] - 1]
    ends_with_digit[stated] = (last >= ord("0")) & (last <= ord("9"))
    asked = np.flatnonzero((length > 0) & (length <= _LONGEST_BYTES) & ~ends_with_digit)
    if not asked.size:
        return keys
    is_none = np.zeros(length.size, np.bool_)
    is_none[asked] = pc.match_substring_regex(keys.take(pa.array(asked)), _NO_KEY).to_numpy()
    return pc.if_else(pa.array(is_none), pa.scalar(None, pa.string()), keys) if is_none.any() else keys
