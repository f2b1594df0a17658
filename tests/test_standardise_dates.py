"""Dates as typed."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.standardise.dates import (
    day_of,
    days,
    month_of,
    n_births_outside,
    pack_date,
    pack_datetime64,
    standardise_birth_dates,
    standardise_dates,
    to_iso,
    year_of,
)

LATEST = datetime.date(2022, 8, 31)

EXAMPLES = [
    ("03/08/1985", "1985-08-03"),
    ("3/8/1985", "1985-08-03"),
    ("3-8-1985", "1985-08-03"),
    ("03.08.1985", "1985-08-03"),
    ("03 08 1985", "1985-08-03"),
    (" 03 / 08 / 1985 ", "1985-08-03"),
    ("03\\08\\1985", "1985-08-03"),
    ("'03/08/1985", "1985-08-03"),
    ("０３/０８/１９８５", "1985-08-03"),
    ("1985-08-03", "1985-08-03"),
    ("1985/8/3", "1985-08-03"),
    ("1985-08-03T00:00:00", "1985-08-03"),
    ("1985-08-03 00:00:00", "1985-08-03"),
    ("1985-08-03T07:00:00.000+07:00", "1985-08-03"),
    ("03/08/1985 12:00:00 SA", "1985-08-03"),
    ("07:30 03/08/1985", "1985-08-03"),
    ("19850803", "1985-08-03"),
    ("03081985", "1985-08-03"),
    ("3081985", "1985-08-03"),
    ("19121920", "1920-12-19"),
    ("ngày 3 tháng 8 năm 1985", "1985-08-03"),
    ("12/25/1990", "1990-12-25"),
    ("1990-25-12", "1990-12-25"),
    ("12/11/1990", "1990-11-12"),
    ("08/1985", "1985-08"),
    ("1985-08", "1985-08"),
    ("tháng 8/1985", "1985-08"),
    ("1956", "1956"),
    ("1980.0", "1980"),
    ("năm 1956", "1956"),
    ("sinh 1956", "1956"),
    ("Sinh năm 1956", "1956"),
    ("SN 1956", "1956"),
    ("00/00/1956", "1956"),
    ("0/8/1956", "1956-08"),
    ("5/0/1956", "1956"),
    ("30/02/1956", "1956-02-30"),
    ("31/04/1956", "1956-04-31"),
    ("44197", "2021-01-01"),
    ("31262", "1985-08-03"),
    ("31262.5", "1985-08-03"),
    ("31262.0", "1985-08-03"),
    ("3/8/85", "1985-08-03"),
    ("5/5/21", "2021-05-05"),
    ("5/5/23", "1923-05-05"),
    ("5/12/22", "1922-12-05"),
    ("01/01/00", "2000-01-01"),
    ("15/03/1900", "1900-03-15"),
    # nothing to be known
    ("01/01/1900", None),
    ("1/1/1900", None),
    ("1900-01-01", None),
    ("19000101", None),
    ("1900", None),
    ("1899-05-05", None),
    ("01/09/2022", None),
    ("2023", None),
    ("60000", None),
    ("9999", None),
    ("45/13/1956", None),
    ("32/01/1956", None),
    ("13/13/1956", None),
    ("không rõ", None),
    ("12345", "1933-10-18"),
    ("1234", None),
    ("051283", "1983-12-05"),
    ("311299", "1999-12-31"),
    ("831205", "1983-12-05"),
    ("198305", "1983-05"),
    ("051225", None),  # 05/12/1925 or 25/12/2005
    ("051260", "1960-12-05"),  # of 2060 it would be in the future
    ("201205", None),  # 20/12/05, 05/12/20 or 05/2012
    ("010203", None),
    ("123456", None),
    ("056", None),
    ("56", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("raw", "iso"), EXAMPLES)
def test_births(raw: str | None, iso: str | None) -> None:
    assert to_iso(standardise_birth_dates(pa.array([raw], pa.string()), latest=LATEST)).to_pylist() == [iso]


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("03/08/1885", "1885-08-03"),
        ("1847", "1847"),
        ("18470203", "1847-02-03"),
        ("03021847", "1847-02-03"),
        ("1900-01-01", None),
        ("1900-01-02", "1900-01-02"),
        ("1900", "1900"),
        ("18041975", "1975-04-18"),
        ("1799-12-31", None),
    ],
)
def test_births_of_a_historical_file(raw: str, iso: str | None) -> None:
    texts = pa.array([raw])
    packed = standardise_birth_dates(texts, latest=LATEST, first_year=1800)
    assert to_iso(packed).to_pylist() == [iso]
    assert standardise_dates(texts, first_year=1800).tolist() == packed.tolist()


def test_births_before_a_year_and_after_a_day_are_counted() -> None:
    raw = pa.chunked_array([["1847-02-03", "3/8/1985", None, "1900"], ["1847-02-03", "1799", "01/01/1900", ""]])
    late = pa.chunked_array([["2031-01-02", LATEST.isoformat(), "ngày 2 tháng 1 năm 2031", "02/01/31"]])
    assert n_births_outside(raw, 1900, LATEST) == (2, 0)
    assert n_births_outside(late, 1900, LATEST) == (0, 2)


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("03/08/2021", "2021-08-03"),
        ("2021-08-03T09:12:33", "2021-08-03"),
        ("3/8/21", "2021-08-03"),
        ("3/8/30", "2030-08-03"),
        ("3/8/98", "1998-08-03"),
        ("44411", "2021-08-03"),
        ("2035-01-31", "2035-01-31"),
        ("01/01/1900", None),
        ("2200", None),
        ("", None),
    ],
)
def test_doses(raw: str, iso: str | None) -> None:
    assert to_iso(standardise_dates(pa.array([raw]))).to_pylist() == [iso]


def test_a_column_is_its_values_one_by_one() -> None:
    raw = [example[0] for example in EXAMPLES]
    packed = standardise_birth_dates(pa.chunked_array([raw[:20], raw[20:], raw], pa.string()), latest=LATEST)
    assert packed.dtype == np.uint32
    assert to_iso(packed).to_pylist() == [example[1] for example in EXAMPLES] * 2


@given(st.dates(datetime.date(1900, 1, 2), LATEST))
def test_every_way_to_write_a_date_is_read(date: datetime.date) -> None:
    day, month, year = date.day, date.month, date.year
    serial = (date - datetime.date(1899, 12, 30)).days
    forms = [
        date.isoformat(),
        f"{day}/{month}/{year}",
        f"{day:02}.{month:02}.{year}",
        f"{date:%Y%m%d}",
        f"{date:%d%m%Y}",
    ]
    forms += [f"{month}/{day}/{year}"] if day > 12 else []
    forms += [str(serial), f"{serial}.25"] if serial >= 10_000 else []
    packed = standardise_birth_dates(pa.array(forms), latest=LATEST)
    assert to_iso(packed).to_pylist() == [date.isoformat()] * len(forms)
    assert days(packed).tolist() == [date.toordinal()] * len(forms)
    assert pack_datetime64(np.array([date], "datetime64[D]"))[0] == packed[0]


@given(st.lists(st.none() | st.text(max_size=14) | st.from_regex(r"[0-9/. :T\-]{1,19}", fullmatch=True), max_size=9))
def test_any_text_gives_a_possible_date_or_none(raw: list[str | None]) -> None:
    packed = standardise_birth_dates(pa.array(raw, pa.string()), latest=LATEST)
    assert len(packed) == len(raw)
    known = packed > 0
    assert ((year_of(packed)[known] >= 1900) & (packed[known] <= pack_date(2022, 8, 31))).all()
    assert ((month_of(packed) <= 12) & (day_of(packed) <= 31)).all()
    assert (day_of(packed)[month_of(packed) == 0] == 0).all()
    assert standardise_birth_dates(to_iso(packed), latest=LATEST).tolist() == packed.tolist()


def test_parts_and_order() -> None:
    packed = pack_date([1956, 1956, 1956, 0], [2, 2, 0, 0], [30, 0, 0, 0])
    assert year_of(packed).tolist() == [1956, 1956, 1956, 0]
    assert month_of(packed).tolist() == [2, 2, 0, 0]
    assert day_of(packed).tolist() == [30, 0, 0, 0]
    assert sorted(packed.tolist()) == packed.tolist()[::-1]
    assert packed[0] == 1956 << 9 | 2 << 5 | 30


def test_days_exist_only_for_dates_that_do() -> None:
    packed = pack_date([2021, 2020, 2021, 1900, 1956, 0, 2021], [2, 2, 2, 2, 2, 0, 12], [28, 29, 29, 29, 0, 0, 31])
    feb, leap, end = (datetime.date(*d).toordinal() for d in ((2021, 2, 28), (2020, 2, 29), (2021, 12, 31)))
    assert days(packed).tolist() == [feb, leap, -1, -1, -1, -1, end]


def test_no_time_is_no_date() -> None:
    assert pack_datetime64(np.array(["NaT", "1969-12-31"], "datetime64[D]")).tolist() == [0, pack_date(1969, 12, 31)]
