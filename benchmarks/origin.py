"""Where and from which code a result comes."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from benchmarks.accuracy.__main__ import origin as date_commit_machine


def heading(command: list[str]) -> dict[str, str]:
    """Date, commit, machine with its memory, and the command, paths left out."""
    found = date_commit_machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = ["DIR" if Path(word).is_absolute() or "/" in word[2:] else word for word in command]
    return found | {"machine": f"{found['machine']}, {memory:.1f} GiB", "command": shlex.join(words)}
