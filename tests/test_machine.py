"""The program starts where its checkout is somebody else's, without a home, and the doctor says what is so."""

from __future__ import annotations

import datetime
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from linkage.errors import LinkageError
from linkage.machine import address_limit, clock, doctor, kernel_cache, memory
from linkage.machine.doctor import examine
from linkage.machine.kernel_cache import VARIABLE, choose_cache

ROOT = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for every place where kernels may be kept, when the code is not this user's."""
    for variable in (VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(kernel_cache, "_is_ours", lambda code: False)
    monkeypatch.setattr(kernel_cache, "_SHARED", tmp_path / "shared")
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", lambda: str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    return tmp_path


def chosen() -> str | None:
    choose_cache()
    return os.environ.get(VARIABLE)


def test_kernels_are_kept_in_the_users_cache_or_home(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, folder in (("HOME", ".cache/dose-linkage"), ("XDG_CACHE_HOME", "dose-linkage")):
        home = elsewhere / variable
        home.mkdir()
        monkeypatch.setenv(variable, str(home))
        monkeypatch.delenv(VARIABLE, raising=False)
        assert chosen() == str(home / folder)
        assert (home / folder).stat().st_mode & 0o777 == 0o700


def test_without_a_home_they_are_in_a_folder_of_the_user(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    assert chosen() == str(elsewhere / "shared" / f"dose-linkage-{os.geteuid()}")


def test_what_is_stated_stands(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/stated")
    assert chosen() == "/stated"


@pytest.mark.parametrize("planted", ["link", "open to others", "file"])
def test_a_folder_that_somebody_planted_is_not_taken(elsewhere: Path, planted: str) -> None:
    mine = elsewhere / "shared" / f"dose-linkage-{os.geteuid()}"
    (elsewhere / "victim").mkdir(mode=0o700)
    if planted == "link":
        mine.symlink_to(elsewhere / "victim")
    elif planted == "file":
        mine.write_text("")
    else:
        mine.mkdir()
        mine.chmod(0o777)
    with pytest.raises(LinkageError, match=rf"{mine}: none can be .* set {VARIABLE} to one"):
        choose_cache()
    assert VARIABLE not in os.environ


def test_beside_the_code_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel_cache._is_ours(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    assert kernel_cache._is_ours(tmp_path)
    uid = os.geteuid()
    monkeypatch.setattr(kernel_cache.os, "geteuid", lambda: uid + 1)
    assert not kernel_cache._is_ours(tmp_path)


def test_without_a_home_the_program_starts_from_a_checkout_that_is_read_only(tmp_path: Path) -> None:
    for package in ("linkage", "blocking", "models"):
        shutil.copytree(ROOT / package, tmp_path / "code" / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "doctor.py").write_text(
        f"import sys; from pathlib import Path; from linkage.machine import kernel_cache\n"
        f"kernel_cache._SHARED = Path({str(tmp_path)!r}); sys.argv = ['linkage', 'doctor', '--json']\n"
        "from linkage.cli import program; program()\n"
    )
    mount = f"mount --bind {tmp_path}/code {tmp_path}/code && mount -o remount,ro,bind {tmp_path}/code"
    asked = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"this user may not mount: {asked.stderr.strip()}")
    environment = {"PYTHONPATH": str(tmp_path / "code"), "PATH": os.environ["PATH"]}
    start = f'{mount} && exec "$0" {tmp_path}/doctor.py'
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", start, sys.executable], env=environment, capture_output=True, check=False
    )
    checks = {check["name"]: check for check in json.loads(ended.stdout)}
    assert checks["kernels"]["ok"], ended.stderr.decode()
    kept = tmp_path / f"dose-linkage-{os.geteuid()}"
    assert checks["kernel cache"] == {"name": "kernel cache", "ok": True, "finding": f"compiled code is kept in {kept}"}
    assert list(kept.rglob("*.nbi")), "the kernel that the doctor compiled is kept there"


def test_the_doctor_is_right_about_a_healthy_machine(tmp_path: Path) -> None:
    for _ in range(3):  # it read past an array, and saw what happened to lie there
        checks = {check.name: check for check in examine(tmp_path)}
        assert checks["kernels"].ok, checks["kernels"].finding
    assert list(checks) == [
        *("python", "libraries", "memory", "disk", "folder", "open files", "locale", "clock", "kernels"),
        "kernel cache",
    ]
    assert [name for name in ("python", "libraries", "folder", "clock", "kernel cache") if not checks[name].ok] == []


def test_the_doctors_kernel_stays_within_its_arrays() -> None:
    code = "from linkage.machine.doctor import _kernels; import sys; sys.exit(not _kernels().ok)"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


def finding(name: str, folder: Path) -> str:
    (check,) = (check for check in examine(folder) if check.name == name)
    assert not check.ok
    return check.finding


def test_the_doctor_says_what_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_DISK_BYTES", 1 << 60)
    assert finding("disk", tmp_path).endswith("free at least 5 GiB")
    monkeypatch.setattr(doctor, "memory_bytes", lambda: 1 << 30)
    assert finding("memory", tmp_path) == "1.0 GiB; a district needs 4 GiB, the country 24 GiB"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert finding("open files", tmp_path) == "256 at once; ulimit -n 1024"
    monkeypatch.setattr(doctor.sys, "getfilesystemencoding", lambda: "iso8859-1")
    assert finding("locale", tmp_path).endswith("export LC_ALL=C.UTF-8")
    monkeypatch.setattr(clock, "today", lambda: datetime.date(1970, 1, 1))
    monkeypatch.setattr(doctor, "today", clock.today)
    assert "1970-01-01 in Asia/Ho_Chi_Minh, before this program was written" in finding("clock", tmp_path)
    monkeypatch.setattr(doctor, "_can_write", lambda place: False)
    assert finding("folder", tmp_path).endswith("is not writable; write to another folder")
    assert f"set {VARIABLE}" in finding("kernel cache", tmp_path)
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==1.0.0 \\\n    # via\nabsent-thing==2 \\\ncolorama==1 ; sys_platform == 'win32' \\\n")
    monkeypatch.setattr(doctor, "_LOCK", lock)
    assert finding("libraries", tmp_path) == "absent-thing missing; start ./run once, or install the package anew"
    lock.write_text("numpy==1.0.0 \\\n")
    assert re.fullmatch(r"numpy \S+ not as in requirements.lock; start ./run once", finding("libraries", tmp_path))


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "1073741824\n"}, 1 << 30),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/a/b\n", {"memory.max": "max\n", "a/memory.max": "536870912", "a/b/memory.max": "max"}, 512 << 20),
        ("0::/../other/b\n", {"memory.max": "402653184"}, 384 << 20),
        ("4:cpu,cpuacct:/a\n3:memory:/docker/7\n0::/\n", {"memory/memory.limit_in_bytes": "1073741824"}, 1 << 30),
        ("3:hugetlb,memory:/a\n", {"memory/memory.limit_in_bytes": str(2**63 - 4096)}, None),
        ("3:hugetlb,memory:/a\n", {"memory/a/memory.limit_in_bytes": "805306368"}, 768 << 20),
        ("no group\n", {}, None),
        (None, {}, None),
    ],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str | None, limits: dict[str, str], expected: int | None
) -> None:
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    for name, text in limits.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_GROUP_ROOT", tmp_path / "root")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory.memory_bytes() == (machine if expected is None else min(machine, expected))


def test_a_container_with_too_little_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_limit, "memory_bytes", lambda: 100 << 20)
    with pytest.raises(LinkageError, match=r"this process may have 100 MiB, and .* give the container"):
        address_limit.fit_limit()


def test_run_starts_where_it_may_not_write(tmp_path: Path) -> None:
    """A stub of an environment, complete and not, in a checkout whose lock file cannot be opened."""
    checkout = tmp_path / "checkout"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "run", checkout / "run")
    (checkout / ".venv.lock").mkdir()  # no user can open it for writing
    (checkout / "requirements.lock").write_text("nothing\n")
    python = checkout / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3 || echo started "$@"\n')
    python.chmod(0o755)

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run([checkout / "run", "linkage", "--help"], capture_output=True, text=True, check=False)

    refused = start()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"run: {checkout} is not writable and has no complete environment: "
        "its owner must start ./run linkage --help once\n"
    )
    (checkout / ".venv" / "stamp.requirements.lock").write_text("Python 3\nnothing\n")
    assert start().stdout == "started -m linkage.cli --help\n"
