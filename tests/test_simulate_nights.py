"""Simulated nights: every event stands in a file, every file can be read, and the truth holds."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from linkage.errors import InputError, UsageError
from linkage.ingest import ingest
from linkage.registry.from_files import apply_changes, build_from_files
from linkage.schema import DOSES, REGISTRY, VERDICT_WORDS, VERDICTS
from linkage.simulate import Shares, simulate_nights
from linkage.simulate.nights import arrivals, dose_events, files, registry_events, verdicts
from tests.district import Row, call, rows_of

PERSONS, N_DOSES, NIGHTS, SEED = 6000, 9000, 6, 21
Event = dict[str, str]
Told = dict[str, dict[str, Any]]
SHARES = Shares(registry_changes=0.01, verdicts=0.03, bad_files=0.5)
DOSE_KINDS = {dose_events.NEW, dose_events.CAME_AGAIN, *dose_events.KINDS_OF_CORRECTION.values()}
KINDS = {
    *DOSE_KINDS,
    *(arrivals.WITHDRAWN, arrivals.WITHDRAWN_UNKNOWN),
    *(*registry_events.KINDS, registry_events.MERGED),
    *verdicts.KINDS,
    *files.BAD_KINDS,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nights") / "world"
    simulate_nights(PERSONS, N_DOSES, NIGHTS, SEED, out, shares=SHARES, area="bao-lam")
    return out


@pytest.fixture(scope="module")
def events(world: Path) -> list[Event]:
    with (world / "events.csv").open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def told(world: Path) -> Told:
    """What events.json tells of each night."""
    by_night = json.loads((world / "events.json").read_text(encoding="utf-8"))["by_night"]
    return {night["night"]: night for night in by_night}


@pytest.fixture(scope="module")
def sent(world: Path, told: Told) -> dict[str, dict[Path, list[Row]]]:
    """By night the rows of the dose files as the program reads them; none is rejected."""
    found: dict[str, dict[Path, list[Row]]] = defaultdict(dict)
    for night, of_night in told.items():
        for name in of_night["files"]:
            if not name.startswith(("registry", "verdicts", "withdrawals")):
                path = world / "in" / night / name
                ingested = ingest([path], DOSES)
                assert ingested.rejected.num_rows == 0, path
                found[night][path] = ingested.accepted.read().to_pylist()
    return found


def listed(path: Path) -> list[Event]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_every_kind_of_event_occurs(events: list[Event]) -> None:
    assert {event["kind"] for event in events} == KINDS
    by_night = defaultdict(set)
    for event in events:
        by_night[event["night"]].add(event["kind"])
    assert len(by_night) == NIGHTS
    every = {*DOSE_KINDS - {dose_events.CAME_AGAIN}, arrivals.WITHDRAWN, verdicts.RIGHT}
    assert all(every <= kinds for kinds in list(by_night.values())[1:])


def test_every_record_of_a_file_is_an_event(
    world: Path, events: list[Event], told: Told, sent: dict[str, dict[Path, list[Row]]]
) -> None:
    noted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for event in events:
        noted[event["night"], event["file"]][event["id"]] += 1
    for night in told:
        folder = world / "in" / night
        assert {path.name for path in folder.iterdir()} == {*told[night]["files"], *told[night]["bad_files"]}
        for path, rows in sent[night].items():
            ids = Counter(str(row["dose_id"]) for row in rows)
            assert ids == noted.pop((night, path.name))
            assert ids.total() == told[night]["files"][path.name]
        for name, key in (("withdrawals.csv", "dose_id"), ("verdicts.csv", "dose_id")):
            if (folder / name).exists():
                assert Counter(row[key] for row in listed(folder / name)) == noted.pop((night, name))
        for path in folder.glob("registry*.parquet"):
            assert Counter(row["person_id"] for row in rows_of(path)) == noted.pop((night, path.name))
    assert {file for _, file in noted} == {name for night in told for name in told[night]["bad_files"]}
    counted = sum((Counter(told[night]["events"]) for night in told), Counter())
    assert counted == Counter(event["kind"] for event in events)


def test_every_dose_is_new_once_and_more_of_them_each_night(events: list[Event], world: Path) -> None:
    new = [event for event in events if event["kind"] == dose_events.NEW]
    assert sorted(event["id"] for event in new) == [f"D{number + 1:09d}" for number in range(N_DOSES)]
    sizes = list(Counter(event["night"] for event in new).values())
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == pytest.approx(2 * sizes[0], abs=2)
    assert {Path(event["file"]).suffix for event in new} == {".parquet", ".csv", ".xlsx"}
    assert pq.read_table(world / "truth.parquet")["dose_id"].to_pylist() == sorted(event["id"] for event in new)


def test_what_comes_again_is_other_or_the_same_as_it_says(
    events: list[Event], sent: dict[str, dict[Path, list[Row]]]
) -> None:
    kind_of = {(event["night"], event["file"], event["id"]): event["kind"] for event in events}
    in_force: dict[str, Row] = {}
    moments: dict[str, str] = {}
    withdrawn: set[str] = set()
    same_night = 0
    for night, files_of_night in sent.items():
        # Those with corrections come last, as their names say.
        for path in sorted(files_of_night, key=lambda path: ("corrected" in path.name, path.name)):
            stated = pq.read_table(path).column("updated_at").to_pylist() if path.suffix == ".parquet" else None
            for place, row in enumerate(files_of_night[path]):
                dose = str(row["dose_id"])
                kind = kind_of[night, path.name, dose]
                assert dose not in withdrawn
                assert (dose in in_force) == (kind != dose_events.NEW)
                if kind == dose_events.CAME_AGAIN:
                    assert row == in_force[dose]
                elif kind != dose_events.NEW:
                    assert row != in_force[dose]
                    same_night += kind_of.get((night, "doses_680.parquet", dose)) == dose_events.NEW
                if stated and kind != dose_events.CAME_AGAIN:
                    assert stated[place] > moments.get(dose, "")
                    assert stated[place].startswith(night)
                    moments[dose] = stated[place]
                in_force[dose] = row
        withdrawn |= {event["id"] for event in events if (event["night"], event["kind"]) == (night, arrivals.WITHDRAWN)}
    assert same_night > 3


def test_repairs_bring_doses_near_to_the_registry(world: Path, events: list[Event]) -> None:
    people: dict[str, Row] = {row["person_id"]: row for row in rows_of(world / "registry.parquet")}
    truth = {row["dose_id"]: row["person_id"] for row in rows_of(world / "truth.parquet")}
    agree: dict[str, list[bool]] = defaultdict(list)
    for event in events:
        if event["kind"] in dose_events.KINDS_OF_CORRECTION.values() and event["file"].endswith(".parquet"):
            rows = {row["dose_id"]: row for row in rows_of(world / "in" / event["night"] / event["file"])}
            person = people.get(truth[event["id"]] or "")
            if person:
                typed = rows[event["id"]]
                same_number = typed["id_number"] in (person["id_number"], person["old_id_number"])
                agree[event["kind"]].append(same_number and typed["full_name"] == person["full_name"])
    repaired, damaged = (agree[kind] for kind in dose_events.KINDS_OF_CORRECTION.values())
    assert sum(repaired) > 0.9 * len(repaired) > 10
    assert sum(damaged) < 0.4 * len(damaged)


def test_the_registry_takes_every_change(world: Path, told: Told, tmp_path: Path) -> None:
    """And afterwards each event is seen in the person of its id."""
    index = build_from_files([world / "registry.parquet"], tmp_path / "index", units=world / "units")
    assert index.n_persons == PERSONS == pq.read_metadata(world / "registry.parquet").num_rows
    before: dict[str, Row] = {row["person_id"]: row for row in rows_of(world / "registry.parquet")}
    kinds: dict[str, set[str]] = defaultdict(set)
    with (world / "events.csv").open(encoding="utf-8", newline="") as source:
        for event in csv.DictReader(source):
            if event["file"].startswith("registry"):
                kinds[event["night"], event["id"]].add(event["kind"])
    column_of = {
        registry_events.MOVED: "commune_code", registry_events.RENAMED: "full_name",
        registry_events.BIRTHDAY: "date_of_birth", registry_events.NUMBER: "id_number",
        registry_events.LIVES_ELSEWHERE: "residence_commune_code", registry_events.DIED: "status",
        registry_events.LEFT: "status",
    }  # fmt: skip
    n_new = 0
    for night in told:
        for path in sorted((world / "in" / night).glob("registry*.parquet")):
            applied = apply_changes(path, tmp_path / "index")
            assert not applied.contradictions
            assert not applied.unread
            n_new += applied.new
            for row in rows_of(path):
                person = row["person_id"]
                happened = kinds[night, person]
                assert (person not in before) == bool(happened & set(registry_events.NEWCOMERS))
                changed = {name for name in REGISTRY.names if person in before and row[name] != before[person][name]}
                assert {column_of[kind] for kind in happened & set(column_of)} <= changed or path.stem.endswith(
                    "merged"
                )
                if registry_events.DIED in happened:
                    assert row["status"] == "deceased"
                    assert "2022-09-01" < str(row["date_of_death"]) < night
                if registry_events.BORN in happened:
                    assert "2022-08-31" < str(row["date_of_birth"]) < night
                before[person] = row
    assert n_new == sum(bool(happened & set(registry_events.NEWCOMERS)) for happened in kinds.values()) > 10
    assert len({row["id_number"] for row in before.values()}) == PERSONS + n_new
    communes = Counter(row["commune_code"] for row in rows_of(world / "registry.parquet"))
    gone = set(communes) - {row["commune_code"] for row in before.values()}
    assert gone == {min(communes, key=communes.__getitem__)}


def test_verdicts_are_mostly_right_and_some_contradict_each_other(world: Path, told: Told, events: list[Event]) -> None:
    truth = {row["dose_id"]: row for row in rows_of(world / "truth.parquet")}
    kinds: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    corrected_on: dict[str, str] = {}
    for event in events:
        if event["file"] == "verdicts.csv":
            kinds[event["night"], event["id"]][event["kind"]] += 1
        elif event["kind"] in dose_events.KINDS_OF_CORRECTION.values():
            corrected_on[event["id"]] = event["night"]
    said: dict[str, set[tuple[str, str]]] = defaultdict(set)
    known = {row["person_id"] for row in rows_of(world / "registry.parquet")}
    n_corrected_later = 0
    for night in told:
        for path in sorted((world / "in" / night).glob("registry*.parquet")):
            known |= {row["person_id"] for row in rows_of(path)}
        path = world / "in" / night / "verdicts.csv"
        if not path.exists():
            continue
        ingested = ingest([path], VERDICTS)
        assert ingested.rejected.num_rows == 0
        for row in ingested.accepted.read().to_pylist():
            dose = row["dose_id"]
            mine = truth[dose]["person_id"] if truth[dose]["night"] <= night else None
            assert row["verdict"] in VERDICT_WORDS
            assert (row["verdict"] == "person") == (row["person_id"] is not None)
            assert row["person_id"] is None or row["person_id"] in known
            (kind, *others) = kinds[night, dose]
            if not others and kind in (verdicts.RIGHT, verdicts.WRONG):
                is_right = row["person_id"] == mine and row["verdict"] in ("person", "nobody", "foreigner")
                assert is_right == (kind == verdicts.RIGHT)
            if kind != verdicts.OPEN:
                said[dose].add((row["verdict"], row["person_id"]))
            n_corrected_later += corrected_on.get(dose, "") > night
    n_contradicted = sum(len(different) > 1 for different in said.values())
    assert 0 < n_contradicted <= sum(count[verdicts.CONTRADICTING] for count in kinds.values())
    assert n_corrected_later >= NIGHTS - 2


def test_a_dose_of_who_enters_late_is_nobodys_until_then(world: Path, events: list[Event]) -> None:
    entered = {event["id"]: event["night"] for event in events if event["kind"] == registry_events.ENTERED_LATE}
    came = {event["id"]: event["night"] for event in events if event["kind"] == dose_events.NEW}
    late = 0
    for row in rows_of(world / "truth.parquet"):
        expected = max(came[row["dose_id"]], entered.get(row["person_id"], ""))
        assert row["night"] == expected
        late += expected > came[row["dose_id"]]
    assert late > 3


def test_bad_files_are_refused_and_named(world: Path, told: Told) -> None:
    bad = [world / "in" / night / name for night in told for name in told[night]["bad_files"]]
    assert len(bad) == 3
    for path in bad:
        with pytest.raises(InputError):
            ingest([path], DOSES)


def test_the_configuration_finds_every_file(world: Path) -> None:
    sources = tomllib.loads((world / "night.toml").read_text(encoding="utf-8"))["sources"]
    for folder in (world / "in").iterdir():
        found = {
            kind: {path for pattern in patterns for path in world.glob(pattern.format(date=folder.name))}
            for kind, patterns in sources.items()
        }
        assert set.union(*found.values()) == set(folder.iterdir())
        assert all(found.values()) or folder.name == "2022-10-01"


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate_nights(1000, 900, 3, seed, tmp_path / name, shares=SHARES)
    paths = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(paths) > 20
    for path in paths:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path
    assert (tmp_path / "a" / "events.csv").read_bytes() != (tmp_path / "c" / "events.csv").read_bytes()


def test_without_shares_only_new_doses_come(tmp_path: Path) -> None:
    none = Shares(0, 0, 0, 0, 0)
    summary = simulate_nights(300, 40, 2, 1, tmp_path / "quiet", shares=none)
    assert summary.events == {dose_events.NEW: 40}
    one = simulate_nights(100, 1, 1, 1, tmp_path / "one")
    assert one.events[dose_events.NEW] == 1


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"persons": 5}, "persons 5: too small"),
        ({"persons": 3_000_000}, "persons 3000000: too many"),
        ({"nights": 0}, "nights 0"),
        ({"doses": 2}, "doses 2: fewer than nights"),
        ({"shares": Shares(verdicts=1.5)}, "--verdicts 1.5"),
        ({"shares": Shares(registry_changes=0.5)}, "registry changes 0.5: too many"),
        ({"area": "moon"}, "area moon"),
    ],
)
def test_impossible_arguments(options: dict[str, object], part: str, tmp_path: Path) -> None:
    arguments = {"persons": 1000, "doses": 500, "nights": 3, "seed": 1, "out": tmp_path / "out", **options}
    with pytest.raises(UsageError, match=part):
        simulate_nights(**arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    arguments = ("--persons", 100, "--doses", 20, "--nights", 2, "--seed", 1, "--out")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    ended = call("simulate", "nights", *arguments, full)
    assert ended.code == 2
    assert "full: is not empty; name a new folder" in ended.err
    assert [path.name for path in full.iterdir()] == ["mine"]
    assert "is a file" in call("simulate", "nights", *arguments, full / "mine").err
    (full / "mine").unlink()
    ended = call("simulate", "nights", *arguments, full, "--json")
    assert (ended.code, ended.json["n_doses"]) == (0, 20)
    assert {path.name for path in tmp_path.iterdir()} == {"full"}


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("linkage.simulate.nights.simulation.write_units", full)
    ended = call(
        *["simulate", "nights", "--persons", "100", "--doses", "20", "--nights", "2", "--seed", "1", "--out"],
        tmp_path / "out",
    )
    assert ended.code == 1
    assert "cannot be written" in ended.err
    assert not list(tmp_path.iterdir())
