"""Doses are linked with an index after changes as with one of the changed registry, to the byte."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from linkage.night.run import run
from linkage.night.train import train_model
from linkage.registry.from_files import apply_changes
from linkage.simulate import simulate
from tests.changes import build, changed_registry, changes_csv, draw_steps
from tests.district import LIST_DATE, hashes, manifest, rows_of

N_NEW = 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    simulate(2500, 3000, 5, folder, area="bao-lam")
    return folder


@pytest.mark.parametrize(
    ("seed", "n_steps", "max_block"), [(1, 1, None), (2, 2, 40), (3, 3, 4)], ids=["one step", "two", "three"]
)
def test_answers_are_those_of_a_fresh_build(
    folder: Path, tmp_path: Path, seed: int, n_steps: int, max_block: int | None
) -> None:
    """With small blocks too, so that changes make blocks over-full or no longer so."""
    persons = rows_of(folder / "registry.parquet")
    before, new = persons[:-N_NEW], persons[-N_NEW:]
    plan = None if max_block is None else _plan_with(max_block, tmp_path / "plan.toml")
    steps = draw_steps(np.random.default_rng(seed), before, new, n_steps)
    changed = build(folder, before, tmp_path / "changed", plan)
    for number, step in enumerate(steps):
        apply_changes(changes_csv(tmp_path / f"{number}.csv", step), changed)
    fresh = build(folder, changed_registry(before, steps), tmp_path / "fresh", plan)
    doses = [folder / "doses.parquet"]
    model = train_model(doses, fresh)
    model.save(tmp_path / "model.json")
    runs = [
        run(doses, index, tmp_path / f"runs of {index.name}", model_file=tmp_path / "model.json", list_date=LIST_DATE)
        for index in (changed, fresh)
    ]
    assert hashes(runs[0].run_dir) == hashes(runs[1].run_dir)
    ours, theirs = (manifest(r.run_dir) for r in runs)
    assert ours["counts"] == theirs["counts"]
    assert ours["passes"] == theirs["passes"]
    again = train_model(doses, changed).parameters
    for mine, of_fresh in zip(again.comparisons, model.parameters.comparisons, strict=True):
        assert np.allclose(mine.m, of_fresh.m, rtol=1e-9)
        assert np.allclose(mine.u, of_fresh.u, rtol=1e-9)


def _plan_with(max_block: int, path: Path) -> Path:
    """The default plan with smaller blocks."""
    lines = resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8").splitlines()
    path.write_text("\n".join(f"max_block = {max_block}" if line.startswith("max_block") else line for line in lines))
    return path
