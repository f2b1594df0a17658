"""The same files are the same batch, whatever order they are named in."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.ingest import in_order
from linkage.night.run import run
from tests.district import LIST_DATE, District, call, hashes, make_district

_X = pa.array(["Lê Văn Khác"] * 30)


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def test_files_go_by_name_then_by_content(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("x/b.csv", "y/a.csv", "z/b.csv", "x/c.csv")]
    for path, content in zip(paths, "2011", strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    expected = sorted(paths, key=lambda path: path.name)
    found = in_order(paths)
    assert [path.name for path in found] == [path.name for path in expected]
    assert found == in_order(paths[::-1])
    (tmp_path / "x/b.csv").write_text("1")
    (tmp_path / "z/b.csv").write_text("2")
    swapped = [path.parent.name for path in in_order(paths) if path.name == "b.csv"]
    assert swapped == [path.parent.name for path in found if path.name == "b.csv"][::-1]


def test_a_run_is_the_same_whatever_the_order(district: District, tmp_path: Path) -> None:
    table = pq.read_table(district.path("doses")).slice(0, 90)
    parts = {"a": table.slice(0, 50), "b": table.slice(30, 40), "c": table.slice(60, 30).set_column(2, "full_name", _X)}
    for name, part in parts.items():
        pq.write_table(part, tmp_path / f"{name}.parquet")
    paths, model = [tmp_path / f"{name}.parquet" for name in parts], district.run_dir / "model.json"
    found = {}
    for number, order in enumerate(permutations(paths)):
        runs = tmp_path / str(number)
        found[number] = run(order, district.index, runs, list_date=LIST_DATE, model_file=model, accept="few").run_dir
    assert len({folder.name for folder in found.values()}) == 1
    assert all(hashes(folder) == hashes(found[0]) for folder in found.values())
    rejected = pq.read_table(found[0] / "queues/rejected.parquet")
    assert set(rejected["file"].to_pylist()) == {"b.parquet", "c.parquet"}


def test_an_index_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    rows = {"a": "A1,Lê Thị Hoa,00001\nA2,Vũ Bá,00001\n", "b": "A2,Vũ Bá,00001\nA3,Lê Lan,00001\n"}
    for name, content in rows.items():
        (tmp_path / f"{name}.csv").write_text(f"person_id,full_name,commune_code\n{content}")
    for out, names in (("one", "ab"), ("two", "ba")):
        paths = [tmp_path / f"{name}.csv" for name in names]
        assert call("index", "build", *paths, "--out", tmp_path / out).code == 0
    one, two = (pq.read_table(tmp_path / out / "queues/rejected.parquet") for out in ("one", "two"))
    assert one["file"].to_pylist() == two["file"].to_pylist() == ["b.csv"]


def test_no_dose_for_collisions_is_no_empty_transfer(district: District, tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_text("dose_id,full_name\n1,Lê Lan\n1,Vũ Bá\n")
    model = district.run_dir / "model.json"
    done = call("run", "--doses", path, "--index", district.index, "--out", tmp_path / "runs", "--model", model)
    told = " ".join(done.err.split())
    assert "no dose was read: every record was rejected" in told
    assert "empty transfer" not in told
