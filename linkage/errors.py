"""The errors a user meets: one family, each with the exit code of the command that raised it.

Exit codes: 0 done, 1 handled failure, 2 usage or unusable input, 3 quality gate, 4 verification failed, 75 try later,
130 interrupted. A message names what, where (file, row, column, value) and the remedy, on one line.
"""


class LinkageError(Exception):
    """A failure the program understands; its text is the whole message for the user."""

    exit_code = 1


class UsageError(LinkageError):
    """The command, an option, the plan or the configuration is wrong."""

    exit_code = 2


class InputError(LinkageError):
    """An input file cannot be used at all (unreadable, wrong columns, empty, unsafe)."""

    exit_code = 2


class QualityGateError(LinkageError):
    """The input can be read, but a quality gate of the plan forbids to publish a result from it."""

    exit_code = 3


class VerificationError(LinkageError):
    """A sum, checksum or count that must hold does not hold."""

    exit_code = 4


class TryLaterError(LinkageError):
    """Another run holds the lock."""

    exit_code = 75
