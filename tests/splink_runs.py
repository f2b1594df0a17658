"""Splink beside our program: one model on the same pairs, made-up plans and people, and settings trained in Splink."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.plan.reading import load_plan, plan_from
from linkage.plan.sections import Plan
from linkage.training.model_file import Model
from linkage.training.train import starting_parameters

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

Pairs = dict[tuple[str, str], tuple[float, float]]

# ------------------------------------------------------------------------------------------------------- both programs


def ours(run: Path) -> Pairs:
    """Weight and probability of the candidates of a run of link_files."""
    rows = pq.read_table(run / "candidates.parquet")
    columns = [rows.column(i).to_pylist() for i in range(4)]
    return {(left, right): (weight, chance) for left, right, chance, weight in zip(*columns, strict=True)}


def linker(settings: dict[str, Any] | Path, left: pa.Table, right: pa.Table, tf: dict[str, pa.Table]) -> Linker:
    """Splink with a model, its tables and registered term frequencies."""
    api = DuckDBAPI()
    tables = [api.register(table, dataset_display_name=name) for name, table in (("a_left", left), ("b_right", right))]
    opened = str(settings) if isinstance(settings, Path) else settings
    made = Linker(tables, SettingsCreator.from_path_or_dict(opened), log_level="ERROR")
    for name, table in tf.items():
        made.table_management.register_term_frequency_lookup(api.register(table), name)
    return made


def saved_by_splink(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that Splink opened and wrote again."""
    read = SettingsCreator.from_path_or_dict(settings).get_settings("duckdb")
    written: dict[str, Any] = read.as_dict()  # type: ignore[no-untyped-call]
    return written


