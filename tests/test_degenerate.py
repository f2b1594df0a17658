"""Inputs at the edge: nobody, one, all the same, nothing stated; a sensible result or one clear line, never less."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.reports import FORMS
from tests.district import Called, District, Row, call, make_district, manifest, table, write


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def with_status(district: District) -> Callable[[str], list[Row]]:
    status = {row["dose_id"]: row["status"] for row in table(district.run_dir, "decisions")}
    return lambda wanted: [row for row in district.rows("doses") if status[row["dose_id"]] == wanted]


def link(doses: Path, index: Path, runs: Path) -> Called:
    return call("run", "--doses", doses, "--index", index, "--out", runs, "--json")


def check(ended: Called, n_doses: int) -> dict[str, int]:
    """A run that ended well: every dose counted, every number a number; returns the counts that are not zero."""
    assert ended.code == 0, ended.err
    run_dir = Path(ended.json["run_dir"])
    assert sum(ended.json["counts"].values()) == n_doses
    for path in run_dir.rglob("*.parquet"):
        found = pq.read_table(path)
        for name in found.column_names:
            if pa.types.is_floating(found[name].type):
                assert all(math.isfinite(v) for v in found[name].drop_null().to_pylist()), f"{path.name} {name}"
    # The number after 1 stands for "nobody".
    assert 0.0 <= manifest(run_dir)["match_threshold"] <= math.nextafter(1.0, 2.0)
    for row in table(run_dir, "decisions"):
        parts = (row["match_probability"], row["runner_up_probability"], row["none_probability"])
        assert sum(part or 0.0 for part in parts) <= 1.0 + 1e-9
        assert row["status"] != "verified" or row["match_probability"] > 0.9, row
    for form in FORMS:
        assert call("report", run_dir, "--form", form, "--format", "json", "--out", run_dir.parent / "r.json").code == 0
    return {status: n for status, n in ended.json["counts"].items() if n}


def test_a_header_without_doses(district: District, tmp_path: Path) -> None:
    names = pq.read_schema(district.path("doses")).names
    (tmp_path / "doses.csv").write_text(",".join(names) + "\n")
    assert check(link(tmp_path / "doses.csv", district.index, tmp_path / "runs"), 0) == {}


@pytest.mark.parametrize("status", ["verified", "matched", "unmatched", "excluded"])
def test_a_batch_of_one_dose(
    district: District, with_status: Callable[[str], list[Row]], tmp_path: Path, status: str
) -> None:
    doses = write(tmp_path / "doses.parquet", with_status(status)[:1], district.path("doses"))
    found = check(link(doses, district.index, tmp_path / "runs"), 1)
    # One dose trains no model: whoever is matched among many may be left for review, never the other way round.
    allowed = {"matched": {"matched", "review", "unmatched"}, "unmatched": {"unmatched", "review"}}
    assert set(found) <= allowed.get(status, {status})


@pytest.mark.parametrize("status", ["verified", "matched", "review", "unmatched", "excluded"])
def test_a_batch_of_one_kind(
    district: District, with_status: Callable[[str], list[Row]], tmp_path: Path, status: str
) -> None:
    rows = with_status(status)
    doses = write(tmp_path / "doses.parquet", rows, district.path("doses"))
    found = check(link(doses, district.index, tmp_path / "runs"), len(rows))
    if status in ("verified", "excluded"):
        assert found == {status: len(rows)}
    if status == "unmatched":
        assert found.get("matched", 0) == 0


def test_all_doses_are_the_same(district: District, with_status: Callable[[str], list[Row]], tmp_path: Path) -> None:
    for status in ("verified", "matched"):
        same = with_status(status)[0]
        rows = [same | {"dose_id": f"X{i}"} for i in range(300)]
        doses = write(tmp_path / f"{status}.parquet", rows, district.path("doses"))
        ended = link(doses, district.index, tmp_path / "runs")
        assert len(check(ended, 300)) == 1, "equal doses are decided alike"
        assert manifest(Path(ended.json["run_dir"]))["subjects"] == 1


@pytest.mark.parametrize("value", [None, "", "?", "Không", "0", "=1+1", "𝔛\u200b", "x" * 5000])
def test_nothing_is_stated(district: District, tmp_path: Path, value: str | None) -> None:
    names = pq.read_schema(district.path("doses")).names
    rows = [dict.fromkeys(names, value) | {"dose_id": f"X{i}"} for i in range(50)]
    doses = write(tmp_path / "doses.parquet", rows, district.path("doses"))
    found = check(link(doses, district.index, tmp_path / "runs"), 50)
    assert set(found) <= {"unmatched", "excluded"}


def test_a_registry_of_one_person(district: District, with_status: Callable[[str], list[Row]], tmp_path: Path) -> None:
    dose = with_status("verified")[0]
    person = next(row["person_id"] for row in table(district.run_dir, "decisions") if row["dose_id"] == dose["dose_id"])
    alone = [row for row in district.rows("registry") if row["person_id"] == person]
    registry = write(tmp_path / "registry.parquet", alone, district.path("registry"))
    assert call("index", "build", registry, "--units", district.units, "--out", tmp_path / "index").code == 0
    found = check(link(district.path("doses"), tmp_path / "index", tmp_path / "runs"), len(district.rows("doses")))
    assert found["verified"] >= 1
    assert found["verified"] + found.get("matched", 0) + found.get("review", 0) < 20
    one = write(tmp_path / "one.parquet", [dose], district.path("doses"))
    assert check(link(one, tmp_path / "index", tmp_path / "runs"), 1) == {"verified": 1}


def test_a_person_registered_twice_is_nobody_for_sure(
    district: District, with_status: Callable[[str], list[Row]], tmp_path: Path
) -> None:
    dose = with_status("verified")[0]
    persons = {row["dose_id"]: row["person_id"] for row in table(district.run_dir, "decisions")}
    rows = district.rows("registry")
    again = next(row for row in rows if row["person_id"] == persons[dose["dose_id"]]) | {"person_id": "P-AGAIN"}
    registry = write(tmp_path / "registry.parquet", [*rows, again], district.path("registry"))
    assert call("index", "build", registry, "--units", district.units, "--out", tmp_path / "index").code == 0
    ended = link(district.path("doses"), tmp_path / "index", tmp_path / "runs")
    check(ended, len(district.rows("doses")))
    decided = {row["dose_id"]: row for row in table(Path(ended.json["run_dir"]), "decisions")}[dose["dose_id"]]
    assert decided["status"] == "review"
    assert {decided["person_id"], decided["runner_up_person_id"]} == {"P-AGAIN", persons[dose["dose_id"]]}
    assert decided["match_probability"] == decided["runner_up_probability"] == pytest.approx(0.5, abs=1e-3)


def test_a_registry_of_nobody(district: District, tmp_path: Path) -> None:
    registry = write(tmp_path / "registry.parquet", [], district.path("registry"))
    ended = call("index", "build", registry, "--out", tmp_path / "index")
    assert ended.code == 2
    assert ended.err == "linkage: registry: no row was accepted; there is nobody to link with\n"
    assert not (tmp_path / "index").exists()


def test_a_registry_that_states_nothing(district: District, tmp_path: Path) -> None:
    names = pq.read_schema(district.path("registry")).names
    rows = [dict.fromkeys(names) | {"person_id": f"P{i}"} for i in range(20)]
    registry = write(tmp_path / "registry.parquet", rows, district.path("registry"))
    assert call("index", "build", registry, "--units", district.units, "--out", tmp_path / "index").code == 0
    found = check(link(district.path("doses"), tmp_path / "index", tmp_path / "runs"), len(district.rows("doses")))
    assert set(found) <= {"unmatched", "excluded"}
