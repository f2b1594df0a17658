"""Small counts hidden: what a reader of a table could otherwise tell of single people.

Counts under five are shown as "<5" and the others rounded to fives, for a hidden count must not follow from the sum of
its row; shares are worked out from the rounded counts.
"""

from __future__ import annotations

FEW = 5


def rounded(count: int) -> int:
    """The count to the nearest five, halves cannot occur; 0 for what is hidden."""
    return 0 if count < FEW else (count + FEW // 2) // FEW * FEW


def shown(count: int) -> str:
    """The count as a table shows it; nobody is "0"."""
    return f"<{FEW}" if 0 < count < FEW else f"{rounded(count):,}"
