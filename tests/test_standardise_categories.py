"""Sex, ethnicity, nationality: tables of examples and the rules about missing values."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.standardise import categories, categories_ethnicity
from linkage.standardise.categories import foreign_reason, standardise_ethnicity, standardise_sex

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data" / "identifiers" / "ethnic_groups_54.csv"

SEXES: dict[int, list[str | None]] = {
    1: ["Nam", "NAM", " nam ", "nam.", "M", "m", "male", "Male", "1", "1.0", "01", "Trai", "bé trai", "Đàn ông",
        "Giới tính: Nam", "♂", "♂\ufe0f", "Nam/Male", "Nam - 1", "1-Nam"],
    2: ["Nữ", "NỮ", "nữ", "Nu", "Nư\u0303", "Nử", "F", "female", "0", "2", "0.0", "2,0", "Gái", "gai",
        "con gái", "Phụ nữ",
        "NÖÕ", "Nöõ", "N÷", "Ná»¯", "Nuwx", "Ｎữ", "♀", "Nữ (F)", "N?", "N\ufffd"],
    0: [None, "", " ", "-", "x", "N", "3", "10", "không rõ", "nam nữ", "khác", "Namm", "Nam/Nữ", "1 - Nữ", "?"],
}  # fmt: skip

GROUPS: dict[int, list[str | None]] = {
    1: ["Kinh", "KINH", "kinh", "Việt", "01", "1", "1.0", "Dân tộc Kinh", "dt kinh", "người Kinh", "Kinh (Việt)"],
    2: ["Tày", "tay", "02"],
    3: ["Thái", "thai", "Thái Đen"],
    5: ["Khmer", "Khơ-me", "Khơ Me", "khome", "KHƠ ME"],
    6: ["Hoa", "Hoa (Hán)"],
    8: ["H'Mông", "HMông", "Hmong", "H Mông", "Mông", "Mèo", "H’mông"],
    11: ["Ê Đê", "Ê-đê", "EDE", "Ra Đê", "EÂ ÑEÂ"],
    14: ["Chăm (Chàm)", "Chăm (theo đạo Hồi)", "Chăm", "Cham", "Chaêm"],
    15: ["Cơ Ho", "K'Ho", "K’Ho", "Kơ Ho", "KHO", "Cil", "15"],
    20: ["Mnông", "M'Nông", "M.Nông", "mnong"],
    22: ["Xtiêng", "S'Tiêng", "Stiêng"],
    24: ["Bru - Vân Kiều", "Vân Kiều", "Bru"],
    28: ["Mạ", "MẠ", "Châu Mạ"],
    30: ["Co", "Cor"],
    54: ["Ơ Đu", "o du", "54"],
    0: [None, "", "-", "không", "55", "0", "99", "115", "Martian", "Dân tộc", "Kinh Tày"],
}  # fmt: skip


def _rows(table: dict[int, list[str | None]]) -> list[tuple[str | None, int]]:
    return [(raw, code) for code, spellings in table.items() for raw in spellings]


@pytest.mark.parametrize(("raw", "code"), _rows(SEXES))
def test_sex(raw: str | None, code: int) -> None:
    assert standardise_sex(pa.array([raw], pa.string())).tolist() == [code]


@pytest.mark.parametrize(("raw", "code"), _rows(GROUPS))
def test_ethnicity(raw: str | None, code: int) -> None:
    assert standardise_ethnicity(pa.array([raw], pa.string())).tolist() == [code]


@pytest.mark.parametrize(("standardise", "table"), [(standardise_sex, SEXES), (standardise_ethnicity, GROUPS)])
def test_columns_keep_rows_in_place(standardise: object, table: dict[int, list[str | None]]) -> None:
    rows = _rows(table) * 2
    values = pa.array([raw for raw, _ in rows], pa.string())
    layouts = [
        values,
        values.cast(pa.large_string()),
        values.dictionary_encode(),
        pa.chunked_array([values[:5], values[5:]]),
    ]
    for layout in layouts:
        codes = standardise(layout)  # type: ignore[operator]
        assert codes.dtype == np.uint8
        assert codes.tolist() == [code for _, code in rows]
    assert standardise(values[:0]).shape == (0,)  # type: ignore[operator]


def test_no_spelling_names_two_groups() -> None:
    seen: dict[str, int] = {}
    for code, spellings in enumerate(categories_ethnicity.GROUPS, start=1):
        for spelling in spellings:
            assert seen.setdefault(categories._key(spelling), code) == code, spelling
    assert len(categories_ethnicity.GROUPS) == 54


@pytest.mark.skipif(not REFERENCE.is_file(), reason="reference data not present")
def test_published_list_of_groups() -> None:
    with REFERENCE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            code = int(row["gso_code"])
            spellings = [row["gso_code"], row["name"], *filter(None, (row["common_variants"] or "").split(";"))]
            assert standardise_ethnicity(pa.array(spellings)).tolist() == [code] * len(spellings), row["name"]


NATIONALITIES: list[tuple[str | None, str | None, str | None]] = [
    # nationality, ID, reason
    (None, None, None),
    (None, "M12345678", None),
    ("", "C1234567", None),
    ("-", "E12345678", None),
    ("không rõ", "E12345678", None),
    ("1", "E12345678", None),
    ("Việt Nam", None, None),
    ("VIET NAM", "B1234567", None),
    ("Vietnam", None, None),
    ("VN", None, None),
    ("VNM", None, None),
    ("Vietnamese", None, None),
    ("Viêt nam", None, None),
    ("Viẹt Nma", None, None),
    ("Vieät Nam", None, None),
    ("ViÖt Nam", None, None),
    ("Viá»‡t Nam", None, None),
    ("Quốc tịch Việt Nam", None, None),
    ("Việt Nam - Mỹ", "123456789", None),
    ("Kinh", "B1234567", None),
    ("K'Ho", None, None),
    ("Hoa", None, None),
    ("Hoa", "E12345678", "foreign_passport"),
    ("Thái", "079123456789", None),
    ("Việt kiều", None, None),
    ("Việt kiều", "A1234567", "foreign_passport"),
    ("Hàn Quốc", "M12345678", "foreign_passport"),
    ("Hàn Quốc", "m 1234 5678", "foreign_passport"),
    ("Hàn Quốc", None, "foreign_nationality"),
    ("HOA KỲ", "512345678", "foreign_nationality"),
    ("China", "EA1234567", "foreign_passport"),
    ("KR", "", "foreign_nationality"),
    ("Lào", None, "foreign_nationality"),
    ("Thái Lan", None, "foreign_nationality"),
    ("Campuchia", "N01234567", "foreign_passport"),
    # Words that name no country exclude nobody by themselves.
    *((word, None, None) for word in ("Nước ngoài", "ngoại quốc", "Foreigner", "Người nước ngoài", "khác", "Other")),
    *((word, None, None) for word in ("KH", "SG", "nước khác", "Không quốc tịch", "stateless", "Việt kiều Mỹ")),
    *((word, "123456789", None) for word in ("Nước ngoài", "khác")),
    *((word, "M12345678", "foreign_passport") for word in ("Nước ngoài", "khác", "Không quốc tịch", "SG")),
    *((word, "B1234567", None) for word in ("không rõ", "chưa cập nhật", "không biết", "để trống")),
    ("Pháp", "15AB12345", "foreign_passport"),
    ("CHXHCNVN", None, None),
    ("CHXHCN Việt Nam", "C1234567", None),
    ("Cộng hòa xã hội chủ nghĩa Việt Nam", None, None),
    ("VN-Kinh", "C1234567", None),
    ("Việt (Kinh)", None, None),
    ("Nam", "C1234567", None),
    ("Nữ", None, None),
    ("Hà Nội", "C1234567", None),
    ("Tỉnh Long An", None, None),
    ("TP Hồ Chí Minh", None, None),
    ("HN", None, None),
    ("Xã Tân Lập", None, None),
    ("Hàn Quôc xẻng", None, None),
    ("Hàn Quôc xẻng", "M12345678", "foreign_passport"),
    ("Nigieria", None, "foreign_nationality"),
    ("Korea, Republic of", None, None),
    ("USA", None, "foreign_nationality"),
    ("Mỹ", None, "foreign_nationality"),
    ("Đài Loan", None, "foreign_nationality"),
    ("Liên bang Nga", None, "foreign_nationality"),
    # A personal number is held by citizens only; spreadsheets take its zero and add a decimal.
    ("Hàn Quốc", "079123456789", None),
    ("Hàn Quốc", "79123456789", None),
    ("Hàn Quốc", "'079 123 456 789", None),
    ("Hàn Quốc", "79123456789.0", None),
]


@pytest.mark.parametrize(("nationality", "document", "reason"), NATIONALITIES)
def test_foreign(nationality: str | None, document: str | None, reason: str | None) -> None:
    columns = pa.array([nationality], pa.string()), pa.array([document], pa.string())
    assert foreign_reason(*columns).to_pylist() == [reason]


def test_foreign_columns_keep_rows_in_place() -> None:
    rows = NATIONALITIES * 3
    nationality = pa.array([row[0] for row in rows], pa.string())
    document = pa.array([row[1] for row in rows], pa.string())
    expected = [row[2] for row in rows]
    assert foreign_reason(nationality, document).to_pylist() == expected
    chunked = pa.chunked_array([nationality[:7], nationality[7:]]), pa.chunked_array([document[:50], document[50:]])
    assert foreign_reason(*chunked).to_pylist() == expected
    assert foreign_reason(nationality[:0], document[:0]).to_pylist() == []


@settings(deadline=None, database=None, derandomize=True, max_examples=300)
@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=8))
def test_any_text_gives_a_code(rows: list[str | None]) -> None:
    values = pa.array(rows, pa.string())
    assert set(standardise_sex(values).tolist()) <= {0, 1, 2}
    assert all(0 <= code <= 54 for code in standardise_ethnicity(values).tolist())
    assert len(foreign_reason(values, values)) == len(rows)
