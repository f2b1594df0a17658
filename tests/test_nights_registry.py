"""Nights that take changes of the registry: what they touch, in force with the state or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.nights.configuration import read_configuration
from linkage.nights.exporting import export_state
from linkage.published.reader import published_runs
from linkage.registry.from_files import apply_changes
from linkage.registry.index import open_index
from linkage.state.folder import open_state
from linkage.storage import versions as stored
from tests.district import Called, call
from tests.nights import Nights, Row, Town, hashes, manifest, table


@pytest.fixture
def nights(town: Town, tmp_path: Path) -> Nights:
    """A first night is over."""
    opened = town.open(tmp_path / "nights", changing=True)
    opened.write_doses(0, town.doses[:300])
    assert start(opened, 0).code == 0
    return opened


@pytest.fixture(scope="module")
def people(town: Town) -> dict[str, Row]:
    rows = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    return {row["person_id"]: row for row in rows}


def start(nights: Nights, number: int) -> Called:
    return call("night", "--config", nights.config, "--date", nights.date(number), "--json")


def decided(nights: Nights, name: str) -> dict[str, Row]:
    export_state(read_configuration(nights.config), nights.folder / name)
    return {row["dose_id"]: row for row in table(nights.folder / name, "decisions")}


def someone(rows: dict[str, Row], status: str) -> Row:
    return next(row for row in rows.values() if row["status"] == status)


def version_in_force(nights: Nights) -> str:
    return open_index(nights.folder / "index").folder.name


def test_what_was_decided_for_a_changed_person_is_decided_again(nights: Nights, people: dict[str, Row]) -> None:
    before = decided(nights, "before")
    verified, matched = someone(before, "verified"), someone(before, "matched")
    twin = people[verified["person_id"]] | {"person_id": "N000000001"}  # agrees as exactly
    dead = people[matched["person_id"]] | {"status": "deceased", "date_of_death": "2020-01-01"}
    nights.write_registry(1, [twin, dead])
    ended = start(nights, 1)
    assert ended.code == 0, ended.err
    after = decided(nights, "after")
    assert after[verified["dose_id"]]["status"] == "review"
    assert (after[matched["dose_id"]]["status"], after[matched["dose_id"]]["conflicts"]) == (
        "review",
        ["dead_before_dose"],
    )
    said = manifest(Path(ended.json["night_dir"]))
    assert said["registry"] | {"claims_touched": 0} == {"new": 1, "changed": 1, "removed": 0, "claims_touched": 0}
    assert said["registry"]["claims_touched"] >= 2
    published = {row["dose_id"]: row for row in table(Path(ended.json["night_dir"]), "decisions")}
    assert {published[key]["change"] for key in (verified["dose_id"], matched["dose_id"])} == {"changed"}
    for key, row in after.items():
        assert (row == before[key]) == (key not in published)
    assert (said["index_before"], said["index_after"]) == (
        "v000001" + said["index_before"][7:],
        version_in_force(nights),
    )


def test_the_same_changes_again_are_nothing_to_do(nights: Nights, people: dict[str, Row]) -> None:
    rows = [people[key] | {"phone": "0912345678"} for key in sorted(people)[:5]]
    nights.write_registry(1, rows)
    assert start(nights, 1).code == 0
    version = version_in_force(nights)
    assert "already done" in start(nights, 1).err
    nights.write_registry(2, rows)
    ended = start(nights, 2)
    assert (ended.code, ended.json["changes"]) == (0, {"new": 0, "changed": 0, "withdrawn": 0})
    assert "nothing to do: registry_1.parquet changes nobody in the index" in ended.err
    assert version_in_force(nights) == version


def test_a_file_of_changes_that_cannot_be_used_stops_the_night(nights: Nights, people: dict[str, Row]) -> None:
    state, version = open_state(nights.folder / "state").name, version_in_force(nights)
    nights.write_registry(1, [people[key] | {"phone": "0912345678"} for key in sorted(people)[:5]])
    nights.write_registry(1, [people[sorted(people)[9]] | {"person_id": None}], "registry_2.parquet")
    ended = start(nights, 1)
    assert ended.code == 2
    assert "registry_2.parquet" in ended.json["error"]
    assert (open_state(nights.folder / "state").name, version_in_force(nights)) == (state, version)
    assert [path.name for path in (nights.folder / "index").glob("v*")] == [version]


def test_an_index_that_was_changed_beside_nights_is_refused(nights: Nights, people: dict[str, Row]) -> None:
    version = version_in_force(nights)
    nights.write_registry(7, [people[sorted(people)[0]] | {"phone": "0912345678"}])
    apply_changes(nights.folder / "in" / nights.date(7).isoformat() / "registry_1.parquet", nights.folder / "index")
    nights.write_doses(1, nights.town.doses[:301])
    ended = start(nights, 1)
    assert ended.code == 2
    assert f"--to {version}" in ended.json["error"]
    assert call("index", "rollback", "--index", nights.folder / "index", "--to", version).code == 0
    assert start(nights, 1).code == 0


class Killed(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize("pointer", [1, 2])
def test_a_night_killed_between_index_and_state_is_finished_by_the_next_start(
    nights: Nights, people: dict[str, Row], monkeypatch: pytest.MonkeyPatch, pointer: int
) -> None:
    nights.write_registry(1, [people[key] | {"id_number": None} for key in sorted(people)[::7]])
    nights.write_doses(1, nights.town.doses[:340])
    index, state, real, met = (
        version_in_force(nights),
        open_state(nights.folder / "state").name,
        stored.put_in_place,
        [],
    )

    def die(made: Path, path: Path) -> None:
        if path.name == "current":
            met.append(path)
            if len(met) == pointer:
                raise Killed
        real(made, path)

    monkeypatch.setattr(stored, "put_in_place", die)
    with pytest.raises(Killed):
        nights.run(1)
    monkeypatch.undo()
    assert open_state(nights.folder / "state").name == state
    assert (version_in_force(nights) == index) == (pointer == 1)
    assert len(published_runs(nights.folder / "nights")) == 2
    again = start(nights, 1)
    assert again.code == 0, again.err
    assert "already done" in again.err
    assert version_in_force(nights) != index
    assert nights.export() == hashes(nights.from_scratch(nights.town.doses[:340], nights.date(1)))


def test_a_night_that_cannot_be_published_leaves_index_and_state(
    nights: Nights, people: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, state = version_in_force(nights), open_state(nights.folder / "state").name
    nights.write_registry(1, [people[key] | {"id_number": None} for key in sorted(people)[:9]])

    def refuse(_: object) -> Path:
        raise Killed

    monkeypatch.setattr("linkage.published.folders.Stage.appear", refuse)
    with pytest.raises(Killed):
        nights.run(1)
    monkeypatch.undo()
    assert (open_state(nights.folder / "state").name, version_in_force(nights)) == (state, index)
    assert [path.name for path in (nights.folder / "index").glob("v*")] == [index]
    assert start(nights, 1).code == 0
