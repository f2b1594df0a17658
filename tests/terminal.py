"""Runs the program in a real terminal of some width, and tells what a person sees."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(
    *arguments: object, columns: int = 80, environment: dict[str, str] | None = None, start: tuple[str, ...] = ()
) -> tuple[int, str]:
    """The exit code and everything that came to the terminal, standard output and error together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [*(start or (sys.executable, "-m", "linkage")), *map(str, arguments)]
    environ = inherited | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)} | (environment or {})
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, close_fds=True) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    return process.returncode, b"".join(parts).decode("utf-8", "replace").replace("\r\n", "\n")


def seen(text: str) -> list[str]:
    """The lines without colours and movements of the cursor."""
    return _CONTROL.sub("", text).split("\n")
