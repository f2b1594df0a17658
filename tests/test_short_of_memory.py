"""Limits of memory and full disks: one line that names what is short, exit code 1, and nothing left."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linkage.cli.failures import Failure, failure_of
from linkage.errors import InputError, LinkageError, VerificationError, disk_reason
from linkage.ingest import ingest
from linkage.ingest.csv_file import read_csv
from linkage.ingest.readers import READERS
from linkage.ingest.records import RecordsWriter
from linkage.ingest.rows import FileRows
from linkage.machine.address_limit import LEAST_BYTES, fit_limit, need_addresses, shortage
from linkage.machine.scratch import naming_full_disk, scratch_array
from linkage.registry.versions import building, new_array
from linkage.schema import DOSES
from linkage.simulate.folder import simulation_folder

ROOT = Path(__file__).parents[1]


def started(*arguments: object, limit: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = ["prlimit", limit, sys.executable, "-m", "linkage", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


# ------------------------------------------------------------------------------------------------------------- memory


def test_a_limit_in_which_nothing_fits_is_told_at_once(tmp_path: Path) -> None:
    sizes = ("simulate", "--persons", 1000, "--doses", 1000, "--seed", 1, "--out", tmp_path / "out")
    done = started(*sizes, limit=f"--as={LEAST_BYTES // 2}")
    assert done.returncode == 1
    assert done.stderr.startswith("linkage: memory is short: addresses are limited to 0.50 GiB")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_small_batch_fits_in_the_least_limit(tmp_path: Path) -> None:
    """Without thrift the libraries take twice as much, and end in the midst of their own threads."""
    sizes = ("simulate", "--persons", 1000, "--doses", 1000, "--seed", 1, "--area", "bao-lam", "--out", tmp_path / "d")
    limit = f"--as={LEAST_BYTES}"
    assert started(*sizes, limit=limit).returncode == 0
    done = started("index", "build", tmp_path / "d" / "registry.parquet", "--out", tmp_path / "index", limit=limit)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_without_a_limit_nothing_is_asked_of_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    fit_limit()
    assert "ARROW_DEFAULT_MEMORY_POOL" not in os.environ


def test_what_would_wait_for_ever_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1 << 60, 1 << 60))
    need_addresses(1 << 30, "drawing")
    with pytest.raises(LinkageError, match=r"memory is short: of the .* GiB .*, and drawing needs .* more"):
        need_addresses(1 << 60, "drawing")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        caused(VerificationError("decisions.parquet: restore it"), RuntimeError("Failed to launch worker thread: no")),
        caused(InputError("a.parquet: send it again"), MemoryError("malloc of size 9 failed")),
    ],
)
def test_short_memory_is_told_as_that_whatever_met_it(error: Exception) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert failure.exit_code == 1
    assert failure.error.startswith("memory is short (")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), InputError("out of memory.csv: is empty"), ValueError("x")]
)
def test_other_errors_are_no_short_memory(error: Exception) -> None:
    assert shortage(error) is None


def test_a_limit_in_which_no_library_can_be_loaded_is_told_too() -> None:
    done = started("--version", limit=f"--as={150 << 20}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("linkage: memory is short: addresses are limited to 0.15 GiB, and the program needs")
    assert done.stderr.count("\n") == 1


# --------------------------------------------------------------------------------------------- files and compiled code


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EMFILE, "Too many", "a"), "a: Too many; let the program"),
        (caused(InputError("a.csv: no"), OSError(errno.EMFILE, "Too many", "a")), "a: Too many; let the program"),
        (caused(VerificationError("t: restore it"), OSError(errno.ENFILE, "Too many")), "Too many; let the system"),
        (caused(InputError("a.csv: no"), OSError(errno.ENOSPC, "No space")), "No space; free space"),
    ],
)
def test_no_file_is_blamed_for_what_the_machine_lacks(error: Exception, told: str) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert failure.exit_code == 1
    assert failure.error.startswith(told)


def test_what_has_been_told_of_a_full_disk_stays() -> None:
    error = caused(LinkageError("runs: work files cannot be written there"), OSError(errno.ENOSPC, "No space"))
    assert failure_of(error) == Failure("runs: work files cannot be written there", "failure", 1)


def test_no_file_of_many_is_set_aside_for_what_the_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(25)]
    for path in paths:
        path.write_text(f"dose_id,full_name\nD{path.stem},Lê Lan\n")

    def refuse(path: Path, *rest: object) -> FileRows:
        if path.stem == "7":
            raise OSError(errno.ENOSPC, "No space left on device")
        return read_csv(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(READERS, ".csv", refuse)
    with pytest.raises(InputError, match=r"7.csv: cannot be read"):
        ingest(paths, DOSES, strict=False)


# -------------------------------------------------------------------------------------------------------------- disks


def refuse_blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk without a free block; the sizes that it was asked for."""
    asked: list[int] = []

    def fallocate(descriptor: int, start: int, size: int) -> None:
        asked.append(size)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    return asked


def test_blocks_of_what_is_mapped_are_reserved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped file without blocks ends the process by SIGBUS when the disk is full."""
    array = new_array(tmp_path / "a.npy", (1000, 3), np.dtype(np.float64))
    assert os.stat(tmp_path / "a.npy").st_blocks * 512 >= array.nbytes
    asked = refuse_blocks(monkeypatch)
    with pytest.raises(LinkageError, match=f"{tmp_path}: work files cannot be written there \\(No space left"):
        scratch_array(tmp_path, 1000, np.int64)
    index = tmp_path / "index"
    with pytest.raises(LinkageError, match="index: the index cannot be written"), building(index) as folder:
        new_array(folder / "b.npy", (1000,), np.dtype(np.int64))
    assert len(asked) == 2
    assert list(index.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        caused(InputError("d.csv: cannot be read"), OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_a_full_disk_is_named_by_its_folder_where_the_library_names_no_file(error: Exception) -> None:
    with pytest.raises(LinkageError) as told, naming_full_disk(Path("disk/runs")):
        raise error
    assert str(told.value).startswith("disk/runs: ")
    assert "; free space there" in str(told.value)
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "disk/runs/x"),
        OSError(errno.EIO, "Input/output error"),
        caused(LinkageError("disk/work: is full"), OSError(errno.ENOSPC, "No space left on device")),
        InputError("d.csv: the file is empty"),
    ],
)
def test_what_is_named_already_or_is_no_full_disk_is_told_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as told, naming_full_disk(Path("disk/runs")):
        raise error
    assert told.value is error


def test_a_full_disk_of_work_files_is_no_unusable_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and the folder is named and not the input."""
    refuse_blocks(monkeypatch)
    path = tmp_path / "d.csv"
    path.write_text("dose_id,full_name\n1,Nguyễn Văn An\n", "utf-8")
    with pytest.raises(LinkageError, match="work files cannot be written there") as told:
        ingest([path], DOSES, scratch=tmp_path)
    assert told.value.exit_code == 1
    assert "d.csv" not in str(told.value)


@pytest.mark.parametrize("folder", [building, simulation_folder])
def test_what_is_written_in_a_folder_is_told_by_its_name(tmp_path: Path, folder: object) -> None:
    for error in (OSError("65537 requested and 12 written"), OSError(errno.EDQUOT, "Disk quota exceeded")):
        told = f"out: .*cannot be written \\({disk_reason(error)}\\); free space"
        with pytest.raises(LinkageError, match=told), folder(tmp_path / "out"):  # type: ignore[operator]
            raise error


def test_records_on_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(LinkageError, match="absent: work files cannot be written there"):
        RecordsWriter(pa.schema([("a", pa.string())]), tmp_path / "absent")
