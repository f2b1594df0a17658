"""What a command says beside its result: on standard error."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

talk = Console(stderr=True)


def complain(message: str) -> None:
    talk.print(f"linkage: {message}", style="red", markup=False, highlight=False, soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        talk.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
