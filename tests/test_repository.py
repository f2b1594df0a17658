"""The rules of the house hold, and each of them can fail."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("linkage", "blocking", "models")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# ----------------------------------------------------------------------------------------------------- who imports whom

BAD_IMPORTS = {
    "blocking imports linkage": ("blocking/bad.py", "import linkage.errors", "linkage stands above"),
    "models imports linkage": ("models/bad.py", "from linkage import errors", "linkage stands above"),
    "blocking imports models": ("blocking/bad.py", "import models", "linkage stands above"),
    "models imports blocking": ("models/comparators/bad.py", "import blocking", "linkage stands above"),
    "models imports pyarrow": ("models/bad.py", "import pyarrow.parquet", "tables and files are linkage's"),
    "blocking imports duckdb": ("blocking/bad.py", "import duckdb", "tables and files are linkage's"),
    "linkage imports sqlalchemy": ("linkage/nights/bad.py", "import sqlalchemy", "pages and the store of the review"),
    "linkage imports splink": ("linkage/machine/bad.py", "import splink", "Splink is read and written"),
    "models imports splink": ("models/bad.py", "from splink import Linker", "Splink is read and written"),
    "linkage imports numba": ("linkage/machine/bad.py", "from numba import njit", "jitted kernels live"),
    "a wing imports one above": ("linkage/workbooks/bad.py", "import linkage.plan.kinds", "the wings of linkage"),
    "a wing imports its neighbour": ("linkage/scoring/bad.py", "import linkage.doses.batch", "the wings of linkage"),
    "a module stands beside the wings": ("linkage/bad.py", "import json", "the wings of linkage"),
    "two modules import each other": ("linkage/plan/kinds.py", "import linkage.plan.reading", "no modules or packages"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken_contracts(folder: Path) -> list[str]:
    """The names of the contracts that import-linter finds broken in a tree."""
    code = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir='cache', no_logo=True))"
    )
    command = [sys.executable, "-P", "-c", code]
    environment = {"PYTHONPATH": str(folder), "COLUMNS": "300", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    broken = re.findall(r"^(.*) BROKEN\b", done.stdout, re.MULTILINE)
    assert (done.returncode == 0) == (not broken), done.stdout + done.stderr
    return broken


def test_the_imports_keep_to_the_contracts(copied: Path) -> None:
    assert broken_contracts(copied) == []


@pytest.mark.parametrize("case", BAD_IMPORTS)
def test_each_contract_refuses_a_bad_import(copied: Path, case: str) -> None:
    name, statement, contract = BAD_IMPORTS[case]
    bad = copied / name
    before = bad.read_text(encoding="utf-8") if bad.exists() else ""
    bad.write_text(f"{before}{statement}\n", encoding="utf-8")
    try:
        broken = broken_contracts(copied)
    finally:
        if before:
            bad.write_text(before, encoding="utf-8")
        else:
            bad.unlink()
    assert len(broken) == 1
    assert broken[0].startswith(contract)


# --------------------------------------------------------------------------------------------------------------- sizes

MOST_LINES = {"a module": 320, "a function": 60}


def oversized(source: str) -> list[str]:
    """What is longer in a module than can be read in one go: functions with decorators and docstring, and itself."""
    n_lines = source.count("\n")
    found = [f"the module has {n_lines} lines"] if n_lines > MOST_LINES["a module"] else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            n_lines = (node.end_lineno or first) - first + 1
            if n_lines > MOST_LINES["a function"]:
                found.append(f"{node.name} has {n_lines} lines")
    return found


def test_modules_and_functions_are_of_a_size_to_be_read() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): oversized(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


def test_what_is_too_long_is_found() -> None:
    assert oversized("def f():\n" + "    pass\n" * 59) == []
    assert oversized("@cache\ndef f():\n" + "    pass\n" * 59) == ["f has 61 lines"]
    assert oversized("class A:\n    async def f(self):\n" + "        pass\n" * 60) == ["f has 61 lines"]
    assert oversized("a = 1\n" * 320) == []
    assert oversized("a = 1\n" * 321) == ["the module has 321 lines"]


# ------------------------------------------------------------------------------------------------------ what is tracked

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~/-])/(?:work|root|home)/\w"),
    "a package registry": re.compile(r"\b(?:pypi\.org|pythonhosted\.org)"),
    "an unfinished place": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b"),
}
JUNK_DRAWERS = re.compile(r"(?:^|/)(?:utils?|common|core|helpers?|managers?|misc)(?:\.py|/)")


def tracked() -> list[str]:
    """Files that are, or are about to be, under version control."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def faults(text: str) -> list[str]:
    return [fault for fault, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_no_file_names_a_machine_a_registry_or_unfinished_work() -> None:
    texts = {name: (ROOT / name).read_bytes().decode("utf-8", "ignore") for name in tracked()}
    assert {name: faults(text) for name, text in texts.items() if faults(text)} == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("see /" + "work/x", "a path of one machine"),
        ("'/" + "home/me/y'", "a path of one machine"),
        ("https://py" + "pi.org/simple", "a package registry"),
        ("# TO" + "DO later", "an unfinished place"),
    ],
)
def test_a_forbidden_text_is_found(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_no_file_carries_the_name_of_its_folder() -> None:
    def carrying(paths: list[str]) -> list[str]:
        return [path for path in paths if Path(path).stem.startswith(f"{Path(path).parent.name}_")]

    assert carrying([name for name in tracked() if name.split("/")[0] in PACKAGES]) == []
    assert carrying(["linkage/registry/registry_build.py", "linkage/registry/build.py"]) == [
        "linkage/registry/registry_build.py"
    ]


def foreign_words(source: str) -> list[str]:
    """Words of a source that are not the field's: a claim is a claim, not a man."""
    return re.findall(r"\b(?:he|his|him|himself|dear|kin|outline)\b", source, re.IGNORECASE)


def test_the_words_of_the_code_are_those_of_the_field() -> None:
    found = {
        str(path.relative_to(ROOT)): words
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if (words := foreign_words(path.read_text("utf-8")))
    }
    assert found == {}


def test_a_word_that_is_not_the_field_s_is_found() -> None:
    assert foreign_words("# Where his kin live\nhelium, history = 1") == ["his", "kin"]


def test_no_module_is_a_junk_drawer() -> None:
    assert [name for name in tracked() if JUNK_DRAWERS.search(name)] == []
    assert JUNK_DRAWERS.search("linkage/utils.py")
    assert JUNK_DRAWERS.search("models/common/dates.py")


# ------------------------------------------------------------------------------------------------- set-up and packaging


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[a-z][^\s;]*==[^\s;]+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


LOCKS = ("requirements.lock", "requirements-review.lock", "requirements-dev.lock")


def test_the_larger_lock_only_adds_to_the_smaller() -> None:
    assert len(pins("requirements.lock")) > 15
    assert pins("requirements.lock") < pins("requirements-review.lock") < pins("requirements-dev.lock")


def test_the_locks_hold_every_dependency() -> None:
    for lock, names in (
        ("requirements.lock", PYPROJECT["project"]["dependencies"]),
        ("requirements-review.lock", PYPROJECT["project"]["optional-dependencies"]["review"]),
        ("requirements-dev.lock", PYPROJECT["dependency-groups"]["dev"]),
        ("requirements-dev.lock", PYPROJECT["project"]["optional-dependencies"]["postgresql"]),
    ):
        locked = {pin.split("==")[0] for pin in pins(lock)}
        assert {re.split(r"[^\w-]", name)[0] for name in names} - locked == set()


def unmet(locked: dict[str, str]) -> set[str]:
    """What the packages of a lock need and the lock does not pin, or pins at another version."""
    asked = [(name, "") for name in locked]
    lacking, seen = set(), set(asked)
    while asked:
        name, extra = asked.pop()
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
                continue
            needed_name = canonicalize_name(needed.name)
            if not needed.specifier.contains(locked.get(needed_name, ""), prereleases=True):
                lacking.add(f"{name}: {needed}")
                continue
            further = {(needed_name, wanted) for wanted in needed.extras} - seen
            seen |= further
            asked += further
    return lacking


def test_the_locks_are_complete_in_themselves() -> None:
    # ./run installs a lock without looking for what its packages need: pip 23 takes the newest release for an extra
    # that a package asks for, and refuses it since the lock pins another.
    for name in LOCKS:
        markers = re.findall(
            r"^([a-z][^\s;]*)==([^\s;]+)(?: ; ([^\\\n]+))?", (ROOT / name).read_text("utf-8"), re.MULTILINE
        )
        locked = {package: version for package, version, marker in markers if not marker or Marker(marker).evaluate()}
        assert unmet(locked) == set()
        assert unmet({package: version for package, version in locked.items() if package != "llvmlite"}) != set()


def test_the_wheel_ships_the_three_packages() -> None:
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)


