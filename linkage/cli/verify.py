"""``verify``: whether an index or a published run is still what was written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import N_CORES, Json, Threads
from linkage.cli.printing import print_result


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of an index, of a published run, or of link.")],
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Check that an index or a run is what was written.

    All of it is read and held against its sums; what is damaged is named, and the exit code is 4.

    Example: linkage verify index
    """
    from linkage.insight.verifying import verify as verify_folder

    found = {name: value for name, value in asdict(verify_folder(folder, threads)).items() if value}
    print_result(found, as_json)
