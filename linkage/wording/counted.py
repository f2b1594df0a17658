"""Numbers with their nouns, in messages."""

from __future__ import annotations


def counted(n: int, noun: str, verbs: tuple[str, str] | None = None) -> str:
    """ "1 key", "2,000 keys"; with verbs, of one and of several, "1 row is", "2 rows are"."""
    text = f"{n:,} {noun if n == 1 else f'{noun}s'}"
    return text if verbs is None else f"{text} {verbs[n != 1]}"
