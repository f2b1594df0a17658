"""What keeps the comparisons of a plan from comparing its fields, and their levels from being a scale."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite

from linkage.plan.kinds import COMPARISON_KINDS, WITH_MISSING, WORDS
from linkage.plan.sections import Comparison, Plan

_LEAST_SHARE = 1e-12  # what training never sees, and no weight can hold
_MOST_KILOMETRES = 20_000.0  # from pole to pole
_MOST_DIFFERENCE = 1e15  # beyond it whole numbers are not told apart


def comparison_problems(comparison: Comparison, plan: Plan) -> list[str]:
    """What is wrong with one comparison, its fields first, for its levels rest on them."""
    return _field_problems(comparison, plan) or _level_problems(comparison)


def _field_problems(comparison: Comparison, plan: Plan) -> list[str]:
    """What keeps a comparison from comparing its fields."""
    where = f"comparison {comparison.name!r}"
    names = {name.partition(".")[0] for name in (*comparison.left, *comparison.right)}
    names -= {field.name for field in plan.fields}
    problems = [f"{where}: no [[field]] is named {name!r}" for name in sorted(names)]
    kind = COMPARISON_KINDS[comparison.kind]
    for side, n in zip(("left", "right"), kind.columns, strict=True):
        columns = getattr(comparison, side)
        if len(columns) != n:
            which = f": the field and those it is checked by ({', '.join(kind.checked_by)})"
            problems.append(
                f"{where}: kind {comparison.kind!r} takes {n} of the {side} side, not {len(columns)}"
                f"{which if side == 'left' and kind.checked_by else ''}"
            )
        problems += [] if problems else _kind_problems(where, comparison.kind, side, columns, plan)
    if problems:
        return problems
    is_of_words = {field.name: field.kind in WORDS for field in plan.fields}
    if comparison.left != comparison.right and is_of_words.get(comparison.left[0], False):
        problems.append(f"{where}: a text is compared with the same field of the other side")
    if comparison.kind == "nickname":
        field = next(field for field in plan.fields if field.name == comparison.left[0])
        problems += [] if field.nicknames else [f"{where}: field {field.name!r} has no table of nicknames"]
    if comparison.absent_level and kind.stated is None:
        problems.append(f"{where}: kind {comparison.kind!r} has no absent_level")
    if comparison.term_frequency and not kind.counted:
        problems.append(f"{where}: kind {comparison.kind!r} has no term_frequency: its first level has unequal values")
    problems += [
        f"{where}: {key} needs term_frequency = true"
        for key, is_stated in (("group", comparison.group is not None), ("local", comparison.local))
        if is_stated and not comparison.term_frequency
    ]
    sexes = [field.name for field in plan.fields if field.kind == "sex"]
    if comparison.group is not None and comparison.group not in sexes:
        problems.append(f"{where}: group = {comparison.group!r} is no field of kind 'sex'")
    return problems + _cohort_problems(comparison, plan)


def made_of_problems(plan: Plan) -> list[str]:
    """What keeps comparisons from being made of others: these must be there, and records of the right side be people
    each."""
    made = [comparison for comparison in plan.comparisons if comparison.made_of]
    names = {comparison.name for comparison in plan.comparisons}
    problems = [
        f"comparison {c.name!r}: made_of: no other [[comparison]] is named {name!r}"
        for c in made
        for name in c.made_of
        if name not in names - {c.name}
    ]
    if made and not plan.decision.has_rivals:
        problems.append(
            f"comparison {made[0].name!r}: made_of learns from pairs of the right side, which are matches where "
            'decision.matches_per_record = "any"; take it out'
        )
    if made and any(c.kind == "person_number" for c in plan.comparisons):
        problems.append(
            f"comparison {made[0].name!r}: made_of cannot stand beside a comparison of kind 'person_number', whose "
            "near numbers are a class of their own already; take it out"
        )
    return problems


def _kind_problems(where: str, kind: str, side: str, columns: list[str], plan: Plan) -> list[str]:
    """Fields of kinds that a comparison does not compare, and those that a side does not have."""
    compared, checked_by = COMPARISON_KINDS[kind].fields, COMPARISON_KINDS[kind].checked_by
    problems = []
    for place, name in enumerate(columns):
        is_check = place > 0 and side == "left" and bool(checked_by)
        allowed = (checked_by[place - 1],) if is_check else compared
        field = next(field for field in plan.fields if field.name == name.split(".")[0])
        if "." in name:
            problems.append(f"{where}: {name!r} is a part of a field; a comparison takes the whole")
        elif field.kind not in allowed:
            does = f"is checked by a field in place {place + 1}" if is_check else "compares fields"
            problems.append(
                f"{where}: kind {kind!r} {does} of kind {', '.join(allowed)}; {name!r} is of {field.kind!r}"
            )
        elif not getattr(field, side):
            problems.append(f"{where}: field {field.name!r} has no column on the {side}")
    return problems


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
    kind, thresholds = COMPARISON_KINDS[comparison.kind], comparison.thresholds
    if comparison.measure not in kind.measures:
        known = ", ".join(measure for measure in kind.measures if measure is not None)
        what = f"measure must be one of {known}" if known else f"kind {comparison.kind!r} has no measure; take it out"
        return [f"{where}: {what}"]
    if thresholds and kind.labels is not None:
        return [f"{where}: kind {comparison.kind!r} has levels of its own; take out thresholds"]
    if not thresholds and kind.labels is None and kind.before == WITH_MISSING:
        return [f"{where}: kind {comparison.kind!r} needs thresholds, or every pair would differ"]
    if not all(isfinite(threshold) and threshold >= 0 for threshold in thresholds):
        return [f"{where}: thresholds = {thresholds} must be numbers, 0 at least"]
    most = {"jaro_winkler": 1.0, "relative": 2.0}.get(comparison.measure or "", _most_threshold(comparison))
    if thresholds and max(thresholds) > most:
        return [f"{where}: thresholds = {thresholds} must be {most:g} at most"]
    falls = comparison.measure == "jaro_winkler"
    if any(a == b or (a < b) == falls for a, b in pairwise(thresholds)):
        order = "fall" if falls else "rise"
        return [f"{where}: thresholds = {thresholds} must {order} from level to level, from more to less agreement"]
    if len(set(comparison.labels)) < len(comparison.labels):
        return [f"{where}: thresholds = {thresholds} are too near each other to be told apart; take fewer"]
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
        if len(shares) != n or min(shares) < _LEAST_SHARE or abs(sum(shares) - 1) > 1e-6:
            labels = ", ".join(comparison.labels[1:])
            return [f"{where}: {key} needs {n} positive shares that sum to 1, for the levels {labels}"]
    return []


def _most_threshold(comparison: Comparison) -> float:
    """The largest threshold that a kind can tell from a larger one."""
    return _MOST_KILOMETRES if comparison.kind == "distance" else _MOST_DIFFERENCE
