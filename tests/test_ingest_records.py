"""The record kernels against slow twins that share no code with them: a regular expression and the csv module."""

from __future__ import annotations

import csv
import itertools
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkage.ingest import csv_kernels as kernels
from linkage.ingest import name_kernels
from linkage.ingest.beginnings import Beginnings

pytestmark = pytest.mark.kernel

PIECES = st.sampled_from(
    [
        b"a",
        b"bc",
        b'"',
        b'"',
        b'""',
        b",",
        b",",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xe1\xba\xbf",
        b"\xed\xa0\x80",
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map(b"".join)


def scan(
    text: bytes, n_columns: int, n_optional: int = 0, delimiter: bytes = b","
) -> tuple[list[tuple[int, int, int]], int]:
    buffer = np.frombuffer(bytearray(text), np.uint8)
    starts, ends, faults = np.empty(99, np.int64), np.empty(99, np.int64), np.empty(99, np.uint16)
    n, n_breaks, position = kernels.scan_records(
        buffer, 0, len(text), ord(delimiter), n_columns, n_columns - n_optional, True, starts, ends, faults
    )
    assert position == len(text)
    return list(zip(starts[:n].tolist(), ends[:n].tolist(), faults[:n].tolist(), strict=True)), n_breaks


def naive_scan(text: bytes, n_columns: int, n_optional: int = 0, delimiter: bytes = b",") -> list[tuple[int, int, int]]:
    """Records by trying ever more lines until a regular expression of the whole record matches."""
    d = re.escape(delimiter)
    quoted = rb'"(?:[^"]|"")*"'
    field = rb"(?:" + quoted + rb'|(?!")[^\r\n' + d + rb"]*)"
    record = re.compile(field + rb"(?:" + d + field + rb")*")
    open_line = re.compile(rb"(?:" + field + d + rb')*"(?:[^"]|"")*')
    lines = [match.span() for match in re.finditer(rb"[^\r\n]+", text)]
    ends = sorted({match.start() for match in re.finditer(rb"[\r\n]", text)} | {len(text)})
    found = []
    position = 0
    for start, line_end in lines:
        if start < position:
            continue
        end = next((e for e in ends if e >= line_end and record.fullmatch(text, start, e)), None)
        fields = re.findall(rb"(?:^|" + d + rb")(" + field + rb")", text[start:end]) if end is not None else []
        while n_columns and len(fields) > n_columns and not re.search(rb'[^\x00-\x20"]', fields[-1]):
            fields.pop()
        if end is not None and end > line_end:
            swallowed = any(
                n_columns > 2
                and re.search(rb"[\r\n]", content)
                and re.split(rb"[\r\n]", content)[0].count(delimiter) == n_columns - 1 - place
                and re.split(rb"[\r\n]", content)[-1].count(delimiter) == place
                for place, content in enumerate(fields)
            )
            if swallowed or (n_columns and not n_columns - n_optional <= len(fields) <= n_columns):
                end = None
        if end is None:
            end = line_end
            fault = kernels.UNCLOSED_QUOTE if open_line.fullmatch(text, start, line_end) else kernels.STRAY_QUOTE
        else:
            few, many = n_columns and len(fields) < n_columns - n_optional, n_columns and len(fields) > n_columns
            fault = kernels.TOO_FEW_COLUMNS if few else kernels.TOO_MANY_COLUMNS if many else 0
        found.append((start, end, fault | naive_byte_faults(text[start:end])))
        position = end
    return found


def naive_byte_faults(record: bytes) -> int:
    fault = kernels.NUL_BYTE if b"\0" in record else 0
    try:
        record.decode()
    except UnicodeDecodeError:
        fault |= kernels.INVALID_ENCODING
    return fault


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(TEXTS, st.integers(0, 4), st.integers(0, 2))
@example(b'a,"b\nc,d\ne,"f"\n', 2, 0)
@example(b'a,"b,x\nc,d",x\n', 3, 0)
@example(b'"a\n', 2, 0)
@example(b'a"b,"c"d\n', 2, 0)
@example(b'a,b,\na,b,"", ,\na,b,,c\n', 2, 0)
@example(b'a,"b\nc",,\na,"b\nc",,d\na,b\n', 3, 1)
def test_scan_agrees_with_regular_expression(text: bytes, n_columns: int, n_optional: int) -> None:
    n_optional = min(n_optional, max(n_columns - 1, 0))
    records, _ = scan(text, n_columns, n_optional)
    assert records == naive_scan(text, n_columns, n_optional)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS, st.integers(0, 4))
def test_every_byte_is_a_record_or_a_line_end(text: bytes, n_columns: int) -> None:
    records, n_breaks = scan(text, n_columns)
    assert sum(end - start for start, end, _ in records) + n_breaks == len(text)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=12).filter(lambda record: not set(record) & set(b'\r\n"')))
