"""What damages or contradicts a state or its nights is found by ``verify``, named with its file, exit code 4."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from linkage.insight import verifying
from linkage.insight.verifying import Verified
from linkage.insight.verifying_nights import damage_of_tables
from linkage.state.folder import State, open_state, open_version, write_part
from linkage.state.rows import versions_of
from linkage.state.tables import TABLES
from linkage.storage.locks import holder_of, locked
from linkage.storage.sealed import sealed
from linkage.storage.summed_folders import write_sums
from linkage.storage.versions import write_json
from tests.district import call
from tests.nights import Nights, Town


@pytest.fixture(scope="module")
def done(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Three nights with everything that may come; the first two are apart in the state."""
    nights = town.open(tmp_path_factory.mktemp("done") / "nights", changing=True)
    people = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    rows = town.doses
    for number in range(3):
        nights.write_doses(number, [row | {"lot": str(number)} for row in rows[number * 100 : number * 100 + 300]])
        if number:
            nights.write_withdrawals(number, [rows[0]["dose_id"], rows[number]["dose_id"]])
            nights.write_registry(number, [row | {"phone": None} for row in people[number::40]])
            said = {"verdict": "nobody", "unit": "00001", "decided_by": "A", "decided_at": "2026-03-14"}
            nights.write_verdicts(number, [said | {"dose_id": rows[number + 30]["dose_id"]}])
        nights.run(number)
    return nights


@pytest.fixture
def nights(done: Nights, tmp_path: Path) -> Nights:
    shutil.copytree(done.folder, tmp_path / "nights", symlinks=True)
    return Nights(done.town, tmp_path / "nights")


@pytest.mark.parametrize("place", ["state", "nights"])
def test_what_looks_like_damage_beside_a_night_is_for_later(nights: Nights, place: str) -> None:
    shutil.rmtree(next((nights.folder / "nights").glob("20260315*")))
    with locked(nights.folder / place):
        ended = call("verify", nights.config, "--json")
    assert (ended.code, ended.json["kind"]) == (75, "try_later"), ended.err
    assert "verify again when it has ended" in ended.json["error"]
    assert call("verify", nights.config).code == 4


