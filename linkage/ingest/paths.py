"""The paths of a batch: their order, whatever order they were given in, and their names in messages."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from linkage.errors import InputError
from linkage.storage.edited_files import is_made_up


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Files by base name, those of one name by their content: the same files make the same batch, as rows have places
    in it, and of equal records the first is kept."""
    again = {name for name, n in Counter(path.name for path in paths).items() if n > 1}

    def place(path: Path) -> tuple[str, str, str]:
        return path.name, (sha256_of(path) or "") if path.name in again else "", os.path.realpath(path)

    return sorted(paths, key=place)


def file_names(paths: Sequence[Path]) -> list[str]:
    """Base names; names that occur twice get as many folders as tell them apart. Of bytes that are no UTF-8 each stands
    as \\xNN, for tables hold text."""
    if not paths:
        raise InputError("no input files: name at least one")
    resolved = [Path(os.fsencode(os.path.realpath(path)).decode("utf-8", "backslashreplace")) for path in paths]
    for number, path in enumerate(resolved):
        if path in resolved[:number]:
            raise InputError(f"{path.name}: given twice: name it once")
    depths = [1] * len(paths)
    while True:
        names = ["/".join(path.parts[-depth:]) for path, depth in zip(resolved, depths, strict=True)]
        if len(set(names)) == len(names):
            return names
        depths = [depth + (names.count(name) > 1) for depth, name in zip(depths, names, strict=True)]


class AbsentFileError(InputError):
    """There is no such file: more likely a slip in its name than one file of many that is bad."""


def check_file(path: Path, file: str) -> None:
    """InputError where there is no such file, or something else: a pipe can be read once, and a device has no end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise AbsentFileError(f"{file}: no such file: correct the path {path}") from None
    except PermissionError as error:
        raise may_not_be_read(file) from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}): correct the path {path}") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{file}: this is a folder: name the files in it")
    if not stat.S_ISREG(mode) or is_made_up(path):
        raise InputError(f"{file}: this is a pipe or a device: save what it gives in a file and name that")


def may_not_be_read(file: str) -> InputError:
    """What to raise of a file that this user may not read: nothing is wrong with its path or the disk."""
    return InputError(f"{file}: may not be read by this user: ask for the right to read it")


def size_of(path: Path) -> int:
    """The bytes of a file; 0 of what may not be looked at, which the reader of the file tells."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def sha256_of(path: Path) -> str | None:
    """The hash of a file; None for a folder, and for what cannot be read, which the reader of the file tells."""
    try:
        if not stat.S_ISREG(path.stat().st_mode) or is_made_up(path):
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
