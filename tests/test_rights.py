"""Files with personal data are their owner's alone, whatever the umask, unless it is said otherwise."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

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
