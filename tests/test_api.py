"""The Python interface: any Arrow table in, the results of the command line out; its notebook runs as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import linkage
from benchmarks.accuracy.domains import Made, make_customers
from linkage.errors import UsageError
from linkage.plan.reading import load_plan
from linkage.two_files.link import link_files

NOTEBOOK = Path(__file__).parents[1] / "docs" / "link_tables.ipynb"


class Stream:
    """A table that offers its Arrow stream and nothing else, as those of other libraries do."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_customers(tmp_path_factory.mktemp("customers"), 41, 1000)


@pytest.fixture(scope="module")
def tables(made: Made) -> tuple[pa.Table, pa.Table]:
    return pq.read_table(made.files.left), pq.read_table(made.files.right)


@pytest.fixture(scope="module")
def linked(tables: tuple[pa.Table, pa.Table]) -> linkage.LinkResult:
    return linkage.link_tables(*tables)


def test_tables_are_linked_as_files_are(
    made: Made, tables: tuple[pa.Table, pa.Table], linked: linkage.LinkResult, tmp_path: Path
) -> None:
    (tmp_path / "plan.toml").write_text(linkage.propose_plan(*tables).toml, encoding="utf-8")
    plan = load_plan(tmp_path / "plan.toml")
    by_files = link_files([made.files.left], [made.files.right], plan, tmp_path / "out")
    assert linked.links.equals(pq.read_table(by_files.folder / "links.parquet"))
    assert linked.candidates.equals(pq.read_table(by_files.folder / "candidates.parquet"))
    assert linked.links.num_rows > 600


def test_any_arrow_stream_is_a_table(tables: tuple[pa.Table, pa.Table], linked: linkage.LinkResult) -> None:
    left, right = tables
    with duckdb.connect() as connection:
        relation = connection.from_arrow(right)
        assert linkage.link_tables(Stream(left), relation).links.equals(linked.links)


def test_ids_and_values_of_any_simple_type_are_read(tables: tuple[pa.Table, pa.Table]) -> None:
    left, right = tables
    born = pa.compute.strptime(right["dob"], "%Y-%m-%d", "s").cast(pa.date32())
    typed = right.set_column(right.column_names.index("dob"), "dob", born)
    numbered = typed.set_column(0, "member_id", pa.array(range(right.num_rows)))
    found = linkage.link_tables(left, numbered)
    assert set(found.links["right_id"].to_pylist()) <= {str(i) for i in range(right.num_rows)}
    assert found.links.num_rows > 600


@pytest.mark.parametrize("form", ["plan", "toml", "path", "content", "model"])
def test_a_plan_may_be_given_in_any_form(
    tables: tuple[pa.Table, pa.Table], linked: linkage.LinkResult, tmp_path: Path, form: str
) -> None:
    proposed = linkage.propose_plan(*tables)
    (tmp_path / "plan.toml").write_text(proposed.toml, encoding="utf-8")
    content = json.loads(json.dumps(linked.model.to_dict()["plan"]))
    forms: dict[str, Any] = {"plan": proposed.plan, "toml": proposed.toml, "path": tmp_path / "plan.toml"}
    given = forms | {"content": content, "model": None}
    again = linkage.link_tables(*tables, given[form], model=linked.model)
    assert again.links.num_rows == linked.links.num_rows


def test_without_a_right_table_the_duplicates_are_found(tables: tuple[pa.Table, pa.Table]) -> None:
    right = tables[1]
    copies = right.slice(0, 100).set_column(0, "member_id", pa.array([f"Z{i}" for i in range(100)]))
    found = linkage.link_tables(pa.concat_tables([right, copies]))
    assert found.entities is not None
    assert found.entities.num_rows == right.num_rows + 100
    assert found.links.num_rows >= 95


def test_what_is_no_table_and_what_is_no_plan_is_said(tables: tuple[pa.Table, pa.Table]) -> None:
    with pytest.raises(UsageError, match="left: list is no table that Arrow can read"):
        linkage.link_tables([{"a": 1}])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"a path is given as pathlib\.Path"):
        linkage.link_tables(*tables, "plan.toml")
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = linkage.nonsense


def test_to_import_the_package_imports_nothing_heavy() -> None:
    code = "import sys, linkage; sys.exit(any(name in sys.modules for name in ('numpy', 'pyarrow', 'numba', 'duckdb')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_notebook_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells), "a notebook is kept without its outputs"
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert "links," in capsys.readouterr().out
    assert names["precision"] > 0.98
    assert names["recall"] > 0.95
    assert 90 <= names["duplicates"].links.num_rows <= 110
