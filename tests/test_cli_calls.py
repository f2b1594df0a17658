"""Calls of the command line that cannot be read, help, version, completion, and errors as JSON."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linkage import errors
from linkage.cli import entry
from linkage.cli.failures import failure_of
from linkage.errors import LinkageError
from linkage.machine.version import __version__, code_version
from tests.district import call
from tests.raised import made_in, raised_errors
from tests.test_cli import NAMES, commands, one_line

RUN = ("run", "--doses", "a.csv", "--index", "i", "--out", "o")
# A call that cannot be read, and what the line about it says.
WRONG = {
    ("bogus",): "linkage: there is no command 'bogus'; 'linkage --help' tells more",
    ("trian",): "linkage: there is no command 'trian'; did you mean 'linkage train'?",
    ("build",): "linkage: there is no command 'build'; did you mean 'linkage index build'?",
    ("index", "aply"): "linkage: index: there is no command 'aply'; did you mean 'linkage index apply'?",
    ("run", "--dosess", "a"): "linkage: run: there is no option --dosess; did you mean --doses?",
    ("run", "--mode", "0640"): "linkage: run: there is no option --mode here; it stands before the command: linkage",
    ("run", "--bogus"): "linkage: run: there is no option --bogus; 'linkage run --help' tells more",
    ("run",): "linkage: run: --doses, --index and --out must be given; 'linkage run --help' tells more",
    ("explain",): "linkage: explain: PLACE and DOSE_ID must be given",
    ("run", "--doses"): "linkage: option '--doses' requires an argument",
    ("explain", "a", "b", "c"): "linkage: explain: got unexpected extra argument",
    (*RUN, "--threads", "0"): "linkage: run: invalid value for '--threads'",
    (*RUN, "--list-date", "31/12/2026"): "linkage: run: invalid value for '--list-date': '31/12/2026' does not match",
    ("--mode", "0111", "doctor"): "linkage: --mode 0111: no rights",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_call_is_one_line_that_helps(arguments: tuple[str, ...]) -> None:
    assert one_line(call(*arguments), 2).startswith(WRONG[arguments])


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_call_is_told_as_json_too(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments, "--json")
    assert ended.code == 2
    assert ended.json.keys() == {"error", "kind", "exit_code"}
    assert (ended.json["kind"], ended.json["exit_code"]) == ("usage", 2)
    assert ended.err == f"linkage: {ended.json['error']}\n"


def test_every_error_has_a_kind_of_its_own() -> None:
    family = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, LinkageError)]
    assert len({error.kind for error in family}) == len(family) == 6
    for error in family:
        failure = failure_of(error("x"))
        assert failure is not None
        assert (failure.kind, failure.exit_code) == (error.kind, error.exit_code)
    assert failure_of(ValueError("a mistake of the program")) is None


def examples(name: tuple[str, ...]) -> list[str]:
    """The examples in the help of a command, each on one line."""
    text = call(*name, "--help").out.replace("\\\n", " ")
    return [" ".join(line.split()) for line in re.findall(r"^  Example: (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_every_command_has_an_example_that_can_be_read(name: tuple[str, ...]) -> None:
    found = examples(name)
    assert found
    for example in found:
        words = shlex.split(example)
        assert words[: 1 + len(name)] == ["linkage", *name]
        command: Any = commands()[name]
        words = entry._spread(words[1 + len(name) :])
        assert command.make_context(" ".join(name), words, resilient_parsing=False)


@pytest.mark.parametrize("arguments", [(), ("index",), ("model",), ("plan",)])
def test_a_list_of_commands_cuts_no_sentence(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ended = call(*arguments, "--help")
    assert "..." not in ended.out.partition("Commands:")[2]
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_help_of_the_program_tells_the_exit_codes() -> None:
    told = {int(code) for code in re.findall(r"^ +(\d+) {2,}\S", call("--help").out, re.MULTILINE)}
    assert told == {error.exit_code for error in raised_errors()} | {0, 130}


def test_an_error_that_is_only_defined_is_not_raised() -> None:
    assert made_in("class A(Exception): ...\n") == set()
    assert made_in("def f():\n    raise A('x') from B\ndef g():\n    return errors.C('x')\n") == {"A", "C"}


def test_the_version_is_told() -> None:
    assert call("--version").out == f"linkage {__version__}\n"
    assert call("version", "--json").json["code"] == code_version()


@pytest.mark.parametrize(
    "start", [["-m", "linkage"], ["-m", "linkage.cli"], ["-c", "from linkage.cli import program; program()"]]
)
def test_the_program_is_called_linkage_however_it_is_started(start: list[str]) -> None:
    done = subprocess.run([sys.executable, *start, "run", "--help"], capture_output=True, text=True, check=False)
    assert done.stdout.lstrip().startswith("Usage: linkage run [OPTIONS]")


def completed(*words: str) -> list[str]:
    """What bash is offered behind some words."""
    asked = {"_LINKAGE_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "linkage"], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    return done.stdout.split()


def test_the_shell_is_offered_commands_and_options() -> None:
    assert completed("linkage", "ev") == ["evaluate"]
    assert completed("linkage", "index", "ap") == ["apply"]
    assert completed("linkage", "run", "--li") == ["--list-date"]


def test_the_script_for_the_shell_is_shown() -> None:
    told = "import shellingham, linkage.cli as cli; shellingham.detect_shell = lambda: ('bash', ''); cli.program()"
    command = [sys.executable, "-c", told, "--show-completion"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "complete -o default -F _linkage_completion linkage" in done.stdout


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", [["version"], ["version", "--json"], ["--help"]], ids=" ".join)
def test_an_output_that_takes_no_more_is_one_line(arguments: list[str]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "linkage", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("linkage: ")
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("arguments", [["version"], ["--help"]], ids=" ".join)
def test_an_output_in_another_encoding_is_no_failure(arguments: list[str]) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "linkage", *arguments], env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_stays_json_where_the_output_is_not_utf8(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "linkage", "model", "show", "--json", str(tmp_path / "mô hình.json")]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert "mô hình.json" in json.loads(done.stdout)["error"]
