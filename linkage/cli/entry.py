"""Where the program starts, and how it ends."""

from __future__ import annotations

import gc
import os
import sys

from linkage.cli.application import app
from linkage.cli.stopping import INTERRUPTED
from linkage.cli.talk import complain, talk
from linkage.errors import LinkageError

# Objects made before Python looks for cycles among them. Packages and the tables of communes make some hundred thousand
# that all stay, and to look through them every 700 takes an eighth of a run of a thousand doses.
_GARBAGE_THRESHOLD = 50_000


def main() -> None:
    """Entry point: what the program understands is one line on standard error and its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        app(args=_spread(sys.argv[1:]))
    except (SystemExit, KeyboardInterrupt) as ended:
        # Typer makes an exit of an interruption, and says nothing.
        if isinstance(ended, SystemExit) and ended.code != INTERRUPTED:
            raise
        talk.print("linkage: interrupted; what was not finished is removed")
        sys.exit(INTERRUPTED)
    except LinkageError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        # The disk or the rights, wherever no better message was found.
        complain(
            f"{error.filename or 'system'}: {error.strerror or error}; check the path, the rights and the free space"
        )
        sys.exit(1)


def program() -> None:
    """The program as a process of its own: ``main``, and when all went well the process ends at once. To take its
    packages apart first costs Python a quarter of a second, a tenth of a run of a thousand doses."""
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where the process was started with it closed
            stream.flush()
    os._exit(0)


def _spread(arguments: list[str]) -> list[str]:
    """``--doses A B C`` as ``--doses A --doses B --doses C``: a shell gives many files after one option."""
    spread: list[str] = []
    is_after_doses = False
    for argument in arguments:
        if is_after_doses and not argument.startswith("-") and spread[-1] != "--doses":
            spread.append("--doses")
        elif argument.startswith("-"):
            is_after_doses = argument == "--doses"
        spread.append(argument)
    return spread
