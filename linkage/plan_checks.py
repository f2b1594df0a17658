"""What is wrong with a plan that has the right shape: a line for each fault, with what would be right."""

from __future__ import annotations

import re
from itertools import pairwise
from math import isfinite, prod
from typing import TYPE_CHECKING

from linkage.plan_kinds import COMPARISON_KINDS, FIELD_KINDS, WORDS
from linkage.standardise.dates import EARLIEST_YEAR, LAST_YEAR
from linkage.standardise.phones_international import REGIONS
from linkage.standardise.text_forms import FORMS
from models.patterns import MAX_PATTERNS

if TYPE_CHECKING:
    from linkage.plan import Comparison, Field, Pass, Plan

FORMAT = 1
EVIDENCE = ("identifier", "demographic")
MAX_PASSES = 15  # what found a pair is a bit each of 16, one of which is for a decided claim of the subject
_N_COLUMNS = {"name_pair": (2, 2), "coordinates": (1, 2)}  # of kinds that are read from so many: least and most
_WITHOUT_ABSENT = ("distance",)  # kinds that do not tell what the right side lacks
_NAME = re.compile(r"\w[\w -]*")  # a pass names a file of the index, a field columns of it


def problems_of(plan: Plan) -> list[str]:
    """What is wrong with a plan: one line each, those first on which the others rest."""
    problems = _shape_problems(plan)
    if problems:
        return problems
    for field in plan.fields:
        problems += _field_problems(field)
    problems += _number_problems(plan)
    for rule in plan.passes:
        problems += _pass_problems(rule, plan)
    for comparison in plan.comparisons:
        problems += _comparison_problems(comparison, plan) or _level_problems(comparison)
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
        f"[[{section}]] {name!r}: a name is made of letters, digits, blanks, - and _"
        for section in ("field", "pass")
        for name in names[section]
        if not _NAME.fullmatch(name)
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
    return problems


def _field_problems(field: Field) -> list[str]:
    """Keys of a field that its kind does not have or cannot take, and columns that are too many or too few."""
    where = f"field {field.name!r}"
    problems = []
    if not EARLIEST_YEAR <= field.first_year <= LAST_YEAR:
        problems.append(f"{where}: first_year = {field.first_year}: must be from {EARLIEST_YEAR} to {LAST_YEAR}")
    if not field.delimiter:
        problems.append(f"{where}: delimiter must be one character at least")
    if field.nicknames and field.kind != "text":
        problems.append(f"{where}: nicknames are for fields of kind 'text'")
    if field.region is not None and (field.kind != "phone" or field.region not in REGIONS):
        problems.append(
            f"{where}: region = {field.region!r}: must be two letters of ISO 3166, of a field of kind 'phone'"
        )
    if field.form is not None and (field.kind != "text" or field.form not in FORMS):
        problems.append(f"{where}: form = {field.form!r}: must be one of {', '.join(FORMS)}, of a field of kind 'text'")
    if field.kind in _N_COLUMNS:
        least, most = _N_COLUMNS[field.kind]
        problems += [
            f"{where}: kind {field.kind!r} is read from {most} columns, not {len(columns)}"
            for columns in (field.left, field.right)
            if columns and not least <= len(columns) <= most
        ]
    return problems


def _pass_problems(rule: Pass, plan: Plan) -> list[str]:
    where = f"pass {rule.name!r}"
    problems = _unknown(where, [*rule.left, *rule.right, *([rule.narrow] if rule.narrow else [])], plan)
    if len(rule.left) != len(rule.right) or not rule.left:
        problems.append(f"{where}: left and right need as many parts, one at least")
    if rule.evidence not in EVIDENCE:
        problems.append(f"{where}: evidence {rule.evidence!r} is not one of {', '.join(EVIDENCE)}")
    return problems


def _comparison_problems(comparison: Comparison, plan: Plan) -> list[str]:
    """What keeps a comparison from comparing its fields."""
    where = f"comparison {comparison.name!r}"
    problems = _unknown(where, [*comparison.left, *comparison.right], plan)
    kind = COMPARISON_KINDS[comparison.kind]
    for side, n in zip(("left", "right"), kind.columns, strict=True):
        columns = getattr(comparison, side)
        if len(columns) != n:
            problems.append(f"{where}: kind {comparison.kind!r} takes {n} of the {side} side, not {len(columns)}")
        problems += [] if problems else _kind_problems(where, comparison.kind, side, columns, plan)
    if problems:
        return problems
    is_of_words = {field.name: field.kind in WORDS for field in plan.fields}
    if comparison.left != comparison.right and is_of_words.get(comparison.left[0], False):
        problems.append(f"{where}: a text is compared with the same field of the other side")
    if comparison.kind == "person_number":
        problems += _person_number_problems(comparison, where, plan)
    if comparison.kind == "nickname":
        field = next(field for field in plan.fields if field.name == comparison.left[0])
        problems += [] if field.nicknames else [f"{where}: field {field.name!r} has no table of nicknames"]
    if comparison.absent_level and comparison.kind in _WITHOUT_ABSENT:
        problems.append(f"{where}: kind {comparison.kind!r} has no absent_level")
    if comparison.term_frequency and comparison.kind == "distance":
        problems.append(f"{where}: no two places are the same; kind 'distance' has no term_frequency")
    sexes = [field.name for field in plan.fields if field.kind == "sex"]
    if comparison.group is not None and comparison.group not in sexes:
        problems.append(f"{where}: group = {comparison.group!r} is no field of kind 'sex'")
    return problems + _cohort_problems(comparison, plan)