def run_script(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "run"), *arguments], capture_output=True, text=True, check=False, **options)


def test_run_tells_its_commands() -> None:
    done = run_script("--help")
    assert done.returncode == 0
    for command in ("demo", "linkage", "test", "lint", "bench"):
        assert f"./run {command}" in done.stdout


def test_slow_tests_run_when_asked_for() -> None:
    """By default they are not collected; a debugger gets the terminal, and who names a number of processes gets it."""
    listing = ("--co", "-q", "tests/test_dominance.py")
    assert "deselected" in run_script("test", *listing).stdout
    assert "deselected" not in run_script("test", "--pdb", "-m", "slow or not slow", *listing).stdout
    assert "test_dominance.py::" in run_script("test", "-n", "0", "-m", "slow", *listing).stdout


def test_what_is_run_of_linkage_is_counted_when_asked_for(tmp_path: Path) -> None:
    """Of some tests alone no share is held. What counts these tests counts in a file of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment["COVERAGE_FILE"] = str(tmp_path / "counted")
    done = run_script("test", "--counted", "-n", "0", "tests/test_counted.py", env=environment)
    assert done.returncode == 0, done.stdout
    (total,) = [line for line in done.stdout.splitlines() if line.startswith("TOTAL")]
    assert 0 < int(total.split()[-1].rstrip("%")) < 50
    files = re.findall(r"^(\S+\.py) +\d", done.stdout, re.MULTILINE)
    assert "linkage/ingest/csv_file.py" in files
    assert [name for name in files if not name.startswith("linkage/") or name.endswith("_kernels.py")] == []


def test_run_refuses_what_it_does_not_know() -> None:
    assert run_script().returncode == 2
    for command in ("tests", "linkage/"):
        done = run_script(command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"run: unknown command '{command}'")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout in a path with spaces, without an environment, and a PATH with the tools but no Python."""
    checkout = tmp_path / "a bare clone"
    checkout.mkdir()
    for name in ("run", *LOCKS):
        shutil.copy(ROOT / name, checkout)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sed", "dirname", "flock", "cat", "cmp", "rm", "grep", "head"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return checkout


