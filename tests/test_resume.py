"""A run that was killed goes on from its last whole stage, and ends as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from linkage.storage.work_folders import PREFIX, STANDING
from tests.district import LIST_DATE, District, call, hashes, make_district, manifest

ROOT = Path(__file__).parents[1]
STAGES = ("inputs", "claims", "decisions")
DIES_AFTER = """
import os, signal, sys
from linkage.storage.standing import Standing
done, stage = Standing.done, sys.argv.pop(1)
def killed(self, name, *given):
    found = done(self, name, *given)
    if name == stage:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
Standing.done = killed
from linkage.cli import main
main()
"""


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def command(district: District, runs: Path, *more: object) -> list[str]:
    files = ("--doses", district.path("doses"), "--index", district.index, "--out", runs)
    return [str(each) for each in ("run", *files, "--list-date", LIST_DATE, *more)]


def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, **quiet)


def killed_after(stage: str, arguments: Sequence[str]) -> None:
    assert start(DIES_AFTER, stage, *arguments).wait() == -signal.SIGKILL


def left(runs: Path) -> list[str]:
    return sorted(path.name for path in runs.iterdir() if path.name.startswith((PREFIX, STANDING)))


def published(runs: Path) -> Path:
    (run_dir,) = (path for path in runs.iterdir() if not path.name.startswith("."))
    return run_dir


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_run_goes_on_from_its_last_stage(district: District, tmp_path: Path, stage: str) -> None:
    killed_after(stage, command(district, tmp_path))
    (folder,) = (path for path in tmp_path.iterdir() if path.name.startswith(STANDING))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == sorted(STAGES[: STAGES.index(stage) + 1])
    again = call(*command(district, tmp_path))
    assert again.code == 0
    assert f"goes on from a run that was killed: '{stage}' was done" in again.err
    assert left(tmp_path) == []
    run_dir = published(tmp_path)
    assert manifest(run_dir)["resumed_from"] == stage
    assert manifest(district.run_dir)["resumed_from"] is None
    assert hashes(run_dir) == hashes(district.run_dir)


@pytest.mark.slow
def test_a_damaged_stage_is_told_and_done_again(district: District, tmp_path: Path) -> None:
    killed_after("decisions", command(district, tmp_path))
    (folder,) = (path for path in tmp_path.iterdir() if path.name.startswith(STANDING))
    damaged = max((folder / "claims").glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 16
    damaged.write_bytes(content)
    (folder / "decisions" / "contents.json").write_text('{"value": ')
    again = call(*command(district, tmp_path))
    assert again.code == 0
    for name in ("claims", "decisions"):
        assert f"what was done before of '{name}' is done again: " in again.err
    run_dir = published(tmp_path)
    assert manifest(run_dir)["resumed_from"] == "inputs"
    assert hashes(run_dir) == hashes(district.run_dir)


@pytest.mark.slow
def test_another_run_removes_what_a_killed_one_left(district: District, tmp_path: Path) -> None:
    model = district.run_dir / "model.json"
    killed_after("claims", command(district, tmp_path, "--model", model))
    planted = tmp_path / f"{STANDING}0123"
    planted.symlink_to(district.folder)
    other = call(*command(district, tmp_path, "--model", model, "--accept", "another key"))
    assert (other.code, "goes on" in other.err, left(tmp_path)) == (0, False, [])
    assert district.path("doses").exists()
    doses = tmp_path / "doses.parquet"
    shutil.copy(district.path("doses"), doses)
    with_copy = [str(doses) if each == str(district.path("doses")) else each for each in command(district, tmp_path)]
    killed_after("inputs", with_copy)
    os.utime(doses, ns=(1, 1))  # it may hold something else now
    assert "goes on" not in call(*with_copy).err


@pytest.mark.slow
def test_a_run_that_is_refused_leaves_nothing(district: District, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("dose_id\n")
    (tmp_path / "runs").mkdir()
    doses, arguments = str(district.path("doses")), command(district, tmp_path / "runs")
    assert call(*(str(broken) if each == doses else each for each in arguments)).code != 0
    assert left(tmp_path / "runs") == []


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_alike(district: District, tmp_path: Path) -> None:
    arguments, moments = command(district, tmp_path), random.Random(17)
    seconds = sum(manifest(district.run_dir)["seconds"].values())
    for _ in range(4):
        process = start("from linkage.cli import main; main()", *arguments)
        time.sleep(1 + moments.random() * seconds)
        process.kill()
        process.wait()
    ended = call(*arguments)
    assert ended.code == 0
    assert left(tmp_path) == []
    assert hashes(published(tmp_path)) == hashes(district.run_dir)
