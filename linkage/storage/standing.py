"""What a command has done so far, on disk: one that was killed goes on from its last whole stage when it starts again.

A stage's result is a folder of named tables that appears whole by its rename. The folder of them all is hidden, open to
its owner alone and named by a hash of all that the results rest on; the lock on the place it lies in keeps others out.
It is gone when the command ends by itself, well or not. A power cut may leave what was not brought to the disk: the
sums tell, and that stage is done again.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linkage.errors import LinkageError
from linkage.storage.checksums import Sums
from linkage.storage.named_tables import Known, Types, check_tables, read_tables, write_tables
from linkage.storage.work_folders import STANDING, removed_when_ended

_MAKING = "making-"


@dataclass
class Standing:
    """The stages of a command.

    folder : where they lie; resumed_from : the last stage that a killed one had done, None where there was none;
    told : what is to be said of those that were not whole
    """

    folder: Path
    resumed_from: str | None = None
    told: list[str] = field(default_factory=list)

    def done(
        self,
        name: str,
        make: Callable[[Path], Any],
        types: Types,
        known: Known,
        given: Callable[[Any], Mapping[str, Sums]] = lambda value: {},
    ) -> Any:
        """The result of a stage, made where it does not stand yet.

        Parameters
        ----------
        make : makes it; files may be put into the folder that it is given
        types, known : see linkage.storage.named_tables
        given : of the result, which files were put there, with the sums of their chunks
        """
        folder = self.folder / name
        if folder.is_dir():
            try:
                check_tables(folder)
            except LinkageError as error:
                self.told.append(f"what was done before of {name!r} is done again: {error}")
                shutil.rmtree(folder)
            else:
                self.resumed_from = name
                return read_tables(folder, types, known)
        making = self.folder / f"{_MAKING}{name}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        value = make(making)
        write_tables(making, value, known, given(value))
        making.rename(folder)
        del value  # what it holds in memory and in files without a name
        return read_tables(folder, types, known)


@contextmanager
def standing(place: Path, key: str) -> Iterator[Standing]:
    """The stages of the command of a key, in a place that is locked; those of others are removed: nobody is at work.

    Raises OSError where the folder cannot be made.
    """
    folder = place / f"{STANDING}{key}"
    for found in place.glob(f"{STANDING}*"):
        if found != folder or not _is_own(found):
            _remove(found)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_own(folder):
        raise LinkageError(f"{folder}: is no folder of this user alone; remove it")
    with removed_when_ended(folder):
        yield Standing(folder)


def _remove(found: Path) -> None:
    """What of another user cannot be removed stays."""
    with suppress(OSError):
        if found.is_symlink() or not found.is_dir():
            found.unlink()
        else:
            shutil.rmtree(found, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Whether it is a folder of this user, into which nobody else can have put anything."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
