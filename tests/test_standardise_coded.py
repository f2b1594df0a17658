"""Names in the codes of programs, names that lost letters, and values that stand for none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from linkage.standardise.names import canonical_name
from linkage.standardise.placeholders import without_placeholders

NAMES = [
    ("Nghi?m Xu?n Kh?ng", "nghiem xuan khang"),
    ("Nghi\ufffdm Xu\ufffdn Kh\ufffdng", "nghiem xuan khang"),
    ("Nghi??m V??n Tu???n", "nghiem van t"),  # one letter in UTF-8 is two or three bytes
    ("Nguy?n Th? H?ng", "nguyen thi h"),  # Hằng, Hồng, Hưng
    ("Nguyễn Văn A?", "nguyễn văn a"),
    ("Lê Thị Lan?", "lê thị lan"),
    ("nghi&ecirc;m xu&acirc;n kh&aacute;ng", "nghiêm xuân kháng"),
    ("Nghi&amp;ecirc;m Xu&#226;n Kh&#xE1;ng", "nghiêm xuân kháng"),
    (r"Nghi\u00eam Xu\u00e2n Kh\xe1ng", "nghiêm xuân kháng"),
    ("Nghi%C3%AAm+Xu%C3%A2n+Kh%C3%A1ng", "nghiêm xuân kháng"),
    ("Nghi=C3=AAm Xu=C3=A2n Kh=C3=A1ng", "nghiêm xuân kháng"),
    ("Cò (Nghiêm Xuân Kháng)", "nghiêm xuân kháng"),
    ("Bé [Nghiêm Xuân Kháng]", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng (Cò)", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng (Nguyễn Văn An)", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng tức Cò", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng - SĐT 0983555116", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng + vợ", "nghiêm xuân kháng"),
    ("Vũ Tức", "vũ tức"),
    ("bé gái con mẹ Nguyễn Thị Lan", ""),
    ("Trẻ sơ sinh con chị Lê Thị Lan", ""),
    ("BG con bà Trần Thị Hoa", ""),
    ("Nguyễn Văn An con bà Lan", "nguyễn văn an"),
    ("#REF!", ""),
    ("#N/A", ""),
    ("#NAME?", ""),
    ("#####", ""),
    ("N/A", ""),
    ("-", ""),
    ("unknown", ""),
    ("000000000", ""),
]


@pytest.mark.parametrize(("typed", "name"), NAMES)
def test_names(typed: str, name: str) -> None:
    assert canonical_name(typed) == name
    assert canonical_name(name) == name


NONE = ["-", "--", "N/A", "n/a", "#N/A", "#REF!", "#NAME?", "####", "NaN", "nan", "NULL", "null", "None", "unknown"]
NONE += ["Unknown", "không rõ", "Chưa có", "000000000", "00000", "99999999", ".", "...", "\\N", "<NA>", " - ", "?"]
SOME = ["Nan", "Null", "NA", "0", "Không", "x", "12", "0000", "an unknown man", "11", "A-", "#12", "Nilsson", "n"]


def test_placeholders() -> None:
    assert without_placeholders(pa.array([*NONE, None])).to_pylist() == [None] * (len(NONE) + 1)
    assert without_placeholders(pa.array([*SOME, None])).to_pylist() == [*SOME, None]
    assert without_placeholders(pa.array(["-", *SOME])).to_pylist() == [None, *SOME]
    assert without_placeholders(pa.array([], pa.string())).to_pylist() == []
