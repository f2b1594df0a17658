"""docs/plan.md says what the program knows: every kind, its levels with their shares, and the parts that can block."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS
from linkage.planning import reference
from linkage.planning.reference import parts_of, plan_reference
from tests.test_readme import is_understood

DOCUMENT = Path(__file__).parents[1] / "docs" / "plan.md"


def test_the_document_is_what_the_program_writes() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == plan_reference(), "stale: python -m linkage.planning.reference > docs/plan.md"


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


def test_the_commands_of_the_guide_are_understood() -> None:
    guide = (DOCUMENT.parent / "two_files.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(\./run .*)$", guide, re.MULTILINE)
    assert len(commands) == 4
    assert all(is_understood(command) for command in commands)


def test_the_links_of_the_documents_lead_somewhere() -> None:
    for path in DOCUMENT.parent.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
