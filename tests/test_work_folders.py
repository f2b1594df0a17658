"""What is made appears whole or not at all, follows nothing planted, and a command that was killed leaves nothing to
the next."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from linkage.errors import LinkageError, TryLaterError, UsageError
from linkage.ingest.records import Records
from linkage.plan.reading import plan_from
from linkage.registry.build import build_index
from linkage.registry.index import open_index
from linkage.simulate import simulate
from linkage.storage.locks import locked
from linkage.storage.work_folders import PREFIX, abandoned, place_beside, replacing, work_folder

ROOT = Path(__file__).parents[1]
WORDS = {
    "format": 1,
    "name": "words",
    "right_id": "id",
    "field": [{"name": "name", "kind": "text", "left": ["name"], "right": ["name"]}],
    "pass": [{"name": "name", "left": ["name"], "right": ["name"]}],
    "comparison": [
        {
            "name": "name",
            "kind": "text",
            "left": ["name"],
            "right": ["name"],
            "measure": "levenshtein",
            "thresholds": [1],
            "m": [0.8, 0.1, 0.1],
        }
    ],
}
PLAN = plan_from(WORDS, "words")


HEAD = "import os, signal, sys; from pathlib import Path\ndie = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"


def killed(code: str, *arguments: str) -> None:
    """Run code in a process of its own that kills itself in it."""
    command = [sys.executable, "-c", HEAD + textwrap.dedent(code), *arguments]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_work_folder_is_its_owners_unforeseen_and_gone_afterwards(tmp_path: Path) -> None:
    with work_folder(tmp_path) as first, work_folder(tmp_path) as second:
        assert first.name != second.name, "the second did not take the first for one left behind"
        assert first.stat().st_mode & 0o777 == 0o700
        (first / "part").write_text("personal")
    assert names(tmp_path) == []


def test_what_a_killed_command_left_goes_with_the_next(tmp_path: Path) -> None:
    killed(
        """
        from linkage.storage.work_folders import work_folder
        with work_folder(Path(sys.argv[1])) as folder:
            (folder / "copy").write_text("personal")
            die()
        """,
        str(tmp_path),
    )
    (left,) = names(tmp_path)
    with work_folder(tmp_path):
        assert left not in names(tmp_path)
    assert names(tmp_path) == []


def test_what_somebody_planted_is_neither_followed_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("theirs")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "victim")
    (tmp_path / f"{PREFIX}file").write_text("theirs")
    os.mkfifo(tmp_path / f"{PREFIX}pipe")
    with work_folder(tmp_path):
        pass
    assert names(tmp_path) == [f"{PREFIX}file", f"{PREFIX}link", f"{PREFIX}pipe", "victim"]
    assert (tmp_path / "victim" / "file").read_text() == "theirs"


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("theirs")
    (tmp_path / "out").symlink_to(tmp_path / "victim")
    with replacing(tmp_path / "out") as part:
        part.write_text("ours")
    assert ((tmp_path / "victim").read_text(), (tmp_path / "out").read_text()) == ("theirs", "ours")
    assert not (tmp_path / "out").is_symlink()


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")

    def write() -> None:
        with replacing(tmp_path / "out") as part:
            part.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(LinkageError, match=r"out: cannot be written \(No space left on device\)"):
        write()
    assert (tmp_path / "out").read_text() == "old"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_only_a_file_is_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "out")
    with pytest.raises(UsageError, match=r"out: is .*; name another file"), replacing(tmp_path / "out"):
        pass


def test_work_on_a_folder_lies_beside_it_where_that_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_beside(tmp_path / "linked") == tmp_path
    monkeypatch.setattr("linkage.storage.work_folders.os.access", lambda *_: False)
    monkeypatch.setattr("linkage.storage.work_folders.tempfile.gettempdir", lambda: "/elsewhere")
    assert place_beside(tmp_path / "linked") == Path("/elsewhere")


@pytest.mark.parametrize("is_in_force", [False, True])
def test_a_version_that_was_not_put_in_force_goes_with_the_next_build(tmp_path: Path, is_in_force: bool) -> None:
    people = pa.table({"id": ["1", "2"], "name": ["an", "binh"]})
    build_index(Records.of(people), PLAN, tmp_path / "index")
    build_index(Records.of(people), PLAN, tmp_path / "undisturbed")
    build_index(Records.of(people), PLAN, tmp_path / "undisturbed")
    killed(
        f"""
        import pyarrow as pa
        from linkage.storage import versions as registry_version
        from linkage.ingest.records import Records
        from linkage.plan.reading import plan_from
        from linkage.registry.build import build_index
        real = registry_version.put_in_place
        def dying(made, path):
            if path.name == "current" and not {is_in_force}:
                die()
            real(made, path)
            if path.name == "current":
                die()
        registry_version.put_in_place = dying
        build_index(Records.of(pa.table({{"id": ["1", "2"], "name": ["an", "binh"]}})), 
                    plan_from({WORDS!r}, "words"), Path(sys.argv[1]))
        """,
        str(tmp_path / "index"),
    )
    assert open_index(tmp_path / "index").folder.name.startswith("v000002-" if is_in_force else "v000001-")
    assert len(list((tmp_path / "index").glob("v000002-*"))) == 1
    build_index(Records.of(people), PLAN, tmp_path / "index")
    if is_in_force:
        assert [name.split("-")[0] for name in names(tmp_path / "index")] == [
            "current",
            "v000001",
            "v000002",
            "v000003",
        ]
    else:
        assert content(tmp_path / "index") == content(tmp_path / "undisturbed")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulations, by their seeds."""
    out = tmp_path_factory.mktemp("simulated")
    for seed in (1, 2):
        simulate(200, 200, seed, out / str(seed), area="bao-lam")
    return out


