"""A small district for tests of the whole way: simulated, indexed and linked once per test module, and its readers."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.cli import main
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.simulate import simulate

Row = dict[str, Any]

LIST_DATE = datetime.date(2026, 3, 14)
PERSONS, DOSES, SEED = 4000, 6000, 3


@dataclass(frozen=True)
class District:
    """Where the simulated files, the index and the published run lie."""

    folder: Path
    index: Path
    run_dir: Path

    @property
    def units(self) -> Path:
        return self.folder / "data" / "units"

    def path(self, name: str) -> Path:
        return self.folder / "data" / f"{name}.parquet"

    def rows(self, name: str) -> list[Row]:
        """An input as rows: registry, doses or truth."""
        return rows_of(self.path(name))

    def link(self, doses: Sequence[Path], runs: Path, **options: Any) -> Path:
        """Link doses with the district's index; returns the run's folder."""
        settings: dict[str, Any] = {"list_date": LIST_DATE, "n_threads": 2} | options
        return run(doses, self.index, runs, **settings).run_dir


def make_district(folder: Path, **options: Any) -> District:
    """Simulate, build, link: the 14 communes of Bảo Lâm, unless ``options`` of the simulation say otherwise."""
    data = folder / "data"
    settings: dict[str, Any] = {"area": "bao-lam"} | options
    simulate(PERSONS, DOSES, SEED, data, **settings)
    build_from_files([data / "registry.parquet"], folder / "index", units=data / "units")
    summary = run([data / "doses.parquet"], folder / "index", folder / "runs", list_date=LIST_DATE)
    return District(folder, folder / "index", summary.run_dir)


def rows_of(path: Path) -> list[Row]:
    """A Parquet file as rows."""
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def table(run_dir: Path, name: str) -> list[Row]:
    """A table of a run as rows."""
    return rows_of(run_dir / f"{name}.parquet")


def manifest(run_dir: Path) -> dict[str, Any]:
    return dict(json.loads((run_dir / "manifest.json").read_text()))


def hashes(run_dir: Path, *, without: Iterable[str] = ("manifest.json", "doses.arrow", "sums")) -> dict[str, str]:
    """SHA-256 of every file of a run; the accepted doses stand in the order in which they were read."""
    paths = {str(path.relative_to(run_dir)): path for path in run_dir.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(paths.items())
        if name not in without
    }


def write(path: Path, rows: list[Row], like: Path) -> Path:
    """Rows as Parquet with the columns of another file."""
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(like)), path)
    return path


@dataclass(frozen=True)
class Called:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def call(*arguments: object) -> Called:
    """A command as a user starts it, in this process; a traceback fails the test."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["linkage", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Called(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())


def heavy_modules_of(*words: object) -> tuple[str, str]:
    """What a command prints in a process of its own, and which of the modules it loads that take long to load."""
    code = (
        "import os, sys\n"
        "from linkage.cli.entry import program\n"
        "end = os._exit\n"
        "def told(code):\n"
        "    heavy = {'numba', 'duckdb', 'llvmlite', 'blocking', 'models', 'linkage.encode', 'linkage.training'}\n"
        "    print(*sorted(heavy & set(sys.modules)), file=sys.stderr, flush=True)\n"
        "    end(code)\n"
        "os._exit = told\n"
        f"sys.argv = {['linkage', *map(str, words)]!r}\n"
        "program()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr.strip()
