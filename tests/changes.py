"""Random changes to a registry, as files to be applied, and the registry that they lead to."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from blocking.keys import Keys
from blocking.parts import find_in_parts
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index, open_index
from tests.district import Row, write

Step = list[Row]


def draw_steps(rng: np.random.Generator, persons: list[Row], new: list[Row], n_steps: int) -> list[Step]:
    """Changes of several days: persons removed, moved to others' communes, given others' names and numbers, some of
    them more than once; new ones, some of whom are removed again or come back."""
    steps = []
    for number in range(n_steps):
        n = int(rng.integers(1, 40))
        touched = rng.choice(len(persons), n, replace=False)
        step = [_changed(rng, persons[i], persons[int(rng.integers(len(persons)))]) for i in touched]
        step += new[number::n_steps]
        earlier = [row for before in steps for row in before if rng.random() < 0.2]
        ids = {row["person_id"] for row in step}
        step += [_changed(rng, row, persons[0]) for row in earlier if row["person_id"] not in ids]
        steps.append(list({row["person_id"]: row for row in step}.values()))
    return steps


def _changed(rng: np.random.Generator, row: Row, other: Row) -> Row:
    kind = rng.integers(6)
    if kind == 0:
        return row | {"status": "removed"}
    if kind == 1:
        return row | {"commune_code": None, "status": None}
    names = [("commune_code",), ("full_name", "gender"), ("phone", "insurance_number"), ("full_name", "date_of_birth")]
    return row | {name: other[name] for name in names[int(rng.integers(4))]} | {"status": None}


def changed_registry(persons: list[Row], steps: list[Step]) -> list[Row]:
    """The registry after all steps."""
    living = {row["person_id"]: row for row in persons}
    for row in (row for step in steps for row in step):
        if (row["status"] or "").strip().lower() == "removed":
            living.pop(row["person_id"], None)
        else:
            living[row["person_id"]] = row
    return list(living.values())


def changes_csv(path: Path, rows: list[Row]) -> Path:
    """Changes as a CSV with the columns that the rows have."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def build(folder: Path, rows: list[Row], out: Path, plan_file: Path | None = None) -> Path:
    path = write(out.with_suffix(".parquet"), rows, folder / "registry.parquet")
    build_from_files([path], out, units=folder / "units", plan_file=plan_file)
    return out


def living_blocks(index: Index, name: str, keys: Keys, max_block: int) -> list[tuple[set[int], int, int]]:
    """Of each key uint64[n] the living rows of its block in a pass, their number as told, and that before narrowing."""
    found = find_in_parts(index.passes[name], keys[:, None], max_block)
    sizes, narrowed = found.sizes[:, 0].tolist(), found.narrowed[:, 0].tolist()
    living = []
    for place, (size, before) in enumerate(zip(sizes, narrowed, strict=True)):
        positions = [(np.arange(b.first[place, 0], b.last[place, 0]), b.rows) for b in found.blocks]
        rows = np.concatenate([rows[here] if rows.size else here for here, rows in positions]).astype(np.int64)
        living.append((set(rows[~index.removed.include(rows)].tolist()), size, before))
    return living


def contents(index: Path) -> dict[str, str]:
    """SHA-256 of every file of the version in force but the manifest, which tells where the rows came from."""
    version = open_index(index).folder
    paths = [path for path in version.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(p.relative_to(version)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(paths)}
