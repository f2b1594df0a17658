"""A run that was killed goes on from its last whole stage, and ends as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import resource
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
# Dies before the event of files under a folder that has a number. 0 never does, and says at the end how many there are.
DIES_AT_EVENT = """
import atexit, os, signal, sys
folder, last, n = sys.argv.pop(1), int(sys.argv.pop(1)), 0
def watch(event, given):
    global n
    if event in ("open", "os.mkdir", "os.rename", "os.link", "os.listdir", "os.scandir", "shutil.rmtree"):
        n += str(given[0]).startswith(folder)
        if n == last > 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
last or atexit.register(lambda: print(n, file=sys.stderr))
from linkage.cli import main
main()
"""
# Dies when it has used so much time of the processor, which does not depend on what else the machine does.
DIES_AT_TIME = """
import signal, sys
signal.setitimer(signal.ITIMER_PROF, float(sys.argv.pop(1)))
from linkage.cli import main
main()
"""
N_MOMENTS = 15  # of each kind


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def command(district: District, runs: Path, *more: object) -> list[str]:
    files = ("--doses", district.path("doses"), "--index", district.index, "--out", runs)
    return [str(each) for each in ("run", *files, "--list-date", LIST_DATE, *more)]


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, text=True, **pipes)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, told = process.communicate(timeout=120)
    return process.returncode, told


def killed_after(stage: str, arguments: Sequence[str]) -> None:
    assert ended(start(DIES_AFTER, stage, *arguments))[0] == -signal.SIGKILL


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
        ended(process)
    again = call(*arguments)
    assert again.code == 0
    assert left(tmp_path) == []
    assert hashes(published(tmp_path)) == hashes(district.run_dir)


def last_whole_stage(runs: Path) -> str | None:
    """Of what a killed run left; stages are whole one after the other."""
    found = {path.name for path in runs.glob(f"{STANDING}*/*") if not path.name.startswith("making-")}
    assert found == set(STAGES[: len(found)])
    return STAGES[len(found) - 1] if found else None


def gone_on(district: District, runs: Path) -> str | None:
    """Start a killed run again; the stage it went on from."""
    last, was_published = last_whole_stage(runs), any(runs.glob("[!.]*"))
    again = call(*command(district, runs))
    assert (again.code, left(runs)) == (0, [])
    run_dir = published(runs)
    assert hashes(run_dir) == hashes(district.run_dir)
    if was_published:
        return "published"
    assert manifest(run_dir)["resumed_from"] == last
    return last


@pytest.mark.slow
def test_a_run_killed_at_any_event_of_its_files_redoes_the_stage_it_was_in(district: District, tmp_path: Path) -> None:
    code, told = ended(start(DIES_AT_EVENT, str(tmp_path), "0", *command(district, tmp_path / "whole")))
    n_events = int(told.splitlines()[-1])
    assert code == 0
    assert n_events > 10 * N_MOMENTS
    went_on = []
    for moment in range(1, N_MOMENTS + 1):
        runs = tmp_path / str(moment)
        event = str(moment * n_events // (N_MOMENTS + 1))
        assert ended(start(DIES_AT_EVENT, str(runs), event, *command(district, runs)))[0] == -signal.SIGKILL
        went_on.append(gone_on(district, runs))
    assert {"claims", "decisions"} <= set(went_on)


@pytest.mark.slow
def test_a_run_killed_at_any_time_redoes_the_stage_it_was_in(district: District, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended(start(DIES_AT_TIME, "3600", *command(district, tmp_path / "whole")))[0] == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    went_on = []
    for moment in range(1, N_MOMENTS + 1):
        runs, at = tmp_path / str(moment), seconds * moment / (N_MOMENTS + 1)
        while (code := ended(start(DIES_AT_TIME, str(at), *command(district, runs)))[0]) == 0:
            shutil.rmtree(runs)  # it took less than the whole one
            at *= 0.95
        assert code == -signal.SIGPROF
        went_on.append(gone_on(district, runs))
    assert {None, "inputs"} <= set(went_on)
