"""Files that are no files, names that are no text, and places where nothing may be written: one line, nothing lost."""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Callable
from itertools import permutations
from multiprocessing import TimeoutError as WaitsForEver
from multiprocessing.pool import ThreadPool
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from rich.table import Table

from linkage.cli import talk as talk_module
from linkage.cli.tables import print_fitted
from linkage.errors import InputError, UsageError
from linkage.ingest import in_order, ingest
from linkage.insight.evaluate import load_source
from linkage.machine import memory
from linkage.machine.memory import anonymous_bytes
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.schema import DOSES
from linkage.simulate.errors import error_table
from linkage.standardise.places_files import CROSSWALK, OFFICIAL_2025, UNITS_2021, read_unit_files
from linkage.storage.output_paths import check_file, check_folder
from linkage.two_files.link import link_files
from tests.district import LIST_DATE, District, call, hashes, make_district
from tests.relatives import households, plan_of, write_people
from tests.small_country import write_small_country

CSV = "dose_id,full_name\nD1,Lê Thị Hoa\n"


def odd(folder: Path) -> dict[str, Path]:
    """What stands under a name where a file should."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "nowhere.csv").symlink_to("gone.csv")
    (folder / "folder.csv").mkdir()
    (folder / "zero.csv").symlink_to("/dev/zero")
    (folder / "made_up.csv").symlink_to("/proc/self/mem")
    (folder / "version.csv").symlink_to("/proc/version")
    (folder / "file").touch()
    return {
        "this is a pipe or a device": folder / "pipe.csv",
        "cannot be read (Too many levels of symbolic links)": folder / "loop.csv",
        "no such file": folder / "nowhere.csv",
        "this is a folder": folder / "folder.csv",
        "pipe or a device": folder / "zero.csv",
        "this is a pipe or a device: save what it gives in a file": folder / "made_up.csv",
        "a pipe or a device": folder / "version.csv",
        "correct the path": folder / "file" / "x.csv",
        "File name too long": folder / f"{'x' * 300}.csv",
    }


def refused(read: Callable[[], object]) -> str:
    with pytest.raises((InputError, UsageError)) as error:
        read()
    assert "\n" not in str(error.value)
    return str(error.value)


def refused_at_once(read: Callable[[], object]) -> str:
    """The same of a reader that may wait for ever."""
    with ThreadPool(1) as pool:
        try:
            return pool.apply_async(refused, (read,)).get(timeout=10)
        except WaitsForEver:
            pytest.fail("waits for the other end of a pipe")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    for message, path in odd(tmp_path).items():
        assert message in refused(lambda path=path: ingest(in_order([path]), DOSES))  # type: ignore[misc]
        assert in_order([path, path]) == [path, path]
        with duckdb.connect() as connection:
            read = lambda path=path: load_source(connection, path, ["dose_id"], "a truth")  # type: ignore[misc]  # noqa: E731
            assert message in refused(read)


@pytest.mark.parametrize("name", [UNITS_2021, CROSSWALK, OFFICIAL_2025])
def test_a_pipe_among_the_administrative_units_is_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = write_small_country(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "is a pipe or a device" in refused_at_once(lambda: read_unit_files(folder))


@pytest.mark.parametrize("name", ["shares.csv", "shares.toml"])
def test_a_pipe_in_place_of_the_shares_of_errors_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert "is a pipe or a device" in refused_at_once(lambda: error_table(overrides=tmp_path / name))


def test_a_plan_is_not_proposed_for_what_is_no_file(tmp_path: Path) -> None:
    for path in odd(tmp_path).values():
        for files in ((path,), (path, path)):
            ended = call("plan", "init", *files, "--out", tmp_path / "plan.toml")
            assert ended.code == 2
            assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "plan.toml").exists()


def test_a_name_that_is_no_text_is_shown_by_its_bytes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/tr\xe2m \xff.csv"))
    path.write_text(f"{CSV}D1,Lê Thị Lan\n", "utf-8")
    ingested = ingest([path], DOSES)
    assert ingested.files[0].file == r"tr\xe2m \xff.csv"
    assert ingested.rejected["file"].unique().to_pylist() == [r"tr\xe2m \xff.csv"]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.mark.parametrize("name", [b"tr\xe2m", b"\x1b[31m\n\x7f", "\u202a\u2028".encode()], ids=repr)
def test_a_run_of_odd_names_is_read_again(district: District, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    rows = pq.read_table(district.path("doses")).slice(0, 60)
    with (folder / os.fsdecode(name + b".csv")).open("wb") as table:
        pyarrow.csv.write_csv(rows.slice(0, 30), table)
    with (folder / os.fsdecode(name + b".parquet")).open("wb") as table:
        pq.write_table(rows.slice(30), table)
    registry = folder / os.fsdecode(name + b"r.parquet")
    registry.write_bytes(district.path("registry").read_bytes())
    index = tmp_path / "index"
    for command in (("build", registry, "--units", district.units, "--out", index), ("info", index)):
        ended = call("index", *command, "--json")
        assert (ended.code, unseen(ended.out + ended.err)) == (0, set()), ended.err
    registry.unlink()
    given = [each for path in sorted(folder.iterdir()) for each in ("--doses", path)]
    model = ("--index", index, "--model", district.run_dir / "model.json", "--list-date", LIST_DATE)
    first = call("run", *given, *model, "--out", tmp_path / "runs", "--accept", "few", "--json")
    assert first.code == 0, first.err
    run_dir, dose = Path(first.json["run_dir"]), rows["dose_id"][45]
    for again in (
        ("find", run_dir, "--dose", dose),
        ("explain", run_dir, dose),
        ("rejects", run_dir),
        ("export", run_dir, "--table", "decisions", "--out", tmp_path / "decisions.csv"),
        ("report", run_dir, "--form", "statistics", "--out", tmp_path / "statistics.html"),
        ("verify", run_dir),
        ("run", *given, *model, "--out", tmp_path / "runs", "--accept", "few"),
    ):
        ended = call(*again)
        assert ended.code == 0, (again, ended.err)
        assert not unseen(ended.out + ended.err), again
    assert not unseen((tmp_path / "statistics.html").read_text("utf-8"))


def unseen(text: str) -> set[str]:
    """The characters of a text that nobody sees."""
    return {character for character in text if not character.isprintable()} - {"\n", "\t"}


def test_a_workbook_whose_path_is_no_text_is_to_be_renamed(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"tr\xe2m.xlsx")
    path.write_bytes(b"PK")
    message = r"tr\xe2m.xlsx: its path is not UTF-8, and no workbook is read by such a one: rename it"
    assert message in refused(lambda: ingest([path], DOSES))


def test_files_of_such_names_are_linked_and_found_again(tmp_path: Path) -> None:
    people = [household[0] for household in households(np.random.default_rng(7), [1] * 60)]
    paths = (Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/l\xff.csv", b"/r[\x1b[31m\x7f].csv"))
    left, right = (write_people(path, people) for path in paths)
    plan = plan_of(household_rate=0.0)
    link_files([left], [right], plan, tmp_path / "linked", accept="few")
    linked = pq.read_table(tmp_path / "linked" / "links.parquet").to_pylist()
    assert linked
    explained = call("explain", tmp_path / "linked", linked[0]["left_id"], "--json")
    assert explained.code == 0, explained.err


def test_links_are_the_same_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    people = [household[0] for household in households(np.random.default_rng(7), [1] * 90)]
    parts = people[:40], people[30:70], people[60:]
    left = [write_people(tmp_path / f"{name}.csv", part) for name, part in zip("abc", parts, strict=True)]
    right = write_people(tmp_path / "right.csv", people)
    plan, found = plan_of(household_rate=0.0), []
    for number, order in enumerate(permutations(left)):
        found.append(hashes(link_files(order, [right], plan, tmp_path / str(number), accept="few").folder))
    assert all(each == found[0] for each in found)
    assert pq.read_table(tmp_path / "0" / "rejected_left.parquet").num_rows == 20


def test_globs_of_a_name_are_characters(tmp_path: Path) -> None:
    path = tmp_path / "[red]*?.csv"
    path.write_text("dose_id\nD1\n")
    with duckdb.connect() as connection:
        load_source(connection, path, ["dose_id"], "a truth")
        assert connection.execute("SELECT * FROM source").fetchall() == [("D1",)]


def test_no_input_and_no_result_is_written_over(tmp_path: Path) -> None:
    given, other = tmp_path / "doses.csv", tmp_path / "link.csv"
    given.write_text(CSV, "utf-8")
    other.hardlink_to(given)
    published, index = tmp_path / "runs" / "r", tmp_path / "index"
    for folder, parts in (
        (published, ("manifest.json", "decisions.parquet")),
        (index, ("current", "v000007-1a2b3c4d")),
    ):
        folder.mkdir(parents=True)
        for part in parts:
            (folder / part).touch()
    os.mkfifo(tmp_path / "pipe")
    messages = {
        "is one of the inputs": lambda: check_file(other, [None, given]),
        "is a pipe or a device": lambda: check_file(tmp_path / "pipe"),
        "there is no folder": lambda: check_file(tmp_path / "no" / "x"),
        "is a folder": lambda: check_file(tmp_path),
        f"lies in {published}, which is a result": lambda: check_file(published / "queues.xlsx"),
        f"lies in {index}, which is a result": lambda: check_folder(index / "runs"),
        f"{index}: lies in": lambda: check_folder(index),
        f"{published}: lies in": lambda: check_folder(published, is_index=True),
        "lies where the system keeps no files": lambda: check_file(Path("/dev/x.csv")),
        "which is an input": lambda: check_folder(tmp_path / "runs" / "new", [tmp_path / "runs"]),
    }
    for message, check in messages.items():
        assert message in refused(check)
    check_file(given, [other.with_name("another")])
    check_folder(index, is_index=True)
    check_folder(tmp_path / "runs")
    assert "is one of the inputs" in call("plan", "init", given, "--out", given).err
    assert given.read_text("utf-8") == CSV


@pytest.mark.parametrize("parts", [("current", "v000007-1a2b3c4d"), ("manifest.json", "decisions.parquet")])
def test_no_command_writes_a_folder_into_a_result(tmp_path: Path, parts: tuple[str, str]) -> None:
    result, given = tmp_path / "result", tmp_path / "a.csv"
    result.mkdir()
    for part in parts:
        (result / part).touch()
    given.write_text("id,name\n1,a\n", "utf-8")
    plan = tmp_path / "plan.toml"
    assert call("plan", "init", given, given, "--out", plan).code in (0, 2)
    commands: list[list[object]] = [
        ["simulate", "--persons", 100, "--doses", 1, "--seed", 1],
        ["demo", "--persons", 1000, "--doses", 1000],
        ["run", "--doses", given, "--index", tmp_path],
        ["index", "build", given],
    ]
    for command in commands:
        ended = call(*command, "--out", tmp_path / os.fsdecode(b"r\xff"))
        assert (ended.code, ended.err.count("\n") < 8) == (2, True), command
        assert "is not UTF-8; name another place" in " ".join(ended.err.split()), ended.err
        ended = call(*command, "--out", result / "in" / "it")
        assert (ended.code, ended.err.count("\n") < 8) == (2, True), command
        assert f"lies in {result}, which is a result" in " ".join(ended.err.split()), ended.err
    assert sorted(path.name for path in result.iterdir()) == sorted(parts)


def test_an_index_is_not_built_within_its_units(tmp_path: Path) -> None:
    registry = tmp_path / "registry.csv"
    registry.write_text("person_id,full_name\nP1,Lê Thị Hoa\n", "utf-8")
    (tmp_path / "units").mkdir()
    out = tmp_path / "units" / "index"
    assert "which is an input" in refused(lambda: build_from_files([registry], out, units=tmp_path / "units"))
    assert not out.exists()


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null/none", "file/none"])
def test_a_folder_that_cannot_be_is_told_with_the_place_that_takes_none(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "registry.csv").write_text("person_id,full_name\nP1,Lê Lan\n")
    out = tmp_path / place
    for command in (
        ["index", "build", tmp_path / "registry.csv"],
        ["simulate", "--persons", 100, "--doses", 1, "--seed", 1],
        ["demo"],
    ):
        ended = call(*command, "--out", out)
        assert (ended.code, ended.out) == (2, "")
        told = " ".join(ended.err.split())
        assert f"linkage: {out}: cannot be made (" in told
        assert told.endswith("; name another place")


def test_what_is_no_index_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reasons = {"none": "there is no such folder", "file": "it is no folder", ".": "it has no file 'current'"}
    for name, reason in reasons.items():
        ended = call("index", "info", tmp_path / name)
        assert ended.code == 2
        assert f"not a registry index ({reason}); make one with 'linkage index build'" in " ".join(ended.err.split())


@pytest.mark.parametrize("date", [datetime.date.max, datetime.date.min])
def test_a_list_date_that_no_deadline_follows_is_refused(tmp_path: Path, date: datetime.date) -> None:
    text = refused(lambda: run([tmp_path / "x.csv"], tmp_path / "index", tmp_path / "runs", list_date=date))
    assert text == f"--list-date {date.isoformat()}: must be from 1900 to 2199"


def test_more_threads_than_a_machine_can_have_are_refused() -> None:
    ended = call("run", "--doses", "a", "--index", "i", "--out", "o", "--threads", 10**9)
    assert ended.code == 2
    assert "1024" in ended.err


def test_memory_is_told_where_the_system_says_less_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = anonymous_bytes()
    (tmp_path / "status").write_text("VmRSS:\t1 kB\n")
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    assert anonymous_bytes() == pytest.approx(before, rel=0.3)
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "gone")
    assert anonymous_bytes() == 0


class FullFile(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_outputs_that_are_closed_or_full_stop_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    print_fitted(Table("a table"))
    monkeypatch.setattr("sys.stderr", FullFile())
    talk_module.say("a line that nobody will read")
