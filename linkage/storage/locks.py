"""One command at a time in a folder: the lock is held on the folder itself, so that no lock file stays behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linkage.errors import TryLaterError
from linkage.storage.work_folders import new_folder


@contextmanager
def made_and_locked(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder that is made where there is none; a new one in which nothing was left goes again.

    Raises UsageError where it is a file, TryLaterError where another run holds the lock.
    """
    with new_folder(folder), locked(folder):
        yield


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryLaterError(f"{folder}: another run is at work here; start again when it has ended") from None
        yield
    finally:
        os.close(descriptor)
