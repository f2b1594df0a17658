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
FIRST_NIGHT, SECOND_NIGHT = "2022-08-29", "2022-08-30"
_CONFIGURATION = """\
format = 1
index = "index"
state = "state"
nights = "nights"
model = "model.json"
[sources]
doses = ["in/{date}/doses*"]
withdrawals = ["in/{date}/withdrawals*"]
registry_changes = ["in/{date}/registry*"]
verdicts = ["in/{date}/verdicts*"]
[gates]
rejected_share = 0.5
expected_false_match_rate = 1.0
"""


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

    @property
    def nights(self) -> Path:
        """A folder with ``night.toml``, its index, and a state after a first night; the files of a second one came."""
        return self.folder / "nights"


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
    _make_nights(town)
    return town


def _make_nights(town: Town) -> None:
    """Half of the doses came in the first night, the others and changes of the registry in the second."""
    shutil.copytree(town.index, town.nights / "index")
    shutil.copyfile(town.model, town.nights / "model.json")
    config = town.nights / "night.toml"
    config.write_text(_CONFIGURATION, "utf-8")
    doses = pq.read_table(town.data("doses"))
    half = doses.num_rows // 2
    for night, rows in ((FIRST_NIGHT, doses.slice(0, half)), (SECOND_NIGHT, doses.slice(half - 50))):
        (town.nights / "in" / night).mkdir(parents=True)
        pq.write_table(rows, town.nights / "in" / night / "doses.parquet")
    _must("night", "--config", config, "--date", FIRST_NIGHT)
    people = pq.read_table(town.data("registry")).slice(0, 100)
    phones = pa.array([f"09{number:08}" for number in range(people.num_rows)])
    people = people.set_column(people.column_names.index("phone"), "phone", phones)
    pq.write_table(people, town.nights / "in" / SECOND_NIGHT / "registry.parquet")


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
