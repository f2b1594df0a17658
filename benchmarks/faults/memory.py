"""Short memory: a limit on the addresses that a command may ask for."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.faults.commands import COMMANDS, command_of, make_work
from benchmarks.faults.processes import Fault
from benchmarks.faults.town import Town
from benchmarks.faults.trials import Trial, tried
from benchmarks.faults.undisturbed import Undisturbed, undisturbed

KIND = "memory"

_LEAST_BYTES, _MOST_BYTES = 512 << 20, 4 << 30


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Every command in turn, under limits from half a GiB to four."""
    known: dict[str, Undisturbed] = {}
    names = list(COMMANDS)
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        for number in range(n):
            name = names[number % len(names)]
            if name not in known:
                known[name] = undisturbed(name, town, Path(folder) / "undisturbed" / name)
            # Evenly by their logarithm: more of the small ones, where commands fail.
            limit = int(_LEAST_BYTES * (_MOST_BYTES / _LEAST_BYTES) ** rng.random())
            work = make_work(Path(folder) / str(number))
            prefix, environment = ("prlimit", f"--as={limit}"), {"TMPDIR": str(work / "tmp")}
            fault = Fault(f"{limit / 2**30:.2f} GiB of addresses", prefix, environment)
            yield tried(KIND, command_of(name, town, work), fault, work, partial(known[name].check, work))
            shutil.rmtree(work)
