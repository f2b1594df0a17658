"""Where the parts of what is written into several files go: a folder, or files whose names begin alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from linkage.errors import UsageError
from linkage.storage.output_paths import check_file, check_folder
from linkage.storage.work_folders import make_folder

_LONGEST_NAME = 100


def part_paths(out: Path, names: Sequence[str], suffix: str | Mapping[str, str]) -> dict[str, Path]:
    """A file for each name, none twice: in ``out`` where this is a folder or has no suffix, else beside it.

    suffix : of the files, or that of each name. The folder is made when it is not there.

    Raises UsageError where a file cannot be written, or would take the place of a part of a result.
    """
    is_folder = out.is_dir() or not out.suffix
    if is_folder and out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; name a folder, or a name with an extension")
    if is_folder:
        check_folder(out)
        make_folder(out)
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    for name in names:
        plain = _plain(name)
        number, chosen = 1, plain
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{plain}-{number}"
        taken.add(chosen.casefold())
        ending = suffix if isinstance(suffix, str) else suffix[name]
        paths[name] = out / f"{chosen}{ending}" if is_folder else out.with_name(f"{out.stem}-{chosen}{ending}")
        check_file(paths[name])
    return paths


def _plain(name: str) -> str:
    """A name as a file may have it anywhere: word characters, points and hyphens."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._-")[:_LONGEST_NAME] or "_"
