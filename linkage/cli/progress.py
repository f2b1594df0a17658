"""How far a command has come, on standard error."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from linkage.cli.talk import talk


class Bar:
    """Progress of the stages of a run on standard error; silent when that is no terminal."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self.progress.add_task(stage, total=total or None)
        self.progress.update(self._tasks[stage], completed=done, total=total or None)
