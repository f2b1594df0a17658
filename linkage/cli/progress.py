"""How far a command has come, on standard error: bars on a terminal, elsewhere a line with the time for each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from linkage.cli.talk import say, talk
from linkage.machine import clock

OnProgress = Callable[[str, int, int], None]
_SECONDS_BETWEEN_LINES = 60  # of a long stage


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Who is told (stage, done, total) while the body runs; total 0 where the length is not known."""
    if talk.is_terminal and not talk.is_dumb_terminal:
        with _Bars() as bars:
            yield bars
            bars.end()
    else:
        lines = _Lines()
        yield lines
        lines.end()


class _Left(ProgressColumn):
    """The share done and the time left; of a stage that is done how long it took."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(f"done in {_clock(task.finished_time or 0)}")
        if task.total is None:
            return Text(_clock(task.elapsed or 0))
        left = "" if task.time_remaining is None else f", {_clock(task.time_remaining)} left"
        return Text(f"{task.percentage:3.0f} %{left}")


class _Bars:
    """A bar for each stage; those of finished stages stay."""

    def __init__(self) -> None:
        columns = SpinnerColumn("line", finished_text=" "), TextColumn("{task.description:<12}"), BarColumn(24), _Left()
        self._progress = Progress(*columns, console=talk)
        self._stage: str | None = None
        self._task = TaskID(0)

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.end()
            self._stage, self._task = stage, self._progress.add_task(stage.replace("_", " "), total=total or None)
        if total:
            # A stage is done when the next one begins: its results may still be put together.
            self._progress.update(self._task, completed=min(done, total - 1), total=total)

    def end(self) -> None:
        """The stage is done."""
        if self._stage is not None:
            self._progress.update(self._task, completed=1, total=1)


class _Lines:
    """A line for each stage when it is done, and of a long one that knows its length one a minute."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._start = self._told = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self.end()
            self._stage, self._start, self._told = stage, now, now
        elif 0 < done < total and now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            left = (now - self._start) * (total - done) / done
            _say_at_this_time(f"{stage} {done / total:.0%} done, {_clock(left)} left")

    def end(self) -> None:
        """The stage is done."""
        if self._stage is not None:
            _say_at_this_time(f"{self._stage} done in {time.monotonic() - self._start:.1f} s")


def _say_at_this_time(line: str) -> None:
    say(f"{clock.now():%Y-%m-%d %H:%M:%S} {line}")


def _clock(seconds: float) -> str:
    """Minutes and seconds, or hours before them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
