"""What the nights of the national benchmark are given, and what their state holds.

``python -m benchmarks.national.night_files NAME ARGUMENTS`` prints what it found as JSON.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.national import tasks

_CONFIGURATION = """\
format = 1
index = "../index"
state = "state"
nights = "published"
model = "../model.json"
[sources]
doses = ["in/{date}/doses.parquet"]
registry_changes = ["in/{date}/registry.parquet"]
verdicts = ["in/{date}/verdicts.csv"]
"""
_NOBODY = 5  # of so many verdicts one says that the person is not in the registry


def cut(doses: Path, out: Path, *pieces: str) -> dict[str, Any]:
    """The doses of nights, from a file of all: each piece says date:start:end in rows, and may hold what another does.

    The file goes, for both together would fill the disk. Beside the doses comes the configuration of the nights.
    """
    source = pq.ParquetFile(doses)
    wanted = [(date, int(start), int(end)) for date, start, end in (piece.split(":") for piece in pieces)]
    writers = {}
    for date, _, _ in wanted:
        (out / "in" / date).mkdir(parents=True)
        writers[date] = pq.ParquetWriter(out / "in" / date / "doses.parquet", source.schema_arrow)
    first = 0
    for batch in source.iter_batches(1 << 18):
        for date, start, end in wanted:
            low, high = max(start - first, 0), min(end - first, batch.num_rows)
            if low < high:
                writers[date].write_batch(batch.slice(low, high - low))
        first += batch.num_rows
    for writer in writers.values():
        writer.close()
    (out / "night.toml").write_text(_CONFIGURATION, encoding="utf-8")
    doses.unlink()
    return {"rows": {date: end - start for date, start, end in wanted}}


def changes(registry: Path, out: Path, n_changes: str, seed: str, *inputs: Path) -> dict[str, Any]:
    """Changes of the registry, see tasks.changes; inputs: the files of nights that are to have them."""
    found = tasks.changes(registry, out, n_changes, seed)
    for path in inputs:
        path.unlink(missing_ok=True)
        os.link(out, path)
    return found


def verdicts(published: Path, out: Path, n_verdicts: str) -> dict[str, Any]:
    """Verdicts on claims that nights sent to review: on the first candidate, or that it is nobody."""
    paths = sorted(published.glob("*/queues/review.parquet"))
    columns = ["claim_id", "person_id", "rank"]
    rows = pa.concat_tables([pq.read_table(path, columns=columns) for path in paths])
    rows = rows.filter(pc.equal(rows["rank"], 1)).group_by("claim_id").aggregate([("person_id", "min")])
    rows = rows.sort_by("claim_id")
    n = min(int(n_verdicts), rows.num_rows)
    rows = rows.take(pa.array(np.random.default_rng(tasks.SEED).choice(rows.num_rows, n, replace=False)))
    is_nobody = np.arange(n) % _NOBODY == 0
    table = pa.table(
        {
            "claim_id": rows["claim_id"],
            "verdict": np.where(is_nobody, "nobody", "person"),
            "person_id": pc.if_else(pa.array(is_nobody), None, rows["person_id_min"]),
            "unit": pa.repeat("benchmark", n),
            "decided_by": pa.repeat("officer", n),
            "decided_at": pa.repeat("2024-07-31T12:00:00", n),
        }
    )
    pa.csv.write_csv(table, out)
    return {"verdicts": n, "of": len(paths)}


def known(configuration: Path, n_nights: str) -> dict[str, Any]:
    """How many claims and doses the state holds after so many nights, and the bytes of each of its tables."""
    from linkage.nights.configuration import read_configuration
    from linkage.state.folder import PARTS, open_state
    from linkage.state.tables import DECIDED_CLAIMS

    back(configuration, n_nights)
    state = open_state(read_configuration(configuration).state)
    claims = [part.read(["claim"])["claim"].to_numpy() for part in state.parts(DECIDED_CLAIMS)]
    n_bytes: dict[str, int] = {}
    for name, file in state.files.items():
        table = Path(name).name.partition(".")[0] if name.startswith(f"{PARTS}/") else "model"
        n_bytes[table] = n_bytes.get(table, 0) + file.n_bytes
    counts = {"claims": int(np.unique(np.concatenate(claims)).size), "doses": sum(state.manifest["counts"].values())}
    return counts | {"parts": len(state.manifest["parts"]), "bytes": n_bytes}


def back(configuration: Path, n_nights: str) -> dict[str, Any]:
    """Take nights back until so many are left."""
    from linkage.nights.configuration import read_configuration
    from linkage.nights.taking_back import take_back
    from linkage.state.folder import open_state

    config = read_configuration(configuration)
    n_there = len(open_state(config.state).nights)
    if n_there < int(n_nights):
        sys.exit(f"the state has {n_there} nights, {n_nights} are needed: measure the steps before again")
    taken = take_back(config, str(int(n_nights) + 1)).nights if n_there > int(n_nights) else []
    return {"taken_back": len(taken)}


COMMANDS = {"cut": cut, "changes": changes, "verdicts": verdicts, "known": known, "back": back}


if __name__ == "__main__":
    tasks.run(COMMANDS, sys.argv[1:])
