"""How a figure is measured: what runs, how much of what it works off, and what is told beside the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 5
# What a time beside Splink is of; GIVEN is said of ours where the pairs are known beforehand.
BOUND, EXHAUSTIVE, GIVEN, PREDICT, END_TO_END = "with the bound", "exhaustive", ", pairs given", "predict", "end to end"


def measure(
    benchmark: BenchmarkFixture,
    section: str,
    amount: float,
    unit: str,
    work: Callable[[], object],
    *,
    rounds: int = ROUNDS,
    is_compiled: bool = False,
    **told: Any,
) -> None:
    """The median of some rounds, after one that compiles and brings the data into the caches.

    Parameters
    ----------
    section : heading of the report that the figure stands under
    amount, unit : what one round works off, as 1e6 "pairs"
    is_compiled : leaves the first round out, for work that is long and compiles nothing
    told : what else belongs to the figure
    """
    benchmark.group = section
    if not is_compiled:
        work()
    benchmark.pedantic(work, rounds=rounds, iterations=1)
    told_beside(benchmark, amount, unit, **told)


def told_beside(benchmark: BenchmarkFixture, amount: float, unit: str, **told: Any) -> None:
    """What the report tells beside the time."""
    benchmark.extra_info.update({"amount": amount, "unit": unit, **told})
