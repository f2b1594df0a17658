"""Work files of a run that is larger than memory: unlinked files that vanish with the process, however it ends.

What lies in them is paged out by the system when memory is short, and does not count as the process's own.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def scratch_array(folder: Path | None, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros in a file without a name in ``folder``; None is an array in memory.

    Raises OSError when the folder's disk cannot hold it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if folder is None or size == 0:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        # Reserved at once: where a mapped file without its blocks meets a full disk, the process is killed.
        os.posix_fallocate(file.fileno(), 0, size)
        return np.memmap(file, dtype, "r+", shape=shape)
