"""The command line: help everywhere, one JSON document on request, one line and the right exit code on errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from linkage.cli import app, entry
from tests.district import Called, District, call, make_district, write

ROOT = Path(__file__).parents[1]
Command = Any  # of the click that typer carries with it


def commands(group: Command | None = None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Command]:
    """All commands by their words, groups left out."""
    top: Command = typer.main.get_command(app) if group is None else group
    found: dict[tuple[str, ...], Command] = {}
    for name, command in top.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, (*path, name))
        else:
            found[*path, *name.split()] = command
    return found


NAMES = sorted(commands())


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def model(district: District) -> Path:
    return district.run_dir / "model.json"


def one_line(ended: Called, code: int) -> str:
    """The error of a command that ended with a code: one line, nothing on standard output."""
    assert ended.code == code, ended
    assert ended.out == ""
    assert ended.err.startswith("linkage: ")
    assert ended.err.count("\n") == 1, ended.err
    assert "Traceback" not in ended.err
    return ended.err


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_every_command_and_option_explains_itself(name: tuple[str, ...]) -> None:
    ended = call(*name, "--help")
    assert ended.code == 0
    command = commands()[name]
    assert command.help
    assert command.help.splitlines()[0] in " ".join(ended.out.split())
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{' '.join(name)} {parameter.name}"
    assert "--json" in ended.out


@pytest.mark.parametrize("arguments", [(), ("index",), ("model",), ("plan",)])
def test_without_a_command_the_help_is_shown(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments)
    assert ended.code == 2
    assert "Usage:" in ended.out + ended.err


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = "simulate, index build, index apply, index info, train, run, evaluate, explain, report, link, doctor, demo"
    wanted += ", simulate nights, find, version, export, rejects, model show, model compare, plan init, plan check"
    assert {tuple(words.split()) for words in wanted.split(", ")} <= set(NAMES)


def json_calls(district: District, model: Path, tmp_path: Path) -> dict[str, list[object]]:
    """A call of every command."""
    doses, registry, run_dir = district.path("doses"), district.path("registry"), district.run_dir
    places = {"index": district.index, "state": tmp_path / "state", "nights": tmp_path / "nights", "model": model}
    config = tmp_path / "night.toml"
    some = write(tmp_path / "some.parquet", district.rows("doses")[:20], doses)
    lines = ["format = 1", *(f'{k} = "{v}"' for k, v in places.items()), "[sources]", f'doses = ["{some}"]']
    config.write_text("\n".join(lines), "utf-8")
    return {
        "simulate": ["--persons", 200, "--doses", 100, "--seed", 1, "--out", tmp_path / "data"],
        "index build": [registry, "--units", district.units, "--out", tmp_path / "index"],
        "index apply": [write(tmp_path / "none.parquet", [], registry), "--index", tmp_path / "index"],
        "index compact": ["--index", tmp_path / "index"],
        "index rollback": ["--index", tmp_path / "index"],
        "index info": [tmp_path / "index"],
        "train": ["--doses", doses, "--index", district.index, "--out", tmp_path / "model.json"],
        "run": ["--doses", doses, "--index", district.index, "--model", model, "--out", tmp_path / "runs"],
        "night": ["--config", config, "--date", "2026-03-14"],
        "status": ["--config", config],
        "nights list": ["--config", config],
        "nights show": ["2026-03-14", "--config", config],
        "nights diff": ["0", "1", "--config", config],
        "nights prune": ["--keep", 1, "--config", config],
        "quarantine list": ["--config", config],
        "history": [district.rows("doses")[0]["dose_id"], "--config", config],
        "state info": ["--config", config],
        "evaluate": [run_dir, "--truth", district.path("truth")],
        "explain": [run_dir, district.rows("doses")[0]["dose_id"]],
        "report": [run_dir, "--form", "daily", "--format", "csv", "--out", tmp_path / "daily.csv"],
        "export": [run_dir, "--table", "decisions", "--out", tmp_path / "decisions.xlsx"],
        "rejects": [run_dir],
        "verify": [run_dir],
        "plan init": [registry, "--out", tmp_path / "plan.toml"],
        "plan check": [ROOT / "linkage" / "plan" / "vaccination.toml"],
        "model show": [model],
        "model compare": [model, model],
        "model adopt": [model, "--config", config],
        "doctor": [],
        "version": [],
        "find": [district.index, "--name", "nguyen"],
        "demo": ["--persons", 1000, "--doses", 1000, "--out", tmp_path / "demo"],
    }


def test_json_is_one_document_and_nothing_else(district: District, model: Path, tmp_path: Path) -> None:
    calls = json_calls(district, model, tmp_path)
    # Tried where their files are made.
    left_out = {
        "quarantine release",
        "link",
        "model export",
        "model import",
        "model check",
        "simulate nights",
        "state export",
        "nights rollback",
    }
    without = {name for name in NAMES if name[0] != "review"} - {tuple(name.split()) for name in [*calls, *left_out]}
    assert not without, f"commands that json_calls does not try: {without}"
    for name, arguments in calls.items():
        ended = call(*name.split(), *arguments, "--json")
        assert ended.code == 0, (name, ended.err)
        json.loads(ended.out)
        assert ended.out.count("\n") == 1, name
        plain = call(*name.split(), *arguments)
        assert plain.code == 0, (name, plain.err)
        assert plain.out.strip(), name


def test_run_prints_the_keys_of_the_contract(district: District, tmp_path: Path) -> None:
    ended = call("run", "--doses", district.path("doses"), "--index", district.index, "--out", tmp_path, "--json")
    assert list(ended.json) == ["run_id", "run_dir", "counts", "seconds", "peak_rss_bytes"]
    assert Path(ended.json["run_dir"]) == tmp_path / ended.json["run_id"]
    assert list(ended.json["counts"]) == ["verified", "matched", "review", "unmatched", "excluded"]
    assert all(isinstance(seconds, float) for seconds in ended.json["seconds"].values())
    assert ended.json["peak_rss_bytes"] > 1 << 20
    # Without a terminal a line tells of each stage that is done.
    lines = [
        re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (\w+) done in [\d.]+ s", line) for line in ended.err.splitlines()
    ]
    assert [line and line[1] for line in lines] == list(ended.json["seconds"])


def test_long_paths_are_printed_unbroken(district: District, tmp_path: Path) -> None:
    runs = tmp_path / ("very-" * 20 + "long")
    ended = call("run", "--doses", district.path("doses"), "--index", district.index, "--out", runs)
    assert re.search(rf"^run_dir +{re.escape(str(runs))}/\S+$", ended.out, re.MULTILINE)


def test_the_module_starts_as_a_program() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "linkage", "run", "--doses", "no.csv", "--index", "no", "--out", "no"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("linkage: no: not a registry index")
    assert ended.stderr.count("\n") == 1


def test_a_process_that_ends_at_once_has_said_everything(tmp_path: Path) -> None:
    """Also what Python has not written yet, and with the code of its end."""
    told = (
        "import sys\nfrom linkage.cli import entry\nentry.main = lambda: sys.stdout.write('all of it')\nentry.program()"
    )
    ended = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "all of it", "")
    command = [sys.executable, "-m", "linkage", "model", "show", "--json", str(tmp_path / "no.json")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert json.loads(failed.stdout)["exit_code"] == 2


def test_an_interrupted_command_says_so() -> None:
    """Typer makes an exit code of the signal before it comes here."""
    told = (
        "from linkage import cli; from linkage.demo import district as demo\n"
        "def interrupted(*arguments): raise KeyboardInterrupt\n"
        "demo.demo = interrupted\n"
        "cli.program()"
    )
    command = [sys.executable, "-c", told, "demo"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert re.findall("^linkage: (.*?);", ended.stderr, re.MULTILINE) == ["interrupted"]


def test_a_mapping_that_fits_no_column_is_noted(district: District, model: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "columns.toml"
    mapping.write_text('"Ngay sinh" = "date_of_birth"\n" DOSE_ID " = "dose_id"\n', encoding="utf-8")
    doses = tmp_path / "doses.csv"
    doses.write_text("dose_id,full_name\nD1,Lê Lan\n", encoding="utf-8")
    inputs = ("--doses", doses, "--index", district.index, "--model", model)
    ended = call("run", *inputs, "--columns", mapping, "--out", tmp_path / "runs")
    assert ended.code == 0
    assert "no file has the columns Ngay sinh of the mapping" in ended.err.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments", ["version", "version --json", "index info INDEX", "find INDEX --name nguyen --json"]
)
def test_what_a_closed_output_loses_is_told(district: District, arguments: str) -> None:
    command = f"{sys.executable} -m linkage {arguments.replace('INDEX', str(district.index))} >&-"
    ended = subprocess.run(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "linkage: standard output: is closed; the command did its work, and what it says is lost\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_process_without_an_output_ends_well(closed: str) -> None:
    command = f'"{sys.executable}" -m linkage.cli --help {closed}'
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def errors(district: District, tmp_path: Path) -> dict[str, tuple[list[object], int, str]]:
    """What can be wrong: the call, its exit code, and what the line must name."""
    doses, index, run_dir, file = district.path("doses"), district.index, district.run_dir, tmp_path / "file"
    registry, run = district.path("registry"), ["run", "--index", index, "--out", tmp_path / "runs", "--doses"]
    link = ["link", doses, registry, "--out", tmp_path / "link", "--plan"]
    file.write_text("?")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        (ROOT / "linkage" / "plan" / "vaccination.toml").read_text("utf-8").replace("format = 1", "format = 1\nx = 2")
    )
    return {
        "missing file": ([*run, "no.csv"], 2, "no.csv: no such file"),
        "wrong extension": ([*run, file], 2, "file: unknown extension"),
        "wrong columns": ([*run, registry], 2, "registry.parquet: column dose_id missing"),
        "no index": (["run", "--doses", doses, "--index", tmp_path, "--out", tmp_path], 2, "not a registry index"),
        "out is a file": (["run", "--doses", doses, "--index", index, "--out", file], 2, "is a file"),
        "out under a file": (["run", "--doses", doses, "--index", index, "--out", file / "x"], 2, "file/x: cannot"),
        "no model": ([*run, doses, "--model", file], 2, "not valid JSON"),
        "no mapping": ([*run, doses, "--columns", file], 2, "not valid TOML"),
        "index to a file": (["index", "build", registry, "--out", file], 2, "is a file"),
        "index under a file": (["index", "build", registry, "--out", file / "x"], 2, "is no folder"),
        "unknown units": (["index", "build", registry, "--out", tmp_path / "i", "--units", "no"], 2, "no such folder"),
        "unknown date": (["index", "build", registry, "--out", tmp_path / "i", "--commune-date", "1"], 2, "'1'"),
        "unknown plan key": (["index", "build", registry, "--out", tmp_path / "i", "--plan", plan], 2, "no key 'x'"),
        "unknown key to link": ([*link, plan], 2, "no key 'x'"),
        "columns of another plan": (
            [*link, ROOT / "benchmarks" / "plans" / "febrl.toml"], 2, "give its name in the plan"),
        "no plan": ([*link, "no.toml"], 2, "no.toml: cannot be read"),
        "no index to show": (["index", "info", tmp_path], 2, "not a registry index"),
        "no index to change": (["index", "apply", registry, "--index", tmp_path], 2, "not a registry index"),
        "train to a folder": (["train", "--doses", doses, "--index", index, "--out", tmp_path], 2, "is a folder"),
        "train to nowhere": (["train", "--doses", doses, "--index", index, "--out", file / "m"], 2, "no folder"),
        "no run": (["explain", tmp_path, "D1"], 2, "no published run"),
        "unknown dose": (["explain", run_dir, "D1"], 2, "'D1'"),
        "unknown person": (["explain", run_dir, district.rows("doses")[0]["dose_id"], "--person", "P"], 2, "'P'"),
        "no run to evaluate": (["evaluate", tmp_path, "--truth", doses], 2, "no published run"),
        "no truth": (["evaluate", run_dir, "--truth", "no.csv"], 2, "no.csv: no such file"),
        "unknown form": (["report", run_dir, "--form", "x", "--out", tmp_path / "x"], 2, "--form x"),
        "unknown format": (["report", run_dir, "--form", "daily", "--format", "x", "--out", file], 2, "--format x"),
        "report to nowhere": (["report", run_dir, "--form", "daily", "--out", file / "x.xlsx"], 2, "no folder"),
        "no rejects": (["rejects", run_dir, "--replay", tmp_path / "x.csv"], 2, "nothing to replay"),
        "export to .doc": (["rejects", run_dir, "--export", tmp_path / "x.doc"], 2, "x.doc"),
        "simulate to a file": (
            ["simulate", "--persons", 100, "--doses", 1, "--seed", 1, "--out", file], 2, "is a file"),
        "unknown area": (
            ["simulate", "--persons", 100, "--doses", 1, "--seed", 1, "--out", tmp_path / "s", "--area", "x"], 2, "x"),
        "model compare": (["model", "compare", run_dir / "manifest.json", file], 2, "not a model file"),
    }  # fmt: skip


def test_errors_are_one_line_with_their_exit_code(district: District, tmp_path: Path) -> None:
    for name, (arguments, code, named) in errors(district, tmp_path).items():
        line = one_line(call(*arguments), code)
        assert named in line, (name, line)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"file", "plan.toml"}, f"written by a command that failed: {left}"


def test_a_full_disk_is_one_line(district: District, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("linkage.registry.from_files.build_index", full)
    line = one_line(call("index", "build", district.path("registry"), "--out", tmp_path / "index"), 1)
    assert line.startswith(f"linkage: {tmp_path / 'x'}: No space left on device; ")


def test_many_dose_files_may_follow_one_option() -> None:
    """As a shell expands a pattern; other options and what follows them stay as they are."""
    given = ["run", "--doses", "a", "b", "c", "--index", "i", "--doses", "d", "--out", "o"]
    once = ["run", "--doses", "a", "--doses", "b", "--doses", "c", "--index", "i", "--doses", "d", "--out", "o"]
    assert entry._spread(given) == once
    assert entry._spread(once) == once
    assert entry._spread(["link", "a", "b", "--plan", "p"]) == ["link", "a", "b", "--plan", "p"]
