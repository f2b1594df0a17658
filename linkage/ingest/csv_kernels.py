"""Byte kernels of the CSV reader: record boundaries, faults and field positions, without a Python object per row.

Grammar (RFC 4180, and what stations really send): a record ends at LF, CRLF or a lone CR; blank lines are no records;
a field that begins with a quote ends at the next quote that is not doubled, and only a delimiter or the end of the
record may follow; a quote inside an unquoted field is text. A quote that does not close by these rules costs its own
line only: the scan resumes on the next line, so that good lines after it survive. Empty fields behind the last column
are no fields, and the columns without a name at the end of a header need not be in a record.

``text`` is uint8[n_bytes], UTF-8 without byte order mark. Positions are byte offsets in it, int64.
"""

from __future__ import annotations

import numba as nb
import numpy as np

kernel = nb.njit(cache=True, nogil=True, error_model="numpy")

LF = 10
CR = 13
SPACE = 32
QUOTE = 34
MAX_FIELD_BYTES = 65_536

# Fault bits of a record, named for users in linkage.ingest.reasons.
UNCLOSED_QUOTE = 1
STRAY_QUOTE = 2
NUL_BYTE = 4
INVALID_ENCODING = 8
TOO_FEW_COLUMNS = 16
TOO_MANY_COLUMNS = 32
FIELD_TOO_LONG = 64


@kernel
def scan_records(
    text: np.ndarray,  # uint8[n_bytes]
    position: int,  # where to begin: the start of a line
    stop: int,  # begin no record at or after this offset
    delimiter: int,
    n_columns: int,  # of the header; 0 = any number is right
    n_least: int,  # columns that a record must have: those up to the last one with a name
    check_bytes: bool,  # False when the whole text is known to be valid UTF-8 without NUL
    starts: np.ndarray,  # int64[capacity], out
    ends: np.ndarray,  # int64[capacity], out: first byte after the record, its line end not included
    faults: np.ndarray,  # uint16[capacity], out: fault bits, 0 = sound
) -> tuple[int, int, int]:
    """Boundaries and faults of the next records: (n_records, n_bytes of line ends and blank lines, next position)."""
    n = 0
    n_breaks = 0
    while position < stop and n < starts.size:
        byte = text[position]
        if byte in (LF, CR):
            position += 1
            n_breaks += 1
            continue
        end, n_fields, longest, fault = _scan_record(text, position, delimiter, n_columns, n_least)
        if fault == 0 and n_columns > 0:
            if n_fields < n_least:
                fault |= TOO_FEW_COLUMNS
            elif n_fields > n_columns:
                fault |= TOO_MANY_COLUMNS
        if longest > MAX_FIELD_BYTES:
            fault |= FIELD_TOO_LONG
        if check_bytes:
            fault |= _byte_faults(text, position, end)
        starts[n] = position
        ends[n] = end
        faults[n] = fault
        n += 1
        position = end
    return n, n_breaks, position


@kernel
def number_lines(
    text: np.ndarray,  # uint8[n_bytes]
    position: int,  # the start of a line
    line: int,  # its number, from 1
    starts: np.ndarray,  # int64[n] ascending, from ``position`` on
    lines: np.ndarray,  # int64[n], out
) -> None:
    """The line that each offset is on, as a person counts who has the text open: those in quotes, and blank ones."""
    for n in range(starts.size):
        while position < starts[n]:
            if text[position] == LF or (text[position] == CR and text[min(position + 1, text.size - 1)] != LF):
                line += 1
            position += 1
        lines[n] = line


@kernel
def _scan_record(
    text: np.ndarray, start: int, delimiter: int, n_columns: int, n_least: int
) -> tuple[int, int, int, int]:
    """One record from ``start``: (end, n_fields, bytes of the longest field, quote fault)."""
    i = start
    n_fields = 1
    n_surplus = 0  # fields behind the last column that state something, and those before them
    longest = 0
    first_break = -1  # the first line end inside quotes: where the record is cut when its quotes prove wrong
    while True:
        field_start = i
        if i < text.size and text[i] == QUOTE:
            close, line_break, swallows = _scan_quoted(text, i + 1, delimiter, n_fields - 1, n_columns)
            if first_break < 0:
                first_break = line_break
            if close < 0 or swallows or not _ends_field(text, close + 1, delimiter):
                return _cut(text, start, first_break, close < 0)
            i = close + 1
        else:
            while i < text.size and text[i] != delimiter and text[i] != LF and text[i] != CR:
                i += 1
        longest = max(longest, i - field_start)
        if 0 < n_columns < n_fields and _states(text, field_start, i):
            n_surplus = n_fields
        if i == text.size or text[i] != delimiter or (first_break >= 0 and n_surplus > 0):
            break
        n_fields += 1
        i += 1
    if 0 < n_columns < n_fields:
        n_fields = max(n_columns, n_surplus)
    if first_break >= 0 and n_columns > 0 and not n_least <= n_fields <= n_columns:
        return _cut(text, start, first_break, True)
    return i, n_fields, longest, 0


@kernel
def _states(text: np.ndarray, start: int, end: int) -> bool:
    """Whether a field holds anything but blanks and its quotes."""
    i = start
    while i < end and (text[i] <= SPACE or text[i] == QUOTE):
        i += 1
    return i < end


