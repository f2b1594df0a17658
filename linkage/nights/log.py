"""A log of nights for programs: a JSON object a line, with keys and values that are allowed here and no others.

No free text stands in it, so nobody's data can: why a command failed stands on standard error, and notes in manifests.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from linkage.errors import UsageError, disk_reason
from linkage.machine.clock import now

KEYS = (
    *("time", "event", "pid", "version", "date", "night_id", "stage", "seconds"),
    *("done", "total", "doses", "changes", "counts", "gates", "accepted_gates", "set_aside"),
    *("peak_rss_bytes", "kind", "exit_code"),
)
_WORD = re.compile(r"[\w.+:-]{0,40}", re.ASCII)  # ids, dates, codes, times; a name has blanks, or is no word of ours
_SECONDS_BETWEEN = 60.0  # of a long stage
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Log:
    """A file that grows by a line for each event; None writes nothing.

    What cannot be written later, as on a full disk, is counted in ``lost`` and stops no night.
    """

    def __init__(self, path: Path | None) -> None:
        """UsageError where the file cannot be written."""
        self._path, self.lost, self._is_torn = path, 0, False
        if path is not None:
            try:
                os.close(os.open(path, _APPENDING, 0o666))
            except OSError as error:
                raise UsageError(f"{path}: the log cannot be written ({disk_reason(error)}); name another file") from (
                    error
                )
            self._is_torn = _is_torn(path)

    def tell(self, event: str, **said: Any) -> None:
        """Add a line."""
        if self._path is None:
            return
        line = msgspec.json.encode(allowed({"time": now().isoformat(timespec="milliseconds"), "event": event, **said}))
        line = b"\n" * self._is_torn + line + b"\n"
        try:
            descriptor = os.open(self._path, _APPENDING, 0o666)
            try:
                n_written = os.write(descriptor, line)  # at once, so that lines of two commands do not mix
            finally:
                os.close(descriptor)
        except OSError:
            self.lost += 1
        else:
            self._is_torn = n_written < len(line)
            self.lost += self._is_torn


def _is_torn(path: Path) -> bool:
    """Whether the last line was not written to its end, as on a full disk or by a command that was killed."""
    try:
        if not path.is_file() or not path.stat().st_size:
            return False
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"
    except OSError:
        return False  # its owner lets it be written and not read


def allowed(said: Mapping[str, Any]) -> dict[str, Any]:
    """What may stand in a log: of KEYS words, numbers, and tables of these.

    Raises ValueError for anything else, which is a mistake of the program.
    """
    for key, value in said.items():
        if key not in KEYS or not _is_allowed(value):
            raise ValueError(f"no entry of a log: {key}")
    return dict(said)


def _is_allowed(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_allowed(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(_is_allowed, value))
    return value is None or isinstance(value, bool | int | float) or bool(_WORD.fullmatch(str(value)))


class StageEvents:
    """Progress as events: a stage when it is done, and of a long one once a minute how far it is."""

    def __init__(self, log: Log) -> None:
        self._log, self._stage = log, ""
        self._start = self._told = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        moment = time.monotonic()
        if stage != self._stage:
            self.end()
            self._stage, self._start, self._told = stage, moment, moment
        elif 0 < done < total and moment - self._told >= _SECONDS_BETWEEN:
            self._told = moment
            self._log.tell("progress", stage=stage, done=done, total=total, seconds=round(moment - self._start, 3))

    def end(self) -> None:
        """The stage is done."""
        if self._stage:
            self._log.tell("stage", stage=self._stage, seconds=round(time.monotonic() - self._start, 3))
        self._stage = ""
