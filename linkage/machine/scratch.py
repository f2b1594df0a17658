"""Work files of a run that is larger than memory: unlinked files that vanish with the process, however it ends.

What lies in them is paged out by the system when memory is short, and does not count as the process's own.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from linkage.errors import LinkageError, disk_reason, machine_fault


def scratch_array(folder: Path | None, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros in a file without a name in ``folder``; None is an array in memory.

    Raises LinkageError when the folder's disk cannot hold it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if folder is None or size == 0:
        return np.zeros(shape, dtype)
    with writing_work_files(folder), tempfile.TemporaryFile(dir=folder) as file:
        reserve(file, size)
        return np.memmap(file, dtype, "r+", shape=shape)


def reserve(file: BinaryIO, n_bytes: int) -> None:
    """Take the blocks of a file that is to be mapped: where one without them meets a full disk, the process is killed.

    Raises OSError when the disk does not have them.
    """
    os.posix_fallocate(file.fileno(), 0, n_bytes)


@contextmanager
def writing_work_files(folder: Path) -> Iterator[None]:
    """Turn what the disk of work files refuses into one line that names their folder."""
    try:
        yield
    except OSError as error:
        elsewhere = ", or name another folder with TMPDIR" if folder == Path(tempfile.gettempdir()) else ""
        reason = disk_reason(error)
        raise LinkageError(
            f"{folder}: work files cannot be written there ({reason}); free space or rights there{elsewhere}"
        ) from error


@contextmanager
def naming_full_disk(folder: Path) -> Iterator[None]:
    """Name the folder in which results and work files lie where a disk is full and what met that knows no path: a
    library tells the reason alone."""
    try:
        yield
    except (OSError, LinkageError) as error:
        found = _cause(error)
        is_told = isinstance(error, LinkageError) and error.exit_code == LinkageError.exit_code
        if is_told or found is None or found.filename or found.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise LinkageError(f"{folder}: {machine_fault(found)}") from error


def _cause(error: BaseException | None) -> OSError | None:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    return error
