"""A model as settings of Splink 5, with everything listed that Splink's format cannot hold.

Match weights are equal pair by pair, over the tables of linkage.splink.tables and with our term frequencies registered.
What would change a weight is refused by name, unless the nearest is asked for; what is made of the weights afterwards
(rivals of a record sharing one probability, over-full blocks left out) is written as Splink does it and listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.errors import UsageError
from linkage.plan.sections import Comparison, Pass, Plan
from linkage.splink.conditions import Alphabet, absent_condition, alphabet_of, column, level_conditions, quoted
from linkage.splink.tables import UNIQUE_ID, plain_columns
from linkage.training.model_file import Model
from linkage.wording.counted import counted
from models.parameters import ComparisonParameters

DIALECT = "duckdb"
_ASCII = Alphabet()
Words = Mapping[str, Sequence[str]]

# Of each kind that is written as "equal" or "not": the column that is compared, the levels that are "equal", and what
# is lost.
_NEAREST = {
    "vietnamese_name": (".key", (1,), "the levels of a Vietnamese name are told syllable by syllable"),
    "place": ("", (1,), "places are compared through the administrative units"),
    "person_number": ("", (1, 2, 3), "a number is weighed by its inner digits and its owner"),
}


@dataclass(frozen=True)
class Export:
    """settings: what Splink opens. frequencies: encoded columns whose term frequency tables it needs, with what their
    shares are times: the share of people who have the value where lacking it is a level, else 1. deviations: a line for
    everything in which Splink will do otherwise than we do."""

    settings: dict[str, Any]
    frequencies: dict[str, float]
    deviations: tuple[str, ...]


@dataclass(frozen=True)
class _Written:
    """A comparison in Splink's form, with what its weights lose by it."""

    settings: dict[str, Any]
    frequency: str | None
    lost: tuple[str, ...]


def export_splink(model: Model, words: Words | None = None, *, nearest: bool = False) -> Export:
    """The settings of a model.

    Parameters
    ----------
    words : all words of both sides by text field; None when they are not known: right for ASCII text only
    nearest : write what Splink can hold where it cannot hold all, rather than refuse

    Raises
    ------
    UsageError : without nearest, where something would change a match weight; no pass can be written
    """
    plan, parameters = model.plan, model.parameters
    written = [_comparison(c, p, plan, words) for c, p in zip(plan.comparisons, parameters.comparisons, strict=True)]
    rules = {rule.name: _blocking_rule(rule, plan) for rule in plan.passes}
    lost = [line for comparison in written for line in comparison.lost]
    scales = [(c.frequency, p.share_with_value) for c, p in zip(written, parameters.comparisons, strict=True)]
    frequencies = {name: scale for name, scale in scales if name is not None}
    for name in frequencies:
        if len({scale for other, scale in scales if other == name}) > 1:
            lost.append(f"term frequencies of {column(name)}: two comparisons scale them differently; written for one")
    if parameters.household_rate > 0:
        lost.append("household: people of one household are no class of their own in Splink; left out")
    if parameters.twin_rate > 0 or parameters.namesake_rate > 0:
        lost.append("twins and namesakes: no classes of their own in Splink; left out")
    if parameters.neighbour_share > 0:
        lost.append("look-alikes: strangers of near numbers, or of one name, are no class of their own; left out")
    lost += [f"pass {name!r}: its parts are no plain columns; left out" for name, rule in rules.items() if rule is None]
    if lost and not nearest:
        n_lost = counted(len(lost), "thing")
        raise UsageError(
            f"Splink's format cannot hold this model: {n_lost} would be lost, the first: {lost[0]}; --nearest writes "
            "the nearest, and lists them all"
        )
    if not any(rules.values()):
        raise UsageError("no pass of the plan is on plain columns; Splink would compare every record with every other")
    settings = {
        "link_type": "link_only",
        "sql_dialect": DIALECT,
        "probability_two_random_records_match": parameters.share_in_registry / parameters.n_persons,
        "unique_id_column_name": UNIQUE_ID,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": rule, "sql_dialect": DIALECT} for rule in rules.values() if rule is not None
        ],
        "comparisons": [comparison.settings for comparison in written],
        "retain_intermediate_calculation_columns": True,
    }
    return Export(settings, frequencies, (*lost, *_notes(model, rules, frequencies, words is None)))


