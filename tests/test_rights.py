"""Files with personal data are their owner's alone, whatever the umask, unless it is said otherwise."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.district import LIST_DATE, District, make_district

SETTINGS = ("simulate", "--persons", "300", "--doses", "300", "--seed", "1", "--area", "bao-lam")


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """Rights of all files and of all folders."""
    paths = [folder, *folder.rglob("*")]
    rights = [(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths]
    return {mode for is_folder, mode in rights if not is_folder}, {mode for is_folder, mode in rights if is_folder}


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), ({0o600}, {0o700})), (("--mode", "0640"), ({0o640}, {0o750})), (("--mode", "644"), ({0o644}, {0o755}))],
)
def test_what_is_written_is_the_owners(
    tmp_path: Path, options: tuple[str, ...], expected: tuple[set[int], set[int]]
) -> None:
    command = [sys.executable, "-m", "linkage.cli", *options, *SETTINGS, "--out", str(tmp_path / "town")]
    subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: os.umask(0))
    index = ["index", "build", str(tmp_path / "town/registry.parquet"), "--out", str(tmp_path / "index")]
    command = [sys.executable, "-m", "linkage.cli", *options, *index]
    subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: os.umask(0))
    assert modes(tmp_path / "town") == expected
    assert modes(tmp_path / "index") == expected


@pytest.mark.parametrize("mode", ["rw", "0066", "1777", "7"])
def test_other_rights_are_refused(mode: str) -> None:
    command = [sys.executable, "-m", "linkage.cli", "--mode", mode, "doctor"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, f"--mode {mode}: no rights" in ended.stderr) == (2, True)


@pytest.mark.parametrize("mode", ["0777", "666", "0602"])
def test_rights_by_which_anybody_could_change_results_are_refused(mode: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "linkage.cli", "--mode", mode, "version"], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert f"--mode {mode}: anybody on this machine could change the results; write 0600" in ended.stderr


@pytest.mark.parametrize(("mode", "is_told"), [("0644", True), ("0640", False), ("0600", False)])
def test_that_everybody_can_read_is_told(mode: str, is_told: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "linkage.cli", "--mode", mode, "version"], capture_output=True, text=True
    )
    assert ended.returncode == 0
    assert ("everybody on this machine can read what is written" in ended.stderr) is is_told


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def ended_without_rights(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of a user whom the rights of files bind, which they do not bind root."""
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if bound and subprocess.run([*bound, "true"], capture_output=True, check=False).returncode:
        pytest.skip("root may not give up its rights here")
    command = [*bound, sys.executable, "-m", "linkage.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_of(district: District, index: Path, out: Path, *doses: Path) -> subprocess.CompletedProcess[str]:
    given = [each for path in doses for each in ("--doses", path)]
    model = ("--model", district.run_dir / "model.json", "--list-date", LIST_DATE, "--accept", "few")
    return ended_without_rights("run", *given, "--index", index, "--out", out, *model)


def test_a_dose_file_that_may_not_be_read_is_set_aside_among_many(district: District, tmp_path: Path) -> None:
    rows = pq.read_table(district.path("doses"))
    paths = [tmp_path / f"d{number:02}.csv" for number in range(21)]
    for number, path in enumerate(paths):
        pyarrow.csv.write_csv(rows.slice(number * 5, 5), path)
    paths[7].chmod(0)
    many = run_of(district, district.index, tmp_path / "runs", *paths)
    assert many.returncode == 0, many.stderr
    assert "set aside: d07.csv: may not be read by this user: ask for the right to read it" in many.stderr
    alone = run_of(district, district.index, tmp_path / "other", paths[7])
    assert (alone.returncode, "d07.csv: may not be read by this user" in alone.stderr) == (2, True)


def test_an_index_or_a_run_that_may_not_be_read_is_no_wrong_call(district: District, tmp_path: Path) -> None:
    index = shutil.copytree(district.index, tmp_path / "index")
    run_dir = shutil.copytree(district.run_dir, tmp_path / "run")
    for folder in (index, run_dir):
        folder.chmod(0)
    try:
        found = [
            run_of(district, index, tmp_path / "runs", district.path("doses")),
            ended_without_rights("index", "info", index),
            ended_without_rights("export", run_dir, "--out", tmp_path / "decisions.csv"),
        ]
    finally:
        for folder in (index, run_dir):
            folder.chmod(0o700)
    for ended in found:
        assert ended.returncode == 1, ended.stderr
        assert "may not be read by this user; ask for the right to read it" in ended.stderr
