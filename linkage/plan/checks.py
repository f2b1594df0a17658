"""What is wrong with a plan that has the right shape: a line for each fault, with what would be right."""

from __future__ import annotations

import re
from math import prod

from linkage.plan.comparison_checks import comparison_problems, made_of_problems
from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS, FOUND_BY_SUBJECT, ROLES
from linkage.plan.numbers import number_problems
from linkage.plan.passes import has_several, part_problems, pass_problems
from linkage.plan.sections import Field, Plan
from linkage.schema import CANDIDATES, REVIEW_QUEUE, compared_columns
from linkage.standardise.dates import EARLIEST_YEAR, LAST_YEAR
from linkage.standardise.phones_international import REGIONS
from linkage.standardise.text_forms import TEXT_FORMS
from models.patterns import MAX_PATTERNS

FORMAT = 1
MAX_PASSES = 15  # what found a pair is a bit each of 16, one of which is for a decided claim of the subject
# Columns that kinds are read from on the left and on the right: least and most. The others join any number.
_ONE = ((1, 1), (1, 1))
_N_COLUMNS = dict.fromkeys(
    ("sex", "birth_date", "person_number", "phone", "insurance_number", "ethnicity", "number"), _ONE
) | {
    "date": ((1, 3), (1, 3)),
    "name_pair": ((2, 2), (2, 2)),
    "coordinates": ((1, 2), (1, 2)),
    "commune": ((5, 5), (1, 1)),
}
_NAME = re.compile(r"\w(?:[\w -]*\w)?")  # a pass names a file of the index, a field and a comparison columns of it
_LONGEST_NAME, _LONGEST_TEXT = 60, 200
_EQUAL_BY_CHANCE = ("number", "coordinates")  # kinds of which two values that are stored alike may differ


def problems_of(plan: Plan) -> list[str]:
    """What is wrong with a plan: one line each, those first on which the others rest."""
    problems = _shape_problems(plan)
    if problems:
        return problems
    for field in plan.fields:
        problems += _field_problems(field)
    problems += number_problems(plan)
    for rule in plan.passes:
        problems += pass_problems(rule, plan)
    for comparison in plan.comparisons:
        problems += comparison_problems(comparison, plan)
    return problems or _whole_problems(plan)


def _shape_problems(plan: Plan) -> list[str]:
    """Names that stand twice or are none, unknown kinds, too many or too few of something."""
    names = {
        "field": [field.name for field in plan.fields],
        "pass": [rule.name for rule in plan.passes],
        "comparison": [comparison.name for comparison in plan.comparisons],
    }
    problems = [problem for section, of_section in names.items() for problem in _repeated(section, of_section)]
    problems += [
        f"[[{section}]] {name[:_LONGEST_NAME]!r}: a name is made of letters, digits, blanks, - and _, "
        f"{_LONGEST_NAME} at most"
        for section, of_section in names.items()
        for name in of_section
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name)
    ]
    problems += [
        f"[[pass]] {FOUND_BY_SUBJECT!r}: results call so what finds a person by the subject; take another name"
        for name in names["pass"]
        if name == FOUND_BY_SUBJECT
    ]
    taken = {*CANDIDATES.names, *REVIEW_QUEUE.names}
    problems += [
        f"[[comparison]] {name!r}: results have a column {column!r} of their own; take another name"
        for name in names["comparison"]
        for column in compared_columns(name)
        if column in taken
    ]
    if plan.format != FORMAT:
        problems.append(f"format {plan.format} is not supported; this version reads format {FORMAT}")
    problems += [
        f"field {field.name!r}: unknown kind {field.kind!r}; one of {', '.join(FIELD_KINDS)}"
        for field in plan.fields
        if field.kind not in FIELD_KINDS
    ]
    problems += [
        f"comparison {comparison.name!r}: unknown kind {comparison.kind!r}; one of {', '.join(COMPARISON_KINDS)}"
        for comparison in plan.comparisons
        if comparison.kind not in COMPARISON_KINDS
    ]
    if not plan.comparisons or not plan.passes:
        problems.append("a plan needs at least one [[comparison]] and one [[pass]]")
    if len(plan.passes) > MAX_PASSES:
        problems.append(f"{len(plan.passes)} passes; {MAX_PASSES} are possible")
    return problems or _text_problems(plan)


def _text_problems(plan: Plan) -> list[str]:
    """Texts that name something and cannot: names of columns, of the plan and of its sides."""
    texts = {key: [getattr(plan, key)] for key in ("name", "left", "right", "left_id", "right_id")}
    texts |= {f"field {f.name!r}: {side}": getattr(f, side) for f in plan.fields for side in ("left", "right")}
    problems = [
        f"{key}: {text[:_LONGEST_NAME]!r} names nothing; write 1 to {_LONGEST_TEXT} characters on one line"
        for key, of_key in texts.items()
        for text in of_key
        if not text.strip() or len(text) > _LONGEST_TEXT or "\n" in text or "\r" in text
    ]
    problems += [
        f"{key}: column {column!r} stands there twice; write it once"
        for key, of_key in texts.items()
        for column in sorted({column for column in of_key if of_key.count(column) > 1})
    ]
    return problems


