"""How much memory this process may have, and how much of it is its own: what cannot be read again from a file when
memory is short."""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

_EVERY_SECONDS = 0.1
_STATUS, _PAGES = Path("/proc/self/status"), Path("/proc/self/statm")

# Where the system says in which groups of processes this one is, by hierarchy, and where these are to be seen.
# Version 2 has one hierarchy and "max" for no limit, version 1 one for memory and a number beyond any machine's.
_GROUPS, _GROUP_ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")

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


def memory_bytes() -> int:
    """The memory that this process may have: that of the machine, or less where it is in a group of processes that has
    less, as in a container or a service of systemd; swap does not count."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_limits()])


def _group_limits() -> Iterator[int]:
    """The limits of the groups that this process is in, of each the groups around it included."""
    try:
        lines = [line.split(":", 2) for line in _GROUPS.read_text("utf-8", "replace").splitlines()]
    except OSError:  # no /proc
        lines = []
    for _, controllers, group in (line for line in lines if len(line) == 3):
        if controllers == "":
            yield from _limits(_GROUP_ROOT, group, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits(_GROUP_ROOT / "memory", group, "memory.limit_in_bytes")


def _limits(root: Path, group: str, name: str) -> Iterator[int]:
    """The limits of a group and of those around it; a container sees its own as the root, whatever it is called
    outside."""
    names = [part for part in PurePosixPath(group).parts if part not in ("/", "..")]
    for n in range(len(names) + 1):
        try:
            text = root.joinpath(*names[:n], name).read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdecimal():
            yield int(text)


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
