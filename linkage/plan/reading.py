"""Reads a plan from TOML, from JSON or from what Python holds; a key that the plan does not know is an error, and so is
a field, column or level that does not fit."""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path
from typing import Any

from linkage.errors import UsageError
from linkage.plan.checks import problems_of
from linkage.plan.sections import Plan
from linkage.storage.edited_files import check_values, parse_toml, read_bytes, read_toml
from linkage.storage.typed_content import shaped

_REMEDY = "see docs/plan.md"
_LONGEST_TEXT = 300  # of a plan; the longest are names of columns
# Keys that plans of before have and that say nothing any more: the levels of every comparison are kept in their order.
_RETIRED = {"comparison": ("monotone",)}


def load_plan(path: Path | None = None, *, for_doses: bool = False) -> Plan:
    """Read and check a plan; None reads the vaccination plan. UsageError says which key is wrong and what would be
    right.

    for_doses : whether doses are to be linked by it with a registry, for which some fields need a role
    """
    if path is None:
        text = resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8")
        return plan_from(parse_toml(text, "default plan", _REMEDY), "default plan")
    content = read_toml(path, "give the path of a plan in TOML")
    _read_nicknames(content, path)
    plan = plan_from(content, str(path))
    if for_doses:
        plan.check_roles(str(path))
    return plan


def _read_nicknames(content: dict[str, Any], plan: Path) -> None:
    """Put the groups of nicknames into the fields that name a file of them: what a model decides rests on the words,
    not on a file that may change."""
    fields = content.get("field")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict) and isinstance(field.get("nicknames"), str):
            path = plan.parent / field["nicknames"]
            remedy = "give a file in UTF-8 with a name and its nicknames a row"
            where = f"{plan}: field {field.get('name')!r}: nicknames: {path}"
            try:
                rows = list(csv.reader(read_bytes(path, remedy, UsageError).decode("utf-8-sig").splitlines()))
            except (UnicodeDecodeError, csv.Error) as error:
                raise UsageError(f"{where} cannot be read as CSV ({error}); {remedy}") from error
            except UsageError as error:
                raise UsageError(f"{plan}: field {field.get('name')!r}: nicknames: {error}") from error
            field["nicknames"] = [words for row in rows if len(words := [word for word in row if word.strip()]) > 1]


def plan_from(content: dict[str, Any], where: str) -> Plan:
    """The checked plan of parsed TOML or JSON."""
    check_values(content, where, UsageError, _LONGEST_TEXT)
    plan = shaped(_of_today(content), Plan, where, UsageError, _REMEDY)
    for problem in problems_of(plan):
        raise UsageError(f"{where}: {problem}")
    return plan


def _of_today(content: dict[str, Any]) -> dict[str, Any]:
    """A plan's content without the keys that say nothing any more."""
    return content | {
        section: [
            {key: value for key, value in each.items() if key not in retired} if isinstance(each, dict) else each
            for each in content[section]
        ]
        for section, retired in _RETIRED.items()
        if isinstance(content.get(section), list)
    }
