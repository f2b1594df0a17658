"""Tables and figures of the reports as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows)]


def count(n: float) -> str:
    """12,345."""
    return f"{n:,.0f}"


def gib(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.2f}"


def seconds(value: float) -> str:
    """Three digits are enough: 0.000123, 1.23, 12.3, 1234."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
