"""Models to and from Splink 5: the same pairs get the same weights in both programs, or the difference is named."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein
from typer.testing import CliRunner

from linkage.cli import app
from linkage.errors import InputError, UsageError
from linkage.files import link_files
from linkage.model_file import Model
from linkage.plan import Plan, load_plan, plan_from
from linkage.simulate import simulate
from linkage.splink.conditions import Alphabet, alphabet_of, jaro_winkler, level_conditions
from linkage.splink.exporting import export_splink
from linkage.splink.importing import import_splink, read_settings
from linkage.splink.writing import export_files
from linkage.train import starting_parameters

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

FEBRL = Path(__file__).parents[2] / "shared" / "data" / "labelled" / "febrl"
FEBRL_PLAN = Path(__file__).parents[1] / "benchmarks" / "plans" / "febrl.toml"

Pairs = dict[tuple[str, str], tuple[float, float]]

# Term frequency ratios that are held in single precision round a weight by 2**-24 each.
EXACT, SINGLE = 1e-9, 1e-6


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


def predicted(made: Linker, pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What Splink says of exactly these pairs."""
    keys = [(f"a_left-__-{left}", f"b_right-__-{right}") for left, right in pairs]
    blocked = {"match_key": ["0"] * len(keys), "join_key_l": [k[0] for k in keys], "join_key_r": [k[1] for k in keys]}
    made.table_management.register_blocked_pairs_for_predict(made._db_api.register(pa.table(blocked)))
    rows: list[dict[str, Any]] = made.inference.predict().as_pyarrow_table().to_pylist()
    return rows


def prior_of(settings: dict[str, Any]) -> float:
    """The log2 prior odds that Splink adds to every weight."""
    prior = settings["probability_two_random_records_match"]
    return float(np.log2(prior / (1 - prior)))


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
        a_comparison("ethnicity", "category", term_frequency=True),
        a_comparison("height", "number", n=4, thresholds=[0, 0.5, 2.25]),
        a_comparison("id_number", "text", n=4, measure="damerau_levenshtein", thresholds=[1, 3]),
        a_comparison("letters", "text", "full_name", n=4, measure="levenshtein", thresholds=[1, 4]),
        a_comparison("full_name", "text", n=4, measure="jaro_winkler", thresholds=[0.92, 0.8], term_frequency=True),
    ],
}


def changed(plan: dict[str, Any], **changes: Any) -> Plan:
    return plan_from(plan | changes, "test")


