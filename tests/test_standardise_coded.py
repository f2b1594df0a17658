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
    *((f"Nguy{code}n An", "nguyễn an") for code in (
        "<U+1EC5>", "<u+1ec5>", "U+1EC5", "u1ec5", r"\u1ec5", r"\\u1ec5", r"\u{1ec5}", r"\U00001ec5",
        "%u1EC5", "_x1EC5_", "&#7877;", "&#7877", "&#x1EC5;", "&amp;#7877;", "%E1%BB%85", "=E1=BB=85", "=e1=bb=85",
        r"\xe1\xbb\x85",
        "<e1><bb><85>", r"\341\273\205",
    )),
    *((f"Nguyễn{mark}Văn An{mark}", "nguyễn văn an") for mark in (
        "<br>", "<br/>", "<BR />", "&nbsp;", "&nbsp", "&lt;br/&gt;", "</p>", "<span style='a:b'>", "&#13;&#10;",
        r"\n", "_x000D_",
    )),
    ("Nguy\\ud83d\\ude00", "ng"),
    ("Cò (Nghiêm Xuân Kháng)", "nghiêm xuân kháng"),
    ("Bé [Nghiêm Xuân Kháng]", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng (Cò)", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng (Nguyễn Văn An)", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng tức Cò", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng - SĐT 0983555116", "nghiêm xuân kháng"),
    ("Nghiêm Xuân Kháng + vợ", "nghiêm xuân kháng"),
    ("Vũ Tức", "vũ tức"),
    ("Nguyễn Văn An - tên gọi khác: Út Bé", "nguyễn văn an"),
    ("Nguyễn Văn An (tức Bình)", "nguyễn văn an"),
    ("Nguyễn Văn An, tự Bình", "nguyễn văn an"),
    ("Nguyễn Văn An tự: Bình", "nguyễn văn an"),
    ("NGUYỄN VĂN AN TỰ BÌNH", "nguyễn văn an"),
    ("Trần Minh Khoa tự Bình", "trần minh khoa"),
    ("Nguyễn Văn An còn gọi là Bình", "nguyễn văn an"),
    ("Nguyễn Văn An hay còn được gọi là Út", "nguyễn văn an"),
    ("Nguyen Van An - ten goi khac Ut", "nguyen van an"),
    ("Nguyễn Văn An tên thường gọi Út", "nguyễn văn an"),
    ("Nguyễn Văn An bí danh Út", "nguyễn văn an"),
    ("Nguyễn Văn An a.k.a Út", "nguyễn văn an"),
    ("Nguyễn Văn An tục danh Út", "nguyễn văn an"),
    ("Nguyễn Văn An “Út Bé”", "nguyễn văn an"),
    ("Lê Tự Trọng", "lê tự trọng"),
    ("Nguyễn Văn Tự Lập", "nguyễn văn tự lập"),
    ("Trần Minh Tự Tâm", "trần minh tự tâm"),
    ("Lê Văn Tự", "lê văn tự"),
    ("Nguyễn Pháp", "nguyễn pháp"),
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
]  # fmt: skip


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


@pytest.mark.parametrize("blank", [" ", "%20"])
def test_escapes_of_javascript_are_of_two_lengths(blank: str) -> None:
    assert canonical_name(f"%u0110%u1EB7ng{blank}%u0110%ECnh{blank}%u0110%u1EE9c") == "đặng đình đức"
