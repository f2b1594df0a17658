"""The common models that Splink and ours both hold, and the settings in which Splink gets them.

Of one set of fields, passes and cheap comparisons there are three, from the least favourable to ours on:

names by Jaro-Winkler
    The folder that ``model export --splink`` writes, with two changes in Splink's favour: Jaro-Winkler is DuckDB's own
    function, the fastest of its measures of text, and no intermediate columns are kept.
names equal or not
    The same without a measure of text.
as Splink's users write it
    Names, dates of birth as ISO text, and numbers by Damerau-Levenshtein, put together from the functions of Splink's
    own comparison library as its tutorial does; nothing of it is ours but the values of m and u.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from linkage.plan.reading import load_plan
from linkage.plan.sections import Comparison, Plan
from linkage.splink.conditions import Alphabet, jaro_winkler, quoted
from linkage.training.model_file import Model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import splink.comparison_library as cl
    from splink import SettingsCreator

Settings = dict[str, Any]


@dataclass(frozen=True)
class CommonModel:
    """plan: what ours trains and scores with; settings: those of Splink, from a trained model and its export."""

    plan: Plan
    settings: Callable[[Model, Settings], SettingsCreator]


def _exported(model: Model, settings: Settings) -> SettingsCreator:
    """The export without columns that nobody asks for."""
    return SettingsCreator.from_path_or_dict(settings | dict.fromkeys(_UNWANTED, False))


def _with_own_jaro_winkler(model: Model, settings: Settings) -> SettingsCreator:
    """The same with DuckDB's own Jaro-Winkler."""
    name = model.plan.comparisons[-1]
    a, b = quoted(f"{name.left[0]}_l"), quoted(f"{name.right[0]}_r")
    written = {
        jaro_winkler(a, b, Alphabet(), limit): f"jaro_winkler_similarity({a}, {b}) >= {limit}"
        for limit in name.thresholds
    }
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            level["sql_condition"] = written.pop(level["sql_condition"], level["sql_condition"])
    if written:
        raise AssertionError("the exported conditions are not those to be replaced; names beyond ASCII?")
    return _exported(model, settings)


def _as_users_write(model: Model, settings: Settings) -> SettingsCreator:
    """What a user of Splink writes, with our m and u; of the export only the blocking rules, which are our passes."""
    comparisons = [
        cl.ExactMatch("sex"),
        cl.DamerauLevenshteinAtThresholds("birth_date", [1]),
        cl.DamerauLevenshteinAtThresholds("id_number", [1]),
        cl.DamerauLevenshteinAtThresholds("phone", [1]),
        cl.DamerauLevenshteinAtThresholds("insurance_number", [1]),
        cl.ExactMatch("commune_code").configure(term_frequency_adjustments=True),
        cl.ExactMatch("ethnicity_code").configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("name", [1, 2]).configure(term_frequency_adjustments=True),
    ]
    for comparison, estimated in zip(comparisons, model.parameters.comparisons, strict=True):
        m, u = (shares[1:].tolist() for shares in (estimated.m, estimated.u))
        comparison.configure(m_probabilities=m, u_probabilities=u)
    return SettingsCreator(
        link_type="link_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=settings["blocking_rules_to_generate_predictions"],
        probability_two_random_records_match=settings["probability_two_random_records_match"],
        **dict.fromkeys(_UNWANTED, False),
    )


_UNWANTED = ("retain_intermediate_calculation_columns", "retain_matching_columns")
_SIMILAR = load_plan(Path(__file__).with_name("common.toml"))


def _with(plan: Plan, *changed: Comparison) -> Plan:
    """The plan with some of its comparisons in another form."""
    by_name = {comparison.name: comparison for comparison in changed}
    return replace(plan, comparisons=[by_name.get(c.name, c) for c in plan.comparisons])


def _equal_names() -> Plan:
    changes: dict[str, Any] = {"kind": "category", "measure": None, "thresholds": [], "m": [0.85, 0.15]}
    return _with(_SIMILAR, replace(_SIMILAR.comparisons[-1], **changes))


def _edited() -> Plan:
    """Dates as text, and edits counted. Of two numbers of one length, "one digit or two neighbours swapped" is a
    distance of 1, and numbers of one kind here have one length or differ by more than a digit."""
    fields = [replace(field, kind="text") if field.name == "birth_date" else field for field in _SIMILAR.fields]
    of_name = {comparison.name: comparison for comparison in _SIMILAR.comparisons}
    edits: dict[str, Any] = {"kind": "text", "measure": "damerau_levenshtein"}
    date = replace(of_name["birth_date"], **edits, thresholds=[1.0], m=[0.88, 0.05, 0.07])
    name = replace(of_name["name"], **edits, thresholds=[1.0, 2.0])
    return _with(replace(_SIMILAR, fields=fields), date, name)


COMMON_MODELS = {
    "names by Jaro-Winkler": CommonModel(_SIMILAR, _with_own_jaro_winkler),
    "names equal or not": CommonModel(_equal_names(), _exported),
    "as Splink's users write it": CommonModel(_edited(), _as_users_write),
}
