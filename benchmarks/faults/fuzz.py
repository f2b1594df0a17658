"""Inputs with anything in any place: bytes and parts of files mutated, whatever reads them.

Every file that a command takes is mutated in turn: doses and registry in every format, files to link, a truth,
verdicts, units, a plan, a model, the manifest of a run. A command must read them or say in one line why not; where it
ends well no record may be lost: of each file physical records = decided + rejected.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.commands import Command, make_work
from benchmarks.faults.forked import preload, start_forked
from benchmarks.faults.fuzz_sorts import Sort, sorts_of
from benchmarks.faults.processes import Fault
from benchmarks.faults.town import Town
from benchmarks.faults.trials import WRONG, Trial, broken, files_in, leftover, outcome_of, tried

KIND = "fuzz"
_SECONDS = 120
_LONGEST = 100  # of what was done, as the table names it


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Mutations of every sort of input, in turn."""
    sorts = list(sorts_of(town))
    preload()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in range(n):
            work = make_work(Path(folder) / str(number))
            yield _trial(sorts[number % len(sorts)], work, rng)
            shutil.rmtree(work)


def _trial(sort: Sort, work: Path, rng: random.Random) -> Trial:
    given, out = work / "given", work / "out"
    if sort.beside is None:
        given.mkdir()
    else:
        shutil.copytree(sort.beside, given)
    what, content = sort.mutate(rng)
    (given / sort.file).write_bytes(content)
    name = rng.choice(sorted(sort.commands))
    command = Command(name, sort.arguments(name, given / sort.file, out), (out,))
    before = files_in([work])
    ended = start_forked(command.arguments, work, _SECONDS)
    problem = broken(ended) or leftover(ended, before, files_in([work]), command.writes)
    if problem is None and ended.code == 0:
        problem = _lost(out)
    fault = f"{sort.name}: {what[:_LONGEST]}"
    outcome, detail = outcome_of(ended, problem)
    if outcome != WRONG:
        return Trial(KIND, name, fault, outcome, detail)
    for part in (out, work / "tmp"):
        shutil.rmtree(part)
        part.mkdir()
    return tried(KIND, command, Fault(fault, environment={"TMPDIR": str(work / "tmp")}), work, lambda _: _lost(out))


def _lost(out: Path) -> str | None:
    """What does not add up in a published run or linkage; None where all does."""
    for path in out.rglob("manifest.json"):
        manifest = json.loads(path.read_text("utf-8"))
        outputs = manifest.get("outputs", {})
        if "counts" in manifest:
            inputs = manifest["inputs"]
            if any(file["physical_records"] != file["decided"] + file["rejected"] for file in inputs):
                return f"the sum of a file does not hold: {inputs}"
            rows = sum(outputs[f"{name}.parquet"]["rows"] for name in ("decisions", "queues/rejected"))
            if sum(file["physical_records"] for file in inputs) != rows:
                return f"records came in as {inputs}, and the tables hold {rows}"
        elif "links" in manifest:
            for side, files in manifest["inputs"].items():
                rejected = outputs[f"rejected_{side}.parquet"]["rows"]
                if sum(file["physical_records"] - file["accepted"] for file in files) != rejected:
                    return f"{side}: {rejected} records rejected, of {files}"
    return None
