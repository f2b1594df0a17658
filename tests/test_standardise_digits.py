"""Packed digit strings and the reading of each distinct value once."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.standardise.digits import distinct, n_digits, pack_digits, pack_numbers, slice_number, unpack_digits

DIGITS = st.text("0123456789", min_size=1, max_size=14)


def test_the_layout_is_four_bits_a_digit_under_the_length() -> None:
    assert pack_digits(["079"])[0] == 3 << 56 | 0x079
    assert pack_digits(["012345678"])[0] != pack_digits(["000012345678"])[0]
    assert pack_digits([None, "", "0"]).tolist() == [0, 0, 1 << 56]


@given(st.lists(st.none() | DIGITS, max_size=20))
def test_packing_loses_nothing(digits: list[str | None]) -> None:
    packed = pack_digits(digits)
    assert packed.dtype == np.uint64
    assert unpack_digits(packed).to_pylist() == digits
    assert [unpack_digits(one) for one in packed] == [text or "" for text in digits]
    assert n_digits(packed).tolist() == [len(text or "") for text in digits]


@given(DIGITS, st.data())
def test_a_slice_is_the_number_written_there(digits: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(digits) - 1))
    stop = data.draw(st.integers(start + 1, len(digits)))
    assert slice_number(pack_digits([digits]), start, stop, len(digits))[0] == int(digits[start:stop])
    assert pack_numbers(np.array([int(digits)], np.uint64), len(digits))[0] == pack_digits([digits])[0]


@pytest.mark.parametrize("wrong", ["12a", "-1", " 1", "1.0", "１", "123456789012345"])
def test_what_is_not_a_digit_string_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="ASCII digits"):
        pack_digits(["1", wrong])


def test_a_document_hash_has_no_digits() -> None:
    document = np.array([0xFF << 56 | 0x123], dtype=np.uint64)
    assert unpack_digits(document).to_pylist() == [None]
    assert unpack_digits(document[0]) == ""


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "b", "a"]),
        pa.chunked_array([["a", None], ["b", "a"]]),
        pa.chunked_array([["a", None], [], ["b", "a"]], type=pa.string()),
        pa.array(["a", None, "b", "a"], pa.large_string()),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.chunked_array([pa.array(["a", None]).dictionary_encode(), pa.array(["b", "a"]).dictionary_encode()]),
        pa.array(["x", "a", None, "b", "a"]).slice(1),
    ],
)
def test_a_column_of_any_layout_is_read_by_distinct_value(column: pa.Array) -> None:
    found = distinct(column)
    assert found.values.to_pylist() == ["a", "b"]
    assert found.spread(np.array([7, 8], np.uint16), missing=9).tolist() == [7, 9, 8, 7]


@pytest.mark.parametrize("column", [pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.nulls(0)])
def test_an_empty_column(column: pa.Array) -> None:
    assert distinct(column).spread(np.zeros(0, np.uint8)).tolist() == []


def test_a_column_of_nulls() -> None:
    assert distinct(pa.nulls(3)).spread(np.zeros(0, np.uint8), missing=1).tolist() == [1, 1, 1]
