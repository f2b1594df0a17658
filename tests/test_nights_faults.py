"""Faults of what a night reads and stands on: damaged files of index and state, torn and late inputs, short memory,
writes cut short, and mutated inputs by the hundred. It is told before it decides, and nothing is published."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from benchmarks.faults.bit_flips import FAULTS
from benchmarks.faults.fuzz_nights import read_numbered
from benchmarks.faults.night_sorts import night_sorts
from benchmarks.faults.processes import Ended
from benchmarks.faults.town import Town as FaultsTown
from benchmarks.faults.trials import RIGHT, TOLD, broken
from linkage.machine.address_limit import LEAST_BYTES
from linkage.published.reader import published_runs
from linkage.state.folder import open_state
from linkage.state.rows import versions_of
from linkage.state.tables import DOSE_VERSIONS
from tests.district import Called, call
from tests.nights import Nights, Town, manifest, tree
from tests.test_nights_crashes import differences, prepared, undisturbed

ROOT = Path(__file__).parents[1]
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def sound(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """A first night is over, and everything that may come has come for the second."""
    return prepared(town, tmp_path_factory.mktemp("sound") / "nights", 1)


@pytest.fixture(scope="module")
def expected(sound: Nights, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stands after a second night that nobody disturbs."""
    return undisturbed(sound, tmp_path_factory.mktemp("undisturbed") / "nights")[0]


def night(folder: Path, nights: Nights, number: int = 1) -> Called:
    return call("night", "--config", folder / "night.toml", "--date", nights.date(number), "--json")


def kept_files(nights: Nights) -> list[Path]:
    """The pointers of index and state and all files of the versions in force."""
    found = []
    for kind in ("state", "index"):
        place = nights.folder / kind
        version = place / (place / "current").read_text("ascii").strip()
        found += [place / "current", *sorted(path for path in version.rglob("*") if path.is_file())]
    return [path.relative_to(nights.folder) for path in found]


# ------------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(("fault", "n_files"), [("flip", 2), ("cut", 1), ("zero", 1)])
def test_damage_of_index_and_state_is_told_before_it_decides(
    sound: Nights, expected: dict[str, str], tmp_path: Path, fault: str, n_files: int
) -> None:
    rng = random.Random(fault)
    files = [
        file
        for part in ("columns/", "passes/", "frequencies/", "persons.", "/parts/", "")
        for file in rng.sample([path for path in kept_files(sound) if part in str(path)], n_files)
    ]
    assert damaged(sound, expected, tmp_path, fault, files, rng) == []


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("fault", ["flip", "cut", "zero"])
def test_damage_of_any_file_of_index_and_state_is_told(
    sound: Nights, expected: dict[str, str], tmp_path: Path, fault: str
) -> None:
    assert damaged(sound, expected, tmp_path, fault, kept_files(sound) * 3, random.Random(fault)) == []


def damaged(
    sound: Nights, expected: dict[str, str], folder: Path, fault: str, files: list[Path], rng: random.Random
) -> list[tuple[str, str]]:
    """What is wrong with a night on each of some damaged files: neither told with nothing changed, nor done as ever."""
    wrong = []
    for number, file in enumerate(files):
        place = folder / str(number)
        shutil.copytree(sound.folder, place)
        what = FAULTS[fault](place / file, None, rng)
        before = tree(place)
        ended = night(place, sound)
        problem = broken(Ended(ended.code, ended.out, ended.err))
        if problem is None and ended.code == 0:
            found = differences(sound, 1, expected, place)
            problem = f"otherwise: {found}" if found else None
        elif problem is None:
            problem = None if ended.code == 4 else f"exit {ended.code}: {ended.err}"
            problem = problem or (None if tree(place) == before else "something was changed")
        if problem:
            wrong.append((f"{file}: {what}", problem))
        shutil.rmtree(place)
    return wrong


def test_a_torn_file_of_doses_is_set_aside_and_one_of_changes_stops_the_night(sound: Nights, tmp_path: Path) -> None:
    inputs = Path("in") / sound.date(1).isoformat()
    for number, (name, share) in enumerate([("doses.parquet", 0.5), ("registry_1.parquet", 0.9)]):
        place = tmp_path / str(number)
        shutil.copytree(sound.folder, place)
        if name == "doses.parquet":
            shutil.copyfile(place / inputs / name, place / inputs / "doses_2.parquet")
        os.truncate(place / inputs / name, int((place / inputs / name).stat().st_size * share))
        before = tree(place / "state") | tree(place / "index")
        ended = night(place, sound)
        if name == "doses.parquet":
            assert ended.code == 0, ended.err
            assert "set aside: doses.parquet" in ended.err
            assert manifest(Path(ended.json["night_dir"]))["doses"]["new"] == 100
        else:
            assert (ended.code, name in ended.json["error"]) == (2, True)
            assert tree(place / "state") | tree(place / "index") == before
            assert len(published_runs(place / "nights")) == 1


# ---------------------------------------------------------------------------------------------------- late and twice