@kernel
def _scan_quoted(text: np.ndarray, i: int, delimiter: int, n_before: int, n_columns: int) -> tuple[int, int, bool]:
    """A quoted field from its first byte: (closing quote or -1, first line end in it or -1, looks like two records).

    Two stray quotes in the same column of two lines also make a well-formed field. It is told by its delimiters: those
    before its first line end complete the first line, and those after its last one begin a line up to this column.
    """
    first_break = -1
    n_first = 0
    n_last = 0
    while i < text.size:
        byte = text[i]
        if byte == QUOTE:
            if i + 1 < text.size and text[i + 1] == QUOTE:
                i += 1
            else:
                swallows = first_break >= 0 and n_columns > 2 and n_first == n_columns - 1 - n_before
                return i, first_break, swallows and n_last == n_before
        elif byte in (LF, CR):
            if first_break < 0:
                first_break = i
            n_last = 0
        elif byte == delimiter:
            n_last += 1
            if first_break < 0:
                n_first += 1
        i += 1
    return -1, first_break, False


@kernel
def _ends_field(text: np.ndarray, i: int, delimiter: int) -> bool:
    """Whether a field may end before byte ``i``."""
    return i == text.size or text[i] == delimiter or text[i] == LF or text[i] == CR


@kernel
def _cut(text: np.ndarray, start: int, first_break: int, open_quote: bool) -> tuple[int, int, int, int]:
    """The record as its first line alone, with the quote fault that it has."""
    if first_break >= 0:
        return first_break, 0, 0, UNCLOSED_QUOTE
    i = start
    while i < text.size and text[i] != LF and text[i] != CR:
        i += 1
    return i, 0, 0, UNCLOSED_QUOTE if open_quote else STRAY_QUOTE


@kernel
def _byte_faults(text: np.ndarray, start: int, end: int) -> int:
    """NUL bytes and broken UTF-8 in a record (Unicode 15, table 3-7: no overlong forms, no surrogates)."""
    fault = 0
    i = start
    while i < end:
        byte = text[i]
        i += 1
        if byte == 0:
            fault |= NUL_BYTE
        if byte < 0x80:
            continue
        low, high, n_more = 0x80, 0xBF, 0
        if 0xC2 <= byte <= 0xDF:
            n_more = 1
        elif 0xE0 <= byte <= 0xEF:
            n_more = 2
            low = 0xA0 if byte == 0xE0 else 0x80
            high = 0x9F if byte == 0xED else 0xBF
        elif 0xF0 <= byte <= 0xF4:
            n_more = 3
            low = 0x90 if byte == 0xF0 else 0x80
            high = 0x8F if byte == 0xF4 else 0xBF
        if n_more == 0:
            fault |= INVALID_ENCODING
        while n_more > 0:
            if i >= end or text[i] < low or text[i] > high:
                fault |= INVALID_ENCODING
                break
            low, high = 0x80, 0xBF
            i += 1
            n_more -= 1
    return fault


@kernel
def split_fields(
    text: np.ndarray,  # uint8[n_bytes]
    starts: np.ndarray,  # int64[n_records], of sound records only
    delimiter: int,
    slots: np.ndarray,  # int32[n]: row of the outputs for each column up to the last one wanted, -1 = not wanted
    begins: np.ndarray,  # int64[n_slots, n_records], out: first byte of the value, after its opening quote
    lengths: np.ndarray,  # int32[n_slots, n_records], out: bytes of the value, doubled quotes counted once
) -> None:
    """Where the value of every wanted field lies."""
    for row in range(starts.size):
        i = starts[row]
        for column in range(slots.size):
            begin = i
            if i < text.size and text[i] == QUOTE:
                begin += 1
                i, length = _quoted_length(text, begin)
            else:
                while i < text.size and text[i] != delimiter and text[i] != LF and text[i] != CR:
                    i += 1
                length = i - begin
            i += 1
            if slots[column] >= 0:
                begins[slots[column], row] = begin
                lengths[slots[column], row] = length


@kernel
def _quoted_length(text: np.ndarray, begin: int) -> tuple[int, int]:
    """A quoted field from its first byte: (first byte after its closing quote, bytes of its value)."""
    i = begin
    n_doubled = 0
    while True:
        if text[i] == QUOTE:
            if i + 1 == text.size or text[i + 1] != QUOTE:
                return i + 1, i - begin - n_doubled
            n_doubled += 1
            i += 1
        i += 1


@kernel
def copy_values(
    text: np.ndarray,  # uint8[n_bytes]
    begins: np.ndarray,  # int64[n_records]
    offsets: np.ndarray,  # int32[n_records + 1], where each value begins in ``values``
    values: np.ndarray,  # uint8[offsets[-1]], out
) -> None:
    """Values of one column, end to end, with doubled quotes made single."""
    for row in range(begins.size):
        source = begins[row]
        # Only a quoted field is preceded by a quote: an unquoted one follows a delimiter, a line end or nothing.
        if source > 0 and text[source - 1] == QUOTE:
            for target in range(offsets[row], offsets[row + 1]):
                values[target] = text[source]
                source += 2 if text[source] == QUOTE else 1
        else:
            shift = source - offsets[row]
            for target in range(offsets[row], offsets[row + 1]):
                values[target] = text[target + shift]