def first_start(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": str(checkout.parent / "bin")}
    command = [str(checkout / "run"), *(arguments or ("linkage", "--version"))]
    return subprocess.run(command, env=path | environment, capture_output=True, text=True, check=False, timeout=60)


def stand_in(folder: Path, name: str, code: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{code}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_without_python_one_line_says_so(bare: Path) -> None:
    done = first_start(bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("run: no Python 3.11 or newer found")
    assert done.stderr.count("\n") == 1


def test_a_shim_that_does_not_answer_is_passed_over(bare: Path) -> None:
    stand_in(bare.parent / "bin", "python3.13", "echo not installed >&2; exit 127")
    assert first_start(bare).stderr.startswith("run: no Python 3.11 or newer found")


def test_without_pip_one_line_says_so(bare: Path) -> None:
    stand_in(
        bare.parent / "bin", "python3", f'case "$2" in *pip*) exit 1 ;; esac; exec {shlex.quote(sys.executable)} "$@"'
    )
    done = first_start(bare)
    assert done.returncode == 1
    assert done.stderr.startswith("run: python3 has no pip 22.3 or newer")
    assert done.stderr.count("\n") == 1


def test_the_python_named_by_the_user_must_do(bare: Path) -> None:
    done = first_start(bare, RUN_PYTHON="/absent/python")
    assert done.returncode == 1
    assert done.stderr == "run: RUN_PYTHON=/absent/python is no Python 3.11 or newer\n"


def without_network(tools: Path) -> None:
    """A Python whose pip is a stand-in that makes no environment complete."""
    make_venv = 'for last; do :; done; mkdir "$last"'
    code = f'case "$*" in *"-m venv"*) {make_venv} ;; *install*) echo "ERROR: no network"; exit 1 ;; esac'
    stand_in(tools, "python3", code)
    (tools / "mkdir").symlink_to(shutil.which("mkdir") or "mkdir")


@pytest.mark.parametrize("arguments", [("demo",), ("linkage", "--help"), ("bench", "--national", "--list")])
def test_what_an_operator_starts_needs_no_packages_of_development(bare: Path, arguments: tuple[str, ...]) -> None:
    without_network(bare.parent / "bin")
    assert "downloading and installing the packages of requirements.lock into" in first_start(bare, *arguments).stderr


def test_the_review_gets_its_own_packages(bare: Path) -> None:
    without_network(bare.parent / "bin")
    told = first_start(bare, "linkage", "review", "--help").stderr
    assert "downloading and installing the packages of requirements-review.lock into" in told


@pytest.mark.parametrize("arguments", [("test",), ("lint",), ("bench",), ("bench", "accuracy"), ("bench", "faults")])
def test_what_a_developer_starts_gets_them(bare: Path, arguments: tuple[str, ...]) -> None:
    without_network(bare.parent / "bin")
    assert (
        "downloading and installing the packages of requirements-dev.lock into" in first_start(bare, *arguments).stderr
    )


def test_a_failed_installation_is_explained_and_tried_again(bare: Path) -> None:
    """The stamps must not say that an environment is complete."""
    without_network(bare.parent / "bin")
    for _ in range(2):
        done = first_start(bare)
        assert done.returncode == 1
        assert "ERROR: no network" in done.stderr
        assert done.stderr.rstrip().endswith("all it said: .venv/install.log)")
    assert not list((bare / ".venv").glob("stamp.*"))


# ------------------------------------------------------------------------------------------------- README and docs


PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def commands_of(*pages: Path) -> list[list[str]]:
    """The command lines of the pages' code blocks that start this program, line continuations joined, comments cut."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = "\n".join(re.findall(r"^```(?:sh|bash|console|shell)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = [line.strip().removeprefix("$ ") for line in blocks.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if re.match(r"(\./run|linkage) ", line)]


def test_readme_names_the_two_commands() -> None:
    started = commands_of(ROOT / "README.md")
    assert ["./run", "demo"] in started
    assert ["./run", "test"] in started


def test_the_commands_and_options_of_the_pages_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from linkage.cli import main

    monkeypatch.setenv("COLUMNS", "250")
    lines = [words[1:] if words[0] == "./run" else words for words in commands_of(*PAGES)]
    commands = [words[1:] for words in lines if words[0] == "linkage" and not words[1].startswith("-")]
    assert commands
    for words in commands:
        groups = ("index", "model", "plan", "review")
        name = words[: 3 if words[1:2] in (["accounts"], ["audit"], ["workbook"]) else 2 if words[0] in groups else 1]
        monkeypatch.setattr(sys, "argv", ["linkage", *name, "--help"])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr().out
        assert ended.value.code in (0, None), name
        missing = {word.split("=")[0] for word in words if word.startswith("--")} - set(re.findall(r"--[\w-]+", shown))
        assert missing == set(), name
