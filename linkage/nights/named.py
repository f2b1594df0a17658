"""Which night is meant by its id, its date or its number."""

from __future__ import annotations

from linkage.errors import UsageError
from linkage.state.folder import State


def number_of(state: State, named: str) -> int:
    """The number, from 1, of a night of a state by its id, by its number, or by its date where it is the only one.

    Raises UsageError where there is none, or where several are of that date.
    """
    nights = state.nights
    ids = [night["night_id"] for night in nights]
    if named in ids:
        return ids.index(named) + 1
    if named.isdecimal() and 1 <= int(named) <= len(nights):
        return int(named)
    found = [number for number, night in enumerate(nights, 1) if night["date"] == named]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"night {named}: several are of that date: {', '.join(ids[n - 1] for n in found)}; name one")
    last = f", the last one is {ids[-1]} of {nights[-1]['date']}" if ids else ""
    raise UsageError(f"night {named}: there is none of that id, number or date{last}; see 'linkage nights list'")
