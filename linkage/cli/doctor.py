"""``doctor`` and ``version``: can this machine run the program, and which program is it?"""

from __future__ import annotations

import platform
from importlib import metadata

import typer

from linkage.cli.options import Json
from linkage.cli.printing import print_json, print_lines, print_result


def doctor(as_json: Json = False) -> None:
    """Check this machine, and say what to mend.

    \b
    Example: linkage doctor
    """
    from linkage.machine.doctor import examine

    checks = examine()
    if as_json:
        print_json(checks)
    else:
        print_lines(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.finding}" for check in checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def version(as_json: Json = False) -> None:
    """Print the version, and of what it is made.

    The code is named by its version and a hash of its sources, as in the manifest of every run.

    \b
    Example: linkage version
    """
    from linkage.machine.version import __version__, code_version

    made_of = {name: metadata.version(name) for name in ("numpy", "numba", "pyarrow", "duckdb")}
    found = {"version": __version__, "code": code_version(), "python": platform.python_version(), **made_of}
    print_result(found, as_json)
