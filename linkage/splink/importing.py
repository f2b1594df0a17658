"""Settings that Splink 5 saved, as a plan and a model that give every pair the same match weight.

Read are comparisons of one column with one: a null level, before it perhaps one of values that the right side alone
lacks, then exact, Jaro-Winkler, Levenshtein or Damerau-Levenshtein, absolute difference, and ELSE; term frequencies of
weight 1 on the exact level; blocking rules of equal columns; and the text, category, number and date comparisons that
export_splink writes. Anything else is refused by name.

Weights are equal on text that stands as we compare it (lower case, NFKC, single spaces, null for empty), in ASCII,
because Splink's functions count bytes, and with term frequencies counted in the right file, where a level of lacking
values stands beside them times the share that has one, as export writes them; a Jaro-Winkler similarity within a
rounding of its threshold may fall to its other side.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from linkage.errors import UsageError
from linkage.plan.checks import FORMAT
from linkage.plan.reading import plan_from
from linkage.plan.sections import Comparison, Decision, Field, Pass, Plan, Training
from linkage.splink.levels import Recognised, recognise
from linkage.storage.edited_files import check_values, read_json
from linkage.training.model_file import Model
from models.parameters import ComparisonParameters, Parameters

WHERE = "Splink settings"
_ANY_BLOCK = 1_000_000_000  # Splink leaves no block out
_SHARE_IN_REGISTRY = 0.9
_LONGEST_TEXT = 10_000  # characters of a condition
_FIELD_KINDS = {"text": "text", "category": "text", "number": "number", "date": "date"}
_COLUMN = r'(?:"([^"]+)"|([^"\s()]+))'
_EQUALITY = re.compile(rf"l\.{_COLUMN}\s*=\s*r\.{_COLUMN}", re.IGNORECASE)


@dataclass
class _Fields:
    """The fields that comparisons and blocking rules turn out to need: their kinds and sides by column."""

    kinds: dict[str, str] = field(default_factory=dict)
    sides: dict[str, set[str]] = field(default_factory=dict)

    def need(self, left: str, right: str, kind: str | None, where: str) -> None:
        """A column of each side; kind None when any will do."""
        for side, name in (("left", left), ("right", right)):
            # A full stop would name a part of a field, and a stroke a folder of the index.
            if "." in name or "/" in name:
                raise UsageError(f"{where}: column {name!r} has {'./'!r} in its name; rename it and train again")
            if kind is not None and self.kinds.setdefault(name, kind) != kind:
                raise UsageError(f"{where}: column {name!r} is {self.kinds[name]} elsewhere and {kind} here")
            self.sides.setdefault(name, set()).add(side)

    def all(self) -> list[Field]:
        """The fields, each named after its column."""
        return [
            Field(
                name=name,
                kind=self.kinds.get(name, "text"),
                left=[name] if "left" in sides else [],
                right=[name] if "right" in sides else [],
            )
            for name, sides in self.sides.items()
        ]


def read_settings(path: Path) -> dict[str, Any]:
    """The parsed JSON of a settings file; UsageError when it cannot be read or is no JSON object."""
    return read_json(path, "give a file that Splink's save_model_to_json wrote", UsageError)


def import_splink(settings: dict[str, Any], n_right: int | None = None) -> tuple[Plan, Model]:
    """The plan and the model of settings.

    Parameters
    ----------
    settings : parsed JSON, as ``save_model_to_json`` of Splink writes it
    n_right : records of the right file, by which the prior of a pair becomes the share of left records that are in it;
        None takes that share as 0.9: probabilities may then differ from Splink's, weights do not

    Raises
    ------
    UsageError : names the comparison, level and condition, or the key, that cannot be read
    """
    check_values(settings, WHERE, UsageError, _LONGEST_TEXT)
    try:
        return _import(settings, n_right)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UsageError(
            f"{WHERE}: not in Splink's form ({error!r}); give a file that save_model_to_json wrote"
        ) from error


def _import(settings: dict[str, Any], n_right: int | None) -> tuple[Plan, Model]:
    link_type = settings["link_type"]
    if link_type not in ("link_only", "dedupe_only"):
        raise UsageError(f"{WHERE}: link_type {link_type!r}; link_only and dedupe_only are read")
    if settings.get("sql_dialect", "duckdb") != "duckdb":
        raise UsageError(f"{WHERE}: sql_dialect {settings['sql_dialect']!r}; only duckdb is read, train with DuckDBAPI")
    fields = _Fields()
    read = [_comparison(comparison, fields) for comparison in settings["comparisons"]]
    rules = settings["blocking_rules_to_generate_predictions"]
    passes = [_pass(rule, f"rule_{i}", fields) for i, rule in enumerate(rules, 1)]
    share, n_persons = _prior(settings, n_right, is_one=link_type == "link_only")
    key = settings.get("unique_id_column_name", "unique_id")
    plan = Plan(
        format=FORMAT,
        name="splink",
        left_id=key,
        right_id=key,
        decision=Decision(matches_per_record="one" if link_type == "link_only" else "any"),
        training=Training(share_in_registry=share),
        fields=fields.all(),
        passes=passes,
        comparisons=[spec for spec, _ in read],
    )
    plan = plan_from(msgspec.to_builtins(plan), WHERE)
    estimated = tuple(parameters for _, parameters in read)
    parameters = Parameters(estimated, share, plan.training.blocking_recall, 0.0, n_persons)
    return plan, Model(parameters, plan, {"imported_from": "Splink"})


def _prior(settings: dict[str, Any], n_right: int | None, *, is_one: bool) -> tuple[float, int]:
    """The share of left records with a match on the right, and the number of records there, that make the prior."""
    prior = float(settings["probability_two_random_records_match"])
    if not 0.0 < prior < 1.0:
        raise UsageError(f"{WHERE}: probability_two_random_records_match is {prior:g}; it must lie between 0 and 1")
    if n_right is None:
        return _SHARE_IN_REGISTRY, max(1, round(_SHARE_IN_REGISTRY / prior))
    share = prior * n_right
    if is_one and share >= 1.0:
        raise UsageError(
            f"{WHERE}: probability_two_random_records_match {prior:g} with {n_right} records on the right means "
            f"{share:.3g} matches per record on the left; it must be under 1, or leave the number of records out"
        )
    return share, n_right


def _comparison(comparison: dict[str, Any], fields: _Fields) -> tuple[Comparison, ComparisonParameters]:
    """A comparison of the plan, its starting values those of the model, and its parameters."""
    where = f"{WHERE}: comparison {comparison.get('output_column_name', '')!r}"
    levels = comparison["comparison_levels"]
    said = recognise(levels, where)
    if said.absent_level:
        levels = [*levels[1:], levels[0]]
    fields.need(said.left, said.right, _FIELD_KINDS[said.kind], where)
    m, u = (np.array([1.0, *(_share(level, key, where) for level in levels[1:])]) for key in ("m", "u"))
    if said.absent_level and u[-1] >= 1.0:
        raise UsageError(f"{where}: u_probability of its first level must be under 1, or nobody has a value")
    spec = Comparison(
        name=_plain(comparison.get("output_column_name") or said.left),
        kind=said.kind,
        left=[said.left],
        right=[said.right],
        m=(m[1:] / m[1:].sum()).tolist(),
        term_frequency=_has_term_frequency(levels, said, where),
        near_frequency=False,
        measure=said.measure,
        thresholds=list(said.thresholds),
        absent_level=said.absent_level,
    )
    return spec, ComparisonParameters(spec.name, spec.labels, m, u, m, absent_level=spec.absent_level)


def _plain(name: str) -> str:
    """A name as a plan may have it."""
    return re.sub(r"[^\w -]+", "_", name).strip(" -") or "comparison"


def _share(level: dict[str, Any], key: str, where: str) -> float:
    """m or u of a level; one that was never trained has no weight to import."""
    share = level.get(f"{key}_probability")
    if not isinstance(share, int | float) or not 0.0 < share <= 1.0:
        label = level.get("label_for_charts", level.get("sql_condition"))
        raise UsageError(f"{where}, level {label!r}: {key}_probability is {share!r}; train or set it in Splink, over 0")
    return float(share)


def _has_term_frequency(levels: list[dict[str, Any]], said: Recognised, where: str) -> bool:
    """Whether the first level has a term frequency adjustment as ours; UsageError for any other."""
    found = False
    for place, level in enumerate(levels):
        name = level.get("tf_adjustment_column")
        if name is None or level.get("tf_adjustment_weight", 1.0) == 0.0:
            continue
        is_whole = level.get("tf_adjustment_weight", 1.0) == 1.0 and not level.get("tf_minimum_u_value")
        is_same = name.strip('"') == said.left == said.right and said.kind != "number"
        if place != 1 or not is_whole or not is_same:
            label = level.get("label_for_charts", level.get("sql_condition"))
            raise UsageError(
                f"{where}, level {label!r}: term frequencies of {name!r} are read with weight 1, no minimum, "
                f"and on the exact level of that column only"
            )
        found = True
    return found


def _pass(rule: dict[str, Any] | str, name: str, fields: _Fields) -> Pass:
    """A blocking rule of equalities joined by AND; UsageError for any other."""
    sql = rule if isinstance(rule, str) else rule["blocking_rule"]
    where = f"{WHERE}: blocking rule {sql!r}"
    if not isinstance(rule, str) and rule.get("arrays_to_explode"):
        raise UsageError(f"{where}: explodes arrays; only equal columns joined by AND are read")
    left, right = [], []
    for part in re.split(r"\bAND\b", sql, flags=re.IGNORECASE):
        found = _EQUALITY.fullmatch(part.strip().removeprefix("(").removesuffix(")").strip())
        if found is None:
            raise UsageError(f"{where}: cannot read {part.strip()!r}; only equal columns joined by AND are read")
        left.append(found[1] or found[2])
        right.append(found[3] or found[4])
        fields.need(left[-1], right[-1], None, where)
    return Pass(name=name, left=left, right=right, max_block=_ANY_BLOCK)
