"""Every kernel has a slow twin that a test holds it to, and runs without the JIT and with bounds checks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("linkage", "blocking", "models")
COMPILER = re.compile(r"(?:^|\.)(?:n?jit|(?:gu)?vectorize|cfunc|stencil)$")

# Kernels of the CSV reader have oracles beside their tests: a regular expression of a record, and the csv module.
ORACLES = {
    "scan_records": "naive_scan",
    "split_fields": "csv.reader",
    "copy_values": "csv.reader",
    "begin_with_names": "naive_begins_with_name",
    "number_lines": "naive_line",
}
# Kernels that a test starts by the one function that calls them.
STARTED_BY = {
    "mark_in_runs": "gather",
    "merge_lists": "merge",
    "find_blocks": "find",
    "read_digits": "bare_digits",
    "fill_tables": "tables",
}
# Tests that import a module of kernels and run in the first lane alone.
COMPILED_ONLY = {
    "test_ingest_batch.py": "replaces a constant of the kernels only",
    "test_ingest_parquet.py": "replaces a constant of the kernels only",
    "test_nights_equal.py": "compares whole runs, not kernels",
    "test_linear_time.py": "measures the time of compiled kernels",
    "test_registry_pairs.py": "every kernel met has a twin",
    "test_scorer.py": "takes minutes without the JIT, and every kernel met has a twin",
    "test_splink.py": "compares whole weights, not kernels",
}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sources_of_tests() -> dict[str, str]:
    return {path.name: text_of(path) for path in sorted((ROOT / "tests").glob("test_*.py"))}


def is_compiler(expression: ast.expr, made: set[str]) -> bool:
    """Whether a decorator or a function that is called compiles: numba's, one made of numba's, or a kernel by name."""
    name = ast.unparse(expression.func if isinstance(expression, ast.Call) else expression)
    return name in made or bool(COMPILER.search(name) or re.search(r"(?:^|_)kernel$", name))


def kernels(source: str) -> dict[str, int]:
    """The functions of a module that are compiled, by a decorator or by a call, with their numbers of arguments."""
    nodes = list(ast.walk(ast.parse(source)))
    given = {node.name: node.args for node in nodes if isinstance(node, ast.FunctionDef)}
    found = {}
    made: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and is_compiler(node.value, made):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            compiled = [a.id for a in node.value.args if isinstance(a, ast.Name) and a.id in given]
            made |= set(names) if not compiled else set()
            found |= {name: n_arguments(given[of]) for name in names for of in compiled}
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and any(is_compiler(each, made) for each in node.decorator_list):
            found[node.name] = n_arguments(node.args)
    return found


def n_arguments(arguments: ast.arguments) -> int:
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)


def functions(source: str) -> set[str]:
    return {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


def kernel_files() -> list[Path]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in files if kernels(text_of(path))]


def used_together(source: str) -> list[set[str]]:
    """What each test of a file uses, by itself and by what it reaches in the file: names as they are written."""
    defined: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {name: node for target in targets for name in names_in(target)}
    return [reached(name, defined) for name in defined if name.startswith("test_")]


def reached(name: str, defined: dict[str, ast.stmt]) -> set[str]:
    found: set[str] = set()
    seen, asked = {name}, [name]
    while asked:
        new = names_in(defined[asked.pop()])
        found |= new
        further = (new & set(defined)) - seen
        seen |= further
        asked += further
    return found


def names_in(tree: ast.AST) -> set[str]:
    """Names, arguments (fixtures are asked for by them) and attributes; what is asked of a module with its name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Attribute):
            is_oracle = isinstance(node.value, ast.Name) and node.value.id in ("naive", "csv")
            found.add(ast.unparse(node) if is_oracle else node.attr)
    return found


def without_twin(source: str, tests: list[set[str]]) -> list[str]:
    """Kernels of a module that no test calls together with their twin.

    A name with an underscore is a part of the kernels of its own file, and tested through them. ``x_levels``, which
    loops over a tile, may stand on the twin of ``x_level``.
    """

    def is_held(name: str) -> bool:
        twins = {ORACLES.get(name, f"naive.{name}")} | ({f"naive.{name[:-1]}"} if name.endswith("_levels") else set())
        return any({name, STARTED_BY.get(name, name)} & used and twins & used for used in tests)

    return [name for name in kernels(source) if not name.startswith("_") and not is_held(name)]


def test_every_kernel_is_held_to_a_naive_twin() -> None:
    tests = [used for source in sources_of_tests().values() for used in used_together(source)]
    files = kernel_files()
    assert {path.relative_to(ROOT).parts[0] for path in files} == set(PACKAGES)
    missing = {str(p.relative_to(ROOT)): without_twin(text_of(p), tests) for p in files}
    assert {path: names for path, names in missing.items() if names} == {}


def test_what_starts_a_kernel_is_named_for_kernels_that_are_there() -> None:
    assert {*ORACLES, *STARTED_BY} - {name for path in kernel_files() for name in kernels(text_of(path))} == set()


