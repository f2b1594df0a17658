"""``quarantine``: files that nights set aside, listed and released."""

from __future__ import annotations

from typing import Annotated

import typer

from linkage.cli.night import Config
from linkage.cli.options import Json
from linkage.cli.printing import print_json, print_lines, print_result
from linkage.wording.cell_text import visible

_STANDING = {
    "waits": "waits to be mended or released",
    "mended": "was mended: the next night reads it",
    "released": "released: the next night reads it",
    "gone": "is not there any more: release it to forget it",
}


def quarantine_list(config: Config, as_json: Json = False) -> None:
    """List the files that nights set aside.

    Each with its reason, and what the next night does with it. A file that was read since is not in the list.

    \b
    Example: linkage quarantine list --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.quarantine import list_quarantine

    found = list_quarantine(read_configuration(config))
    if as_json:
        print_json({"files": found})
        return
    if not found:
        print_lines(["no file is in quarantine"])
    for one in found:
        standing = _STANDING[one["standing"]]
        print_lines(
            [visible(f"{one['id']}  {one['path']}  {one['kind']}, {one['night_id']}, {standing}: {one['reason']}")]
        )


def quarantine_release(
    file: Annotated[str, typer.Argument(help="A file in quarantine, by its id, its path or its name.")],
    config: Config,
    as_json: Json = False,
) -> None:
    """Let the next night read a file that was set aside, as it is.

    As after its columns were named in night.toml. A file that was mended is read without it. One that is not there
    any more is forgotten.

    \b
    Example: linkage quarantine release station.csv --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.quarantine import release

    print_result(release(read_configuration(config), file), as_json)
