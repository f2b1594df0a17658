"""docs/plan.md says what the program knows: every kind, its levels with their shares, and the parts that can block."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS
from linkage.planning import reference
from linkage.planning.reference import MARK, parts_of, plan_page, plan_reference

DOCUMENT = Path(__file__).parents[1] / "docs" / "plan.md"


def test_the_document_is_what_the_program_writes() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == plan_page(written), "stale: python -m linkage.planning.reference docs/plan.md"


def test_what_stands_before_the_mark_stays() -> None:
    assert plan_page(f"by hand\n{MARK}\nstale") == f"by hand\n{MARK}\n\n{plan_reference()}"
    with pytest.raises(ValueError, match="no line"):
        plan_page("by hand")


def test_every_kind_is_there() -> None:
    text = plan_reference()
    assert all(f"| `{kind}` |" in text for kind in FIELD_KINDS)
    assert all(f"### `{kind}`" in text for kind in COMPARISON_KINDS)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("birth_date", ["", "year", "birthday", "complete"]),
        ("text", ["", "prefix"]),
        ("vietnamese_name", ["plain", "given", "key"]),
        ("person_number", ["", "neighbours"]),
        ("coordinates", []),
    ],
)
def test_the_parts_are_those_that_a_pass_can_take(kind: str, parts: list[str]) -> None:
    assert parts_of(kind) == parts


def test_a_kind_that_is_new_or_gone_makes_it_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan_reference()
    monkeypatch.delitem(reference.COMPARISON_KINDS, "nickname")
    assert plan_reference() != before
