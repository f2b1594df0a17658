"""Links vaccination doses with the national population registry: tables, people and time.

From Python any two tables can be linked: ``linkage.propose_plan`` and ``linkage.link_tables`` (see linkage.api), which
are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linkage.api import LinkResult, ProposedPlan, link_tables, propose_plan

__all__ = ["LinkResult", "ProposedPlan", "link_tables", "propose_plan"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("linkage.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