def test_a_night_between_index_and_state_is_no_damage(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    def beside(*about: Any) -> Verified:
        found = real(*about)
        nights.write_registry(3, [row | {"phone": None} for row in people[5::40]])
        nights.run(3)
        return found

    real = verifying._verify_state
    people = pq.read_table(nights.town.index.parent / "data" / "registry.parquet").to_pylist()
    monkeypatch.setattr(verifying, "_verify_state", beside)
    assert call("verify", nights.config).code == 75
    monkeypatch.undo()
    assert call("verify", nights.config).code == 0


def test_who_holds_a_lock_is_listed(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with locked(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
    assert holder_of(tmp_path) is None


def test_what_is_whole_is_whole(nights: Nights) -> None:
    for place, kind in (
        (nights.config, "nights"),
        (nights.folder / "state", "state"),
        (nights.folder / "index", "index"),
    ):
        ended = call("verify", place, "--json")
        assert ended.code == 0, ended.err
        assert ended.json["kind"] == kind
        assert ended.json["files"] > 20
    assert "verified.json" in [path.name for path in (nights.folder / "nights").iterdir()]


def test_a_flipped_bit_in_any_file_is_found(done: Nights, tmp_path: Path) -> None:
    folder = tmp_path / "nights"
    shutil.copytree(done.folder, folder, symlinks=True)
    # A file of each name, of the oldest and of the newest of those that have it.
    by_name: dict[str, list[Path]] = {}
    places = [folder / name for name in ("state", "nights", "index")]
    for path in sorted(path for place in places for path in place.rglob("*") if path.is_file() and path.stat().st_size):
        by_name.setdefault(f"{path.relative_to(folder).parts[0]} {path.name}", []).append(path)
    kept = {name: paths for name, paths in by_name.items() if not name.startswith("index ") or "json" in name}
    missed = []
    for paths in kept.values():
        for path in {paths[0], paths[-1]}:
            whole = path.read_bytes()
            place = len(whole) // 2
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            ended = call("verify", folder / "night.toml", "--json")
            if ended.code != 4 or not ended.json["error"].startswith(str(folder)):
                missed.append((str(path.relative_to(folder)), ended.code, ended.err))
            path.write_bytes(whole)
    assert len(kept) > 25
    # What the rolling check of an index has read so far is no part of what is verified.
    assert [found for found in missed if "checked.json" not in found[0]] == []


@pytest.mark.parametrize("what", ["night", "table", "version"])
def test_what_is_missing_is_found(nights: Nights, what: str) -> None:
    state = open_state(nights.folder / "state")
    if what == "night":
        shutil.rmtree(nights.folder / "nights" / str(state.nights[1]["night_id"]))
    elif what == "table":
        next((nights.folder / "nights" / str(state.nights[1]["night_id"])).glob("decisions.parquet")).unlink()
    else:
        (nights.folder / "state" / "current").write_text("v000009-00000000\n", "ascii")
    ended = call("verify", nights.config, "--json")
    assert ended.code == 4, ended.out
    assert str(nights.folder) in ended.json["error"]


def test_what_was_pruned_is_not_missing(nights: Nights) -> None:
    assert call("nights", "prune", "--keep", 1, "--config", nights.config).code == 0
    assert call("verify", nights.config).code == 0


def without(name: str, how: Callable[[pa.Table], pa.Table]) -> Callable[[dict[str, pa.Table]], None]:
    def change(tables: dict[str, pa.Table]) -> None:
        tables[name] = how(tables[name])

    return change


def last(rows: pa.Table) -> pa.Table:
    return rows.slice(0, rows.num_rows - 1)


def other(column: str, value: Any) -> Callable[[pa.Table], pa.Table]:
    """The last row states another value."""

    def change(rows: pa.Table) -> pa.Table:
        at, kind = rows.schema.get_field_index(column), rows.schema.field(column).type
        n = rows.num_rows - 1
        values = pa.concat_arrays([rows[column].combine_chunks().slice(0, n), pa.array([value], kind)])
        return rows.set_column(at, rows.schema.field(at), values)

    return change


def no_best(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.less(rows["kinds"], 4))


CONTRADICTIONS = {
    "without a decision": without("decisions", last),
    "that are not in force": without("doses", last),
    "of another claim": without("decisions", other("claim_id", "c1-00")),
    "whose claim is not decided": without("claims", last),
    "that no dose in force makes": without("doses", other("claim", 7)),
    "found by the person": without("claims_of_persons", no_best),
    "found by their claim": without("doses_of_claims", last),
    "found by their subject": without("claims_of_subjects", last),
    "name another person": without("decisions", other("person_id", "P-nobody")),
    "the manifest says": without("decisions", other("status", "excluded")),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_tables_that_contradict_each_other_are_found(nights: Nights, what: str) -> None:
    """Files whole, sums right: what an error of the program would leave."""
    shutil.rmtree(nights.folder / "state")
    shutil.rmtree(nights.folder / "nights")
    nights.write_doses(0, [row | {"dose_id": f"X{n:04d}"} for n, row in enumerate(nights.town.doses[:40])])
    call("index", "rollback", "--index", nights.folder / "index", "--to", first_version(nights))
    nights.run(0)
    state = open_state(nights.folder / "state")
    assert list(damage_of_tables(state)) == []
    tables = {name: versions_of(state, table) for name, table in TABLES.items()}
    tables = {name: rows for name, rows in tables.items() if rows.num_rows}
    CONTRADICTIONS[what](tables)
    found = [str(error) for error in damage_of_tables(rewritten(state, tables))]
    assert any(what in error for error in found), found


def first_version(nights: Nights) -> str:
    return min(path.name for path in (nights.folder / "index").glob("v*"))


def rewritten(state: State, tables: dict[str, pa.Table]) -> State:
    """The state with other rows, with sums that hold."""
    assert state.folder is not None
    part = state.folder / "parts" / "000001"
    shutil.rmtree(part)
    part.mkdir()
    for name, rows in tables.items():
        write_part(part, TABLES[name], rows)
    _, sums = write_sums(part)
    parts = [{**state.manifest["parts"][0], "sums": sums}]
    manifest = {key: value for key, value in state.manifest.items() if key != "digest"} | {"parts": parts}
    folder = state.folder.with_name("v000001-" + str(sealed(manifest)["digest"])[:8])
    state.folder.rename(folder)
    write_json(folder / "manifest.json", sealed(manifest))
    return open_version(folder)
