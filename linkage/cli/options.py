"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated

import typer

from linkage.errors import UsageError
from linkage.storage.edited_files import read_toml
from linkage.storage.output_paths import check_file
from linkage.storage.typed_content import shaped

_MOST_THREADS = 1024
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Threads = Annotated[
    int, typer.Option("--threads", min=1, max=_MOST_THREADS, help="Worker threads; the result does not depend on it.")
]
Columns = Annotated[
    Path | None, typer.Option("--columns", help="TOML table from the files' column names to the names of this program.")
]
LANGUAGES = ("vi", "en")
AsOf = Annotated[
    datetime.datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        help="Day as of which dates of birth are judged; the newest that the files support when not given.",
    ),
]
N_CORES = len(os.sched_getaffinity(0))


def column_names(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    remedy = 'write a line for each column: file_column = "our_column"'
    return shaped(read_toml(path, remedy), dict[str, str], str(path), UsageError, remedy)


def day(moment: datetime.datetime | None) -> datetime.date | None:
    """The day of an option that is a date."""
    return None if moment is None else moment.date()


def new_file(path: Path, *inputs: Path | None) -> Path:
    """A file that can be written, asked before the work is done; UsageError when its place is wrong."""
    check_file(path, inputs)
    return path


def language(name: str) -> str:
    """A language that lists are written in."""
    if name not in LANGUAGES:
        raise UsageError(f"--lang {name}: unknown; use {' or '.join(LANGUAGES)}")
    return name


def key_as_read(key: str) -> str:
    """A key that was asked for, copied with quotes, blanks or invisible characters around it, as it was read from its
    file."""
    if key.isprintable() and key.strip(" '=") == key:
        return key
    from linkage.ingest.cleaning import clean_key  # which loads a kernel

    return clean_key(key)
