"""Phone numbers as typed."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.standardise.digits import n_digits, unpack_digits
from linkage.standardise.phones import standardise_phones

MIGRATION = Path(__file__).parents[2] / "shared" / "data" / "identifiers" / "mobile_prefix_migration_2018.csv"

EXAMPLES = [
    ("0901234567", "0901234567"),
    ("+84901234567", "0901234567"),
    ("84901234567", "0901234567"),
    ("0084 901 234 567", "0901234567"),
    ("+84 (0) 901 234 567", "0901234567"),
    ("(+84) 901234567", "0901234567"),
    ("0901 234 567", "0901234567"),
    ("0901.234.567", "0901234567"),
    ("090-123-4567", "0901234567"),
    ("'0901234567", "0901234567"),
    ("０９０１２３４５６７", "0901234567"),
    ("901234567", "0901234567"),
    ("901234567.0", "0901234567"),
    ("ĐT: 0901234567", "0901234567"),
    ("0901234567 (con)", "0901234567"),
    ("0841234567", "0841234567"),
    ("841234567", "0841234567"),
    # the prefixes of 2018
    ("01201234567", "0701234567"),
    ("1201234567", "0701234567"),
    ("+841691234567", "0391234567"),
    ("01991234567", "0591234567"),
    # landlines
    ("02838221234", "02838221234"),
    ("(028) 3822 1234", "02838221234"),
    ("2838221234", "02838221234"),
    ("0438221234", "0438221234"),
    # several in one cell
    ("0901234567/0912345679", "0901234567"),
    ("0901234567 - 0912345679", "0901234567"),
    ("0901234567 0912345679", "0901234567"),
    ("0901234567, 01201234567", "0901234567"),
    ("0901234567 01201234567", "0901234567"),
    # none
    ("0900000000", ""),
    ("0999999999", ""),
    ("0000000000", ""),
    ("0123456789", ""),
    ("0987654321", ""),
    ("0912345678", ""),
    ("0930000000", ""),
    ("12345678", ""),
    ("01111234567", ""),
    ("09012345678", ""),
    ("19001234", ""),
    ("không có", ""),
    ("0", ""),
    ("", ""),
    (None, ""),
]


@pytest.mark.parametrize(("raw", "digits"), EXAMPLES)
def test_examples(raw: str | None, digits: str) -> None:
    assert unpack_digits(standardise_phones(pa.array([raw], pa.string()))[0]) == digits


def test_a_column_is_its_values_one_by_one() -> None:
    raw = [example[0] for example in EXAMPLES]
    packed = standardise_phones(pa.chunked_array([raw, raw], pa.string()))
    assert packed.dtype == np.uint64
    assert [unpack_digits(one) for one in packed] == [example[1] for example in EXAMPLES] * 2


@given(st.sampled_from("35789"), st.integers(10**7 + 3, 10**8 - 1).filter(lambda tail: tail % 10**7))
def test_every_way_to_write_a_mobile_number_is_one_number(operator: str, tail: int) -> None:
    national = f"{operator}{tail:08}"
    forms = [f"0{national}", f"+84{national}", f"84{national}", f"0084{national}", national, f"0{national}/0283822"]
    assert len(set(standardise_phones(pa.array(forms)).tolist())) == 1


@given(st.lists(st.none() | st.text(max_size=20) | st.from_regex(r"[0-9+ ./;\-]{6,26}", fullmatch=True), max_size=9))
def test_any_text_gives_ten_or_eleven_digits_or_none(raw: list[str | None]) -> None:
    packed = standardise_phones(pa.array(raw, pa.string()))
    assert len(packed) == len(raw)
    assert np.isin(n_digits(packed), (0, 10, 11)).all()
    assert standardise_phones(unpack_digits(packed)).tolist() == packed.tolist()


@pytest.mark.skipif(not MIGRATION.exists(), reason="reference table is not here")
def test_all_prefixes_of_2018_moved() -> None:
    with MIGRATION.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    moved = standardise_phones(pa.array([row["old_prefix_11digit"] + "1234567" for row in rows]))
    assert unpack_digits(moved).to_pylist() == [row["new_prefix_10digit"] + "1234567" for row in rows]
    assert len(rows) == 21