def without(plan: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The plan's comparisons without a key."""
    return [{name: value for name, value in c.items() if name != key} for c in plan["comparison"]]


def made_up_model(plan: Plan, n_persons: int, share: float) -> Model:
    """A model with level probabilities drawn at random, of which no two are equal."""
    rng = np.random.default_rng(3)
    start = starting_parameters(plan, n_persons)
    comparisons = []
    for c in start.comparisons:
        m, u = (np.concatenate([[1.0], rng.dirichlet(np.full(len(c.labels) - 1, 4.0))]) for _ in range(2))
        comparisons.append(replace(c, m=m, u=u, household=m))
    return Model(replace(start, comparisons=tuple(comparisons), share_in_registry=share, household_rate=0.0), plan, {})


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


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """150 simulated doses and slipped copies of persons, against 150 persons; heights and a constant added."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate(1000, 600, 11, folder)
    rng = random.Random(5)
    registry = pq.read_table(folder / "registry.parquet").to_pylist()
    persons = [person for person in registry if person["date_of_birth"].count("-") == 2][:150]
    doses = pq.read_table(folder / "doses.parquet").slice(0, 110).to_pylist()
    columns = ("full_name", "gender", "date_of_birth", "id_number", "phone", "ethnicity")
    for i, person in enumerate(persons[:40]):
        doses.append({"dose_id": f"C{i}"} | {name: person[name] for name in columns})
        doses[-1]["date_of_birth"] = person["date_of_birth"][:4] if i % 2 else "01/01" + person["date_of_birth"][:4]
        for name in ("full_name", "id_number", "phone"):
            doses[-1][name] = slipped(person[name], rng)
    doses[0]["gender"] = None
    for i, person in enumerate(persons[:25]):
        year, month, day = person["date_of_birth"].split("-")
        dates = (f"{year}-{day}-{month}", f"{int(year) + 1}-{month}-{day}", f"{year}-{month}-{day[0]}{9 - int(day[1])}")
        doses[110 + i]["date_of_birth"] = dates[i % 3]
        persons[50 + i]["date_of_birth"] = year + "-01-01"
    for row in (*doses, *persons):
        row["height"] = None if rng.random() < 0.1 else f"{rng.randint(300, 360) / 2 + rng.choice([0, 0.25]):g}"
        row["everybody"] = "x"
    tables = {"left": doses, "right": persons}
    for side, rows in tables.items():
        names = ["dose_id" if side == "left" else "person_id", *columns, "height", "everybody"]
        pa.csv.write_csv(pa.table({n: [r.get(n) for r in rows] for n in names}), folder / f"{side}.csv")
    return folder / "left.csv", folder / "right.csv"


def test_exported_weights_and_probabilities_are_splinks(files: tuple[Path, Path], tmp_path: Path) -> None:
    plan = changed(EVERY_KIND, comparison=without(EVERY_KIND, "term_frequency"))
    model = made_up_model(plan, 150, 100.0)
    link_files([files[0]], [files[1]], plan, tmp_path / "run", model=model)
    summary = export_files(model, tmp_path / "export", tables=files)
    found = ours(tmp_path / "run")
    assert len(found) == 150 * 150
    made, settings = opened(summary.folder)
    rows = predicted(made, found)
    assert_equal_weights(found, rows, prior_of(settings), EXACT)
    for row in rows:
        assert row["match_probability"] == pytest.approx(found[row["unique_id_l"], row["unique_id_r"]][1], abs=1e-9)
    # The comparison above is worth something only where levels occur.
    for comparison, seen in zip(plan.comparisons, gammas(rows).values(), strict=True):
        assert seen == {-1, *range(len(comparison.labels) - 1)}, comparison.name


def test_exported_term_frequencies_are_splinks_when_registered(files: tuple[Path, Path], tmp_path: Path) -> None:
    plan = changed(EVERY_KIND)
    model = made_up_model(plan, 150, 100.0)
    link_files([files[0]], [files[1]], plan, tmp_path / "run", model=model)
    summary = export_files(model, tmp_path / "export", tables=files)
    assert summary.tables == ["a_left", "b_right", "tf_ethnicity", "tf_full_name"]
    found = ours(tmp_path / "run")
    made, settings = opened(summary.folder)
    rows = predicted(made, found)
    assert_equal_weights(found, rows, prior_of(settings), SINGLE)
    adjusted = {row["mw_tf_adj_ethnicity"] for row in rows}
    assert len(adjusted) > 3
    counted = made_without_ours(summary.folder)
    assert any(
        line.startswith("term frequencies: register ours of ethnicity, full_name") for line in summary.deviations
    )
    assert max(abs(a - b) for a, b in zip(weights(rows), weights(predicted(counted, found)), strict=True)) > 0.1


def made_without_ours(folder: Path) -> Linker:
    """Splink with its own term frequencies, counted over both files."""
    tables = [pq.read_table(folder / f"{name}.parquet") for name in ("a_left", "b_right")]
    return linker(folder / "settings.json", tables[0], tables[1], {})


def weights(rows: Sequence[dict[str, Any]]) -> list[float]:
    return [row["match_weight"] for row in sorted(rows, key=lambda row: (row["unique_id_l"], row["unique_id_r"]))]


@pytest.mark.skipif(not FEBRL.is_dir(), reason="needs the FEBRL files")
def test_febrl4_has_splinks_weights_both_ways(tmp_path: Path) -> None:
    plan = load_plan(FEBRL_PLAN)
    content = msgspec.to_builtins(plan)
    content["training"] |= {"random_pairs": 500_000}
    content["decision"] |= {"matches_per_record": "any", "lowest_review_probability": 1e-9}
    plan = plan_from(content, "test")
    paths = (FEBRL / "dataset4b.csv", FEBRL / "dataset4a.csv")
    link_files([paths[0]], [paths[1]], plan, tmp_path / "run")
    summary = export_files(Model.load(tmp_path / "run" / "model.json"), tmp_path / "export", tables=paths)
    found = ours(tmp_path / "run")
    made, settings = opened(summary.folder)
    rows = predicted(made, found)
    assert len(rows) > 5000
    assert_equal_weights(found, rows, prior_of(settings), SINGLE)
    assert all(len(seen) > 2 for seen in gammas(rows).values())


# ----------------------------------------------------------------------------------------------------- Splink's to ours

NAMES = ["james", "mary", "john", "patricia", "robert", "jennifer", "michael", "linda", "david", "elizabeth", "susan"]
SURNAMES = ["smith", "johnson", "williams", "brown", "jones", "garcia", "miller", "davis", "rodriguez", "martinez"]
CITIES = ["london", "leeds", "york", "bath", "ely"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """400 people and 300 copies with slips, in plain ASCII."""
    folder, rng = tmp_path_factory.mktemp("people"), random.Random(9)
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


@pytest.fixture(scope="module")
def trained(people: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings that Splink trained and saved."""
    levels = [cll.NullLevel("age"), cll.ExactMatchLevel("age"), cll.AbsoluteDifferenceLevel("age", 2), cll.ElseLevel()]
    settings = {
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
    path = tmp_path_factory.mktemp("trained") / "splink.json"
    made.misc.save_model_to_json(str(path))
    return path


def test_a_model_trained_by_splink_links_with_its_weights(
    people: tuple[Path, Path], trained: Path, tmp_path: Path
) -> None:
    settings = read_settings(trained)
    plan, model = import_splink(settings, 400)
    # Of the pairs, all that are worth a look by themselves.
    decision = msgspec.structs.replace(plan.decision, matches_per_record="any", lowest_review_probability=1e-9)
    plan = msgspec.structs.replace(plan, decision=decision)
    model = replace(model, plan=plan)
    link_files([people[0]], [people[1]], plan, tmp_path / "run", model=model)
    found = ours(tmp_path / "run")
    exported = export_files(model, tmp_path / "export", tables=people).folder
    frequencies = {name: pq.read_table(exported / f"tf_{name}.parquet") for name in ("surname", "city")}
    tables = [numeric(pq.read_table(path)) for path in people]
    rows = predicted(linker(trained, tables[0], tables[1], frequencies), found)
    assert len(rows) > 300
    assert_equal_weights(found, rows, prior_of(settings), SINGLE)
    for row in rows:
        assert row["match_probability"] == pytest.approx(found[row["unique_id_l"], row["unique_id_r"]][1], abs=1e-6)
    for comparison, seen in zip(plan.comparisons, gammas(rows).values(), strict=True):
        assert seen >= set(range(len(comparison.labels) - 1)), comparison.name


def test_splinks_blocking_rules_find_the_same_pairs(people: tuple[Path, Path], trained: Path, tmp_path: Path) -> None:
    settings = read_settings(trained)
    for comparison in (1, 4):
        level(settings, comparison, 1).pop("tf_adjustment_column")
    plan, model = import_splink(settings)
    assert [rule.left for rule in plan.passes] == [["surname"], ["first_name", "city"], ["number", "city"]]
    decision = {"matches_per_record": "any", "lowest_review_probability": 1e-12}
    plan = plan_from(msgspec.to_builtins(plan) | {"decision": decision}, "test")
    even = replace(model.parameters, share_in_registry=350.0)
    link_files([people[0]], [people[1]], plan, tmp_path / "run", model=replace(model, plan=plan, parameters=even))
    tables = [numeric(pq.read_table(path)) for path in people]
    rows = linker(settings, tables[0], tables[1], {}).inference.predict().as_pyarrow_table().to_pylist()
    least, prior = -15.0, prior_of(settings)  # well over the weight under which our pairs are dropped
    found = {pair for pair, (weight, _) in ours(tmp_path / "run").items() if weight > least}
    assert len(found) > 1000
    assert found == {(r["unique_id_l"], r["unique_id_r"]) for r in rows if r["match_weight"] - prior > least}


def test_ours_to_splink_and_back_is_the_same_model(tmp_path: Path) -> None:
    kept = [c for c in EVERY_KIND["comparison"] if c["kind"] != "digits"]
    fields = [{**f, "kind": "date"} if f["kind"] == "birth_date" else f for f in EVERY_KIND["field"]]
    plan = changed(EVERY_KIND, comparison=kept, field=fields)
    model = made_up_model(plan, 1000, 0.7)
    words = {name: ["", "nguyễn", "đặng"] for name in ("full_name", "id_number", "ethnicity", "everybody")}
    saved = tmp_path / "splink.json"
    settings = SettingsCreator.from_path_or_dict(export_splink(model, words).settings).get_settings("duckdb").as_dict()
    saved.write_text(json.dumps(settings), "utf-8")
    back, returned = import_splink(read_settings(saved), 1000)
    assert returned.parameters.share_in_registry == pytest.approx(0.7, rel=1e-15)
    for spec, old in zip(back.comparisons, plan.comparisons, strict=True):
        for name in ("name", "kind", "left", "right", "measure", "thresholds", "term_frequency"):
            assert getattr(spec, name) == getattr(old, name), (spec.name, name)
    for c, old_c in zip(returned.parameters.comparisons, model.parameters.comparisons, strict=True):
        assert c.labels == old_c.labels
        assert c.m.tolist() == old_c.m.tolist()
        assert c.u.tolist() == old_c.u.tolist()
    assert [(rule.left, rule.right) for rule in back.passes] == [(["everybody"], ["everybody"])]
    returned.save(tmp_path / "model.json")
    assert Model.load(tmp_path / "model.json", back).digest() == returned.digest()


# ------------------------------------------------------------------------------------------------------------- refusals


def vaccination_model(**training: float) -> Model:
    plan = load_plan()
    parameters = replace(starting_parameters(plan, 1000), **({"household_rate": 0.0} | training))
    return Model(parameters, plan, {})


def test_what_splink_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as refused:
        export_splink(vaccination_model(household_rate=1.0))
    lines = str(refused.value).splitlines()
    for start in (
        "  comparison 'full_name': the levels of a Vietnamese name",
        "  comparison 'full_name': term frequencies by sex",
        "  comparison 'commune': places",
        "  comparison 'id_number': a number is weighed",
        "  household:",
        "  pass 'commune_birth_year': its parts",
        "  pass 'id_number_slip': its parts",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, start
    assert not any("comparison 'phone'" in line or "pass 'phone'" in line for line in lines)


def test_the_nearest_of_the_vaccination_model_opens_in_splink_and_says_what_it_lost() -> None:
    model = vaccination_model(household_rate=1.0)
    export = export_splink(model, nearest=True)
    opened_by_splink = SettingsCreator.from_path_or_dict(export.settings).get_settings("duckdb")
    assert len(opened_by_splink.comparisons) == len(model.plan.comparisons)
    with pytest.raises(UsageError) as refused:
        export_splink(model)
    assert [line.strip() for line in str(refused.value).splitlines()[1:]] == list(export.deviations[:-3])
    levels = {c["output_column_name"]: c["comparison_levels"] for c in export.settings["comparisons"]}
    assert [level["sql_condition"] for level in levels["full_name"]] == [
        '"full_name_key_l" IS NULL OR "full_name_key_r" IS NULL',
        '"full_name_key_l" = "full_name_key_r"',
        "ELSE",
    ]
    name = model.parameters.comparisons[[c.name for c in model.plan.comparisons].index("full_name")]
    assert levels["full_name"][2]["m_probability"] == pytest.approx(name.m[2:].sum())
    number = model.parameters.comparisons[[c.name for c in model.plan.comparisons].index("id_number")]
    assert levels["id_number"][1]["u_probability"] == pytest.approx(number.u[1:3].sum())


def test_the_nearest_of_a_run_of_doses_scores_in_splink(tmp_path: Path) -> None:
    simulate(1000, 600, 4, tmp_path / "in", area="bao-lam")
    paths = (tmp_path / "in" / "doses.parquet", tmp_path / "in" / "registry.parquet")
    summary = export_files(
        vaccination_model(), tmp_path / "out", tables=paths, units_folder=tmp_path / "in" / "units", nearest=True
    )
    assert "tf_full_name_key" in summary.tables
    made, _ = opened(summary.folder)
    rows = made.inference.predict().as_pyarrow_table().to_pylist()
    truth = {row["dose_id"]: row["person_id"] for row in pq.read_table(tmp_path / "in" / "truth.parquet").to_pylist()}
    best = max(rows, key=lambda row: row["match_weight"])
    assert truth[best["unique_id_l"]] == best["unique_id_r"]
    for name in ("full_name", "commune", "id_number", "birth_date"):
        assert {0, 1} <= gammas(rows)[name], name
    manifest = json.loads((summary.folder / "manifest.json").read_text("utf-8"))
    assert manifest["deviations"] == summary.deviations


def test_a_text_of_too_many_letters_and_a_model_without_plain_passes_are_refused() -> None:
    plan = changed(EVERY_KIND, comparison=without(EVERY_KIND, "term_frequency"))
    words = {name: [""] for name in ("full_name", "id_number", "ethnicity", "everybody")}
    many = words | {"full_name": ["", "".join(chr(0x4E00 + i) for i in range(200))]}
    model = made_up_model(plan, 150, 0.5)
    with pytest.raises(UsageError, match="comparison 'full_name': has more letters than bytes can tell apart"):
        export_splink(model, many)
    assert "text: DuckDB counts bytes" in export_splink(model).deviations[-1]
    assert not any(line.startswith("text:") for line in export_splink(model, words).deviations)
    vague = [{"name": "year", "left": ["birth_date.year"], "right": ["birth_date.year"]}]
    with pytest.raises(UsageError, match="no pass of the plan is on plain columns"):
        export_splink(made_up_model(changed(EVERY_KIND, **{"pass": vague}), 150, 0.5), nearest=True)


def level(settings: dict[str, Any], comparison: int, place: int) -> dict[str, Any]:
    found: dict[str, Any] = settings["comparisons"][comparison]["comparison_levels"][place]
    return found


def condition(comparison: int, place: int, sql: str) -> Callable[[dict[str, Any]], None]:
    return lambda s: level(s, comparison, place).__setitem__("sql_condition", sql)


UNREADABLE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another function": (
        condition(0, 2, 'jaccard("first_name_l", "first_name_r") >= 0.9'),
        r"comparison 'first_name', level 'Jaro.*': cannot read 'jaccard",
    ),
    "another column": (
        condition(0, 2, 'jaro_winkler_similarity("surname_l", "surname_r") >= 0.9'),
        "other columns",
    ),
    "two conditions": (condition(1, 1, '"surname_l" = "surname_r" AND "city_l" = "city_r"'), "comparison 'surname'"),
    "two measures": (condition(0, 3, 'levenshtein("first_name_l", "first_name_r") <= 2'), "one measure"),
    "levels in the wrong order": (
        condition(0, 2, 'jaro_winkler_similarity("first_name_l", "first_name_r") >= 0.7'),
        "strictest level first",
    ),
    "no null level": (lambda s: s["comparisons"][2]["comparison_levels"].pop(0), "comparison 'number': its first"),
    "no else": (lambda s: s["comparisons"][2]["comparison_levels"].pop(), "comparison 'number'.*must be ELSE"),
    "untrained": (lambda s: level(s, 2, 1).pop("m_probability"), "comparison 'number'.*m_probability is None"),
    "zero": (lambda s: level(s, 2, 1).update(u_probability=0.0), "comparison 'number'.*u_probability is 0.0"),
    "half a term frequency": (lambda s: level(s, 1, 1).update(tf_adjustment_weight=0.5), "'surname'.*weight 1"),
    "a least term frequency": (lambda s: level(s, 1, 1).update(tf_minimum_u_value=0.01), "'surname'.*no minimum"),
    "a fuzzy term frequency": (lambda s: level(s, 1, 2).update(tf_adjustment_column="surname"), "'surname'.*exact"),
    "a column of two kinds": (condition(4, 1, 'ABS("city_l" - "city_r") <= 1'), "comparison 'city'"),
    "a rule with OR": (
        lambda s: s["blocking_rules_to_generate_predictions"].append({"blocking_rule": 'l."a" = r."a" OR 1=1'}),
        "blocking rule .*OR",
    ),
    "a rule on parts": (
        lambda s: s["blocking_rules_to_generate_predictions"].append(
            {"blocking_rule": "SUBSTR(l.a, 1, 2) = SUBSTR(r.a, 1, 2)"}
        ),
        "blocking rule .*SUBSTR",
    ),
    "exploded arrays": (
        lambda s: s["blocking_rules_to_generate_predictions"][0].update(arrays_to_explode=["surname"]),
        "explodes arrays",
    ),
    "no rule": (lambda s: s["blocking_rules_to_generate_predictions"].clear(), r"\[\[pass\]\]"),
    "another dialect": (lambda s: s.update(sql_dialect="spark"), "sql_dialect 'spark'"),
    "both link types": (lambda s: s.update(link_type="link_and_dedupe"), "link_type 'link_and_dedupe'"),
    "no comparisons": (lambda s: s.pop("comparisons"), "not in Splink's form"),
    "a prior of nothing": (lambda s: s.update(probability_two_random_records_match=0), "between 0 and 1"),
    "more matches than records": (lambda s: s.update(probability_two_random_records_match=0.9), "matches per record"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_by_name(trained: Path, case: str) -> None:
    settings = read_settings(trained)
    import_splink(settings, 400)
    change, message = UNREADABLE[case]
    change(settings)
    with pytest.raises(UsageError, match=message):
        import_splink(settings, 400)


def test_unusable_settings_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "nothing.json")
    for text, message in (("{", "not JSON"), ("[]", "no JSON object")):
        (tmp_path / "bad.json").write_text(text, "utf-8")
        with pytest.raises(UsageError, match=message):
            read_settings(tmp_path / "bad.json")


# -------------------------------------------------------------------------------------------------- the SQL of a level


def in_duckdb(pairs: list[tuple[str, str]], *expressions: str) -> list[tuple[Any, ...]]:
    """Expressions over "x_l" and "x_r"."""
    words = pa.table({"x_l": [a for a, _ in pairs], "x_r": [b for _, b in pairs]})
    with duckdb.connect() as connection:
        connection.register("words", words)
        found: list[tuple[Any, ...]] = connection.execute(f"SELECT {', '.join(expressions)} FROM words").fetchall()
    return found


def slipped_words(letters: str, n: int) -> list[tuple[str, str]]:
    """Unequal words of few letters, with one to six slips."""
    rng = random.Random(1)
    pairs = []
    while len(pairs) < n:
        a = b = "".join(rng.choice(letters) for _ in range(rng.randint(1, 13)))
        for _ in range(rng.randint(1, 3)):
            b = "".join(c if c in letters else letters[0] for c in slipped(b, rng) or letters[0])
        if a != b:
            pairs.append((a, b))
    return pairs


@pytest.mark.parametrize("letters", ["abc", "aăâđeếệ "])
def test_jaro_winkler_falls_on_the_side_of_the_threshold_where_ours_does(letters: str) -> None:
    pairs = slipped_words(letters, 20_000)
    alphabet = alphabet_of([letters]) or Alphabet()
    thresholds = (0.92, 0.8, 0.9, 0.7)
    answers = in_duckdb(pairs, *(jaro_winkler('"x_l"', '"x_r"', alphabet, t) for t in thresholds))
    expected = [tuple(JaroWinkler.similarity(a, b) >= t for t in thresholds) for a, b in pairs]
    assert answers == expected
    # DuckDB's own function does not, which is why the long condition is written.
    own = in_duckdb(pairs, 'jaro_winkler_similarity("x_l", "x_r") >= 0.92')
    assert [row[0] for row in own] != [row[0] for row in expected]


@pytest.mark.parametrize("letters", ["abcd", "aăâđeếệ "])
def test_distances_are_ours_letter_by_letter(letters: str) -> None:
    pairs = slipped_words(letters, 5_000)
    alphabet = alphabet_of([letters]) or Alphabet()
    for measure, distance in (("levenshtein", Levenshtein), ("damerau_levenshtein", DamerauLevenshtein)):
        spec = changed(
            EVERY_KIND, comparison=[a_comparison("x", "text", "full_name", 3, measure=measure, thresholds=[2])]
        )
        conditions = level_conditions(spec.comparisons[0], alphabet)
        assert conditions is not None
        answers = in_duckdb(pairs, conditions[2].replace("full_name", "x"))
        assert [row[0] for row in answers] == [distance.distance(a, b) <= 2 for a, b in pairs]


def test_an_alphabet_stands_in_with_characters_that_no_word_uses() -> None:
    assert alphabet_of(["abc", "a b"]) == Alphabet()
    found = alphabet_of(["AĐ", "ế"])
    assert found is not None
    assert found.letters == "Đế"
    assert len(set(found.stand_ins) - set("A'")) == 2
    assert all(0 < ord(letter) < 128 for letter in found.stand_ins)
    assert alphabet_of(["".join(map(chr, range(200, 400)))]) is None


# ------------------------------------------------------------------------------------------------------------- commands


def command(*words: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_the_commands_import_link_and_export(people: tuple[Path, Path], trained: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model.json", tmp_path / "run"
    assert command("model", "import", trained, "--splink", "--persons", "400", "--out", model)["comparisons"] == 5
    assert command("link", *people, "--model", model, "--out", out)["links"] > 200
    linked_with = json.loads((out / "model.json").read_text("utf-8"))
    assert linked_with == json.loads(model.read_text("utf-8"))
    done = command("model", "export", model, "--splink", "--tables", *people, "--out", tmp_path / "export")
    assert done["tables"] == ["a_left", "b_right", "tf_surname", "tf_city"]
    assert json.loads((tmp_path / "export" / "settings.json").read_text("utf-8"))["link_type"] == "link_only"


def test_a_model_of_another_plan_is_refused(people: tuple[Path, Path], trained: Path, tmp_path: Path) -> None:
    plan, model = import_splink(read_settings(trained))
    other = msgspec.structs.replace(plan, name="other")
    with pytest.raises(UsageError, match="the model is of plan 'splink'"):
        link_files([people[0]], [people[1]], other, tmp_path / "run", model=model)
    with pytest.raises(UsageError, match="--plan, --model or both"):
        command("link", *people, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
