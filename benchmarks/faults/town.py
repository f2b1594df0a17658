"""A made-up town with everything that commands read: made once, never written to by a trial."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.accuracy.domains import make_customers
from benchmarks.faults.processes import start

PERSONS, DOSES, CUSTOMERS, SEED = 3000, 4000, 600, 5


@dataclass(frozen=True)
class Town:
    """Where its files lie."""

    folder: Path

    def data(self, name: str) -> Path:
        """An input in Parquet: registry, doses or truth."""
        return self.folder / "data" / f"{name}.parquet"

    @property
    def units(self) -> Path:
        return self.folder / "data" / "units"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def changed(self) -> Path:
        """The index with changes beside its large part, which ``compact`` takes in."""
        return self.folder / "changed"

    @property
    def model(self) -> Path:
        return self.folder / "model.json"

    @property
    def run(self) -> Path:
        """The published run of all doses."""
        return next(path for path in sorted((self.folder / "runs").iterdir()) if (path / "manifest.json").is_file())

    @property
    def a_dose(self) -> str:
        """A dose that was matched by its probability."""
        decisions = pq.read_table(self.run / "decisions.parquet", filters=[("status", "=", "matched")])
        return str(decisions.column("dose_id")[0].as_py())

    @property
    def changes(self) -> Path:
        """Rows that ``index apply --partial`` takes."""
        return self.folder / "changes.csv"

    @property
    def customers(self) -> tuple[Path, Path]:
        """Two files of other people for ``link`` and ``plan init``."""
        return self.folder / "customers" / "left.parquet", self.folder / "customers" / "right.parquet"

    @property
    def plan(self) -> Path:
        """The plan that ``plan init`` proposes for them."""
        return self.folder / "plan.toml"

    @property
    def linked(self) -> Path:
        """What ``link`` makes of them."""
        return self.folder / "linked"


def make_town(folder: Path) -> Town:
    """Simulate, build, train, run and link; RuntimeError when a command fails without any fault."""
    town = Town(folder)
    folder.mkdir(parents=True, exist_ok=True)
    make_customers(folder / "customers", SEED, CUSTOMERS)
    sizes = ("--persons", PERSONS, "--doses", DOSES, "--seed", SEED, "--area", "bao-lam")
    doses, index = ("--doses", town.data("doses")), ("--index", town.index)
    _must("simulate", *sizes, "--out", folder / "data")
    _must("index", "build", town.data("registry"), "--units", town.units, "--out", town.index)
    _must("train", *doses, *index, "--out", town.model, "--accept", "a trial")
    _must("run", *doses, *index, "--model", town.model, "--out", folder / "runs", "--accept", "a trial")
    _must("plan", "init", *town.customers, "--out", town.plan)
    _must("link", *town.customers, "--plan", town.plan, "--out", town.linked, "--accept", "a trial")
    _write_changes(town)
    shutil.copytree(town.index, town.changed)
    _must("index", "apply", town.changes, "--partial", "--index", town.changed)
    return town


def _must(*arguments: object) -> None:
    ended = start([str(word) for word in arguments])
    if ended.code != 0:
        raise RuntimeError(f"{arguments[0]} failed without a fault: {ended.err.strip()[-400:]}")


def _write_changes(town: Town) -> None:
    """A hundred people get another phone."""
    names = ["person_id", "full_name", "gender", "date_of_birth", "id_number", "commune_code"]
    some = pq.read_table(town.data("registry"), columns=names).slice(0, 100)
    phones = pa.array([f"09{number:08}" for number in range(some.num_rows)])
    csv.write_csv(some.append_column("phone", phones), town.changes)
