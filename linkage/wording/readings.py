"""How a record is read otherwise than typed, as text: "gender: the other sex; phone: not stated"."""

from __future__ import annotations

_IS, _AND = ": ", "; "


def with_reading(text: str, field: str, how: str) -> str:
    """A text, "" for none, with one reading more."""
    told = f"{field}{_IS}{how}"
    return f"{text}{_AND}{told}" if text else told


def readings_of(text: str) -> list[tuple[str, str]]:
    """The fields and how each is read, in the order in which they are."""
    return [(field, how) for field, _, how in (told.partition(_IS) for told in text.split(_AND))]
