"""A limit on the addresses of the process (``ulimit -v``): lived with where that is possible, else told in one line. Of
memory in which nothing runs, as a container may have, too.

Libraries ask for addresses that they hardly use: an arena of the C library for every thread, Arrow's pool, a stack for
each of its threads. Two GiB of them are gone before a small file is read, and what meets the limit first may be a
library's own thread, which ends the process without a word, or never answers. So they are asked to do with less.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from pathlib import Path

from linkage.errors import LinkageError
from linkage.machine.memory import memory_bytes

LEAST_BYTES = 1 << 30  # what libraries and a small file take, with little to spare
LEAST_MEMORY_BYTES = 256 << 20  # of it that is really used; the system ends a process in a group that has less
_AMPLE_BYTES = 64 << 30
# mallopt(3) of the GNU C library: how many arenas threads share.
_ARENA_MAX = (-8, 1)
_THRIFT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "2",  # of Arrow's threads too
    "OPENBLAS_NUM_THREADS": "1",
}
# What libraries say, whose errors are of no kind of their own.
_SHORTAGES = (
    "can't start new thread",
    "failed to launch worker thread",
    "bad_alloc",
    "out of memory",
    "bad allocation",
)


def fit_limit() -> None:
    """Make the libraries fit in the limit, before any of them is loaded.

    Raises
    ------
    LinkageError : nothing would fit in it
    """
    memory = memory_bytes()
    if memory < LEAST_MEMORY_BYTES:
        raise LinkageError(
            f"memory is short: this process may have {memory / 2**20:,.0f} MiB, and the program needs "
            f"{LEAST_MEMORY_BYTES / 2**20:,.0f} MiB and more: give the container or service more (memory.max)"
        )
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit >= _AMPLE_BYTES:
        return
    if limit < LEAST_BYTES:
        raise LinkageError(
            f"memory is short: addresses are limited to {limit / 2**30:.2f} GiB, and the program needs "
            f"{LEAST_BYTES / 2**30:.0f} GiB and more: raise the limit (ulimit -v)"
        )
    for name, value in _THRIFT.items():
        os.environ.setdefault(name, value)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(*_ARENA_MAX)


def need_addresses(n_bytes: int, what: str) -> None:
    """Make sure that a library which waits for ever where it gets no addresses will get them.

    Raises
    ------
    LinkageError : the limit leaves fewer than ``n_bytes``
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    if limit != resource.RLIM_INFINITY and limit - taken < n_bytes:
        raise LinkageError(
            f"memory is short: of the {limit / 2**30:.2f} GiB to which addresses are limited {taken / 2**30:.2f} are "
            f"taken, and {what} needs {n_bytes / 2**30:.2f} more: raise the limit (ulimit -v)"
        )


def shortage(error: BaseException) -> str | None:
    """What memory could not be had for, if that is the reason of an error; None if it is another."""
    while True:
        is_memory = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        text = " ".join(str(error).split())
        is_ours = isinstance(error, LinkageError)
        if is_memory or (not is_ours and any(sign in text.lower() for sign in _SHORTAGES)):
            return text[:200] or type(error).__name__
        if error.__cause__ is None:
            return None
        error = error.__cause__
