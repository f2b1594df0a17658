"""`model check --splink` scores the same pairs in both programs and says how far their weights differ."""

from __future__ import annotations

import builtins
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest

from linkage.errors import UsageError
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.splink.checking import check_against_splink
from linkage.training.model_file import Model
from linkage.two_files.link import link_files
from tests.district import call

pytest.importorskip("splink", reason="splink is in the development environment only")

NAMES = "anna ben clara david elena felix greta hugo ida jonas klara leon mia noah olga paul"
FAMILIES = "bergmann steiner feldhofer waldling bacher kirchner"


def plan() -> Plan:
    def text(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "kind": "text", "left": [name], "right": [name]} | more

    levels = {"measure": "jaro_winkler", "thresholds": [0.9], "term_frequency": True, "near_frequency": False}
    return plan_from(
        {
            "format": 1,
            "name": "names",
            "left_id": "id",
            "right_id": "id",
            "decision": {"highest_false_match_rate": 0.05, "lowest_match_probability": 0.5},
            "training": {"household_rate": 0.0, "random_pairs": 100_000},
            "field": [text("given"), text("family"), text("town")],
            "pass": [
                {"name": "family", "left": ["family"], "right": ["family"]},
                {"name": "given", "left": ["given"], "right": ["given"], "evidence": "identifier"},
            ],
            "comparison": [text("given", **levels), text("family", **levels), text("town", kind="category")],
        },
        "here",
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    rng, folder = random.Random(3), tmp_path_factory.mktemp("files")
    people = [
        {"given": rng.choice(NAMES.split()), "family": rng.choice(FAMILIES.split()), "town": f"t{rng.randrange(20)}"}
        for _ in range(400)
    ]
    slipped = [person | {"given": person["given"][:-1] + rng.choice("aeio")} for person in people[:300]]
    for name, rows in (("left", slipped), ("right", people)):
        table = pyarrow.Table.from_pylist([{"id": f"{name[0]}{i}"} | row for i, row in enumerate(rows)])
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
    return folder / "left.csv", folder / "right.csv"


@pytest.fixture(scope="module")
def model(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "linked"
    link_files([files[0]], [files[1]], plan(), out)
    return out / "model.json"


def test_the_weights_are_the_same_in_both(model: Path, files: tuple[Path, Path]) -> None:
    check = check_against_splink(Model.load(model), files)
    assert check.pairs > 100
    assert check.largest_difference < 1e-6


def test_a_sample_is_no_larger_than_asked_for(model: Path, files: tuple[Path, Path]) -> None:
    assert check_against_splink(Model.load(model), files, n_pairs=17).pairs == 17


def test_a_difference_is_found(model: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Splink gets a model whose town counts a bit more."""
    import linkage.splink.checking as checking

    export = checking.export_files

    def other(given: Model, out: Path, **options: Any) -> Any:
        town = given.parameters.comparisons[-1]
        more = replace(town, u=town.u * np.array([1.0, 0.5, 1.0]))
        comparisons = (*given.parameters.comparisons[:-1], more)
        return export(replace(given, parameters=replace(given.parameters, comparisons=comparisons)), out, **options)

    monkeypatch.setattr(checking, "export_files", other)
    check = check_against_splink(Model.load(model), files)
    assert check.largest_difference == pytest.approx(1.0, abs=1e-6)
    assert check.worst[3] - check.worst[2] == pytest.approx(1.0, abs=1e-6)


def test_without_splink_the_check_says_what_to_install(
    model: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "splink":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'dose-linkage\[splink\]'"):
        check_against_splink(Model.load(model), files)


def test_the_command_prints_the_largest_difference(model: Path, files: tuple[Path, Path]) -> None:
    ended = call("model", "check", model, "--splink", "--tables", *files, "--pairs", 50)
    assert ended.code == 0, ended.err
    assert "largest difference, bits" in ended.out
    assert json.loads(call("model", "check", model, "--splink", "--tables", *files, "--json").out)["pairs"] > 100
    assert "--splink is the one there is" in call("model", "check", model, "--tables", *files).err