def _field_problems(field: Field) -> list[str]:
    """Keys of a field that its kind does not have or cannot take, and columns that are too many or too few."""
    where = f"field {field.name!r}"
    problems = []
    if not EARLIEST_YEAR <= field.first_year <= LAST_YEAR:
        problems.append(f"{where}: first_year = {field.first_year}: must be from {EARLIEST_YEAR} to {LAST_YEAR}")
    problems += _role_problems(field, where)
    if not field.delimiter:
        problems.append(f"{where}: delimiter must be one character at least")
    if field.nicknames and field.kind != "text":
        problems.append(f"{where}: nicknames are for fields of kind 'text'")
    if field.region is not None and (field.kind != "phone" or field.region not in REGIONS):
        problems.append(
            f"{where}: region = {field.region!r}: must be two letters of ISO 3166, of a field of kind 'phone'"
        )
    if field.form is not None and (field.kind != "text" or field.form not in TEXT_FORMS):
        problems.append(
            f"{where}: form = {field.form!r}: must be one of {', '.join(TEXT_FORMS)}, of a field of kind 'text'"
        )
    if not field.left and not field.right:
        problems.append(f"{where}: left or right must name a column")
    if field.kind in _N_COLUMNS:
        for side, (least, most) in zip(("left", "right"), _N_COLUMNS[field.kind], strict=True):
            n = len(getattr(field, side))
            if n and not least <= n <= most:
                wanted = f"{most} columns" if most > 1 else "one column"
                problems.append(f"{where}: kind {field.kind!r} is read from {wanted} on the {side}, not {n}")
    return problems


def _role_problems(field: Field, where: str) -> list[str]:
    """A role that no run asks for, or that the field cannot have."""
    if field.role is None:
        return []
    if field.role not in ROLES:
        return [f"{where}: role = {field.role[:_LONGEST_NAME]!r}: must be one of {', '.join(ROLES)}"]
    if field.kind != ROLES[field.role]:
        return [f"{where}: role = {field.role!r} is for a field of kind {ROLES[field.role]!r}, not {field.kind!r}"]
    return [f"{where}: role = {field.role!r} needs columns on both sides"] if not field.left or not field.right else []


def _once_problems(plan: Plan) -> list[str]:
    """What one section alone can say, said by several."""
    said = {f'role = "{role}"': ("field", [f.name for f in plan.fields if f.role == role]) for role in ROLES}
    said["row_order = true"] = "pass", [rule.name for rule in plan.passes if rule.row_order]
    said["compared_last = true"] = "comparison", [c.name for c in plan.comparisons if c.compared_last]
    return [
        f"[[{section}]] {', '.join(map(repr, names))}: {key} can stand in one of them only"
        for key, (section, names) in said.items()
        if len(names) > 1
    ]


def _whole_problems(plan: Plan) -> list[str]:
    """What is wrong with comparisons, passes and numbers together."""
    problems = []
    names = {comparison.name for comparison in plan.comparisons}
    problems += [
        f"comparison {comparison.name!r}: no other [[comparison]] is named {anchor!r}, which should anchor it"
        for comparison in plan.comparisons
        for anchor in comparison.anchors
        if anchor not in names - {comparison.name}
    ]
    problems += _once_problems(plan) + _rule_problems(plan) + made_of_problems(plan)
    if any(c.local for c in plan.comparisons) and not any(c.kind == "place" for c in plan.comparisons):
        problems.append("local term frequencies need a comparison of kind 'place'")
    if plan.household_rate > 0 and not any(c.is_of_household for c in plan.comparisons):
        problems.append("training.household_rate needs a comparison with shared_number = true")
    n_patterns = prod(len(comparison.labels) for comparison in plan.comparisons)
    if n_patterns > MAX_PATTERNS:
        problems.append(
            f"{n_patterns:,} agreement patterns of the comparisons' levels are more than {MAX_PATTERNS:,}; take fewer "
            "thresholds or drop a comparison"
        )
    return problems + _verified_problems(plan)


def _verified_problems(plan: Plan) -> list[str]:
    """What keeps exact agreement from being one: nothing that is equal, or parts that cannot be told to be."""
    rule = plan.verified
    if rule is None:
        return []
    passes = [each.name for each in plan.passes]
    problems = [f"verified: no pass is named {name!r}" for name in rule.passes if name not in passes]
    if not rule.passes or not rule.equal:
        problems.append("verified: passes and equal need one entry each at least, or all would agree")
    for part in rule.equal:
        found = [p for side in ("left", "right") for p in part_problems("verified", part, side, plan)]
        kind = next((field.kind for field in plan.fields if field.name == part.partition(".")[0]), None)
        if not found and (kind is None or kind in _EQUAL_BY_CHANCE or has_several(part, plan)):
            found = [f"verified: equal = {part!r}: a record may have several, or near ones; take another part"]
        problems += dict.fromkeys(found)
    return problems


def _rule_problems(plan: Plan) -> list[str]:
    """Comparisons and levels that decision.never_automatic names and the plan has not."""
    labels = {comparison.name: comparison.labels for comparison in plan.comparisons}
    problems = []
    for rule in plan.decision.never_automatic:
        where = "decision.never_automatic"
        problems += [f"{where}: no [[comparison]] is named {name!r}" for name in rule if name not in labels]
        problems += [
            f"{where}: comparison {name!r} has no level {level!r}; it has {', '.join(labels[name])}"
            for name, levels in rule.items()
            for level in levels
            if name in labels and level not in labels[name]
        ]
        problems += [f"{where}: a rule without comparisons would hold for all"] if not rule else []
        problems += [
            f"{where}: comparison {name!r} without levels would hold for none; name some"
            for name, levels in rule.items()
            if not levels
        ]
    return problems


def _repeated(section: str, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"[[{section}]] {name!r} stands there more than once; give each a name of its own" for name in twice]
