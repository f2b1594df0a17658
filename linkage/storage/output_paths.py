"""Where results may be written: never over an input, nor into what is published, nor to what is no file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from linkage.errors import UsageError
from linkage.storage.edited_files import is_made_up

# What stands together in an index, and in a run, a linkage and a version of an index.
_INDEX = ("current", "v[0-9]*")
_RESULTS = (
    ("manifest.json", "decisions.parquet"),
    ("manifest.json", "links.parquet"),
    ("manifest.json", "persons.arrow"),
    _INDEX,
)


def check_file(path: Path, inputs: Iterable[Path | None] = ()) -> None:
    """UsageError where a file cannot be written, or would take the place of an input or of a part of a result."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is a pipe or a device; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it or name another one")
    if is_made_up(path):
        raise UsageError(f"{path}: lies where the system keeps no files; name another place")
    _check_place(path.parent, path)
    for given in inputs:
        if given is not None and path.exists() and given.exists() and path.samefile(given):
            raise UsageError(f"{path}: is one of the inputs; name another file")


def check_folder(
    path: Path, inputs: Iterable[Path | None] = (), *, is_index: bool = False, is_new: bool = False
) -> None:
    """The same of a folder, which may be there already; is_index: it may be an index; is_new: who makes it refuses one
    that is there, in words of their own."""
    _check_place(path.parent if is_new or (is_index and _holds(path, _INDEX)) else path, path)
    real = os.path.realpath(path)
    for given in inputs:
        if given is not None and given.is_dir() and f"{real}/".startswith(f"{os.path.realpath(given)}/"):
            raise UsageError(f"{path}: lies in {given}, which is an input; name another folder")


def _check_place(folder: Path, path: Path) -> None:
    """Nothing is written into what was published: it stays as it is; nor where Arrow cannot follow."""
    if any("\udc80" <= letter <= "\udcff" for letter in str(path)):  # bytes that are not UTF-8
        raise UsageError(f"{path}: its path is not UTF-8; name another place")
    real = Path(os.path.realpath(folder))
    for place in (real, *real.parents):
        if any(_holds(place, parts) for parts in _RESULTS):
            raise UsageError(f"{path}: lies in {place}, which is a result and stays as it is; name another place")


def _holds(folder: Path, parts: Iterable[str]) -> bool:
    """Whether a folder holds all of some parts, each a name or a pattern."""
    return all(any(folder.glob(part)) for part in parts)