@example("ếđ€😀".encode())
@example(b"\xf4\x90\x80\x80")
@example(b"\xc0\x80")
@example(b"\xe0\x9f\xbf")
@example(b"\xe1\xba")
def test_byte_faults_agree_with_decoder(record: bytes) -> None:
    expected = [(0, len(record), naive_byte_faults(record))] if record else []
    assert scan(record, 0)[0] == expected


CELLS = st.lists(st.sampled_from(["a", "ế", '"', ",", "\n", "\r\n", " ", "x"]), max_size=6).map("".join)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8), st.booleans())
def test_fields_agree_with_csv_module(rows: list[list[str]], quote_all: bool) -> None:
    lines = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"' for row in rows]
    if not quote_all:
        lines = [
            ",".join(c if not set(c) & set('",\r\n') else '"' + c.replace('"', '""') + '"' for c in row) for row in rows
        ]
    text = "\n".join(lines)
    buffer = np.frombuffer(bytearray(text.encode()), np.uint8)
    records, _ = scan(text.encode(), 2)
    assert not any(fault for _, _, fault in records)
    starts = np.array([start for start, _, _ in records], np.int64)
    begins, lengths = np.empty((2, starts.size), np.int64), np.empty((2, starts.size), np.int32)
    kernels.split_fields(buffer, starts, ord(","), np.array([0, 1], np.int32), begins, lengths)
    columns = []
    for column in range(2):
        offsets = np.concatenate([[0], np.cumsum(lengths[column])]).astype(np.int32)
        values = np.empty(offsets[-1], np.uint8)
        kernels.copy_values(buffer, begins[column], offsets, values)
        content = values.tobytes()
        columns.append([content[a:b].decode() for a, b in itertools.pairwise(offsets)])
    lines = re.findall(r"[^\n\r]*(?:\r\n|\n|\r)|[^\n\r]+$", text)
    expected = [row for row in csv.reader(lines, strict=True) if row]
    assert [list(row) for row in zip(*columns, strict=True)] == expected


def naive_line(text: bytes, start: int) -> int:
    """The line that a place at the start of a line is on."""
    return 1 + len(re.findall(rb"\r\n|\r|\n", text[:start]))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
@example(b'a\r\n\r"b\n\nc"\r')
def test_lines_are_numbered_as_by_regular_expression(text: bytes) -> None:
    starts = np.array([0, *(found.end() for found in re.finditer(rb"\r\n|\r|\n", text))], np.int64)
    lines = np.empty(starts.size, np.int64)
    kernels.number_lines(np.frombuffer(bytearray(text), np.uint8), 0, 1, starts, lines)
    assert lines.tolist() == [naive_line(text, start) for start in starts.tolist()]


NAMES = ["dose_id", "mã", "id"]


def naive_begins_with_name(record: bytes) -> bool:
    """By a regular expression; of "mã" the first letter is compared, and that something follows."""
    marks = rb'(?:[\x00-\x20"=]|\xef\xbb\xbf|\xe2\x80[\x8b-\x8f])*'
    return re.match(rb"(?i)" + marks + rb"(?:dose_id|m[\x80-\xff]|id)", record) is not None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(["DOSE_ID", "dose_", "id", "Mã", "m", "M", "\ufeff", "\u200b", '="', " ", ",", "E1"])).map(
        "".join
    )
)
@example("\ufeffdose_id,x")
@example("\ufeff")
def test_names_at_the_start_agree_with_regular_expression(record: str) -> None:
    text = np.frombuffer(bytearray(b"id" + record.encode() + b"dose_id"), np.uint8)
    names, found = Beginnings.of(NAMES), np.empty(1, np.bool_)
    span = np.array([2]), np.array([text.size - 7])
    name_kernels.begin_with_names(text, *span, names.names, names.offsets, names.may_begin, found)
    assert found[0] == naive_begins_with_name(record.encode())


def test_scan_of_a_part_goes_on_where_it_stopped() -> None:
    text = np.frombuffer(bytearray(b'a,b\n"c\nd",e\n\nf,g'), np.uint8)
    starts, ends, faults = np.empty(1, np.int64), np.empty(1, np.int64), np.empty(1, np.uint16)
    position, found = 0, []
    while position < text.size:
        n, _, position = kernels.scan_records(text, position, text.size, ord(","), 2, 2, True, starts, ends, faults)
        found += [text[starts[0] : ends[0]].tobytes()] * n
    assert found == [b"a,b", b'"c\nd",e', b"f,g"]


@pytest.mark.parametrize(
    ("n_bytes", "fault"), [(kernels.MAX_FIELD_BYTES, 0), (kernels.MAX_FIELD_BYTES + 1, kernels.FIELD_TOO_LONG)]
)
def test_field_length_limit(n_bytes: int, fault: int) -> None:
    assert scan(b"a," + b"x" * n_bytes + b"\nb,c", 2)[0][0][2] == fault
