"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from linkage.edited_files import read_toml
from linkage.errors import UsageError
from linkage.shapes import shaped

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Worker threads; the result does not depend on it.")]
Columns = Annotated[
    Path | None, typer.Option("--columns", help="TOML table from the files' column names to the names of this program.")
]
N_CORES = len(os.sched_getaffinity(0))


def column_names(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    remedy = 'write a line for each column: file_column = "our_column"'
    return shaped(read_toml(path, remedy), dict[str, str], str(path), UsageError, remedy)


def new_file(path: Path) -> Path:
    """A file that can be written, asked before the work is done; UsageError when its place is wrong."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it or name another one")
    return path
