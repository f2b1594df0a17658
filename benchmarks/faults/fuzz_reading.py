"""Doses and registry with anything in any place, read in this process: a reading takes a twentieth of a second, so ten
are tried for one trial of a command (benchmarks.faults.fuzz).

What is read must add up: every record accepted or rejected, each at its own place in the file.
"""

from __future__ import annotations

import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.fuzz_sorts import Sort, sorts_of
from benchmarks.faults.town import Town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG, Trial
from linkage.errors import LinkageError
from linkage.ingest import Ingested, ingest
from linkage.schema import DOSES, REGISTRY

KIND = "fuzz_reading"
_TIMES, _SECONDS = 10, 120
_SCHEMAS = {"doses": DOSES, "registry": REGISTRY}


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Mutations of doses and registry in every form, in turn."""
    sorts = [sort for sort in sorts_of(town) if sort.name.split(".")[0] in _SCHEMAS and not sort.name.endswith(".gz")]
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in range(_TIMES * n):
            yield read_once(sorts[number % len(sorts)], Path(folder), rng)


def read_once(sort: Sort, folder: Path, rng: random.Random) -> Trial:
    """One mutation, read."""
    what, content = sort.mutate(rng)
    path = folder / sort.file
    path.write_bytes(content)
    name = sort.name.split(".")[0]
    signal.alarm(_SECONDS)
    try:
        problem = lost(ingest([path], _SCHEMAS[name], scratch=folder))
        outcome, detail = (RIGHT, "") if problem is None else (WRONG, problem)
    except LinkageError as error:
        outcome, detail = (TOLD, str(error)) if len(str(error).splitlines()) == 1 else (WRONG, f"lines: {error}")
    except Exception as error:  # whatever else comes is what is looked for
        outcome, detail = WRONG, f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return Trial(KIND, f"read {sort.name}", what, outcome, detail)


def lost(ingested: Ingested) -> str | None:
    """What does not add up; None where all does."""
    file = ingested.files[0]
    n_accepted, n_rejected = ingested.accepted.num_rows, ingested.rejected.num_rows
    if not file.physical_records == file.accepted + file.rejected == n_accepted + n_rejected:
        return f"{file.physical_records} records, {n_accepted} accepted and {n_rejected} rejected"
    places = sorted([*ingested.positions().tolist(), *ingested.rejected["position"].to_pylist()])
    return None if places == list(range(1, file.physical_records + 1)) else "a record has no place of its own"


def _stop(*_: object) -> None:
    raise TimeoutError(f"was read for {_SECONDS} s")
