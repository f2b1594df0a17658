"""The command line: a thin layer that reads options, calls the package, and prints what it returns.

With --json a command prints one JSON document on standard output and nothing else there; talk goes to standard error.
"""

from linkage.cli.application import app
from linkage.cli.entry import main, program

__all__ = ["app", "main", "program"]
