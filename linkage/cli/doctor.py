"""``doctor``: can this machine run the program?"""

from __future__ import annotations

import typer

from linkage.cli.options import Json
from linkage.cli.printing import print_json


def doctor(as_json: Json = False) -> None:
    """Check that this machine can run the program, and say what to mend."""
    from linkage.doctor import examine

    checks = examine()
    if as_json:
        print_json(checks)
    else:
        for check in checks:
            typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.finding}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
