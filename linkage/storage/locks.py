"""One command at a time in a folder: the lock is held on the folder itself, so that no lock file stays behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linkage.errors import TryLaterError
from linkage.storage.work_folders import new_folder

_LISTED = Path("/proc/locks")  # readable for every user


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


def holder_of(folder: Path) -> int | None:
    """The process that holds the lock on a folder; None where none does, or where the system does not list it, as of
    another container.

    Nothing is asked of the lock itself: who tries it, even for a moment, turns away a command that starts then.
    """
    try:
        status, listed = folder.stat(), _LISTED.read_text("ascii", "replace")
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in listed.splitlines():
        words = line.split()
        if words[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and words[5] == place:
            return int(words[4])
    return None
