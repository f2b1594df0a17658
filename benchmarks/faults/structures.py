"""Structural mutations of what a TOML or JSON file holds: leaves replaced by hostile values, keys gone, more keys."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[Any, ...]  # keys of tables and places in lists

_DEEP: Any = 0
for _ in range(60):
    _DEEP = [_DEEP]

HOSTILE: tuple[Any, ...] = (
    *("", " ", "x", "\0", "a\nb", "../victim", "/etc/passwd", "\x1b[31mred", "[red]", "\u202egnp", "x" * 5000, "nan"),
    *(0, 1, -1, 3, 2**31, 2**63 - 1, 10**400, -(10**30)),
    *(0.0, 0.5, -0.5, 1e-320, 1e308, float("nan"), float("inf"), float("-inf")),
    *(True, False, None, [], {}, [[]], [""], ["x", "x"], [0.5, 0.5], [None], {"x": 1}, _DEEP),
)


def leaves(content: Any, at: Path = ()) -> Iterator[Path]:
    """The paths of all values of a structure, tables and lists among them."""
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in parts:
        yield (*at, key)
        yield from leaves(value, (*at, key))


def mutated(content: dict[str, Any], rng: random.Random) -> tuple[str, dict[str, Any]]:
    """(what was done, a copy of the content with it done)."""
    found = copy.deepcopy(content)
    path = rng.choice(list(leaves(content)))
    holder: Any = found
    for step in path[:-1]:
        holder = holder[step]
    key = path[-1]
    match rng.randrange(6):
        case 0:
            del holder[key]
            what = "deleted"
        case 1:
            value = copy.deepcopy(rng.choice([_at(content, other) for other in leaves(content)]))
            holder[key] = value
            what = f"= {value!r:.40}, of another place"
        case 2 if isinstance(holder, dict):
            holder[rng.choice(["x", f"{key}s", "", "\x1b"])] = holder[key]
            what = "beside it one more key"
        case 2 | 3 if isinstance(holder, list):
            holder.insert(int(key), copy.deepcopy(holder[key]))
            what = "doubled"
        case _:
            value = copy.deepcopy(rng.choice(HOSTILE))
            holder[key] = value
            what = f"= {value!r:.40}"
    return f"{'.'.join(map(str, path))} {what}", found


def _at(content: Any, path: Path) -> Any:
    found = content
    for step in path:
        found = found[step]
    return found