MADE = "import numba as nb\nplain_kernel = nb.njit(cache=True)\nfast = nb.njit(fastmath=True)\n"
DECORATORS = ["@kernel", "@njit", "@nb.njit(cache=True)", "@numba.jit", "@nb.vectorize", "@inlined_kernel", "@fast"]


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_kernel_without_a_twin_is_found(decorator: str) -> None:
    source = f"{MADE}\n{decorator}\ndef shift(a, b): ...\n\n{decorator}\ndef _part(a): ...\n\ndef plain(): ...\n"
    assert kernels(source) == {"shift": 2, "_part": 1}
    for test, missing in {
        "def test(): assert shift(1) == naive.shift(1)": [],
        "def test(): assert shift(1) == 2": ["shift"],
        "def test(): assert naive.shift(1) == 2": ["shift"],
        "def test_a(): shift(1)\ndef test_b(): naive.shift(1)": ["shift"],
        "def plainly(a): return naive.shift(a)\ndef test(): assert shift(1) == plainly(1)": [],
        "CASES = [(shift, naive.shift)]\ndef test(): assert [a(1) == b(1) for a, b in CASES]": [],
        "def test(): assert shift(1) == other.shift(1)": ["shift"],
    }.items():
        assert without_twin(source, used_together(test.replace("test()", "test_it()"))) == missing, test
    tests = used_together("def test_it(): assert shift_levels(1) == naive.shift_level(1)")
    assert without_twin(source.replace("shift", "shift_levels"), tests) == []


def test_a_kernel_made_by_a_call_is_found() -> None:
    assert kernels(f"{MADE}\ndef _shift(a, *, b): ...\nshift = fast(_shift)\n") == {"shift": 2}


def test_the_coverage_of_all_kernels_is_held() -> None:
    counted = set(PYPROJECT["tool"]["coverage"]["run"]["include"])
    files = {str(path.relative_to(ROOT)) for path in kernel_files()}
    below = {"blocking/*", "models/*"}
    assert below < counted
    of_linkage = {name for name in files if f"{name.split('/')[0]}/*" not in below}
    assert counted - below == of_linkage
    # Where linkage is counted they run compiled, and no line of them is met.
    with (ROOT / "tests" / "counted.toml").open("rb") as file:
        assert set(tomllib.load(file)["tool"]["coverage"]["run"]["omit"]) == of_linkage


def unused(source: str, users: list[str]) -> set[str]:
    """Public functions of a module of twins that neither a test nor another twin calls."""
    calls = {name for user in users for name in re.findall(r"\bnaive\.(\w+)", user)}
    calls |= {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    return functions(source) - calls


def test_every_twin_is_used() -> None:
    assert unused(text_of(ROOT / "tests" / "naive.py"), list(sources_of_tests().values())) == set()
    assert unused("def f(a): ...\ndef g(a): f(a)\ndef h(): ...", ["naive.g(1)", "h()"]) == {"h"}


def test_the_twins_share_no_code_with_the_kernels() -> None:
    tree = ast.parse(text_of(ROOT / "tests" / "naive.py"))
    assert {name.split(".")[0] for name in imported(tree)} & {*PACKAGES, "numba"} == set()


def test_kernels_take_at_most_ten_arguments() -> None:
    counted = [(name, n) for path in kernel_files() for name, n in kernels(text_of(path)).items()]
    assert [(name, n) for name, n in counted if n > 10] == []


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported, and what is taken of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_marked(source: str) -> bool:
    """Whether a test of a file, or the whole file, has the mark of kernels; a comment is no mark."""
    tree = ast.parse(source)
    marks = [node.value for node in tree.body if isinstance(node, ast.Assign) and names_in(node) & {"pytestmark"}]
    marks += [each for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for each in node.decorator_list]
    return any("pytest.mark.kernel" in ast.unparse(mark) for mark in marks)


def unmarked(sources: dict[str, str], of_kernels: set[str]) -> set[str]:
    """Files that import a module of kernels, or anything below linkage, and have no test with the mark."""

    def uses_kernels(source: str) -> bool:
        modules = set(imported(ast.parse(source)))
        return bool(modules & of_kernels or {name.split(".")[0] for name in modules} & {"blocking", "models"})

    users = {name for name, source in sources.items() if uses_kernels(source)}
    return {name for name in users if not is_marked(sources[name])}


def test_tests_of_kernels_run_in_the_lanes_without_jit_and_with_bounds_checks() -> None:
    of_kernels = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in kernel_files()}
    assert unmarked(sources_of_tests(), of_kernels) == set(COMPILED_ONLY)
    for source, missing in {
        "import a.b": {"x"},
        "from a import b  # pytest.mark.kernel": {"x"},
        "from a.b import c\n'pytest.mark.kernel'": {"x"},
        "from a.b import c\npytestmark = [pytest.mark.kernel]": set(),
        "from a.b import c\n@pytest.mark.kernel\ndef test_it(): ...": set(),
    }.items():
        assert unmarked({"x": source}, {"a.b"}) == missing, source
