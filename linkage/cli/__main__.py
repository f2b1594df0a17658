"""``python -m linkage.cli``."""

from linkage.cli import program

program()
