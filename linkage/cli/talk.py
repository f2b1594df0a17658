"""What a command says beside its result: on standard error."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from rich.console import Console

from linkage.cell_text import visible

talk = Console(stderr=True)


def say(line: str) -> None:
    """A line as it is, however long; where standard error takes no more the command goes on, for it is no result."""
    with suppress(OSError):
        talk.print(visible(line), markup=False, highlight=False, emoji=False, soft_wrap=True)


def complain(message: str) -> None:
    """Why the command failed, on one line."""
    line = " ".join(visible(message).split("\n"))
    talk.print(f"linkage: {line}", style="red", markup=False, highlight=False, emoji=False, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """What an operator should know of a result."""
    for note in notes:
        say(f"note: {note}")
