"""The format of a file that is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from linkage.errors import UsageError


def format_of(out: Path, fmt: str | None, formats: Sequence[str]) -> str:
    """The format of a file to be written: the one that is asked for, or that of its name, or the first where its name
    has none.

    UsageError where the two contradict each other, or the name is of none of the formats.
    """
    named = out.suffix.lower().removeprefix(".")
    if fmt is not None and fmt not in formats:
        raise UsageError(f"--format {fmt}: unknown; use one of {', '.join(formats)}")
    if named and named not in formats:
        raise UsageError(f"--out {out.name}: is no file of this form; end its name in .{', .'.join(formats)}")
    if fmt is not None and named and fmt != named:
        raise UsageError(f"--out {out.name} and --format {fmt} contradict each other; leave --format out")
    return fmt or named or formats[0]
