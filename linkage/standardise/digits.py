"""Columns of typed strings: each distinct value is read once, and digit strings become one integer.

A packed digit string is a uint64 with four bits a digit, the first digit the most significant, and the number of digits
in the top byte, so that "012345678" (9 digits) and "000012345678" (12 digits) differ. 0 is missing; no digit string
packs to 0. Identifiers, phones and insurance numbers are all kept this way: equality is one comparison, and the digits
in which two numbers differ are the non-zero nibbles of their exclusive or.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.machine.text_bytes import text_bytes
from linkage.standardise.typed_kernels import MAX_DIGITS, read_digits

Strings: TypeAlias = pa.Array | pa.ChunkedArray
UInt64s: TypeAlias = npt.NDArray[np.uint64]

LENGTH_SHIFT = np.uint64(56)
_NIBBLE = np.uint64(4)
_TEN = np.uint64(10)
# Zero-width characters, the byte order mark and soft hyphens come along when numbers are pasted from web pages.
_INVISIBLE = "[\u00ad\u200b-\u200f\u2060\ufeff]"


@dataclass(frozen=True)
class Distinct:
    """A column as its distinct values and, per row, which of them stands there.

    ``values``: pa.StringArray[k] without nulls, in order of first appearance; ``rows``: intp[n], k where a row is null.
    """

    values: pa.StringArray
    rows: npt.NDArray[np.intp]

    def spread(self, per_value: npt.NDArray[Any], missing: int = 0) -> npt.NDArray[Any]:
        """The array [k] of one result per distinct value as an array [n] per row; ``missing`` where the row is null."""
        return np.append(per_value, np.asarray([missing], dtype=per_value.dtype))[self.rows]


def distinct(raw: Strings) -> Distinct:
    """Collect the distinct values of a column.

    Parameters
    ----------
    raw : array or chunked array [n] of string, large string, dictionary of string or null type.
        Any other type is cast to string first.
    """
    column = _strings(raw)
    encoded = column.dictionary_encode().unify_dictionaries()
    if encoded.num_chunks == 0:
        return Distinct(pa.array([], pa.string()), np.zeros(0, dtype=np.intp))
    values = encoded.chunk(0).dictionary
    rows = [pc.fill_null(chunk.indices, len(values)).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    return Distinct(values, np.concatenate(rows).astype(np.intp))


def _strings(raw: Strings) -> pa.ChunkedArray:
    """The column with the type string."""
    column = raw if isinstance(raw, pa.ChunkedArray) else pa.chunked_array([raw])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string())


def one_array(raw: Strings) -> pa.StringArray:
    """The column as one array without nulls, "" where a row is null."""
    return pc.fill_null(_strings(raw).combine_chunks(), "")


@dataclass(frozen=True)
class Digits:
    """A column whose usual values are bare digits, three arrays [n].

    ``value``: uint64, the number written; ``packed``: uint64, its digits packed; ``is_other``: bool, the text is
    something else than 0 to 14 ASCII digits, value and packed are 0.
    """

    value: UInt64s
    packed: UInt64s
    is_other: npt.NDArray[np.bool_]


def bare_digits(texts: pa.StringArray) -> Digits:
    """Read the values that are nothing but digits. ``texts``: string array [n] without nulls."""
    n = len(texts)
    digits = Digits(np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.bool_))
    read_digits(*text_bytes(texts), digits.value, digits.packed, digits.is_other)
    return digits


def plain_text(values: pa.StringArray) -> pa.StringArray:
    """Typed text in one form: full-width characters and no-break spaces folded (NFKC), invisible ones and the blanks
    at both ends removed, upper case. Nulls stay null."""
    folded = pc.utf8_normalize(values, form="NFKC")
    return pc.utf8_upper(pc.utf8_trim_whitespace(pc.replace_substring_regex(folded, _INVISIBLE, "")))


def pack_digits(digits: Strings | list[str | None]) -> UInt64s:
    """Pack digit strings.

    Parameters
    ----------
    digits : [n] of strings of 0 to 14 ASCII digits; null or empty is missing.

    Returns
    -------
    uint64[n], 0 where missing.

    Raises
    ------
    ValueError
        A string holds something else than digits, or more than 14 of them.
    """
    strings = pa.array(digits, pa.string()) if isinstance(digits, list) else digits
    if isinstance(strings, pa.ChunkedArray):
        strings = strings.combine_chunks()
    present = pc.fill_null(pc.not_equal(strings, ""), False)
    strings = pc.if_else(present, strings, "0")
    lengths = pc.binary_length(strings).to_numpy(zero_copy_only=False).astype(np.uint64)
    if not pc.all(pc.ascii_is_decimal(strings), min_count=0).as_py() or (lengths > MAX_DIGITS).any():
        raise ValueError(f"pack_digits: every string must be 0 to {MAX_DIGITS} ASCII digits")
    numbers = strings.cast(pa.uint64()).to_numpy(zero_copy_only=False)
    return pack_numbers(numbers, np.where(present.to_numpy(zero_copy_only=False), lengths, np.uint64(0)))


def pack_numbers(numbers: UInt64s, lengths: UInt64s | int) -> UInt64s:
    """Pack unsigned integers as digit strings of the given lengths, filled with leading zeros; length 0 gives 0."""
    rest = np.asarray(numbers, dtype=np.uint64)
    lengths = np.broadcast_to(np.asarray(lengths, dtype=np.uint64), rest.shape)
    packed = lengths << LENGTH_SHIFT
    for position in range(int(lengths.max(initial=0))):
        quotient = rest // _TEN
        packed |= (rest - quotient * _TEN) << (_NIBBLE * np.uint64(position))
        rest = quotient
    return np.where(lengths > 0, packed, np.uint64(0))


def n_digits(packed: UInt64s) -> npt.NDArray[np.uint8]:
    """The number of digits, uint8[n]; 0 missing, 255 a document number that is a hash and not digits."""
    return (np.asarray(packed, dtype=np.uint64) >> LENGTH_SHIFT).astype(np.uint8)


def slice_number(packed: UInt64s, start: int, stop: int, length: int) -> npt.NDArray[np.int64]:
    """The number written in digits ``start:stop`` of packed strings known to hold ``length`` digits, int64[n]."""
    result = np.zeros(np.shape(packed), dtype=np.int64)
    for position in range(start, stop):
        shift = _NIBBLE * np.uint64(length - 1 - position)
        result = result * 10 + ((packed >> shift) & np.uint64(0xF)).astype(np.int64)
    return result


@overload
def unpack_digits(packed: int | np.uint64) -> str: ...
@overload
def unpack_digits(packed: UInt64s) -> pa.StringArray: ...
def unpack_digits(packed: Any) -> Any:
    """The digits of a packed number: a string for a scalar ("" when missing or a document's hash), a string array for
    an array (null there)."""
    if np.ndim(packed) == 0:
        n = int(packed) >> int(LENGTH_SHIFT)
        return "" if n > MAX_DIGITS else "".join(str(int(packed) >> (4 * (n - 1 - i)) & 0xF) for i in range(n))
    lengths = n_digits(packed)
    characters = np.zeros((len(packed), MAX_DIGITS), dtype=np.uint8)
    for n in np.unique(lengths[(lengths > 0) & (lengths <= MAX_DIGITS)]):
        rows = np.flatnonzero(lengths == n)
        shifts = _NIBBLE * np.arange(int(n) - 1, -1, -1, dtype=np.uint64)
        characters[rows, :n] = ((packed[rows, None] >> shifts) & np.uint64(0xF)).astype(np.uint8) + ord("0")
    text = characters.view(f"S{MAX_DIGITS}").ravel()
    strings = pa.array(text, pa.binary()).cast(pa.string()) if len(text) else pa.array([], pa.string())
    return pc.if_else(pa.array((lengths > 0) & (lengths <= MAX_DIGITS)), strings, pa.scalar(None, pa.string()))
