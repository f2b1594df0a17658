"""Damage of an index or of a published folder is told before it decides anything."""

from __future__ import annotations

import datetime
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.faults.bit_flips import FAULTS
from linkage.errors import LinkageError, UsageError, VerificationError
from linkage.exports.forms import STATISTICS
from linkage.published.reader import read_manifest
from linkage.registry import sums as registry_sums
from linkage.registry.from_files import apply_changes, compact_index
from linkage.registry.index import open_index
from linkage.registry.manifest import FORMAT
from linkage.registry.rolling_check import NIGHTS, NightlyCheck, damage_told
from linkage.registry.sums import share
from linkage.registry.versions import version_in_force
from linkage.reports import FORMS
from linkage.storage import checksums
from linkage.storage.sealed import sealed
from tests.changes import changes_csv
from tests.district import LIST_DATE, Called, District, call, make_district

CHUNK = 256  # so that a small index has many, and files that are not read whole when it is opened


@pytest.fixture(scope="module", autouse=True)
def _as_a_large_index() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksums, "CHUNK_BYTES", CHUNK)
        patch.setattr(registry_sums, "OPEN_BYTES", 0)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture
def index(made: District, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.index, tmp_path / "index"))


@pytest.fixture
def run_dir(made: District, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.run_dir, tmp_path / "runs" / made.run_dir.name))


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def told(ended: Called, *words: str) -> None:
    """One line with exit code 4 that names the file and a remedy."""
    assert ended.code == 4, ended
    (line,) = [line for line in ended.err.splitlines() if line.startswith("linkage:")]
    for word in (*words, "restore"):
        assert word in line


# --------------------------------------------------------------------------------------------------- opening an index


def test_a_pointer_with_a_flipped_bit_never_names_another_version(index: Path, made: District) -> None:
    person = open_index(index).take(np.array([0])).to_pylist()[0]
    apply_changes(changes_csv(index / "changes.csv", [person | {"phone": "0987654312"}]), index)
    path, in_force, n_harmless = index / "current", open_index(index).folder, 0
    for place in range(len(path.read_bytes()) * 8):
        flip(path, place // 8, place % 8)
        try:
            assert version_in_force(index)[0] == in_force
            n_harmless += 1
        except VerificationError:
            pass
        flip(path, place // 8, place % 8)
    assert n_harmless <= 8, "the line end, which may be another blank"


@pytest.mark.parametrize("content", [b"", b"v000001", b"\xff\xfe", b"../index"])
def test_a_pointer_to_nowhere_is_damage(index: Path, content: bytes) -> None:
    (index / "current").write_bytes(content)
    told(call("index", "info", index), "current: is damaged")


def test_a_manifest_of_another_version_is_told(index: Path) -> None:
    before = open_index(index).folder
    person = open_index(index).take(np.array([0])).to_pylist()[0]
    apply_changes(changes_csv(index / "changes.csv", [person | {"phone": "0987654312"}]), index)
    shutil.copy(before / "manifest.json", open_index(index).folder / "manifest.json")
    told(call("index", "info", index), "manifest.json: is damaged, or of another version")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("dictionaries.json", 20),
        ("sums", 8),
        ("columns/sex.npy", 9),
        ("persons.starts.npy", 130),
        ("persons.arrow", -8),
    ],
)
def test_what_says_how_files_are_read_is_checked_at_every_open(index: Path, name: str, place: int) -> None:
    flip(open_index(index).folder / name, place)
    told(call("index", "info", index), f"{name}: is damaged")


