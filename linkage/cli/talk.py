"""What a command says beside its result: on standard error, a line each; on a terminal broken at blanks alone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from linkage.cli.tables import wrapped
from linkage.wording.cell_text import visible

talk = Console(stderr=True)


def say(line: str, style: str = "") -> None:
    """A line; where standard error takes no more the command goes on, for it is no result."""
    shown = visible(line)
    with suppress(OSError):
        for part in wrapped(shown, talk.width) if talk.is_terminal else [shown]:
            talk.print(Text(part, style), soft_wrap=True)


def complain(message: str) -> None:
    """Why the command failed, on one line."""
    say(f"linkage: {' '.join(message.splitlines())}", "red")


def print_notes(notes: Iterable[str]) -> None:
    """What an operator should know of a result."""
    for note in notes:
        say(f"note: {note}")
