"""A PostgreSQL server of a test by itself: its own data, a socket in its own folder, no port; gone with the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NOBODY = 65534  # the server refuses to run as root


def programs() -> Path | None:
    """Where Debian, or the PATH, has the server's programs; None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@dataclass(frozen=True)
class Server:
    """url: without a password, for whoever may use the socket."""

    programs: Path
    folder: Path
    url: str

    def tell(self, *statements: str) -> None:
        """Run statements, each by itself."""
        words = [self.programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url]
        for statement in statements:
            subprocess.run([*words, "-c", statement], check=True, capture_output=True, **_unprivileged())

    def start(self) -> None:
        log, options = self.folder / "log", f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self._control("-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def _control(self, *words: object) -> None:
        told = [self.programs / "pg_ctl", "-s", "-D", self.folder / "data", *map(str, words)]
        subprocess.run(told, check=True, stdout=subprocess.DEVNULL, **_unprivileged())


@contextmanager
def server() -> Iterator[Server]:
    """A server that runs; its folder is short, for a socket's path has at most 107 bytes."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    made = [found / "initdb", "-D", folder / "data", "-U", "reader", "--auth=trust", "-N", "-E", "UTF8", "--locale=C"]
    one = Server(found, folder, f"postgresql://reader@/postgres?host={folder}")
    try:
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, **_unprivileged())
        one.start()
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    options: dict[str, Any] = {"cwd": "/"}
    return options | ({"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {})
