"""The command line: a thin layer that reads options, calls the package, and prints what it returns.

With --json a command prints one JSON document on standard output and nothing else there; talk goes to standard error.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linkage.cli.application import app
    from linkage.cli.entry import main

__all__ = ["app", "main", "program"]
_PLACES = {"app": "linkage.cli.application", "main": "linkage.cli.entry"}


def program() -> None:
    """The program as a process of its own. The commands are loaded when a signal can stop it."""
    from linkage.cli.stopping import listen

    listen()
    from linkage.cli.entry import program as start

    start()


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