def _kind_problems(where: str, kind: str, side: str, columns: list[str], plan: Plan) -> list[str]:
    """Fields of kinds that a comparison does not compare, and those that a side does not have."""
    allowed = COMPARISON_KINDS[kind].fields
    problems = []
    for name in columns:
        field = next(field for field in plan.fields if field.name == name.split(".")[0])
        if "." in name and kind != "person_number":
            problems.append(f"{where}: {name!r} is a part of a field; a comparison takes the whole")
        elif field.kind not in allowed:
            problems.append(
                f"{where}: kind {kind!r} compares fields of kind {', '.join(allowed)}; {name!r} is of {field.kind!r}"
            )
        elif not getattr(field, side):
            problems.append(f"{where}: field {field.name!r} has no column on the {side}")
    return problems


def _person_number_problems(comparison: Comparison, where: str, plan: Plan) -> list[str]:
    """A person's number is checked against the sex and date of birth stated beside it."""
    number, marks = comparison.left
    problems = [] if marks == f"{number}.marks" else [f"{where}: left must be [{number!r}, '{number}.marks']"]
    for name in ("sex", "birth_date"):
        if not any(field.name == field.kind == name and field.left for field in plan.fields):
            problems.append(
                f"{where}: kind 'person_number' needs a field {name!r} of that kind on the left, to check numbers by"
            )
    return problems


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
    problems += _rule_problems(plan)
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
    if plan.verified is not None:
        passes = [rule.name for rule in plan.passes]
        problems += _unknown("verified", plan.verified.equal, plan)
        problems += [f"verified: no pass is named {name!r}" for name in plan.verified.passes if name not in passes]
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
    return problems


def _number_problems(plan: Plan) -> list[str]:
    """Numbers of a plan that are out of their range."""
    shares = {
        "decision.highest_false_match_rate": plan.decision.highest_false_match_rate,
        "decision.lowest_match_probability": plan.decision.lowest_match_probability,
        "decision.lowest_review_probability": plan.decision.lowest_review_probability,
        "training.blocking_recall": plan.training.blocking_recall,
    }
    problems = [
        f"{name} = {share}: must be over 0 and at most 1" for name, share in shares.items() if not 0 < share <= 1
    ]
    least: dict[str, tuple[float, float]] = {
        "decision.candidates_kept": (plan.decision.candidates_kept, 2),  # the best and the runner-up
        "training.subjects": (plan.training.subjects, 1),
        "training.random_pairs": (plan.training.random_pairs, 1),
        "training.household_rate": (plan.household_rate, 0),
    }
    problems += [f"{name} = {n}: must be {low} at least" for name, (n, low) in least.items() if not n >= low]
    share, is_one = plan.training.share_in_registry, plan.decision.has_rivals
    if not share > 0 or (is_one and share >= 1):
        problems.append(f"training.share_in_registry = {share}: must be over 0{' and under 1' if is_one else ''}")
    return problems


def _repeated(section: str, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"[[{section}]] {name!r} stands there more than once; give each a name of its own" for name in twice]


def _unknown(where: str, parts: list[str], plan: Plan) -> list[str]:
    names = {part.split(".")[0] for part in parts} - {field.name for field in plan.fields} - {"province"}
    return [f"{where}: no [[field]] is named {name!r}" for name in sorted(names)]


def _cohort_problems(comparison: Comparison, plan: Plan) -> list[str]:
    """What keeps a comparison from going by cohort: a date of birth on both sides, and compared, is needed."""
    name = comparison.cohort
    if name is None:
        return []
    where = f"comparison {comparison.name!r}: cohort = {name!r}"
    if not any(
        field.name == name and field.kind == "birth_date" and field.left and field.right for field in plan.fields
    ):
        return [f"{where} is no field of kind 'birth_date' that both sides have"]
    if not any(c.kind == "date" and c.left[:1] == [name] == c.right[:1] for c in plan.comparisons):
        return [f"{where} needs a comparison of kind 'date' of that field"]
    return [] if comparison.term_frequency else [f"{where} needs term_frequency = true"]


def _level_problems(comparison: Comparison) -> list[str]:
    where = f"comparison {comparison.name!r}"
    measures, thresholds = COMPARISON_KINDS[comparison.kind].measures, comparison.thresholds
    if comparison.measure not in measures:
        known = ", ".join(measure for measure in measures if measure is not None)
        return [f"{where}: measure must be one of {known}" if known else f"{where}: kind {comparison.kind!r} has none"]
    if not all(isfinite(threshold) and threshold >= 0 for threshold in thresholds):
        return [f"{where}: thresholds = {thresholds} must be numbers, 0 at least"]
    falls = comparison.measure == "jaro_winkler"
    if any(a == b or (a < b) == falls for a, b in pairwise(thresholds)):
        order = "fall" if falls else "rise"
        return [f"{where}: thresholds = {thresholds} must {order} from level to level, from more to less agreement"]
    if comparison.m is not None and comparison.fixed_m is not None:
        return [f"{where}: m and fixed_m; keep one: fixed_m stays as it is, from m the training starts"]
    n = len(comparison.labels) - 1
    stated = {
        "m" if comparison.fixed_m is None else "fixed_m": comparison.starting_m,
        "fixed_u": comparison.fixed_u,
        "household": comparison.starting_household,
        "twin": comparison.twin,
        "namesake": comparison.namesake,
    }
    for key, shares in stated.items():
        if shares is None:
            continue
        if len(shares) != n or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            labels = ", ".join(comparison.labels[1:])
            return [f"{where}: {key} needs {n} positive shares that sum to 1, for the levels {labels}"]
    return []
