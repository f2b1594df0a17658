"""The steps that are no command of the program: samples, changes, and looks at what a step made.

``python -m benchmarks.national.tasks NAME ARGUMENTS`` prints what it found as JSON. Files are read in pieces.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

SEED = 7
# What happens to the people of a registry in a day or two.
SHARES = {"moved": 0.4, "corrected": 0.25, "born": 0.15, "died": 0.15, "removed": 0.05}
LAST_DAY = "2022-08-28"


def samples(doses: Path, out: Path, *sizes: str) -> dict[str, Any]:
    """Random doses of a file, as many as each size says, in the order of the file: OUT/<size>.parquet."""
    source = pq.ParquetFile(doses)
    n_rows = source.metadata.num_rows
    rng = np.random.default_rng(SEED)
    chosen = {int(size): np.sort(rng.choice(n_rows, int(size), replace=False, shuffle=False)) for size in sizes}
    out.mkdir(parents=True, exist_ok=True)
    writers = {size: pq.ParquetWriter(out / f"{size}.parquet", source.schema_arrow) for size in chosen}
    for first, batch in _batches(source):
        for size, rows in chosen.items():
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + batch.num_rows)] - first
            writers[size].write_batch(batch.take(pa.array(here)))
    for writer in writers.values():
        writer.close()
    return {"rows": n_rows, "samples": sorted(chosen)}


def csv(doses: Path, out: Path) -> dict[str, Any]:
    """The same doses as CSV."""
    source = pq.ParquetFile(doses)
    with pa.csv.CSVWriter(out, source.schema_arrow) as writer:
        for _, batch in _batches(source):
            writer.write_batch(batch)
    return {"rows": source.metadata.num_rows, "bytes": out.stat().st_size}


def changes(registry: Path, out: Path, n_changes: str, seed: str = str(SEED)) -> dict[str, Any]:
    """Changes to random people of a registry, in the proportions of SHARES; another seed changes others."""
    source = pq.ParquetFile(registry)
    counts = {kind: round(int(n_changes) * share) for kind, share in SHARES.items()}
    people = _random_people(source, sum(counts.values()), int(seed))
    tables, first = [], 0
    for kind, n in counts.items():
        tables.append(_changed(kind, people.slice(first, n), int(seed)))
        first += n
    pq.write_table(pa.concat_tables(tables), out)
    return counts


def _random_people(source: pq.ParquetFile, n: int, seed: int) -> pa.Table:
    """Rows of a registry drawn without replacement, in random order."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(source.metadata.num_rows, n, replace=False))
    parts = []
    for first, batch in _batches(source):
        here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + batch.num_rows)] - first
        parts.append(batch.take(pa.array(here)))
    return pa.Table.from_batches(parts).take(pa.array(rng.permutation(n)))


def _changed(kind: str, people: pa.Table, seed: int) -> pa.Table:
    """The rows that state what happened to these people."""
    n = people.num_rows
    nothing = pa.nulls(n, pa.string())
    others = people.take(pa.array(np.roll(np.arange(n), 1)))
    if kind == "moved":
        return _with(people, commune_code=others.column("commune_code"), residence_commune_code=nothing)
    if kind == "corrected":
        return _with(people, phone=others.column("phone"), full_name=others.column("full_name"))
    if kind == "died":
        return _with(people, status=pa.array(["deceased"] * n), date_of_death=pa.array([LAST_DAY] * n))
    if kind == "removed":
        return _with(people, status=pa.array(["removed"] * n))
    # A birth: a new person in the commune of somebody, with a name of somebody.
    return _with(
        people,
        person_id=pa.array([f"NEW{seed}-{number:09}" for number in range(n)]),
        date_of_birth=pa.array([LAST_DAY] * n),
        status=pa.array(["alive"] * n),
        full_name=others.column("full_name"),
        gender=others.column("gender"),
        **dict.fromkeys(("id_number", "old_id_number", "phone", "insurance_number", "date_of_death"), nothing),
    )


def _with(table: pa.Table, **columns: Any) -> pa.Table:
    for name, column in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), column)
    return table


def same(first: Path, second: Path) -> dict[str, Any]:
    """Whether two simulations made the same registry; the second is removed, for both together would fill the disk."""
    digests = []
    for path in (first, second):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    second.unlink()
    if digests[0] != digests[1]:
        sys.exit("the registry made with other doses is another one: runs of its doses measure time alone")
    return {"sha256": digests[0]}


def opened(index: Path) -> dict[str, Any]:
    """Seconds to open an index in a process that has loaded the program, and how many people it holds."""
    from linkage.registry.index import open_index

    start = time.perf_counter()
    index_opened = open_index(index)
    seconds = time.perf_counter() - start
    return {"open_seconds": round(seconds, 4), "persons": index_opened.n_persons}


def evaluated(runs: Path, truth: Path) -> dict[str, Any]:
    """What the truth says of the one run in a folder of runs."""
    from linkage.insight.evaluate import evaluate
    from linkage.published.reader import published_runs

    (run,) = published_runs(runs)
    found = evaluate(run, truth)
    parts = {"precision": found.precision["automatic"], "recall": found.recall, "reachable": found.reachable}
    return {name: asdict(part) for name, part in parts.items()} | {"false_match_doses": found.false_match_doses}


def _batches(source: pq.ParquetFile) -> Any:
    """(first row, batch) through a file."""
    first = 0
    for batch in source.iter_batches(1 << 18):
        yield first, batch
        first += batch.num_rows


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "samples": samples,
    "csv": csv,
    "changes": changes,
    "same": same,
    "open": opened,
    "evaluate": evaluated,
}


def run(commands: Mapping[str, Callable[..., dict[str, Any]]], words: Sequence[str]) -> None:
    """Run the command that is the first word on the others, and print what it found."""
    name, *given = words
    # Paths come absolute, so that a word with a slash is one.
    print(json.dumps(commands[name](*(Path(word) if "/" in word else word for word in given))))


if __name__ == "__main__":
    run(COMMANDS, sys.argv[1:])
