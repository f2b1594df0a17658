"""Every file is written in a work folder first: nothing half written under a name, nothing planted is followed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Calls that open a file for writing, by their last name; of these names others have too, with the module.
WRITERS = {
    *("write_text", "write_bytes", "touch", "symlink_to", "copytree", "copyfile", "copy2"),
    *("mkstemp", "mkdtemp", "TemporaryDirectory", "NamedTemporaryFile"),
    *("write_table", "ParquetWriter", "to_csv", "to_parquet", "Workbook", "open_memmap", "np.save", "np.savez"),
}
OPENERS = {"open", "OSFile", "new_file", "memory_map"}
# These write where their caller says, who gives them a path in a work folder.
GIVEN_A_WORK_FOLDER = {
    "linkage/nights/status.py": "what a night is at, in its own work folder",
    "linkage/nights/fetching.py": "what a query gives, in the work folder of `fetch`",
    "linkage/published/folders.py": "a Stage, whose folder lies in the work folder of `staged`",
    "linkage/storage/versions.py": "manifests of a version, in the work folder of `building`",
    "linkage/storage/summed_folders.py": "the sums of a version",
    "linkage/registry/versions.py": "arrays of a version, likewise",
    "linkage/state/folder.py": "the tables of a version, likewise",
    "linkage/registry/build.py": "the units of a version",
    "linkage/registry/persons.py": "the persons of a version",
    "linkage/registry/partitions.py": "partitions, beside the version that is built",
    "linkage/simulate/simulation.py": "the tables of a simulation, see linkage.simulate.folder",
    "linkage/simulate/units.py": "the units of a simulation",
    "linkage/simulate/summary.py": "the assumptions of a simulation",
    "linkage/simulate/nights/arrivals.py": "what arrives in simulated nights, see linkage.simulate.folder",
    "linkage/simulate/nights/files.py": "likewise",
    "linkage/simulate/nights/journal.py": "likewise",
    "linkage/simulate/nights/simulation.py": "likewise",
    "linkage/reports/writers.py": "a report, in the work folder of `write_whole`",
    "linkage/reports/workbook.py": "likewise",
    "linkage/reports/form_page.py": "likewise",
    "linkage/ingest/records.py": "accepted records, in the folder of a stage, see linkage.storage.standing",
    "linkage/storage/named_tables.py": "the tables of a stage, likewise",
    "linkage/planning/reference.py": "the generated part of a page of the docs, for who works on the program",
    "linkage/exports/lists.py": "a list, in the work folder of `replacing`",
    "linkage/review/workbook.py": "cells of a list that is made in memory",
    "linkage/exports/replay.py": "records to be replayed, likewise",
    "linkage/exports/tables.py": "JSON and Parquet of `export_table`, likewise",
}
CONTEXTS = {"replacing", "work_folder", "TemporaryFile"}  # the last has no name that anybody could plant


def writers(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every call that writes a file outside ``with replacing(...)`` and ``with work_folder(...)``."""

    def visit(node: ast.AST, is_safe: bool) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.With):
            is_safe = is_safe or any(called(item.context_expr) in CONTEXTS for item in node.items)
        if isinstance(node, ast.Call) and not is_safe and is_writer(node):
            yield node.lineno, called(node)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, is_safe)

    yield from visit(ast.parse(source), False)


def called(node: ast.AST) -> str:
    """The last name of what is called."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_writer(call: ast.Call) -> bool:
    owner = call.func.value.id if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else ""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [str(value.value) for value in given if isinstance(value, ast.Constant)]
    has_mode = any(set(text) <= set("rwxabt+") and set(text) & set("wxa+") for text in texts)
    # A Stage writes into the work folder of `staged`.
    is_named = {called(call), f"{owner}.{called(call)}"} & WRITERS and owner != "stage"
    return bool(is_named) or (called(call) in OPENERS and has_mode)


def test_files_are_written_in_work_folders() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / "linkage").rglob("*.py"))
        if str(path.relative_to(ROOT)) not in GIVEN_A_WORK_FOLDER
        for line, name in writers(path.read_text("utf-8"))
    }
    assert not found, "write through linkage.storage.work_folders.replacing, or in a work folder"


def test_the_list_names_no_file_that_writes_nothing() -> None:
    for path in GIVEN_A_WORK_FOLDER:
        assert list(writers((ROOT / path).read_text("utf-8"))), f"{path}: take it out of the list"


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('a')",
        "with path.open('w') as sink: pass",
        "open(path, mode='ab')",
        "pq.write_table(table, path)",
        "tempfile.mkstemp()",
        "pa.OSFile(str(path), 'wb')",
        "with locked(folder): np.save(path, array)",
    ],
)
def test_a_writer_is_seen(line: str) -> None:
    assert list(writers(line))


@pytest.mark.parametrize(
    "line",
    ["with replacing(path) as part: part.write_text('a')", "path.open('rb')", "open(path)", "stage.write_table(t)"],
)
def test_what_writes_nothing_or_in_a_work_folder_is_let_be(line: str) -> None:
    assert not list(writers(line))