def test_small_files_are_checked_whole_at_every_open(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = open_index(index).folder / "frequencies" / "full_name.key.counts.npy"
    flip(path, -1)
    open_index(index)
    monkeypatch.setattr(registry_sums, "OPEN_BYTES", 1 << 30)
    with pytest.raises(VerificationError, match=r"key\.counts\.npy: is damaged .*; build the index again"):
        open_index(index)


def test_files_that_no_manifest_names_are_not_read(index: Path) -> None:
    folder = open_index(index).folder
    shutil.copy(folder / "columns" / "sex.npy", folder / "columns" / "stale.npy")
    assert "stale" not in open_index(index).columns


@pytest.mark.parametrize("which", ["current", "manifest.json", "sums", "columns/sex.npy"])
def test_not_permitted_is_not_damaged(index: Path, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    closed = open_index(index).folder / which if which != "current" else index / which
    refuse(monkeypatch, closed)
    ended = call("index", "info", index)
    assert ended.code == 1
    assert f"{closed}: may not be read by this user; ask for the right to read it" in ended.err


def refuse(monkeypatch: pytest.MonkeyPatch, closed: Path) -> None:
    """The system refuses to open a file: tests may run as root, who may read everything."""
    import os

    read_bytes, opened = Path.read_bytes, os.open

    def of_path(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    def of_descriptor(path: Path, *arguments: int) -> int:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "read_bytes", of_path)
    monkeypatch.setattr(os, "open", of_descriptor)


# ------------------------------------------------------------------------------------------------------------- persons


def test_rows_are_checked_when_they_are_read(index: Path) -> None:
    opened = open_index(index)
    path, n = opened.folder / "persons.arrow", opened.n_persons
    names = opened.take(np.array([7]), ["full_name"]).column(0)[0].as_py().encode()
    place = path.read_bytes().index(names)
    flip(path, place)
    sound = open_index(index)
    assert sound.take(np.array([n - 1]), ["full_name"]).num_rows == 1
    for rows in (np.array([7]), np.arange(n)):
        with pytest.raises(VerificationError, match=r"persons\.arrow: is damaged"):
            sound.take(rows, ["full_name"])
    assert open_index(index).take(np.arange(n), ["person_id"]).num_rows == n


def test_how_a_chunk_of_rows_is_laid_out_is_checked_first(index: Path) -> None:
    opened = open_index(index)
    start = int(np.load(opened.folder / "persons.starts.npy")[0])
    flip(opened.folder / "persons.arrow", start + 64, 3)
    for rows in (np.array([7]), np.arange(opened.n_persons)):
        with pytest.raises(VerificationError, match=r"persons\.arrow: is damaged"):
            open_index(index).take(rows, ["person_id"])


def test_compact_does_not_make_damage_look_sound(index: Path) -> None:
    flip(open_index(index).folder / "persons.arrow", 5000)
    before = sorted(path.name for path in index.iterdir())
    told(call("index", "compact", "--index", index), "persons.arrow: is damaged")
    assert sorted(path.name for path in index.iterdir()) == before


@pytest.mark.parametrize("folder", ["columns", "passes", "frequencies"])
def test_changes_are_not_worked_out_from_what_is_damaged(index: Path, tmp_path: Path, folder: str) -> None:
    person = open_index(index).take(np.array([0])).to_pylist()[0]
    path = changes_csv(tmp_path / "changes.csv", [person | {"phone": "0987654312"}])
    found = max((open_index(index).folder / folder).iterdir(), key=lambda path: path.stat().st_size)
    flip(found, -9)
    told(call("index", "apply", path, "--index", index), f"{found.name}: is damaged")


# ----------------------------------------------------------------------------------------------------------- the nights


def night(index: Path, day: int) -> NightlyCheck:
    return NightlyCheck(open_index(index), datetime.date(2026, 3, day), datetime.date(2026, 4, day))


def is_told(index: Path, day: int) -> bool:
    with night(index, day) as check:
        try:
            check.finish()
        except VerificationError:
            return True
    return False


def test_a_week_of_nights_reads_every_chunk_once(index: Path) -> None:
    files = open_index(index).files
    read = [
        (file.path, chunk) for turn in range(NIGHTS) for file, chunks in share(files, turn, NIGHTS) for chunk in chunks
    ]
    assert len(read) == len(set(read)) == sum(file.sums.size for file in files.values())


def test_what_kernels_read_is_told_within_seven_nights(index: Path, made: District, tmp_path: Path) -> None:
    flip(open_index(index).folder / "columns" / "phone.npy", 3000)
    nights = [is_told(index, day) for day in range(1, NIGHTS + 1)]
    assert sum(nights) >= 1
    assert nights.index(True) < NIGHTS
    told(call("verify", index), "phone.npy: is damaged")


def test_a_run_publishes_nothing_when_its_share_is_damaged(index: Path, made: District, tmp_path: Path) -> None:
    for name in ("id_number", "phone", "old_id_number", "insurance_number", "full_name.signature"):
        flip(open_index(index).folder / "columns" / f"{name}.npy", -1)
    command = ["run", "--doses", made.path("doses"), "--index", index, "--out", tmp_path / "new"]
    codes = []
    for day in range(1, NIGHTS + 1):
        ended = call(*command, "--model", made.run_dir / "model.json", "--list-date", f"2026-03-{day:02d}")
        codes.append(ended.code)
        if ended.code:
            told(ended, "columns/", "is damaged")
            break
    assert codes[-1] == 4
    assert len(list((tmp_path / "new").iterdir())) == len(codes) - 1


def test_one_night_checks_once_and_the_next_goes_on(index: Path) -> None:
    with night(index, 1) as check:
        first = check.turn
        check.finish()
    assert night(index, 1).turn is None
    assert first is not None
    assert night(index, 2).turn == (first + 1) % NIGHTS
    assert night(index, 9).turn == (first + 1) % NIGHTS
    flip(index / "checked.json", 20)
    assert night(index, 9).turn == (2 * datetime.date(2026, 3, 9).toordinal() + 31) % NIGHTS


def test_a_share_that_is_damaged_is_read_again_the_same_night(index: Path) -> None:
    for path in (open_index(index).folder / "passes").iterdir():
        flip(path, -1)
    day = next(day for day in range(1, 2 * NIGHTS) if is_told(index, day))
    assert is_told(index, day)


def test_a_failure_that_is_not_understood_may_be_damage(index: Path) -> None:
    files = open_index(index).files
    with pytest.raises(ZeroDivisionError), damage_told(files):
        raise ZeroDivisionError
    path = open_index(index).folder / "columns" / "phone.npy"
    flip(path, 3000)
    files = open_index(index).files
    with pytest.raises(VerificationError, match="phone"), damage_told(files):
        raise ZeroDivisionError
    with pytest.raises(UsageError), damage_told(files):
        raise UsageError("the user's")


@pytest.mark.parametrize("name", ["sex", "commune", "birth_date", "full_name"])
def test_what_kernels_look_up_by_is_checked_every_night(index: Path, name: str) -> None:
    flip(open_index(index).folder / "columns" / f"{name}.npy", 1500)
    with pytest.raises(VerificationError, match=rf"{name}\.npy: is damaged"), night(index, 1):
        raise AssertionError


def test_kernels_stay_within_their_tables_whatever_the_keys_say(index: Path, made: District, tmp_path: Path) -> None:
    """Rows and ends of blocks far behind the end, as a flipped high bit makes them; the share of the night, or another
    result, may come of it, and never the end of the process."""
    passes = open_index(index).folder / "passes"
    for path in sorted(passes.glob("*.starts.npy")) + sorted(passes.glob("*.rows.npy")):
        size = path.stat().st_size
        for place in range(259, size, 4 * 97):
            flip(path, place, 5)
    inputs = ("--doses", made.path("doses"), "--index", index, "--model", made.run_dir / "model.json")
    ended = call("run", *inputs, "--out", tmp_path / "new", "--accept", "damaged")
    assert ended.code in (0, 4)
    told(call("verify", index), "passes/")


# ---------------------------------------------------------------------------------------------------- published folders

READERS = {
    "decisions.parquet": ("evaluate", "explain", "statistics", "verify", "run"),
    "queues/review.parquet": ("evaluate", "statistics", "verify", "run"),
    "queues/rejected.parquet": ("rejects", "verify", "run"),
    "subjects.parquet": ("verify", "run"),
    "subject_counts.parquet": ("verify", "run"),
    "candidates.parquet": ("explain", "verify", "run"),
    "model.json": ("statistics", "verify", "run"),
    "manifest.json": ("evaluate", "explain", "statistics", "rejects", *FORMS, "verify", "run"),
}


def reading(made: District, run_dir: Path, command: str, out: Path) -> Called:
    """A command that reads a published run."""
    if command == "run":
        inputs = ("--doses", made.path("doses"), "--index", made.index, "--list-date", LIST_DATE.isoformat())
        return call("run", *inputs, "--out", run_dir.parent)
    if command in (*FORMS, STATISTICS):
        form = ("--format", "html") if command == STATISTICS else ("--format", "csv")
        return call("report", run_dir, "--form", command, *form, "--out", out)
    dose = json.loads((made.folder / "dose.json").read_text()) if command == "explain" else ""
    arguments = {"evaluate": ("--truth", made.path("truth")), "explain": (dose,)}
    return call(command, run_dir, *arguments.get(command, ()))


@pytest.fixture(scope="module")
def published(made: District) -> District:
    (made.folder / "dose.json").write_text(json.dumps(made.rows("doses")[0]["dose_id"]))
    return made


@pytest.mark.parametrize(("name", "command"), [(name, of) for name, readers in READERS.items() for of in readers])
def test_readers_of_a_published_run_tell_damage(
    published: District, run_dir: Path, tmp_path: Path, name: str, command: str
) -> None:
    flip(run_dir / name, (run_dir / name).stat().st_size // 2)
    told(reading(published, run_dir, command, tmp_path / "out"), name.rpartition("/")[2])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_form_tells_damage_of_whatever_it_reads(
    published: District, run_dir: Path, tmp_path: Path, form: str
) -> None:
    out, n_told = tmp_path / "out", 0
    assert reading(published, run_dir, form, out).code == 0
    whole = out.read_bytes()
    for path in sorted(run_dir.rglob("*.parquet")):
        sound = path.read_bytes()
        flip(path, len(sound) // 2)
        out.unlink(missing_ok=True)
        ended = reading(published, run_dir, form, out)
        if ended.code == 0:
            assert out.read_bytes() == whole, path.name
        else:
            told(ended, path.name)
            n_told += 1
        path.write_bytes(sound)
    assert n_told > 0


def test_a_whole_run_is_published_already_and_verified(published: District, run_dir: Path, tmp_path: Path) -> None:
    ended = reading(published, run_dir, "run", tmp_path / "out")
    assert (ended.code, "already published" in ended.err) == (0, True)
    ended = call("verify", run_dir, "--json")
    assert (ended.code, ended.json["kind"]) == (0, "run")
    assert ended.json["files"] == len(read_manifest(run_dir)["outputs"]) + 1
    ended = call("verify", published.index, "--json")
    assert (ended.code, ended.json["kind"]) == (0, "index")
    assert ended.json["in_force"] == open_index(published.index).folder.name
    ended = call("verify", tmp_path)
    assert (ended.code, "neither an index, a state nor a published run" in ended.err) == (2, True)


def test_a_table_of_another_run_is_told(published: District, run_dir: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"model_file": published.run_dir / "model.json", "list_date": datetime.date(2026, 3, 15)}
    other = published.link([published.path("doses")], tmp_path / "other", **settings)
    shutil.copy(other / "queues" / "review.parquet", run_dir / "queues" / "review.parquet")
    told(reading(published, run_dir, "evaluate", tmp_path / "out"), "review.parquet: is damaged, or of another run")


def test_rejected_rows_of_an_index_are_checked(index: Path) -> None:
    flip(index / "queues" / "rejected.parquet", 40)
    told(call("rejects", index), "rejected.parquet")
    told(call("verify", index), "rejected.parquet")


def test_a_damaged_model_is_told_before_anything_runs(made: District, tmp_path: Path) -> None:
    content = json.loads((made.run_dir / "model.json").read_text("utf-8"))
    path = tmp_path / "model.json"
    content["comparisons"][0]["levels"][1]["m"] *= 0.5
    path.write_text(json.dumps(content), "utf-8")
    for command in (
        ("model", "show", path),
        ("run", "--doses", made.path("doses"), "--index", made.index, "--model", path),
    ):
        out = ("--out", tmp_path / "runs") if command[0] == "run" else ()
        told(call(*command, *out), "model.json: is damaged, or was changed by hand")
    assert not (tmp_path / "runs").exists()
    path.write_text(json.dumps(sealed(content)), "utf-8")
    assert call("model", "show", path).code == 0


def test_an_index_of_an_older_format_is_refused_and_its_versions_are_named(index: Path, tmp_path: Path) -> None:
    old = index / "v000000"
    shutil.copytree(open_index(index).folder, old)
    (old / "manifest.json").write_text(json.dumps({"format": 7, "content": "of old"}))
    ended = call("verify", index, "--json")
    assert (ended.code, ended.json["not_read"]) == (0, ["v000000"])
    (index / "current").write_text("v000000\n")
    for command in (("verify", index), ("index", "info", index)):
        ended = call(*command)
        assert ended.code == 2
        assert f"has format 7, this version encodes in format {FORMAT}; build the index again" in ended.err


def test_verify_names_all_that_is_damaged(index: Path) -> None:
    folder = open_index(index).folder
    for name in ("columns/sex.npy", "passes/phone.rows.npy"):
        flip(folder / name, -1)
    told(call("verify", index), "sex.npy: is damaged", "damaged too:", "phone.rows.npy")


UNSEEN = ("checked.json", "stale")  # what no result rests on


@pytest.mark.parametrize("seed", range(6))
def test_any_damage_is_seen_by_verify_or_means_nothing(index: Path, run_dir: Path, tmp_path: Path, seed: int) -> None:
    """As the benchmark of faults does it, with all commands."""
    rng = random.Random(seed)
    for folder in (index, run_dir):
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for _ in range(4):
            path, fault = rng.choice(paths), rng.choice(sorted(FAULTS))
            content = path.read_bytes()
            FAULTS[fault](path, rng.choice(paths), rng)
            is_changed = path.read_bytes() != content and path.name not in UNSEEN
            ended = call("verify", folder)
            is_text = path.suffix == ".json" or path.name == "current"  # where another blank means nothing
            assert ended.code in ((4, 0) if is_text else (4,) if is_changed else (0,)), (path, fault, ended)
            path.write_bytes(content)


def test_an_index_that_did_not_change_is_compacted_to_the_same(index: Path) -> None:
    before = open_index(index).manifest["content"]
    assert compact_index(index).manifest["content"] == before
    assert issubclass(VerificationError, LinkageError)
