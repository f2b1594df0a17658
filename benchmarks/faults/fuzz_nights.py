"""What nights read with anything in any place, by the hundred thousand: read in one process after the other, which is
replaced where an input ends it, and ended where one takes too long.

Each input is made from the seed and its number alone. So a count goes on where it stopped, and an input that was read
wrong is made again by its number: ``python -m benchmarks.faults.fuzz_nights TOWN SEED NUMBER``.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.faults.in_process import is_answered
from benchmarks.faults.night_sorts import NightSort, night_sorts, refused
from benchmarks.faults.town import Town, make_town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG, Trial
from linkage.errors import LinkageError

KIND = "fuzz_nights"
SECONDS = 120  # of the processor, for an input that takes a hundredth, or without any of it
_MOST_BYTES = 24 << 30  # of address space
_MOST_MORE_BYTES = 512 << 20  # in memory than any input took before
_LONGEST = 100  # of what was done, as the table names it


def numbered(town: Town, seed: int, numbers: range) -> Iterator[Trial]:
    """The inputs of some numbers, in their order."""
    spawning = multiprocessing.get_context("spawn")
    at = numbers.start
    while at < numbers.stop:
        ours, theirs = spawning.Pipe(duplex=False)
        process = spawning.Process(target=_serve, args=(theirs, town, seed, range(at, numbers.stop)), daemon=True)
        process.start()
        theirs.close()
        try:
            while at < numbers.stop and is_answered(ours, process.pid or 0, SECONDS):
                yield ours.recv()
                at += 1
            problem = "" if at == numbers.stop else f"hangs, or takes more than {SECONDS} s"
        except EOFError:
            process.join()
            problem = f"ends the process with {process.exitcode}"
        process.kill()
        process.join()
        if problem:
            yield Trial(KIND, "unknown", f"input {at} of seed {seed}", WRONG, problem)
            at += 1


def _serve(pipe: Connection[Any, Any], town: Town, seed: int, numbers: range) -> None:
    """Read one input after the other, and tell of each."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    with tempfile.TemporaryDirectory(prefix="fuzz-nights-") as folder:
        sorts = list(night_sorts(town, Path(folder)))
        for number in numbers:
            pipe.send(read_numbered(sorts, seed, number))


def read_numbered(sorts: list[NightSort], seed: int, number: int) -> Trial:
    """One input; its sort follows from the number."""
    rng = random.Random(f"{KIND} {seed} {number}")
    (sort,) = rng.choices(sorts, [sort.times for sort in sorts])
    what, path, content = sort.mutate(rng)
    before = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)  # its bytes may have another name
    path.write_bytes(content)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        problem = sort.read(path)
        outcome, detail = (RIGHT, "") if problem is None else (WRONG, problem)
    except LinkageError as error:
        problem = refused(error, sort.codes)
        outcome, detail = (TOLD, str(error)) if problem is None else (WRONG, problem)
    except Exception as error:  # whatever else comes is what is looked for
        outcome, detail = WRONG, f"{type(error).__name__}: {error}"
    finally:
        path.unlink()
        if before is not None:
            path.write_bytes(before)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) << 10
    if more > _MOST_MORE_BYTES and outcome != WRONG and number:
        outcome, detail = WRONG, f"takes {more >> 20} MiB more than any input before"
    return Trial(KIND, sort.name, f"input {number} of seed {seed}: {what[:_LONGEST]}", outcome, detail)


def main() -> None:
    """Read one input and show what became of it, as it is."""
    place, seed, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    town = Town(place) if place.exists() else make_town(place)
    with tempfile.TemporaryDirectory(prefix="fuzz-nights-") as folder:
        print(read_numbered(list(night_sorts(town, Path(folder))), seed, number))


if __name__ == "__main__":
    main()
