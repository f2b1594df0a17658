"""``verify``: whether an index, a state or a published run is still what was written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import N_CORES, Json, Threads
from linkage.cli.printing import print_result


def verify(
    place: Annotated[
        Path, typer.Argument(help="Folder of an index, a state, a published run or link; or night.toml: all it names.")
    ],
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Check that index, state or run are what was written.

    All of it is read and held against its sums, and the tables of a state against each other; what is damaged is
    named, and the exit code is 4.

    \b
    Example: linkage verify index
    Example: linkage verify night.toml
    """
    from linkage.insight.verifying import verify as verify_folder

    found = {name: value for name, value in asdict(verify_folder(place, threads)).items() if value}
    print_result(found, as_json)
