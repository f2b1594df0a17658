"""Models to and from Splink 5: the same pairs get the same weights in both programs, or the difference is named."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from linkage.cli import app
from linkage.errors import UsageError
from linkage.plan.reading import load_plan, plan_from
from linkage.simulate import simulate
from linkage.splink.exporting import export_splink
from linkage.splink.importing import import_splink, read_settings
from linkage.splink.writing import export_files
from linkage.training.model_file import Model
from linkage.two_files.link import link_files
from tests.splink_runs import (
    EVERY_KIND,
    assert_equal_weights,
    changed,
    gammas,
    level,
    linker,
    made_up_model,
    numeric,
    opened,
    ours,
    predicted,
    prior_of,
    rows_of,
    saved_by_splink,
    slipped,
    train_in_splink,
    vaccination_model,
    with_absent_levels,
    without,
    without_ours,
    write_people,
)

FEBRL = Path(__file__).parents[2] / "shared" / "data" / "labelled" / "febrl"
FEBRL_PLAN = Path(__file__).parents[1] / "benchmarks" / "plans" / "febrl.toml"


EXACT = 1e-9


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
        doses[-1]["date_of_birth"] = person["date_of_birth"][:4] if i % 2 else "01/01/" + person["date_of_birth"][:4]
        for name in ("full_name", "id_number", "phone"):
            doses[-1][name] = slipped(person[name], rng)
    doses[0]["gender"] = doses[1]["full_name"] = None
    for i, person in enumerate(persons[:25]):
        year, month, day = person["date_of_birth"].split("-")
        dates = (f"{year}-{day}-{month}", f"{int(year) + 1}-{month}-{day}", f"{year}-{month}-{day[0]}{9 - int(day[1])}")
        doses[110 + i]["date_of_birth"] = dates[i % 3]
        persons[50 + i]["date_of_birth"] = year + "-01-01"
    for i, name in enumerate(columns):
        persons[140 + i][name] = None
    for row in (*doses, *persons):
        row["height"] = None if rng.random() < 0.1 else f"{rng.randint(300, 360) / 2 + rng.choice([0, 0.25]):g}"
        row["everybody"] = "x"
    tables = {"left": doses, "right": persons}
    for side, rows in tables.items():
        names = ["dose_id" if side == "left" else "person_id", *columns, "height", "everybody"]
        pa.csv.write_csv(pa.table({n: [r.get(n) for r in rows] for n in names}), folder / f"{side}.csv")
    return folder / "left.csv", folder / "right.csv"


@pytest.mark.parametrize("has_absent_levels", [False, True])
def test_exported_weights_and_probabilities_are_splinks(
    files: tuple[Path, Path], tmp_path: Path, has_absent_levels: bool
) -> None:
    comparisons = without(EVERY_KIND, "term_frequency")
    plan = changed(EVERY_KIND, comparison=with_absent_levels(comparisons) if has_absent_levels else comparisons)
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


@pytest.mark.parametrize("has_absent_levels", [False, True])
def test_exported_term_frequencies_are_splinks_when_registered(
    files: tuple[Path, Path], tmp_path: Path, has_absent_levels: bool
) -> None:
    comparisons = EVERY_KIND["comparison"]
    plan = changed(EVERY_KIND, comparison=with_absent_levels(comparisons) if has_absent_levels else comparisons)
    model = made_up_model(plan, 150, 100.0)
    link_files([files[0]], [files[1]], plan, tmp_path / "run", model=model)
    summary = export_files(model, tmp_path / "export", tables=files)
    assert summary.tables == ["a_left", "b_right", "tf_ethnicity", "tf_full_name"]
    found = ours(tmp_path / "run")
    made, settings = opened(summary.folder)
    rows = predicted(made, found)
    assert_equal_weights(found, rows, prior_of(settings), EXACT)
    adjusted = {row["mw_tf_adj_ethnicity"] for row in rows}
    assert len(adjusted) > 3
    counted = without_ours(summary.folder)
    assert any(
        line.startswith("term frequencies: register ours of ethnicity, full_name") for line in summary.deviations
    )
    assert max(abs(a - b) for a, b in zip(weights(rows), weights(predicted(counted, found)), strict=True)) > 0.1


def weights(rows: Sequence[dict[str, Any]]) -> list[float]:
    return [row["match_weight"] for row in sorted(rows, key=lambda row: (row["unique_id_l"], row["unique_id_r"]))]


@pytest.mark.skipif(not FEBRL.is_dir(), reason="needs the FEBRL files")
def test_febrl4_has_splinks_weights_both_ways(tmp_path: Path) -> None:
    plan = load_plan(FEBRL_PLAN)
    content = msgspec.to_builtins(plan)
    content["training"] |= {"random_pairs": 500_000, "household_rate": 0.0}
    for comparison in content["comparison"]:
        comparison["near_frequency"] = False  # as in Splink
    content["decision"] |= {"matches_per_record": "any", "lowest_review_probability": 1e-9}
    plan = plan_from(content, "test")
    paths = (FEBRL / "dataset4b.csv", FEBRL / "dataset4a.csv")
    link_files([paths[0]], [paths[1]], plan, tmp_path / "run")
    summary = export_files(Model.load(tmp_path / "run" / "model.json"), tmp_path / "export", tables=paths)
    found = ours(tmp_path / "run")
    made, settings = opened(summary.folder)
    rows = predicted(made, found)
    assert len(rows) > 5000
    assert_equal_weights(found, rows, prior_of(settings), EXACT)
    assert all(len(seen) > 2 for seen in gammas(rows).values())

    # And back: the written tables, linked with the imported settings, are scored the same once more.
    back, model = import_splink(saved_by_splink(settings), 5000)
    decision = msgspec.structs.replace(plan.decision, matches_per_record="any")
    back = msgspec.structs.replace(back, decision=decision)
    tables = [summary.folder / f"{name}.parquet" for name in ("a_left", "b_right")]
    link_files([tables[0]], [tables[1]], back, tmp_path / "again", model=replace(model, plan=back))
    again = ours(tmp_path / "again")
    assert again.keys() == found.keys()
    for pair, (weight, _) in found.items():
        assert again[pair][0] == pytest.approx(weight, abs=EXACT)


def test_the_nearest_of_a_run_of_doses_scores_in_splink(tmp_path: Path) -> None:
    simulate(1000, 600, 4, tmp_path / "in", area="bao-lam")
    paths = (tmp_path / "in" / "doses.parquet", tmp_path / "in" / "registry.parquet")
    model = vaccination_model()
    model = replace(model, parameters=replace(model.parameters, numberless_m=0.1, numberless_u=0.3))
    summary = export_files(model, tmp_path / "out", tables=paths, units_folder=tmp_path / "in" / "units", nearest=True)
    (prior,) = [line for line in summary.deviations if line.startswith("prior: ")]
    assert "Splink has one" in prior
    assert not [
        line for line in export_splink(vaccination_model(), nearest=True).deviations if line.startswith("prior: ")
    ]
    assert "tf_full_name_key" in summary.tables
    made, _ = opened(summary.folder)
    rows = rows_of(made)
    truth = {row["dose_id"]: row["person_id"] for row in pq.read_table(tmp_path / "in" / "truth.parquet").to_pylist()}
    best = max(rows, key=lambda row: row["match_weight"])
    assert truth[best["unique_id_l"]] == best["unique_id_r"]
    for name in ("full_name", "commune", "id_number", "birth_date"):
        assert {0, 1} <= gammas(rows)[name], name
    manifest = json.loads((summary.folder / "manifest.json").read_text("utf-8"))
    assert manifest["deviations"] == summary.deviations


# ----------------------------------------------------------------------------------------------------- Splink's to ours


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def trained(people: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_in_splink(people, tmp_path_factory.mktemp("trained") / "splink.json")


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
    assert_equal_weights(found, rows, prior_of(settings), EXACT)
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
    rows = rows_of(linker(settings, tables[0], tables[1], {}))
    least, prior = -15.0, prior_of(settings)  # well over the weight under which our pairs are dropped
    found = {pair for pair, (weight, _) in ours(tmp_path / "run").items() if weight > least}
    assert len(found) > 1000
    assert found == {(r["unique_id_l"], r["unique_id_r"]) for r in rows if r["match_weight"] - prior > least}


@pytest.mark.parametrize("has_absent_levels", [False, True])
def test_ours_to_splink_and_back_is_the_same_model(tmp_path: Path, has_absent_levels: bool) -> None:
    kept = [c for c in EVERY_KIND["comparison"] if c["kind"] != "digits"]
    kept = with_absent_levels(kept) if has_absent_levels else kept
    fields = [{**f, "kind": "date"} if f["kind"] == "birth_date" else f for f in EVERY_KIND["field"]]
    plan = changed(EVERY_KIND, comparison=kept, field=fields)
    model = made_up_model(plan, 1000, 0.7)
    words = {name: ["", "nguyễn", "đặng"] for name in ("full_name", "id_number", "ethnicity", "everybody")}
    saved = tmp_path / "splink.json"
    settings = saved_by_splink(export_splink(model, words).settings)
    saved.write_text(json.dumps(settings), "utf-8")
    back, returned = import_splink(read_settings(saved), 1000)
    assert returned.parameters.share_in_registry == pytest.approx(0.7, rel=1e-15)
    for spec, old in zip(back.comparisons, plan.comparisons, strict=True):
        for name in ("name", "kind", "left", "right", "measure", "thresholds", "term_frequency", "absent_level"):
            assert getattr(spec, name) == getattr(old, name), (spec.name, name)
    for c, old_c in zip(returned.parameters.comparisons, model.parameters.comparisons, strict=True):
        assert c.labels == old_c.labels
        assert c.m.tolist() == old_c.m.tolist()
        assert c.u.tolist() == old_c.u.tolist()
    assert [(rule.left, rule.right) for rule in back.passes] == [(["everybody"], ["everybody"])]
    returned.save(tmp_path / "model.json")
    assert Model.load(tmp_path / "model.json", back).digest() == returned.digest()


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
