"""Identity and insurance numbers: what is read from what was typed."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.standardise.digits import pack_digits, unpack_digits
from linkage.standardise.identifiers import (
    contradictions,
    inner_birth_year,
    inner_sex,
    standardise_ids,
    standardise_insurance,
)

CODES = Path(__file__).parents[2] / "shared" / "data" / "identifiers"

NONE, PERSONAL, CMND, DOCUMENT = range(4)
FINE, MISSING, BAD, REPAIRED = range(4)

EXAMPLES = [
    # as it should be
    ("079123456789", "079123456789", PERSONAL, FINE),
    ("001300000001", "001300000001", PERSONAL, FINE),
    ("295199012345", "295199012345", PERSONAL, FINE),
    ("250123456", "250123456", CMND, FINE),
    ("012345679", "012345679", CMND, FINE),
    ("389999998", "389999998", CMND, FINE),
    # damage that leaves one reading
    ("79123456789", "079123456789", PERSONAL, REPAIRED),
    ("1123456789", "001123456789", PERSONAL, REPAIRED),
    ("8300012345", "008300012345", PERSONAL, REPAIRED),
    ("25012345", "025012345", CMND, REPAIRED),
    ("079123456789.0", "079123456789", PERSONAL, REPAIRED),
    ("79123456789.0", "079123456789", PERSONAL, REPAIRED),
    ("250123456.0", "250123456", CMND, REPAIRED),
    ("250123456,00", "250123456", CMND, REPAIRED),
    ("079O85O12345", "079085012345", PERSONAL, REPAIRED),
    ("0790850I2345", "079085012345", PERSONAL, REPAIRED),
    ("02412345O", "024123450", CMND, REPAIRED),
    ("7.9123456789E+10", "079123456789", PERSONAL, REPAIRED),
    ("7,9123456789e10", "079123456789", PERSONAL, REPAIRED),
    ("1.085345671E+09", "001085345671", PERSONAL, REPAIRED),
    ("1,085345671E+09", "001085345671", PERSONAL, REPAIRED),
    ("2.50123456E+08", "250123456", CMND, REPAIRED),
    (" 079123456789 ", "079123456789", PERSONAL, REPAIRED),
    ("079 123 456 789", "079123456789", PERSONAL, REPAIRED),
    ("079\u00a0123\u00a0456\u00a0789", "079123456789", PERSONAL, REPAIRED),
    ("079.123.456.789", "079123456789", PERSONAL, REPAIRED),
    ("079.123.456.000", "079123456000", PERSONAL, REPAIRED),
    ("079-123-456-789", "079123456789", PERSONAL, REPAIRED),
    ("'079123456789", "079123456789", PERSONAL, REPAIRED),
    ('="079123456789"', "079123456789", PERSONAL, REPAIRED),
    ("\u200b079123456789\ufeff", "079123456789", PERSONAL, REPAIRED),
    ("０７９１２３４５６７８９", "079123456789", PERSONAL, REPAIRED),
    ("CCCD: 079123456789", "079123456789", PERSONAL, REPAIRED),
    ("cccd079123456789", "079123456789", PERSONAL, REPAIRED),
    ("Số CCCD 79123456789", "079123456789", PERSONAL, REPAIRED),
    ("CMND số 250 123 456", "250123456", CMND, REPAIRED),
    ("250123456 (mẹ)", "250123456", CMND, REPAIRED),
    ("250123456/068123456789", "068123456789", PERSONAL, REPAIRED),
    # documents
    ("B1234567", "document", DOCUMENT, FINE),
    ("ab 123456", "document", DOCUMENT, FINE),
    ("HC: C1234567", "document", DOCUMENT, FINE),
    # no number
    (None, "", NONE, MISSING),
    ("", "", NONE, MISSING),
    ("   ", "", NONE, MISSING),
    ("0", "", NONE, MISSING),
    ("-", "", NONE, MISSING),
    ("không có", "", NONE, MISSING),
    ("Chưa có CCCD", "", NONE, MISSING),
    ("n/a", "", NONE, MISSING),
    ("000000000000", "", NONE, MISSING),
    ("999999999", "", NONE, MISSING),
    ("111111111111", "", NONE, MISSING),
    ("123456789", "", NONE, MISSING),
    ("012345678", "", NONE, MISSING),
    ("987654321", "", NONE, MISSING),
    ("012345678910", "", NONE, MISSING),
    ("123456789012", "", NONE, MISSING),
    ("079000000000", "", NONE, MISSING),
    ("CCCD: 000000000", "", NONE, MISSING),
    # bad format; 12 and 9 digits are kept
    ("003123456789", "003123456789", PERSONAL, BAD),
    ("097123456789", "097123456789", PERSONAL, BAD),
    ("296123456789", "296123456789", PERSONAL, BAD),
    ("399123456", "399123456", CMND, BAD),
    ("000123456", "000123456", CMND, BAD),
    ("3.8E+10", "", NONE, BAD),
    ("7.9E+10", "", NONE, BAD),
    ("7.91234E+10", "", NONE, BAD),
    ("3E+10", "", NONE, BAD),
    ("1.085345671E+10", "", NONE, BAD),
    ("0791234567", "", NONE, BAD),
    ("01012345678", "01012345678", NONE, BAD),
    ("7912345678", "", NONE, BAD),
    ("79923456789", "79923456789", NONE, BAD),
    ("0791234567890", "0791234567890", NONE, BAD),
    ("12A456789", "", NONE, BAD),
    ("ABC1234567", "", NONE, BAD),
    ("12", "", NONE, BAD),
]


@pytest.mark.parametrize(("raw", "digits", "kind", "fault"), EXAMPLES)
def test_examples(raw: str | None, digits: str, kind: int, fault: int) -> None:
    ids = standardise_ids(pa.array([raw], pa.string()))
    assert (ids.kind[0], ids.fault[0]) == (kind, fault)
    if digits == "document":
        assert int(ids.number[0]) >> 56 == 0xFF
    else:
        assert unpack_digits(ids.number[0]) == digits


def test_a_column_is_its_values_one_by_one() -> None:
    raw = [example[0] for example in EXAMPLES] * 2
    together = standardise_ids(pa.chunked_array([raw[:30], raw[30:]], pa.string()))
    for row, one in enumerate(raw):
        alone = standardise_ids(pa.array([one], pa.string()))
        expected = (alone.number[0], alone.kind[0], alone.fault[0])
        assert (together.number[row], together.kind[row], together.fault[row]) == expected
    assert (together.number.dtype, together.kind.dtype, together.fault.dtype) == (np.uint64, np.uint8, np.uint8)


def test_documents_are_told_apart_and_stay_the_same() -> None:
    ids = standardise_ids(pa.array(["B1234567", "B1234568", "b 1234567", "C1234567"]))
    assert len(set(ids.number.tolist())) == 3
    assert ids.number[0] == ids.number[2] == 0xFF5241FE4820107A


@given(
    st.lists(st.none() | st.text(max_size=20) | st.from_regex(r"[0-9 .,E+\-A-Z']{5,16}", fullmatch=True), max_size=9)
)
def test_any_text_has_exactly_one_outcome(raw: list[str | None]) -> None:
    ids = standardise_ids(pa.array(raw, pa.string()))
    assert len(ids.number) == len(raw)
    assert ((ids.number == 0) == (ids.kind == NONE)).all()
    assert (ids.kind[ids.fault == MISSING] == NONE).all()
    assert (ids.kind[np.isin(ids.fault, (FINE, REPAIRED))] != NONE).all()


@given(st.sampled_from([1, 2, 8, 10, 79, 96, 101, 295]), st.integers(0, 3), st.integers(0, 99), st.integers(1, 499_999))
def test_a_number_read_from_its_spreadsheet_form_is_the_number(place: int, century: int, year: int, rest: int) -> None:
    digits = f"{place:03}{century}{year:02}{rest:06}"
    for form in (str(int(digits)), f"{int(digits)}.0", f"{int(digits):,}", digits, f"CCCD {digits}"):
        number = standardise_ids(pa.array([form])).number[0]
        assert unpack_digits(number) == digits


def test_what_the_digits_say() -> None:
    numbers = pack_digits(["079085123456", "079199123456", "001205123456", "295305123456", "003085123456", "250123456"])
    numbers = np.append(numbers, [np.uint64(0), np.uint64(0xFF << 56 | 7)])
    assert inner_sex(numbers).tolist() == [1, 2, 1, 2, 1, 0, 0, 0]
    assert inner_birth_year(numbers).tolist() == [1985, 1999, 2005, 2005, 1985, 0, 0, 0]


def test_contradictions_need_both_sides() -> None:
    ids = standardise_ids(pa.array(["079085123456"] * 6 + ["250123456", None]))
    sex = np.array([1, 2, 1, 2, 0, 2, 2, 2], np.uint8)
    year = np.array([1985, 1985, 1986, 1986, 0, 0, 1986, 1986], np.uint16)
    assert contradictions(ids.number, sex, year).tolist() == [0, 1, 2, 3, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("DN4797912345678", "7912345678"),
        ("GD 4 79 79 1234 5678", "7912345678"),
        ("gd-4-79-7912345678", "7912345678"),
        ("7912345678", "7912345678"),
        ("7912345678.0", "7912345678"),
        ("0112345678", "0112345678"),
        ("112345678", "0112345678"),
        ("791234567", "0791234567"),
        ("TE1797912345678", "7912345678"),
        ("DN47979123456", ""),
        ("79123456789", ""),
        ("0000000000", ""),
        ("1234567890", ""),
        ("7900000000", ""),
        ("không", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_insurance(raw: str | None, digits: str) -> None:
    assert unpack_digits(standardise_insurance(pa.array([raw], pa.string()))[0]) == digits


@pytest.mark.skipif(not CODES.is_dir(), reason="reference codes are not here")
def test_every_published_place_is_valid_and_no_other() -> None:
    published = set()
    for name in ("cccd_province_codes.csv", "cccd_country_codes.csv"):
        with (CODES / name).open(encoding="utf-8-sig", newline="") as file:
            published |= {row["code"] for row in csv.DictReader(file)}
    places = [f"{place:03}" for place in range(1000)]
    fault = standardise_ids(pa.array([place + "085123456" for place in places])).fault
    assert {place for place, found in zip(places, fault, strict=True) if found == FINE} == published
