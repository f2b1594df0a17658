"""How far scoring is from what the machine can do, out of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

_NEEDED = ("reading_memory[2]", "bare_loop[2]", "scoring[none-2]", "scoring[own-2]", "scoring[country-2]")


@dataclass(frozen=True)
class Limits:
    """rates: million pairs a second from the limit of memory down to scoring; nanoseconds: by part, on one core."""

    rates: list[tuple[str, float]]
    nanoseconds: list[tuple[str, float]]
    note: str = "each part by itself over what it works on"


def limits(rows: Sequence[Row]) -> Limits | None:
    """None where something that is needed was not measured."""
    by_name = {row["name"]: row for row in rows}
    if not all(name in by_name for name in _NEEDED):
        return None
    rate = {name: row["amount"] / row["seconds"] / 1e6 for name, row in by_name.items() if row.get("amount")}
    n_bytes = by_name["bare_loop[2]"]["bytes_per_pair"]
    rates = [
        (f"memory read once, {n_bytes} bytes a pair", rate["reading_memory[2]"] / n_bytes),
        ("bare loop: the same values added up, nothing compared", rate["bare_loop[2]"]),
        ("scoring with the bound of 100 million people", rate["scoring[country-2]"]),
        ("scoring with the bound of this registry", rate["scoring[own-2]"]),
        ("scoring exhaustively", rate["scoring[none-2]"]),
    ]
    parts = [row["name"] for row in rows if row["section"] == "Scoring by parts" and row["unit"] == "pairs"]
    named = ["bare_loop[1]", *parts, "scoring[country-1]", "scoring[own-1]", "scoring[none-1]"]
    return Limits(rates, [(name, 1e3 / rate[name]) for name in named if name in rate])
