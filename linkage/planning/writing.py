"""Writes a proposed plan as TOML, with what speaks for each part of it as comments."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import msgspec

from linkage.plan.reading import plan_from
from linkage.plan.sections import Comparison, Field, Plan
from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import Correspondence
from linkage.planning.fields import Planned
from linkage.planning.made_of import told
from linkage.planning.proposal import Proposal
from linkage.wording.masking import shape_of

_DEFAULTS = {
    "decision": {
        "highest_false_match_rate": "expected share of wrong links",
        "lowest_match_probability": "nothing under this is a link",
        "lowest_review_probability": "nothing under this is among the candidates",
        "matches_per_record": '"one": a left record has one match at most; "one_to_one": a right record too; '
        '"any": pairs are judged one by one',
    },
    "training": {
        "random_pairs": "drawn to see how often strangers agree",
        "share_in_registry": "matches for each left record, a starting value",
        "household_rate": "relatives of each left record on the right, a starting value; 0: no households",
    },
}


def plan_toml(proposal: Proposal) -> str:
    """The plan with its comments; reading it gives the plan of the proposal again."""
    plan = proposal.plan
    lines = [f"# {note}" for note in proposal.notes]
    lines += [f"# left out: {out.column} ({out.side}): {out.reason}" for out in proposal.left_out]
    lines += [f"format = {plan.format}", _entry("name", plan.name)]
    lines += [_entry(key, getattr(plan, key)) for key in ("left_id", "right_id")]
    lines += _settings(plan)
    for planned in proposal.planned:
        lines += [
            "",
            *_described(planned.pair),
            "[[field]]",
            *_field(planned.field),
        ]
    for chosen, rule in zip(proposal.passes, plan.passes, strict=True):
        lines += [
            "",
            f"# {chosen.n_pairs:,} pairs, largest block {chosen.largest_block:,}; should be the first to find "
            f"{chosen.newly_found:.1%} of the matches",
            "[[pass]]",
            *_entries(rule, ("name", "left", "right", "evidence")),
            *(["row_order = true  # the right file is sorted by it"] if rule.row_order else []),
        ]
    for planned, comparison in zip(proposal.planned, plan.comparisons, strict=True):
        lines += ["", *_dependence(planned, proposal), f"# levels: {', '.join(comparison.labels[1:])}"]
        lines += ["[[comparison]]", *_comparison(comparison)]
    text = "\n".join(lines) + "\n"
    assert plan_from(tomllib.loads(text), "the proposed plan") == plan, "what is written is what was proposed"
    return text


def _settings(plan: Plan) -> list[str]:
    lines = []
    for section, keys in _DEFAULTS.items():
        stated = getattr(plan, section)
        lines += ["", f"[{section}]"]
        lines += [f"{_entry(key, getattr(stated, key))}  # {meaning}" for key, meaning in keys.items()]
    return lines


def _field(field: Field) -> list[str]:
    stated = _entries(field, ("name", "kind", "left", "right"))
    return stated + [_entry(key, value) for key in ("region", "form") if (value := getattr(field, key)) is not None]


def _described(pair: Correspondence) -> list[str]:
    sides = [_counts(side, columns) for side, columns in (("left", pair.left), ("right", pair.right))]
    lines = [f"# {pair.role.value}"]
    lines += [f"# {sides[0]}"] if pair.left == pair.right else [f"# {side}" for side in sides]
    if pair.found is not None and pair.left != pair.right:
        lines.append(f"# {pair.found:.0%} of the left values occur on the right")
    if pair.is_guessed:
        lines.append("# paired by its values only, which are distributed alike on both sides")
    return lines


def _dependence(planned: Planned, proposal: Proposal) -> list[str]:
    """Of what the values are made, and what the plan does about it."""
    made = next((each for each in proposal.made if each.pair is planned.pair), None)
    if made is None:
        return []
    if planned.comparison.made_of:
        done = "strangers who agree in all of them are a class of their own, and only slips are nearly the same"
    else:
        done = (
            "it counts as if it were independent, for records of one side may be one person's; look whether it should"
        )
    return [f"# {told(made)}: {done}"]


def _counts(side: str, columns: tuple[TextColumn, ...]) -> str:
    parts = [
        f"{column.name} {column.filled_share:.0%} filled, {column.n_distinct:,} distinct, of forms such as "
        + ", ".join(json.dumps(shape, ensure_ascii=False) for shape in _shapes(column.examples))
        for column in columns
    ]
    return f"{side}: " + "; ".join(parts)


def _shapes(examples: tuple[str, ...]) -> list[str]:
    """The first forms of values, which are people's own."""
    return list(dict.fromkeys(map(shape_of, examples)))[:2]


def _comparison(comparison: Comparison) -> list[str]:
    """The keys that differ from their defaults, what must be stated first."""
    stated = _entries(comparison, ("name", "kind", "left", "right"))
    defaults = {field.name: field.default for field in msgspec.structs.fields(Comparison)}
    others = [
        _entry(name, value)
        for name in ("measure", "thresholds", "term_frequency", "shared_number", "compared_last", "made_of", "m")
        if (value := getattr(comparison, name)) != defaults[name] and value != []
    ]
    return stated + others


def _entries(struct: msgspec.Struct, names: tuple[str, ...]) -> list[str]:
    return [_entry(name, getattr(struct, name)) for name in names]


def _entry(name: str, value: Any) -> str:
    """One key; a JSON string, number, list or truth value is TOML as well."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