def _notes(
    model: Model, rules: Mapping[str, str | None], frequencies: Mapping[str, float], is_without_words: bool
) -> list[str]:
    """What Splink does otherwise with equal weights."""
    plan, parameters = model.plan, model.parameters
    if plan.decision.has_rivals:
        notes = ["posterior: Splink judges each pair by itself; here rivals and 'not there' share the probability"]
    else:
        notes = ["link_type: link_only; to link a file with itself, change it to dedupe_only"]
    if parameters.numberless_m != parameters.numberless_u:
        notes.append("prior: Splink has one; here claims without a number are less, or more, likely in the registry")
    limits = ", ".join(f"{rule.name} {rule.max_block}" for rule in plan.passes if rules[rule.name] is not None)
    notes.append(f"passes: blocks over so many persons are narrowed or left out here, in Splink never: {limits}")
    if frequencies:
        needed = ", ".join(column(name) for name in frequencies)
        notes.append(f"term frequencies: register ours of {needed}; Splink would count both files")
    if is_without_words and any(c.kind == "text" for c in plan.comparisons):
        notes.append("text: DuckDB counts bytes; equal for ASCII text only, for other text export with --tables")
    return notes


def _comparison(spec: Comparison, estimated: ComparisonParameters, plan: Plan, words: Words | None) -> _Written:
    """One comparison; its levels in our order, which is Splink's too: the first condition met counts. So what the right
    side alone lacks comes before what is missing."""
    lost = []
    alphabet: Alphabet | None = _ASCII
    if words is not None and spec.kind == "text":
        alphabet = alphabet_of([*words[spec.left[0]], *words[spec.right[0]]])
    if alphabet is None:
        lost.append("has more letters than bytes can tell apart; compared byte by byte")
    conditions = level_conditions(spec, alphabet or _ASCII)
    n, compared, written = estimated.n_compared, spec.right[0], spec
    labels, m, u = estimated.labels[:n], estimated.used_m[:n], estimated.u[:n]
    if conditions is None and spec.kind not in _NEAREST:
        raise UsageError(f"comparison {spec.name!r}: Splink's format cannot hold kind {spec.kind!r}; take it out")
    if conditions is None:
        aspect, equal, why = _NEAREST[spec.kind]
        lost.append(f"{why}; written as equal or not")
        compared = f"{compared}{aspect}"
        written = _as_category(spec, aspect)
        conditions = level_conditions(written, _ASCII) or []
        labels = (labels[0], labels[1], "different")
        m, u = _merged(m, equal), _merged(u, equal)
    frequency, why_not = _frequency(spec, compared)
    lost += why_not
    levels = [_level(*level) for level in zip(conditions, labels, m, u, strict=True)]
    levels[0] = {"sql_condition": conditions[0], "label_for_charts": labels[0], "is_null_level": True}
    if frequency is not None:
        levels[1] |= {"tf_adjustment_column": column(frequency), "tf_adjustment_weight": 1.0}
        if spec.kind == "date":
            # Its first level is more than "equal", which Splink would look for.
            levels[1]["disable_tf_exact_match_detection"] = True
    if spec.absent_level:
        levels.insert(0, _level(absent_condition(written), estimated.labels[-1], estimated.used_m[-1], estimated.u[-1]))
    settings = {"output_column_name": spec.name, "comparison_levels": levels, "comparison_description": spec.kind}
    return _Written(settings, frequency, tuple(f"comparison {spec.name!r}: {what}" for what in lost))


def _level(condition: str, label: str, m: float, u: float) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": label, "m_probability": float(m), "u_probability": float(u)}


def _as_category(spec: Comparison, aspect: str) -> Comparison:
    """Equal or not, on one column of each side."""
    return Comparison(
        name=spec.name, kind="category", left=[spec.left[0] + aspect], right=[spec.right[0] + aspect], m=[0.5, 0.5]
    )


def _merged(shares: NDArray[np.float64], equal: tuple[int, ...]) -> NDArray[np.float64]:
    """Missing, equal, and all the rest."""
    same = float(shares[list(equal)].sum())
    return np.array([1.0, same, float(shares[1:].sum()) - same])


def _frequency(spec: Comparison, compared: str) -> tuple[str | None, list[str]]:
    """The column whose term frequencies apply to the first level, and what of them is lost."""
    if not spec.term_frequency:
        return None, []
    if spec.kind in ("number", "place"):
        return None, ["its term frequency is not that of equal values; left out"]
    if spec.left[0] != spec.right[0]:
        return None, ["term frequencies of two different columns; left out"]
    lost = []
    if spec.kind == "vietnamese_name":
        lost.append("term frequencies of names without tones or diacritics; left out")
    if spec.near_frequency:
        lost.append("what is near a common value counts for less (near_frequency); written for the same value only")
    if spec.group is not None:
        lost.append(f"term frequencies by {spec.group}; written for all together")
    if spec.cohort is not None:
        lost.append(f"term frequencies by cohort of {spec.cohort}; written for all ages together")
    if spec.local:
        lost.append("term frequencies within the commune; written for the whole registry")
    return compared, lost


def _blocking_rule(rule: Pass, plan: Plan) -> str | None:
    """A pass as SQL; None when it is on more than plain columns."""
    if not plain_columns(plan).issuperset([*rule.left, *rule.right]):
        return None
    pairs = zip(rule.left, rule.right, strict=True)
    return " AND ".join(f"l.{quoted(column(left))} = r.{quoted(column(right))}" for left, right in pairs)
