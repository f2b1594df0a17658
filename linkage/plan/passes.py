"""What keeps the passes of a plan from finding pairs: parts that are none, or that never meet."""

from __future__ import annotations

from linkage.plan.kinds import PARTS
from linkage.plan.sections import Field, Pass, Plan

EVIDENCE = ("identifier", "demographic")
_MOST_PAIRS_OF_ONE = 2**31 - 1
# Parts that hold the same content whatever their fields are called: a pass may compare two of them.
_ALIKE = {"birth_date": "date", "text": "words", "category": "words", "alternatives": "words", "name_pair": "words"}
_OF_WORDS = ("", "first", "second")  # parts of a field of words that are one of its words or texts
_SEVERAL = ("alternatives", "commune")  # kinds of which a record may have several values, as a whole


def pass_problems(rule: Pass, plan: Plan) -> list[str]:
    """What is wrong with one pass."""
    where = f"pass {rule.name!r}"
    problems = [
        problem
        for side in ("left", "right")
        for part in [*getattr(rule, side), *([rule.narrow] if rule.narrow is not None else [])]
        for problem in part_problems(where, part, side, plan)
    ]
    if len(rule.left) != len(rule.right) or not rule.left:
        problems.append(f"{where}: left and right need as many parts, one at least")
    if rule.evidence not in EVIDENCE:
        problems.append(f"{where}: evidence {rule.evidence!r} is not one of {', '.join(EVIDENCE)}")
    if not 1 <= rule.max_block <= _MOST_PAIRS_OF_ONE:
        problems.append(f"{where}: max_block = {rule.max_block}: must be from 1 to {_MOST_PAIRS_OF_ONE:,}")
    if problems:
        return problems
    problems += [
        f"{where}: {left!r} of the left never meets {right!r} of the right: they are of different kinds"
        for left, right in zip(rule.left, rule.right, strict=True)
        if _sort(left, plan) != _sort(right, plan)
    ]
    problems += [
        f"{where}: {part!r} on the right: a record of the right has one number; write its field"
        for part in rule.right
        if part.endswith(".neighbours")
    ]
    if rule.narrow is not None and has_several(rule.narrow, plan):
        problems.append(f"{where}: narrow = {rule.narrow!r}: a record may have several; take a part that it has one of")
    return list(dict.fromkeys(problems))


def part_problems(where: str, part: str, side: str, plan: Plan) -> list[str]:
    """What keeps a part of a key from being made of a side: no such field, no column, or no such part."""
    name, _, aspect = part.partition(".")
    field = _field_of(part, plan)
    if field is None and part == "province":
        return [f"{where}: no [[field]] is named {name!r}; that of a commune is a part of it: write 'commune.province'"]
    if field is None:
        return [f"{where}: no [[field]] is named {name!r}"]
    if not getattr(field, side):
        return [f"{where}: field {field.name!r} has no column on the {side}"]
    if aspect in PARTS[field.kind]:
        return []
    known = [f"{name}.{known}" if known else name for known in PARTS[field.kind]]
    if not known:
        return [f"{where}: field {name!r} of kind {field.kind!r} cannot be a part of a key; take another field"]
    return [f"{where}: {part!r} is no part of a field of kind {field.kind!r}; one of {', '.join(known)}"]


def has_several(part: str, plan: Plan) -> bool:
    """Whether one record may have several values of a part."""
    field, aspect = _field_of(part, plan), part.partition(".")[2]
    return aspect == "neighbours" or (field is not None and field.kind in _SEVERAL and aspect == "")


def _field_of(part: str, plan: Plan) -> Field | None:
    name = part.partition(".")[0]
    return next((field for field in plan.fields if field.name == name), None)


def _sort(part: str, plan: Plan) -> tuple[str, str]:
    """What a part holds; two of one sort can be the same."""
    field, aspect = _field_of(part, plan), part.partition(".")[2]
    if field is None:
        return part, ""
    sort = _ALIKE.get(field.kind, field.kind)
    is_word = sort == "words" and (aspect in _OF_WORDS or aspect.isdigit())
    return sort, "" if is_word or aspect == "neighbours" else aspect
