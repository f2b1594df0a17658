"""Whether a command failed for want of something of this machine, whatever its error blames."""

from __future__ import annotations

from linkage.errors import LinkageError, machine_fault
from linkage.machine.address_limit import shortage


def fault_of(error: BaseException) -> LinkageError | None:
    """What to tell where memory, room on a disk or open files were short; None where they were not, or where the error
    tells so itself."""
    if (reason := shortage(error)) is not None:
        return LinkageError(f"memory is short ({reason}): give the program more (ulimit -v), or smaller files")
    is_told = isinstance(error, LinkageError) and error.exit_code == LinkageError.exit_code  # and no file is blamed
    return None if is_told else machine_fault(error)