def test_a_version_of_a_dose_that_comes_late_takes_nobodys_place(town: Town, tmp_path: Path) -> None:
    """Where doses say when they were changed, an older file that comes after a newer one changes nothing."""
    nights = town.open(tmp_path / "nights")
    old, new = ({"updated_at": f"2022-08-{day:02}T10:00"} for day in (1, 2))
    rows = town.doses[:60]
    nights.write_doses(0, [row | old for row in rows])
    nights.write_doses(1, [rows[0] | new | {"lot": "second"}, rows[1] | new | {"lot": "second"}])
    nights.write_withdrawals(1, [rows[1]["dose_id"]])
    nights.write_doses(2, [row | old | {"lot": "late"} for row in rows[:2]], "doses_1.parquet")
    nights.write_doses(2, [rows[2] | new | {"lot": "second"}], "doses_2.parquet")
    nights.write_doses(2, [rows[2] | old | {"lot": "first"}], "doses_3.parquet")
    nights.write_doses(2, [rows[3] | {"lot": "of no date"}], "doses_4.parquet")
    ended = [night(nights.folder, nights, number) for number in range(3)][-1]
    assert ended.code == 0, ended.err
    assert "older by updated_at than what was known, which stays in force: 3 (" in ended.err
    counts = manifest(Path(ended.json["night_dir"]))["doses"]
    assert counts == {"new": 0, "corrected": 2, "unchanged": 3, "replaced": 0, "withdrawn": 0}
    versions = versions_of(open_state(nights.folder / "state"), DOSE_VERSIONS).to_pylist()
    last = {row["dose_id"]: (row["what"], row["lot"]) for row in sorted(versions, key=lambda row: row["version"])}
    found = [last[row["dose_id"]] for row in rows[:4]]
    words = ("corrected", "withdrawn", "corrected", "corrected")
    assert found == list(zip(words, ("second", "second", "second", "of no date"), strict=True))


# ------------------------------------------------------------------------------------------------- memory and disks


@pytest.mark.parametrize(
    "limits",
    [[LEAST_BYTES], pytest.param([LEAST_BYTES + (n << 27) for n in range(1, 25)], marks=[SLOW, pytest.mark.long])],
)
def test_a_night_short_of_memory_is_done_or_told(
    sound: Nights, expected: dict[str, str], tmp_path: Path, limits: list[int]
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    for limit in limits:
        place = tmp_path / str(limit)
        shutil.copytree(sound.folder, place)
        words = ["night", "--config", str(place / "night.toml"), "--date", sound.date(1).isoformat()]
        command = ["prlimit", f"--as={limit}", sys.executable, "-m", "linkage", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert broken(Ended(done.returncode, done.stdout, done.stderr)) is None, (limit, done.stderr)
        assert done.returncode in (0, 1), (limit, done.stderr)
        assert differences(sound, 1, expected, place) == [], limit
        shutil.rmtree(place)


@pytest.mark.parametrize("n_tries", [2, pytest.param(30, marks=[SLOW, pytest.mark.long])])
def test_writes_that_are_cut_short_are_told(
    sound: Nights, expected: dict[str, str], tmp_path: Path, n_tries: int
) -> None:
    """The system writes what still fits of what it is given, and refuses the rest: files can be no longer."""
    rng, codes = random.Random(n_tries), Counter[int]()
    for number in range(n_tries):
        place = tmp_path / str(number)
        shutil.copytree(sound.folder, place)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(10 ** rng.uniform(1, 5.5)), before[1]))
        try:
            ended = night(place, sound)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert broken(Ended(ended.code, ended.out, ended.err)) is None, ended.err
        codes[ended.code] += 1
        assert differences(sound, 1, expected, place) == []
        shutil.rmtree(place)
    assert codes[1] > 0
    assert codes.keys() <= {0, 1}


# ---------------------------------------------------------------------------------------------------- mutated inputs


@pytest.mark.parametrize("n_inputs", [40, pytest.param(3000, marks=[SLOW, pytest.mark.long])])
def test_mutated_inputs_of_nights_are_read_or_refused(town: Town, sound: Nights, tmp_path: Path, n_inputs: int) -> None:
    """The same by the hundred thousand: ./run bench faults --only fuzz_nights."""
    place = tmp_path / "town"
    place.mkdir()
    (place / "data").symlink_to(town.index.parent / "data")
    (place / "nights").symlink_to(sound.folder)
    (place / "model.json").symlink_to(town.model)
    (place / "plan.toml").write_bytes(resources.files("linkage.plan").joinpath("vaccination.toml").read_bytes())
    (tmp_path / "work").mkdir()
    sorts = list(night_sorts(FaultsTown(place), tmp_path / "work"))
    trials = [read_numbered(sorts, 1, number) for number in range(n_inputs)]
    assert [trial for trial in trials if trial.outcome not in (RIGHT, TOLD)] == []
    assert {trial.outcome for trial in trials} == {RIGHT, TOLD}
    assert len({trial.command for trial in trials}) > 8
    assert trials[7] == read_numbered(sorts, 1, 7)