def test_a_second_simulation_into_a_folder_is_sent_away(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(TryLaterError) as caught:
        simulate(200, 200, 2, tmp_path, area="bao-lam")
    assert caught.value.exit_code == 75


def test_a_simulation_that_cannot_be_drawn_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        simulate(200, 10_000, 2, tmp_path / "out", area="bao-lam")
    assert names(tmp_path) == []


@pytest.mark.parametrize("at", ["doses.parquet", "assumptions.json"])
def test_a_killed_simulation_is_made_again_whole(simulated: Path, tmp_path: Path, at: str) -> None:
    shutil.copytree(simulated / "2", tmp_path / "2")
    killed(
        """
        from linkage.simulate import folder, simulate
        real = folder.put_in_place
        folder.put_in_place = lambda made, path: die() if path.name == sys.argv[2] else real(made, path)
        simulate(200, 200, 1, Path(sys.argv[1]), area="bao-lam")
        """,
        str(tmp_path / "2"),
        at,
    )
    assert not (tmp_path / "2" / "assumptions.json").exists(), "two simulations in one never look like one"
    simulate(200, 200, 1, tmp_path / "2", area="bao-lam")
    assert content(tmp_path / "2") == content(simulated / "1")


def test_what_is_left_behind_is_kept_where_the_next_command_fails(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}0").mkdir()

    def refuse() -> None:
        with abandoned(tmp_path) as left:
            assert [path.name for path in left] == [f"{PREFIX}0"]
            raise UsageError("refused")

    with pytest.raises(UsageError):
        refuse()
    assert names(tmp_path) == [f"{PREFIX}0"]


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_ends_the_program_with_one_line_and_nothing_left(tmp_path: Path, number: int, said: str) -> None:
    code = """
    from linkage.cli.stopping import listen
    from linkage.storage.work_folders import new_folder, work_folder
    listen()
    out = Path(sys.argv[1]) / "out"
    with new_folder(out), work_folder(out) as folder, new_folder(out / "queues"), new_folder(out / "queues" / "of"):
        (folder / "half").write_text("personal")
        try:
            os.kill(os.getpid(), int(sys.argv[2]))
        finally:
            print("whatever stands here waits for nothing")
    """
    command = [sys.executable, "-c", HEAD + textwrap.dedent(code), str(tmp_path), str(int(number))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    # A shell that started the tests in the background has them ignore SIGINT.
    hears = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False, **hears)
    assert (ended.returncode, ended.stdout) == (130, b"")
    assert ended.stderr.decode() == f"linkage: {said}; what was not finished is removed\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("moment", ["registry.parquet", "assumptions.json"])
def test_a_signal_waits_until_a_whole_is_in_place(simulated: Path, tmp_path: Path, moment: str) -> None:
    """Several files that are one whole, or a version and its pointer, are never stopped between."""
    shutil.copytree(simulated / "2", tmp_path / "2")
    code = """
    from linkage.cli.stopping import listen
    from linkage.simulate import folder, simulate
    listen()
    real = folder.put_in_place
    def stopped(made, path):
        if path.name == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGTERM)
        real(made, path)
    folder.put_in_place = stopped
    simulate(200, 200, 1, Path(sys.argv[1]), area="bao-lam")
    """
    command = [sys.executable, "-c", HEAD + textwrap.dedent(code), str(tmp_path / "2"), moment]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    assert ended.returncode == 130, ended.stderr.decode()
    assert content(tmp_path / "2") == content(simulated / "1")
