"""Phone numbers of any country."""

from __future__ import annotations

import pyarrow as pa
import pytest

from linkage.standardise.digits import unpack_digits
from linkage.standardise.phones_international import standardise_international_phones


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("020 7946 0018", "GB", "442079460018"),
        ("+44 (0)20 7946 0018", "US", "442079460018"),
        ("0044 20 7946 0018 ext. 5", "GB", "442079460018"),
        ("(212) 555-0143", "US", "12125550143"),
        ("1-212-555-0143 / 212-555-0144", "US", "12125550143"),
        ("+84 912 345 677", "US", "84912345677"),
        ("0912345677", "VN", "84912345677"),
        ("06 12345678", "IT", "390612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "FR", "33612345678"),
        ("000000000", "GB", None),
        ("12", "GB", None),
        ("none", "GB", None),
        ("", "GB", None),
        (None, "GB", None),
    ],
)
def test_phones_of_any_country(raw: str | None, region: str, expected: str | None) -> None:
    packed = standardise_international_phones(pa.array([raw], pa.string()), region)
    assert unpack_digits(packed).to_pylist() == [expected]


def test_a_column_is_its_values_one_by_one() -> None:
    raw = pa.chunked_array([["020 7946 0018", None], ["x", "020 7946 0018"]])
    packed = standardise_international_phones(raw, "GB")
    assert packed.tolist() == [packed[0], 0, 0, packed[0]]
    assert packed[0] > 0
