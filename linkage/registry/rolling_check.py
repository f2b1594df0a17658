"""The rolling check of an index: every night a seventh of it, so that a week of nights has read all of it.

Encoded columns, keys and frequencies are read here and there by kernels that cannot look at sums. The first run of a
night reads the share of that night from end to end meanwhile, in a thread of its own, and publishes nothing when that
is damaged. Before, it reads the columns of small numbers, every night all of them: kernels look things up by these, and
would look behind the ends of their tables. Of the share, what is not in the system's cache is not brought into it.
``INDEX/checked.json`` keeps whose turn it is; where it cannot be written, or is damaged itself, the turn goes by the
date.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from linkage.errors import LinkageError
from linkage.registry.index import Index
from linkage.registry.sums import CheckedFiles, share
from linkage.registry.versions import CHANGES
from linkage.storage.checksums import CheckedFile
from linkage.storage.sealed import read_sealed, sealed
from linkage.storage.summed_folders import check_whole
from linkage.storage.versions import write_json
from linkage.storage.work_folders import replacing

NIGHTS = 7
_STATE = "checked.json"
_LARGEST_PLACE = 4  # bytes
_AT_ONCE = 256  # chunks, before it is asked whether the run is over


class NightlyCheck:
    """A context around what is done with an index for a night; ``finish`` before anything of it is published.

    Another list date, or another day by this machine's clock, is another night.
    """

    def __init__(self, index: Index, list_date: datetime.date, day: datetime.date) -> None:
        self._path = index.folder.parent / _STATE
        self._content = str((index.large or index).manifest["content"])
        self._files, self._looked_up = index.files, looked_up(index)
        self._night = f"{list_date} on {day}"
        # Whether one or both go on by a day, a week has all turns.
        by_date = (list_date.toordinal() + day.toordinal()) % NIGHTS
        self.turn = _turn(self._path, self._content, self._night, by_date)
        self._is_over = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._checked: Future[None] | None = None

    def __enter__(self) -> NightlyCheck:
        if self.turn is not None:
            check_whole(self._looked_up)
            self._checked = self._pool.submit(self._check, self.turn)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._pool.shutdown()

    def finish(self) -> None:
        """Wait for the check; VerificationError when what it read is damaged."""
        if self._checked is None:
            return
        self._checked.result()
        state = {"content": self._content, "night": self._night, "turn": self.turn}
        with suppress(LinkageError), replacing(self._path) as part:  # of somebody else's index the date says the turn
            write_json(part, sealed(state))

    def _check(self, turn: int) -> None:
        for file, chunks in night_share(self._files, turn):
            for start in range(0, chunks.size, _AT_ONCE):
                if self._is_over.is_set():
                    return
                file.check_chunks(chunks[start : start + _AT_ONCE], is_sparing=True)


def looked_up(index: Index) -> list[CheckedFile]:
    """The columns whose values kernels take for places in tables: those of numbers up to 32 bits."""
    small = [name for name, column in index.columns.items() if column.large.dtype.itemsize <= _LARGEST_PLACE]
    names = [f"{folder}columns/{name}.npy" for name in small for folder in ("", f"{CHANGES}/")]
    return [index.files[name] for name in names if name in index.files]


def night_share(files: CheckedFiles, turn: int) -> list[tuple[CheckedFile, NDArray[np.int64]]]:
    """What is read in a night: the share of what was built, which is the same every night, and all of what changed
    since, which is new nearly every night."""
    changed = {name: file for name, file in files.items() if name.startswith(f"{CHANGES}/")}
    built = {name: file for name, file in files.items() if name not in changed}
    return [*share(built, turn, NIGHTS), *share(changed, 0, 1)]


@contextmanager
def damage_told(files: CheckedFiles) -> Iterator[None]:
    """What fails for no reason that is understood may fail for damage: then all files are read, and that is told."""
    try:
        yield
    except (LinkageError, OSError):
        raise
    except Exception:
        check_whole(files.values())
        raise


def _turn(path: Path, content: str, night: str, by_date: int) -> int | None:
    """The share of this night, None when it has been checked."""
    with suppress(LinkageError):  # none yet, or damaged: then by the date
        state = read_sealed(path, "")
        if state.get("content") == content:
            return None if state["night"] == night else (int(state["turn"]) + 1) % NIGHTS
    return by_date
