"""The identity of a claim: golden values that must never change, and a reference that shares no code with ours."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.doses.claim_id_kernel import are_canonical, digest_texts
from linkage.doses.claim_ids import IDENTITY, distinct_ids, hex_ids, ids_of
from linkage.machine.text_bytes import text_bytes
from linkage.standardise.names import canonical_names
from tests import naive
from tests.district import District, make_district, table, write

Row = dict[str, Any]
AN = {
    "full_name": "Nguyễn Văn An",
    "gender": "Nam",
    "date_of_birth": "03/02/1980",
    "id_number": "079080012345",
    "nationality": "Việt Nam",
    "phone": "0901234567",
    "ethnicity": "Kinh",
    "commune_code": "26734",
    "province": "Thành phố Hồ Chí Minh",
    "district": "Quận 1",
    "commune": "Phường Bến Nghé",
}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


# Frozen: who changes one of these breaks every verdict and signature that refers to such a claim.
GOLDEN = [
    ({}, "c1-717ce6c6f91c0b3555f2f0cddcc06594"),
    (AN, "c1-25021d70ca4c932e239ed99235e951b5"),
    (AN | {"full_name": "NGUYỄN VĂN AN"}, "c1-366729169d3d08791d10d3f9f450f4b9"),
    (AN | {"phone": None, "address": "số 12, ngõ 3 "}, "c1-9680d0ea449cd19b8c8a8984c0b67695"),
    ({"full_name": "H'Hen Niê\n\x00Kdăm", "address": "buôn \u1680Cuôr"}, "c1-d1eb723c989b28828f7296173c8f4d12"),
]

# ------------------------------------------------------------------------- a reference, written after docs/claim-id.md
NO_WIDTH = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF}
BLANK = {*range(0x21), *range(0x7F, 0xA1), 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
LINES = "full_name gender date_of_birth id_number nationality phone insurance_number ethnicity commune_code province"
LINES += " district commune address"


def reference(row: Row) -> str:
    text = "c1"
    for name in LINES.split():
        value = unicodedata.normalize("NFC", row.get(name) or "")
        kept = [" " if ord(letter) in BLANK else letter for letter in value if ord(letter) not in NO_WIDTH]
        text += "\n" + " ".join(word for word in "".join(kept).split(" ") if word)
    return "c1-" + hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def ours(rows: list[Row]) -> list[str]:
    doses = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in IDENTITY})
    return [str(text) for text in hex_ids(ids_of(doses)).to_pylist()]


@pytest.mark.kernel
def test_golden_values() -> None:
    assert ours([row for row, _ in GOLDEN]) == [text for _, text in GOLDEN]
    assert [reference(row) for row, _ in GOLDEN] == [text for _, text in GOLDEN]


LETTERS = st.sampled_from(
    "aA éĐơ\u0301\u0323Nễ\u1ebd\u1e9b\u00a0\u200b\u200d\ufeff\u3000\u0000\n\t\r\x7f\x85\u0385\u2126가힣🙂-"
)
TEXTS = st.none() | st.text(LETTERS, max_size=8) | st.text(max_size=6)


@pytest.mark.kernel
@settings(deadline=None, max_examples=150)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(IDENTITY, TEXTS)), min_size=1, max_size=4))
def test_any_text_has_the_id_of_the_reference(rows: list[Row]) -> None:
    assert ours(rows) == [reference(row) for row in rows]


@pytest.mark.kernel
@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.text(
            st.sampled_from("aZ~! \n\t\x7f\x80\xa0\xbf\xc0éđơư\u02ff\u0300\u0301\u1e7f\u1e80ễ\u1eff\u1f00\u2000가🙂")
        ),
        max_size=4,
    )
)
def test_what_is_taken_as_canonical_is(texts: list[str]) -> None:
    for n_lines in range(3):
        found = np.zeros(len(texts), np.bool_)
        are_canonical(*text_bytes(pa.array(texts, pa.string())), n_lines, found)
        assert found.tolist() == naive.are_canonical(texts, n_lines)
    for text in naive_canonical(texts):
        assert [unicodedata.normalize("NFC", line) for line in text.split("\n")] == text.split("\n")


@pytest.mark.kernel
@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6), st.randoms())
def test_texts_of_any_length_are_hashed_as_hashlib_does(lengths: list[int], random: Any) -> None:
    texts = ["".join(random.choices("aễ\n 0", k=length)) for length in [*lengths, 0, 127, 128, 129, 256]]
    digests = np.zeros((len(texts), 2), np.uint64)
    digest_texts(*text_bytes(pa.array(texts, pa.string())), digests)
    assert [tuple(row) for row in digests.tolist()] == naive.digest_texts(texts)


def naive_canonical(texts: list[str]) -> list[str]:
    return [text for text, found in zip(texts, naive.are_canonical(texts, 1), strict=True) if found]


def test_ids_as_text_are_32_digits() -> None:
    ids = np.array([[0, 1], [2**64 - 1, 0xABC]], np.uint64)
    assert hex_ids(ids).to_pylist() == ["c1-" + "0" * 31 + "1", "c1-" + "f" * 16 + "0" * 13 + "abc"]
    assert hex_ids(np.empty((0, 2), np.uint64)).to_pylist() == []
    hex_ids(ids).validate(full=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=30), st.randoms())
def test_distinct_claims_are_those_of_distinct_ids_and_readings(
    records: list[tuple[int, int, int]], random: Any
) -> None:
    """Also of ids that share one half."""
    rows = list(range(len(records)))
    random.shuffle(rows)
    ids = np.array([record[:2] for record in records], np.uint64).reshape(-1, 2)
    subjects = np.array([records[row][2] for row in rows], np.int32)
    claims = distinct_ids(ids, np.array(rows, np.int32), subjects)
    of_dose = [records[row] for row in rows]
    assert [
        (*ids.tolist(), subject) for ids, subject in zip(claims.ids, claims.compared.tolist(), strict=True)
    ] == sorted(set(of_dose))
    distinct = sorted(set(of_dose))
    assert claims.of_dose.tolist() == [distinct.index(record) for record in of_dose]
    assert claims.first_dose.tolist() == [of_dose.index(record) for record in distinct]


def is_read_alike(name: str) -> bool:
    """Not so of names in old encodings, whose capitals are other letters."""
    one, other = canonical_names(pa.chunked_array([[name, name.upper()]])).to_pylist()
    return bool(one == other)


def test_a_claim_keeps_its_id_and_is_compared_once_with_its_equals(district: District, tmp_path: Path) -> None:
    rows = [row for row in district.rows("doses") if row["full_name"] and is_read_alike(row["full_name"])][:200]
    shouted = [row | {"dose_id": f"{row['dose_id']}x", "full_name": row["full_name"].upper()} for row in rows]
    run_dir = district.link(
        [write(tmp_path / "doses.parquet", [*rows, *shouted], district.path("doses"))], tmp_path / "runs"
    )
    decisions = {row["dose_id"]: row for row in table(run_dir, "decisions")}
    known = {row["dose_id"]: row["claim_id"] for row in table(district.run_dir, "decisions")}
    n_changed = 0
    for row, other in zip(rows, shouted, strict=True):
        one, two = decisions[row["dose_id"]], decisions[other["dose_id"]]
        assert one["claim_id"] == known[row["dose_id"]] == reference(row)  # of another batch, and another model
        assert two["claim_id"] == reference(other)
        n_changed += one["claim_id"] != two["claim_id"]
        assert one["match_weight"] == two["match_weight"]
    assert n_changed > 100
