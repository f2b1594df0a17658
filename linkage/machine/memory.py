"""The memory of this process that is its own: what cannot be read again from a file when memory is short."""

from __future__ import annotations

import ctypes
import functools
import resource
import threading
from contextlib import AbstractContextManager
from pathlib import Path

_EVERY_SECONDS = 0.1
_STATUS, _PAGES = Path("/proc/self/status"), Path("/proc/self/statm")

# mallopt(3) of the GNU C library: from what size an array is given back to the system when it is gone, and how much
# that is free at the end of a heap stays. The most to which the library itself raises them in time.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = (-3, 32 << 20), (-1, 64 << 20)


@functools.cache
def reuse_freed_memory() -> bool:
    """Have arrays of some megabytes, made and gone thousands of times a run, put where the last ones were.

    Each is otherwise asked of the system anew and filled with zeros by it, page by page, a tenth of the time of the
    kernels that fill it. Holds for the whole process, whatever its environment says. Returns whether the C library can
    be told so; with another one, as musl, all goes on as it does.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*option) == 1 for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))


def anonymous_bytes() -> int:
    """Anonymous memory that is resident now (RssAnon); mapped files, work files among them, do not count."""
    try:
        lines = [line for line in _STATUS.read_text().splitlines() if line.startswith("RssAnon:")]
        if lines:
            return int(lines[0].split()[1]) * 1024
        resident, shared = (int(pages) for pages in _PAGES.read_text().split()[1:3])  # a kernel before 4.5
        return (resident - shared) * resource.getpagesize()
    except OSError:  # no /proc: nothing is known
        return 0


class AnonymousPeak(AbstractContextManager["AnonymousPeak"]):
    """The highest anonymous memory while the context lasts. Linux keeps no such mark: a thread looks ten times a
    second, so a shorter peak may be missed."""

    def __init__(self) -> None:
        self.bytes = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> AnonymousPeak:
        self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._watcher.join()

    def look(self) -> None:
        """Take note of the memory of this moment."""
        self.bytes = max(self.bytes, anonymous_bytes())

    def _watch(self) -> None:
        self.look()
        while not self._ended.wait(_EVERY_SECONDS):
            self.look()


def peak_rss_bytes() -> int:
    """The most memory that this process has had so far, what is mapped of files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
