"""Where the program starts, and how it ends."""

from __future__ import annotations

import gc
import io
import os
import sys

from linkage.cli.failures import INTERRUPTION, PROGRAM, Failure, failure_of, tell
from linkage.cli.stopping import INTERRUPTED
from linkage.cli.talk import say
from linkage.machine.address_limit import fit_limit
from linkage.machine.kernel_cache import choose_cache
from linkage.storage.work_folders import remove_unfinished

# Objects made before Python looks for cycles among them. Packages and the tables of communes make some hundred thousand
# that all stay, and to look through them every 700 takes an eighth of a run of a thousand doses.
_GARBAGE_THRESHOLD = 50_000
_WITHOUT_ARGUMENTS = "NoArgsIsHelpError"  # of typer: its text is the help


def main() -> None:
    """Entry point: what the program understands is one line on standard error and its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    arguments = _spread(sys.argv[1:])
    ended = _ended(arguments)
    if isinstance(ended, Failure):
        tell(ended, "--json" in arguments)
        sys.exit(ended.exit_code)
    sys.exit(ended)


def _ended(arguments: list[str]) -> int | Failure:
    """Run a command; how it ended."""
    try:
        fit_limit()
        choose_cache()
        from linkage.cli.application import app  # which loads the libraries that must fit

        code: int | None = app(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTION
    except Exception as error:
        if type(error).__name__ == _WITHOUT_ARGUMENTS:
            say(str(error))
            return 2
        failure = failure_of(error)
        if failure is None:
            raise
        error.__traceback__ = None  # and with it what the command holds in memory
        remove_unfinished()
        return failure
    return INTERRUPTION if code == INTERRUPTED else code or 0


def program() -> None:
    """The program as a process of its own: ``main``, and then the process ends at once, with the documented exit code.
    To take its packages apart first costs Python a quarter of a second, a tenth of a run of a thousand doses; and
    threads of theirs that are still at work then have ended it by a signal."""
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    if not _is_all_written():
        code = code or 1
    os._exit(code if isinstance(code, int) else int(code is not None))


def _is_all_written() -> bool:
    """Hand over what Python still holds of both outputs; an output that takes no more is given up."""
    is_all = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:  # as where the process was started with it closed
                stream.flush()
        except OSError:
            is_all = False
            setattr(sys, name, None)
    return is_all


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