def predicted(made: Linker, pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What Splink says of exactly these pairs."""
    keys = [(f"a_left-__-{left}", f"b_right-__-{right}") for left, right in pairs]
    blocked = {"match_key": ["0"] * len(keys), "join_key_l": [k[0] for k in keys], "join_key_r": [k[1] for k in keys]}
    made.table_management.register_blocked_pairs_for_predict(made._db_api.register(pa.table(blocked)))
    return rows_of(made)


def rows_of(made: Linker) -> list[dict[str, Any]]:
    """Splink's prediction, of the pairs registered or of its own blocking rules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows: list[dict[str, Any]] = made.inference.predict().as_record_list()
    return rows


def prior_of(settings: dict[str, Any]) -> float:
    """The log2 prior odds that Splink adds to every weight."""
    prior = settings["probability_two_random_records_match"]
    return float(np.log2(prior / (1 - prior)))


def without_ours(folder: Path) -> Linker:
    """Splink on an exported folder with term frequencies of its own, counted over both files."""
    tables = [pq.read_table(folder / f"{name}.parquet") for name in ("a_left", "b_right")]
    return linker(folder / "settings.json", tables[0], tables[1], {})


def opened(folder: Path) -> tuple[Linker, dict[str, Any]]:
    """Splink on an exported folder, and its settings."""
    tables = {path.stem: pq.read_table(path) for path in folder.glob("*.parquet")}
    frequencies = {name.removeprefix("tf_"): table for name, table in tables.items() if name.startswith("tf_")}
    settings = json.loads((folder / "settings.json").read_text("utf-8"))
    return linker(folder / "settings.json", tables["a_left"], tables["b_right"], frequencies), settings


def assert_equal_weights(found: Pairs, rows: Sequence[dict[str, Any]], prior: float, within: float) -> None:
    """Weights, and where the odds are not astronomic, probabilities."""
    assert len(rows) == len(found) > 0
    worst = 0.0
    for row in rows:
        weight, _ = found[row["unique_id_l"], row["unique_id_r"]]
        worst = max(worst, abs(weight - (row["match_weight"] - prior)))
    assert worst <= within


def gammas(rows: Sequence[dict[str, Any]]) -> dict[str, set[int]]:
    """The levels that occur, by comparison."""
    names = [name for name in rows[0] if name.startswith("gamma_")]
    return {name.removeprefix("gamma_"): {row[name] for row in rows} for name in names}


# --------------------------------------------------------------------------------------------- a plan with every kind


def a_field(name: str, kind: str, column: str | None = None) -> dict[str, Any]:
    return {"name": name, "kind": kind, "left": [column or name], "right": [column or name]}


def a_comparison(name: str, kind: str, column: str | None = None, n: int = 2, **more: Any) -> dict[str, Any]:
    column = column or name
    return {"name": name, "kind": kind, "left": [column], "right": [column], "m": [1 / n] * n, **more}


EVERY_KIND: dict[str, Any] = {
    "format": 1,
    "name": "every kind",
    "left_id": "dose_id",
    "right_id": "person_id",
    "decision": {"matches_per_record": "any", "lowest_review_probability": 1e-12},
    "field": [
        a_field("full_name", "text"),
        a_field("ethnicity", "category"),
        a_field("sex", "sex", "gender"),
        a_field("birth_date", "birth_date", "date_of_birth"),
        a_field("phone", "phone"),
        a_field("id_number", "text"),
        a_field("height", "number"),
        a_field("everybody", "text"),
    ],
    "pass": [{"name": "everybody", "left": ["everybody"], "right": ["everybody"], "max_block": 1_000_000}],
    "comparison": [
        a_comparison("sex", "category"),
        a_comparison("birth_date", "date", n=9),
        a_comparison("phone", "digits", n=3),
        a_comparison("ethnicity", "category", term_frequency=True, near_frequency=False),
        a_comparison("height", "number", n=4, thresholds=[0, 0.5, 2.25]),
        a_comparison("id_number", "text", n=4, measure="damerau_levenshtein", thresholds=[1, 3]),
        a_comparison("letters", "text", "full_name", n=4, measure="levenshtein", thresholds=[1, 4]),
        a_comparison(
            "full_name",
            "text",
            n=4,
            measure="jaro_winkler",
            thresholds=[0.92, 0.8],
            term_frequency=True,
            near_frequency=False,
        ),
    ],
}


def changed(plan: dict[str, Any], **changes: Any) -> Plan:
    return plan_from(plan | changes, "test")


def without(plan: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The plan's comparisons without a key."""
    return [{name: value for name, value in c.items() if name != key} for c in plan["comparison"]]


def with_absent_levels(comparisons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The comparisons with a level for what the right side alone lacks."""
    return [c | {"absent_level": True, "m": [1 / (len(c["m"]) + 1)] * (len(c["m"]) + 1)} for c in comparisons]


def made_up_model(plan: Plan, n_persons: int, share: float) -> Model:
    """A model with level probabilities drawn at random, of which no two are equal."""
    rng = np.random.default_rng(3)
    start = starting_parameters(plan, n_persons)
    comparisons = []
    for c in start.comparisons:
        m, u = (np.concatenate([[1.0], rng.dirichlet(np.full(len(c.labels) - 1, 4.0))]) for _ in range(2))
        comparisons.append(replace(c, m=m, u=u, household=m, closer=()))
    return Model(replace(start, comparisons=tuple(comparisons), share_in_registry=share, household_rate=0.0), plan, {})


def vaccination_model(household_rate: float = 0.0) -> Model:
    """The vaccination plan with its starting values."""
    plan = load_plan()
    return Model(replace(starting_parameters(plan, 1000), household_rate=household_rate), plan, {})


def slipped(text: str | None, rng: random.Random) -> str | None:
    """A text with one or two slips of the keyboard."""
    letters = list(text or "")
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(max(1, len(letters) - 1))
        kind = rng.randrange(4)
        if len(letters) < 3 or kind == 0:
            letters.insert(i, rng.choice("ăđ1"))
        elif kind == 1:
            letters[i] = rng.choice("ê02")
        elif kind == 2:
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        else:
            del letters[i]
    return "".join(letters) or None


# ------------------------------------------------------------------------------------------------- people to train on

NAMES = ["james", "mary", "john", "patricia", "robert", "jennifer", "michael", "linda", "david", "elizabeth", "susan"]
SURNAMES = ["smith", "johnson", "williams", "brown", "jones", "garcia", "miller", "davis", "rodriguez", "martinez"]
CITIES = ["london", "leeds", "york", "bath", "ely"]


def write_people(folder: Path) -> tuple[Path, Path]:
    """400 people on the right and 300 copies with slips on the left, in plain ASCII."""
    rng = random.Random(9)
    right = [
        {
            "unique_id": f"r{i}",
            "first_name": rng.choice(NAMES) + rng.choice(["", "a", "son"]),
            "surname": rng.choice(SURNAMES) + rng.choice(["", "s", "man"]),
            "number": str(rng.randint(10_000, 99_999)),
            "age": str(rng.randint(18, 90)),
            "city": rng.choice(CITIES) if rng.random() > 0.05 else None,
        }
        for i in range(400)
    ]
    left = []
    for i in range(300):
        row = dict(right[i]) | {"unique_id": f"l{i}"}
        for name in ("first_name", "surname", "number"):
            if rng.random() < 0.25:
                row[name] = (slipped(row[name], rng) or "").translate(str.maketrans("ăđê", "xyz")) or None
        row["age"] = str(int(row["age"] or 0) + rng.choice([0, 0, 0, 1, 4]))
        row["city"] = rng.choice(CITIES) if rng.random() < 0.2 else row["city"]
        left.append(row)
    for name, rows in (("left", left), ("right", right)):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder / "left.parquet", folder / "right.parquet"


def numeric(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("age"), "age", table["age"].cast(pa.int64()))


def train_in_splink(people: tuple[Path, Path], path: Path) -> Path:
    """Settings that Splink trained on people and saved."""
    levels: list[Any] = [
        cll.NullLevel("age"),
        cll.ExactMatchLevel("age"),
        cll.AbsoluteDifferenceLevel("age", 2),
        cll.ElseLevel(),
    ]
    settings: dict[str, Any] = {
        "link_type": "link_only",
        "probability_two_random_records_match": 1 / 500,
        "comparisons": [
            cl.JaroWinklerAtThresholds("first_name", [0.92, 0.8]),
            cl.LevenshteinAtThresholds("surname", [1, 2]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("number", [1]),
            cl.CustomComparison(comparison_levels=levels, output_column_name="age"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ],
        "blocking_rules_to_generate_predictions": [
            block_on("surname"),
            block_on("first_name", "city"),
            "l.number = r.number and (l.city = r.city)",
        ],
    }
    tables = [numeric(pq.read_table(path)) for path in people]
    made = linker(SettingsCreator(**settings)._as_naive_dict(), tables[0], tables[1], {})
    made.training.estimate_u_using_random_sampling(max_pairs=120_000, seed=1)
    made.training.estimate_parameters_using_expectation_maximisation(block_on("surname"))
    made.training.estimate_parameters_using_expectation_maximisation(block_on("number"))
    made.misc.save_model_to_json(str(path))
    return path


def level(settings: dict[str, Any], comparison: int, place: int) -> dict[str, Any]:
    """A level of a comparison, to be changed."""
    found: dict[str, Any] = settings["comparisons"][comparison]["comparison_levels"][place]
    return found
