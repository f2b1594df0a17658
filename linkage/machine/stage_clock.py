"""How long each stage of a command took, and who is told about progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]


@dataclass
class Clock:
    """Seconds by stage, and who is told about progress."""

    on_progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.on_progress(name, 0, 0)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    def reading(self, done_bytes: int, total_bytes: int) -> None:
        """How much of all input files was read."""
        self.on_progress("ingest", done_bytes, total_bytes)
