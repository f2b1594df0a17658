"""A small town for tests of nights: its registry, a model, its doses, and how a run from scratch decides them."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.deciding.pins import VerdictsInForce
from linkage.night.run import run
from linkage.night.train import train_model
from linkage.nights.configuration import read_configuration
from linkage.nights.exporting import export_state
from linkage.nights.night import NightSummary, run_night
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index, open_index
from linkage.registry.pinned import with_pinned
from linkage.schema import DOSES, VERDICTS
from linkage.simulate import simulate

Row = dict[str, Any]
EXPORTED = ("decisions", "queues/match", "queues/review", "queues/unmatched", "queues/excluded")
FIRST = datetime.date(2026, 3, 14)
CONFIGURATION = """\
format = 1
index = "index"
state = "state"
nights = "nights"
model = "model.json"
[sources]
doses = ["in/{date}/doses*.parquet", "in/{date}/*.csv", "in/{date}/*.xlsx"]
withdrawals = ["in/{date}/withdrawals*.csv"]
registry_changes = ["in/{date}/registry*.parquet"]
verdicts = ["in/{date}/verdicts*.csv"]
[gates]
rejected_share = 0.05
expected_false_match_rate = 1.0
"""


@dataclass(frozen=True)
class Town:
    """Simulated once for a module: index, model, and doses as rows."""

    index: Path
    model: Path
    doses: list[Row]

    def open(self, folder: Path, *, changing: bool = False) -> Nights:
        """Nights of their own that share the index and the model; with an index of their own where it is changed."""
        folder.mkdir(parents=True, exist_ok=True)
        if changing:
            shutil.copytree(self.index, folder / "index", copy_function=os.link)
        else:
            (folder / "index").symlink_to(self.index)
        (folder / "model.json").symlink_to(self.model)
        (folder / "night.toml").write_text(CONFIGURATION, "utf-8")
        return Nights(self, folder)


def make_town(
    folder: Path, n_persons: int = 3000, n_doses: int = 5000, seed: int = 5, max_block: int | None = None
) -> Town:
    """max_block: of every pass, None as the default plan says."""
    simulate(n_persons, n_doses, seed, folder / "data", area="bao-lam")
    plan_file = None
    if max_block is not None:
        text = resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8")
        plan_file = folder / "plan.toml"
        plan_file.write_text(re.sub(r"max_block = \d+", f"max_block = {max_block}", text), "utf-8")
    registry, units = folder / "data" / "registry.parquet", folder / "data" / "units"
    build_from_files([registry], folder / "index", units=units, plan_file=plan_file)
    doses = folder / "data" / "doses.parquet"
    train_model([doses], folder / "index", accept="a small town").save(folder / "model.json")
    return Town(folder / "index", folder / "model.json", pq.read_table(doses).to_pylist())


@dataclass(frozen=True)
class Epoch:
    """What decides since a model was adopted. index: as it was in force then."""

    model: Path
    index: Index


@dataclass(frozen=True)
class Nights:
    """A folder with a configuration, and the files of its nights."""

    town: Town
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "night.toml"

    def date(self, number: int) -> datetime.date:
        return FIRST + datetime.timedelta(days=number)

    def write_doses(self, number: int, rows: Sequence[Row], name: str = "doses.parquet") -> None:
        folder = self.folder / "in" / self.date(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        write_doses(folder / name, rows)

    def write_registry(self, number: int, rows: Sequence[Row], name: str = "registry_1.parquet") -> None:
        folder = self.folder / "in" / self.date(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        columns = {column: pa.array([row[column] for row in rows], pa.string()) for column in rows[0]}
        pq.write_table(pa.table(columns), folder / name)

    def write_withdrawals(self, number: int, ids: Iterable[str], name: str = "withdrawals.csv") -> None:
        folder = self.folder / "in" / self.date(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(["dose_id,reason\n", *(f"{one},keyed twice\n" for one in ids)]), "utf-8")

    def write_verdicts(self, number: int, rows: Sequence[Row], name: str = "verdicts.csv") -> None:
        folder = self.folder / "in" / self.date(number).isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        lines = [",".join(str(row.get(column) or "") for column in VERDICTS.names) for row in rows]
        (folder / name).write_text("\n".join([",".join(VERDICTS.names), *lines]) + "\n", "utf-8")

    def run(self, number: int) -> NightSummary:
        return run_night(read_configuration(self.config), self.date(number))

    def export(self, name: str = "all") -> dict[str, str]:
        """Hashes of what is in force, by table."""
        export_state(read_configuration(self.config), self.folder / name)
        return hashes(self.folder / name)

    def begun(self, model: Path | None = None) -> Epoch:
        """The epoch that begins with a model now, that of the first night when not given."""
        return Epoch(model or self.town.model, open_index(self.folder / "index"))

    def from_scratch(
        self,
        rows: Sequence[Row],
        list_date: datetime.date,
        verdicts: VerdictsInForce | None = None,
        epoch: Epoch | None = None,
    ) -> Path:
        """The folder of one run on some doses, with some verdicts, in an epoch; that of the first night when not
        given."""
        (self.folder / "scratch").mkdir(exist_ok=True)
        files = write_doses(
            self.folder / "scratch" / "doses.parquet", sorted(rows, key=lambda row: str(row["dose_id"]))
        )
        runs = self.folder / "scratch" / "runs"
        epoch = epoch or Epoch(self.town.model, open_index(self.town.index))
        options: dict[str, Any] = {"model_file": epoch.model, "list_date": list_date, "accept": "of a few doses"}
        options["verdicts"] = verdicts
        first = epoch.index

        def opened(folder: Path) -> Index:
            """The index as it is by now, with the frequencies of the epoch and the day that it began."""
            return with_pinned(open_index(folder), first.frequencies, first.dictionaries.latest_date)

        with mock.patch("linkage.night.run.open_index", opened):
            return run(files, self.folder / "index", runs, **options).run_dir


def write_doses(path: Path, rows: Sequence[Row]) -> list[Path]:
    """Rows without the number, which their station does not ask for, go to a file without that column."""
    asking, silent = [row for row in rows if "id_number" in row], [row for row in rows if "id_number" not in row]
    files = []
    for file, some in ((path, asking), (path.with_stem(f"{path.stem}_silent"), silent)):
        if some or (file == path and not silent):
            names = [name for name in DOSES.names if name != "id_number" or some is not silent]
            pq.write_table(
                pa.table({name: pa.array([row.get(name) for row in some], pa.string()) for name in names}), file
            )
            files.append(file)
    return files


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the tables that a run and a state have in common."""
    return {name: hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in EXPORTED}


def table(folder: Path, name: str) -> list[Row]:
    return list(pq.read_table(folder / f"{name}.parquet").to_pylist())


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text("utf-8")))


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by path, but for what the rolling check of an index has read so far."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "checked.json")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
