"""``python -m linkage``."""

from linkage.cli import program

program()
