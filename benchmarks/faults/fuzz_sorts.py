"""The sorts of inputs that are mutated, and the commands that read each."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from benchmarks.faults.mutations import mutated_bytes, mutated_workbook
from benchmarks.faults.structures import mutated
from benchmarks.faults.town import SECOND_NIGHT, Town

_ROWS = 120
# In arguments: the file, the folder that it is in, the folder that was given as a whole, that of results.
GIVEN, FOLDER, WHOLE, OUT = "{given}", "{folder}", "{whole}", "{out}"
Mutate = Callable[[random.Random], tuple[str, bytes]]


@dataclass(frozen=True)
class Sort:
    """A sort of input: its name, the file and what is in it, how it is mutated, the commands that read it; beside: a
    folder that the file is a part of; writes: what of that folder may be changed."""

    name: str
    file: str
    content: bytes
    mutate: Mutate
    commands: dict[str, tuple[str, ...]]
    beside: Path | None = None
    writes: tuple[str, ...] = ()

    def arguments(self, command: str, given: Path, out: Path) -> tuple[str, ...]:
        """The words of a command."""
        whole = str(given).removesuffix(f"/{self.file}")
        places = {GIVEN: str(given), FOLDER: str(given.parent), WHOLE: whole, OUT: str(out)}
        words = self.commands[command]
        for name, path in places.items():
            words = tuple(word.replace(name, path) for word in words)
        return words


def sorts_of(town: Town) -> Iterator[Sort]:
    """Everything of the town that a command reads."""
    words = _commands(town)
    doses, registry = (pq.read_table(town.data(name)).slice(0, _ROWS) for name in ("doses", "registry"))
    for name, table, commands in (("doses", doses, ("run", "train")), ("registry", registry, ("index build",))):
        for form, written in FORMS.items():
            content = written(table)
            mutate = _of_workbook(content) if form == "xlsx" else _of_bytes(content)
            read_by = {command: words[command] for command in commands}
            yield Sort(f"{name}.{form}", f"{name}.{form}", content, mutate, read_by)
    left, right = (_as_csv(pq.read_table(path).slice(0, _ROWS)) for path in town.customers)
    read_by = {command: words[command] for command in ("link", "plan init", "plan check")}
    yield Sort("left.csv", "left.csv", left, _of_bytes(left, right), read_by)
    truth = _as_csv(pq.read_table(town.data("truth")))
    read_by = {"evaluate": words["evaluate"], "train": words["train with verdicts"]}
    yield Sort("truth.csv", "truth.csv", truth, _of_bytes(truth), read_by)
    of_units = max(town.units.glob("*.csv"), key=lambda path: path.stat().st_size)
    content = of_units.read_bytes()
    yield Sort("units", of_units.name, content, _of_bytes(content), {"index build": words["units"]}, town.units)
    plan = town.plan.read_bytes()
    read_by = {"link": words["link by plan"], "plan check": words["check plan"]}
    yield Sort("plan", "plan.toml", plan, of_plan(plan), read_by)
    model = town.model.read_bytes()
    yield Sort("model", "model.json", model, of_json(model), {"run": words["model"], "model show": words["show"]})
    manifest = (town.run / "manifest.json").read_bytes()
    read_by = {command: words[command] for command in ("report", "evaluate run", "explain", "rejects")}
    yield Sort("manifest", "manifest.json", manifest, of_json(manifest), read_by, town.run)
    yield from _of_nights(town, doses, registry)


def _of_nights(town: Town, doses: pa.Table, registry: pa.Table) -> Iterator[Sort]:
    """What a second night reads, beside a state after a first one."""
    ids = doses.column("dose_id")
    reasons = pa.array([f"reason {number % 3}" for number in range(len(ids))])
    said = {"verdict": ("nobody", "foreigner", "field_check"), "unit": ("00001",), "decided_by": ("A", "B")}
    verdicts = {name: pa.array([words[n % len(words)] for n in range(len(ids))]) for name, words in said.items()}
    tables = {
        "doses_2.csv": doses,
        "doses_3.xlsx": doses,
        "withdrawals.csv": pa.table({"dose_id": ids, "reason": reasons}),
        "registry_2.parquet": registry,
        "registry_3.csv": registry,
        "verdicts.csv": pa.table({"dose_id": ids, **verdicts}),
    }
    read_by = {"night": ("night", "--config", f"{WHOLE}/night.toml", "--date", SECOND_NIGHT)}
    folders = ("state", "index", "nights")
    for name, table in tables.items():
        form = name.split(".", 1)[1]
        content = FORMS[form](table)
        mutate = _of_workbook(content) if form == "xlsx" else _of_bytes(content)
        yield Sort(f"night {name}", f"in/{SECOND_NIGHT}/{name}", content, mutate, read_by, town.nights, folders)
    config = (town.nights / "night.toml").read_bytes()
    yield Sort("night.toml", "night.toml", config, of_plan(config), read_by, town.nights, folders)


def _commands(town: Town) -> dict[str, tuple[str, ...]]:
    """The words of each command by its name here."""
    accept = ("--accept", "a trial", "--threads", "1")
    index, model = ("--index", str(town.index)), ("--model", str(town.model))
    doses, registry, truth = (str(town.data(name)) for name in ("doses", "registry", "truth"))
    left, right, plan = str(town.customers[0]), str(town.customers[1]), str(town.plan)
    runs, linked = ("--out", f"{OUT}/runs"), ("--out", f"{OUT}/linked")
    build = ("index", "build", "--out", f"{OUT}/index", "--threads", "1")
    train = ("train", *index, "--out", f"{OUT}/model.json", *accept, "--doses")
    return {
        "run": ("run", *index, *model, *runs, *accept, "--doses", GIVEN),
        "train": (*train, GIVEN),
        "index build": (*build, GIVEN),
        "link": ("link", GIVEN, right, "--plan", plan, *linked, *accept),
        "plan init": ("plan", "init", GIVEN, right, "--out", f"{OUT}/plan.toml"),
        "plan check": ("plan", "check", plan, GIVEN, right),
        "evaluate": ("evaluate", str(town.run), "--truth", GIVEN),
        "train with verdicts": (*train, doses, "--verdicts", GIVEN),
        "units": (*build, registry, "--units", FOLDER),
        "link by plan": ("link", left, right, "--plan", GIVEN, *linked, *accept),
        "check plan": ("plan", "check", GIVEN),
        "model": ("run", *index, "--model", GIVEN, *runs, *accept, "--doses", doses),
        "show": ("model", "show", GIVEN),
        "report": ("report", FOLDER, "--form", "statistics", "--out", f"{OUT}/page.html"),
        "evaluate run": ("evaluate", FOLDER, "--truth", truth),
        "explain": ("explain", FOLDER, town.a_dose),
        "rejects": ("rejects", FOLDER, "--export", f"{OUT}/rejected.csv"),
    }


def _of_bytes(content: bytes, other: bytes = b"") -> Mutate:
    return lambda rng: mutated_bytes(content, rng, other)


def _of_workbook(content: bytes) -> Mutate:
    return lambda rng: mutated_bytes(content, rng) if rng.random() < 0.3 else mutated_workbook(content, rng)


def of_json(content: bytes) -> Mutate:
    def mutate(rng: random.Random) -> tuple[str, bytes]:
        if rng.random() < 0.2:
            return mutated_bytes(content, rng)
        what, changed = mutated(json.loads(content), rng)
        return what, json.dumps(changed).encode()

    return mutate


def of_plan(content: bytes) -> Mutate:
    plan = tomllib.loads(content.decode())

    def mutate(rng: random.Random) -> tuple[str, bytes]:
        if rng.random() < 0.3:
            return mutated_bytes(content, rng)
        what, changed = mutated(plan, rng)
        return what, _as_toml(changed).encode("utf-8", "replace")

    return mutate


def _as_toml(content: dict[str, Any]) -> str:
    """TOML of a mutated plan, each key with an inline value; what TOML has no word for becomes a text."""
    return "".join(f"{json.dumps(key)} = {_inline(value)}\n" for key, value in content.items())


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(of)}" for key, of in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else json.dumps(str(value))


def _as_csv(table: pa.Table) -> bytes:
    found = io.StringIO(newline="")
    writer = csv.writer(found)
    writer.writerow(table.column_names)
    writer.writerows([["" if value is None else value for value in row.values()] for row in table.to_pylist()])
    return found.getvalue().encode()


def _as_parquet(table: pa.Table) -> bytes:
    found = io.BytesIO()
    pq.write_table(table, found)
    return found.getvalue()


def _as_workbook(table: pa.Table) -> bytes:
    found = io.BytesIO()
    with xlsxwriter.Workbook(found, {"in_memory": True}) as book:
        sheet = book.add_worksheet("rows")
        for number, row in enumerate([table.column_names, *([*row.values()] for row in table.to_pylist())]):
            sheet.write_row(number, 0, ["" if value is None else str(value) for value in row])
    return found.getvalue()


# A table as a file of every reader, by the ending.
FORMS: dict[str, Callable[[pa.Table], bytes]] = {
    "csv": _as_csv,
    "xlsx": _as_workbook,
    "parquet": _as_parquet,
    "csv.gz": lambda table: gzip.compress(_as_csv(table), mtime=0),
}
