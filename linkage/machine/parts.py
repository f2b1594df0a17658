"""How much of a large batch is worked on at a time."""

from __future__ import annotations

from collections.abc import Iterator

# Some hundred bytes a row are needed for a part of an output table. The registry's rows and the records are gone
# through once for each part, so smaller parts take longer.
PART_ROWS = 1 << 20


def parts_of(n: int, rows: int = PART_ROWS) -> Iterator[slice]:
    """The numbers below n in parts of so many."""
    return (slice(start, min(start + rows, n)) for start in range(0, n, rows))


def n_parts(n: int) -> int:
    """Into how many parts n rows fall, at least one."""
    return max(1, -(-n // PART_ROWS))
