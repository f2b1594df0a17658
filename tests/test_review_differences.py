"""What differs between a value as typed and the registry's is marked by its kind."""

from __future__ import annotations

import unicodedata

import pytest

from linkage.review.differences import (
    KINDS,
    SIGNS,
    Marked,
    compare_dates,
    compare_names,
    compare_numbers,
    compare_words,
    masked,
    shown_date,
)


def told(found: Marked) -> tuple[str, str]:
    """The kind, and the text with what differs in brackets."""
    return found.kind, "".join(piece.text if piece.kind == "same" else f"[{piece.text}]" for piece in found.pieces)


@pytest.mark.parametrize(
    ("stated", "registered", "kind", "shown"),
    [
        ("Trần Thị Hoà", "Trần Thị Hòa", "same", "Trần Thị Hòa"),
        (unicodedata.normalize("NFD", "TRẦN thị  Hoà"), "Trần Thị Hoà", "same", "Trần Thị Hoà"),
        ("Trần Thị Hoa", "Trần Thị Hòa", "tone", "Trần Thị [Hòa]"),
        ("Tran Thi Hoa", "Trần Thị Hoa", "letter", "[Trần] [Thị] Hoa"),
        ("Đặng Văn Ân", "Dặng Văn An", "letter", "[Dặng] Văn [An]"),
        ("Trần Hoa Thị", "Trần Thị Hoa", "order", "Trần [Thị] [Hoa]"),
        ("Trần Hoa", "Trần Thị Hoa", "missing", "Trần [Thị] Hoa"),
        ("Trần Thị Hoa", "Trần Hoa", "missing", "Trần [∅] Hoa"),
        ("Trần Thị Hoa", "Lê Văn Út", "different", "[Lê Văn Út]"),
        (None, "Lê Văn Út", "absent", "Lê Văn Út"),
        ("Lê Văn Út", None, "absent", ""),
    ],
)
def test_names(stated: str | None, registered: str | None, kind: str, shown: str) -> None:
    assert told(compare_names(stated, registered)) == (kind, shown)


@pytest.mark.parametrize(
    ("stated", "registered", "kind", "shown", "hidden"),
    [
        ("068190001234", "068190001234", "same", "068190001234", "•••••••••234"),
        ("068 190 001 234", "068190001284", "digit", "0681900012[8]4", "•••••••••2[8]4"),
        ("068190001234", "168190001234", "digit", "[1]68190001234", "[•]••••••••234"),
        ("068190001243", "068190001234", "swapped", "0681900012[34]", "•••••••••2[34]"),
        ("68190001234", "068190001234", "digit", "[0]68190001234", "[•]••••••••234"),
        ("250839301", "068190001234", "different", "[068190001234]", "[•••••••••234]"),
        ("111111111111", "068190001234", "different", "[068190001234]", "[•••••••••234]"),
        ("", "068190001234", "absent", "068190001234", "•••••••••234"),
        ("068190001234", None, "absent", "", ""),
    ],
)
def test_numbers(stated: str, registered: str | None, kind: str, shown: str, hidden: str) -> None:
    assert told(compare_numbers(stated, registered, is_masked=False)) == (kind, shown)
    assert told(compare_numbers(stated, registered, is_masked=True)) == (kind, hidden)


@pytest.mark.parametrize(
    ("stated", "registered", "kind", "shown"),
    [
        ("05/09/1990", "1990-09-05", "same", "05/09/1990"),
        ("9/5/1990", "1990-09-05", "day_month", "[05/09]/1990"),
        ("05/09/1991", "1990-09-05", "digit", "05/09/[1990]"),
        ("06/09/1990", "1990-09-05", "digit", "[05]/09/1990"),
        ("1990", "1990-09-05", "part", "[05/09/1990]"),
        ("05/09/1990", "1990", "part", "[1990]"),
        ("1990", "1990", "same", "1990"),
        ("01/02/1985", "1990-09-05", "different", "[05/09/1990]"),
        ("không nhớ", "1990-09-05", "absent", "05/09/1990"),
        ("05/09/1990", None, "absent", ""),
    ],
)
def test_dates(stated: str, registered: str | None, kind: str, shown: str) -> None:
    assert told(compare_dates(stated, registered)) == (kind, shown)


def test_words_dates_and_masks() -> None:
    assert told(compare_words("kinh", "Kinh")) == ("same", "Kinh")
    assert told(compare_words("Tày", "Kinh")) == ("different", "[Kinh]")
    assert told(compare_words(None, "Kinh")) == ("absent", "Kinh")
    dates = ("2022-02-01", "01/02/2022", "2022", "2022-02", "31/31/2022", "về quê", None)
    assert [shown_date(text) for text in dates] == [
        *("01/02/2022", "01/02/2022", "2022", "02/2022", "31/31/2022", "về quê", ""),
    ]
    assert [masked(text) for text in ("068 190-001.234", "12", "", None)] == ["•••••••••234", "12", "", ""]


def test_every_kind_has_a_sign() -> None:
    assert set(SIGNS) == set(KINDS)
