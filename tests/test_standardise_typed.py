"""The usual spellings of numbers and dates: kernels against twins, and the quick reading against the rules."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkage.machine.text_bytes import text_bytes
from linkage.standardise.dates import standardise_birth_dates, standardise_dates
from linkage.standardise.digits import bare_digits
from linkage.standardise.identifiers import FINE, REPAIRED, standardise_ids
from linkage.standardise.phones import standardise_phones
from linkage.standardise.typed_kernels import read_parts
from tests import naive

pytestmark = pytest.mark.kernel

NUMBER = st.text("0123456789", min_size=1, max_size=4)
DATE = st.tuples(NUMBER, st.sampled_from("/-. "), NUMBER, st.sampled_from("/-./"), NUMBER).map("".join)
DIGITS = st.text("0123456789", min_size=0, max_size=16)
REPEATED = st.tuples(st.sampled_from("0123456789"), st.sampled_from([9, 12])).map(lambda r: r[0] * r[1])
PHONE = st.from_regex(r"0[0-9]{9}", fullmatch=True)
ANY = st.one_of(DATE, DIGITS, REPEATED, PHONE, st.text("0123456789/-.x ế", max_size=8))
LATEST = datetime.date(2021, 12, 31)


@given(st.lists(ANY))
@example(["", "0", "00000000000000", "99999999999999", "123456789012345", "12a", "١٢"])
def test_bare_digits_equal_their_twin(texts: list[str]) -> None:
    digits = bare_digits(pa.array(["skipped", *texts], pa.string()).slice(1))
    found = list(zip(digits.value.tolist(), digits.packed.tolist(), digits.is_other.tolist(), strict=True))
    assert found == naive.read_digits(texts)


@given(st.lists(ANY))
@example(
    ["", "1975", "1/2/1975", "01-02-1975", "1975.01.02", "1975-1", "1/2/75", "1/2/19755", "1/2/1975 ", "/1/2/1975"]
)
@example(["1975", "1975/", "1975-01-02-", "01/022/1975", "12345"])
def test_parts_of_dates_equal_their_twin(texts: list[str]) -> None:
    parts, is_other = np.empty((3, len(texts)), np.uint32), np.empty(len(texts), np.bool_)
    read_parts(*text_bytes(pa.array(texts, pa.string())), parts, is_other)
    assert list(zip(map(tuple, parts.T.tolist()), is_other.tolist(), strict=True)) == naive.read_parts(texts)


@given(st.lists(ANY, min_size=1))
@example(["01/01/1900", "1900", "31/12/2021", "01/01/2022", "13/13/1980", "05/31/1980", "1980/00/00", "00/00/1980"])
@example(["079085123456", "012345678", "000000000000", "111111111", "079000000000", "997085123456", "990000001"])
@example(["0912345678", "0123456789", "0212345678", "0012345678", "0912000000"])
def test_the_usual_spelling_is_read_as_the_rules_read_it(texts: list[str]) -> None:
    """A blank behind a value is no difference, and sends it to the rules."""
    plain, blank = pa.array(texts, pa.string()), pa.array([f"{text} " for text in texts], pa.string())
    assert standardise_phones(plain).tolist() == standardise_phones(blank).tolist()
    assert standardise_dates(plain).tolist() == standardise_dates(blank).tolist()
    born, born_by_rules = (standardise_birth_dates(raw, latest=LATEST) for raw in (plain, blank))
    assert born.tolist() == born_by_rules.tolist()
    ids, by_rules = standardise_ids(plain), standardise_ids(blank)
    assert ids.number.tolist() == by_rules.number.tolist()
    assert ids.kind.tolist() == by_rules.kind.tolist()
    is_mended = (ids.fault == FINE) & (by_rules.fault == REPAIRED)
    assert (is_mended | (ids.fault == by_rules.fault)).all()


def test_nulls_are_missing_whatever_lies_beneath() -> None:
    hidden = pa.array(["0912345678", "01/02/1975", "079085123456"])
    nulls = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(b"\0"), *hidden.buffers()[1:]])
    assert standardise_phones(nulls).tolist() == standardise_dates(nulls).tolist() == [0, 0, 0]
    assert standardise_ids(nulls).number.tolist() == [0, 0, 0]
