"""The errors a user meets: one family, each with the exit code of the command that raised it and the kind for --json.

Exit codes: 0 done, 1 handled failure, 2 usage or unusable input, 3 quality gate, 4 verification failed, 75 try later,
130 interrupted. A message names what, where (file, row, column, value) and the remedy, on one line.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType


class LinkageError(Exception):
    """A failure the program understands; its text is the whole message for the user."""

    exit_code = 1
    kind = "failure"
    result: Mapping[str, object] = MappingProxyType({})  # what the command found all the same, for --json


class UsageError(LinkageError):
    """The command, an option, the plan or the configuration is wrong."""

    exit_code = 2
    kind = "usage"


class InputError(LinkageError):
    """An input file cannot be used at all (unreadable, wrong columns, empty, unsafe)."""

    exit_code = 2
    kind = "input"


class QualityGateError(LinkageError):
    """The input can be read, but a quality gate of the plan forbids to publish a result from it."""

    exit_code = 3
    kind = "gate"


class VerificationError(LinkageError):
    """A sum, checksum or count that must hold does not hold."""

    exit_code = 4
    kind = "verification"


class TryLaterError(LinkageError):
    """Another run holds the lock."""

    exit_code = 75
    kind = "try_later"


# What the system refuses for want of something of its own, and what to do about it.
_WANTS = {
    errno.EMFILE: "let the program open more files (ulimit -n)",
    errno.ENFILE: "let the system open more files (fs.file-max), or close other programs",
    errno.ENOSPC: "free space there and on the disks of work files and compiled code",
    errno.EDQUOT: "free space there and on the disks of work files and compiled code",
}


def machine_fault(error: BaseException) -> LinkageError | None:
    """What to tell where a file could not be read for want of something of this machine; None for other reasons."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _WANTS:
            where = f"{cause.filename}: " if cause.filename else ""
            return LinkageError(f"{where}{disk_reason(cause)}; {_WANTS[cause.errno]}")
        cause = cause.__cause__
    return None


def disk_reason(error: OSError) -> str:
    """Why the system refused something of a disk, on one line."""
    text = error.strerror or " ".join(str(error).split())[:200]
    # What numpy says of a file that could not be written to its end.
    return "no space left for it" if " requested and " in text else text
