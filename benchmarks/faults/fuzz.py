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
from linkage.published.manifests import night_files

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
    what, content = sort.mutate(rng)
    _give(sort, given, content)
    name = rng.choice(sorted(sort.commands))
    writes = (out, *(given / place for place in sort.writes))
    command = Command(name, sort.arguments(name, given / sort.file, out), writes)
    before = files_in([work])
    ended = start_forked(command.arguments, work, _SECONDS)
    problem = broken(ended) or leftover(ended, before, files_in([work]), command.writes)
    if problem is None and ended.code == 0:
        problem = _lost(*writes)
    fault = f"{sort.name}: {what[:_LONGEST]}"
    outcome, detail = outcome_of(ended, problem)
    if outcome != WRONG:
        return Trial(KIND, name, fault, outcome, detail)
    for part in (out, work / "tmp"):
        shutil.rmtree(part)
        part.mkdir()
    shutil.rmtree(given)
    _give(sort, given, content)
    return tried(KIND, command, Fault(fault, environment={"TMPDIR": str(work / "tmp")}), work, lambda _: _lost(*writes))


def _give(sort: Sort, given: Path, content: bytes) -> None:
    """The mutated file, with what is beside it."""
    if sort.beside is None:
        given.mkdir()
    else:
        shutil.copytree(sort.beside, given)
    (given / sort.file).write_bytes(content)


def _lost(*places: Path) -> str | None:
    """What does not add up in published runs, nights or linkages; None where all does."""
    for path in (path for place in places for path in place.rglob("manifest.json")):
        manifest = json.loads(path.read_text("utf-8"))
        outputs = manifest.get("outputs", {})
        if "night_id" in manifest:
            files = night_files(manifest)
            if any(file["physical_records"] != file["decided"] + file["rejected"] for file in files):
                return f"the sum of a file does not hold: {files}"
            if sum(file["rejected"] for file in files) != outputs["queues/rejected.parquet"]["rows"]:
                return f"of {files} the night rejects other records"
        elif "counts" in manifest and "inputs" in manifest and outputs:
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
