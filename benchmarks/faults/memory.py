"""Short memory: a limit on the addresses that a command may ask for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from benchmarks.faults.commands import COMMANDS, command_of
from benchmarks.faults.processes import Fault
from benchmarks.faults.town import Town
from benchmarks.faults.trials import Trial, tried
from benchmarks.faults.undisturbed import in_turn

KIND = "memory"

_LEAST_BYTES, _MOST_BYTES = 512 << 20, 4 << 30


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Every command in turn, under limits from half a GiB to four."""
    for name, known, work in in_turn(list(COMMANDS), town, n, "memory-"):
        # Evenly by their logarithm: more of the small ones, where commands fail.
        limit = int(_LEAST_BYTES * (_MOST_BYTES / _LEAST_BYTES) ** rng.random())
        prefix, environment = ("prlimit", f"--as={limit}"), {"TMPDIR": str(work / "tmp")}
        fault = Fault(f"{limit / 2**30:.2f} GiB of addresses", prefix, environment)
        yield tried(KIND, command_of(name, town, work), fault, work, partial(known.check, work))
