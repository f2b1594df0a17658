"""The registry index: a folder of immutable, versioned files, memory-mapped, that every batch is linked against.

``INDEX/current`` names the version folder in force; a new version is written beside it and the pointer is swapped.
Columns are .npy files, one array each, because they can be written slice by slice and mapped as they are; strings and
dictionaries are Arrow IPC. Rows are sorted by the first pass of the plan, so that its blocks are contiguous ranges
of rows, and then by person id, so that the order of the input does not matter.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.lookup import PassIndex, build_pass
from linkage.encode import Columns, Dictionaries, encode
from linkage.errors import InputError, UsageError, VerificationError
from linkage.frequencies import Frequencies, count_frequencies
from linkage.key_parts import pass_keys
from linkage.plan import Plan, plan_from
from linkage.standardise.places import Units
from linkage.syllables import SyllableDictionary
from linkage.version import encoding_version

FORMAT = 1
_NO_ROWS = np.empty(0, np.uint32)


@dataclass(frozen=True)
class Index:
    """An opened index. columns: encoded columns in row order; passes: by name; manifest: what it was built from.

    The first pass has the rows as its positions, its ``rows`` array is empty.
    """

    folder: Path
    plan: Plan
    columns: Columns
    passes: dict[str, PassIndex]
    dictionaries: Dictionaries
    frequencies: dict[str, Frequencies]
    manifest: dict[str, Any]

    @property
    def n_persons(self) -> int:
        return int(self.manifest["persons"])

    @cached_property
    def persons(self) -> pa.Table:
        """The registry rows as they were read, memory-mapped, in row order."""
        with pa.memory_map(str(self.folder / "persons.arrow")) as source:
            return pa.ipc.open_file(source).read_all()

    def take(self, rows: NDArray[np.integer[Any]], columns: list[str] | None = None) -> pa.Table:
        """Registry rows by number; a row of -1 gives nulls."""
        persons = self.persons if columns is None else self.persons.select(columns)
        return persons.take(pa.array(np.maximum(rows, 0), mask=rows < 0))


def build_index(
    persons: pa.Table,
    plan: Plan,
    out: Path,
    *,
    units_folder: Path | None = None,
    commune_date: str | None = None,
    inputs: list[dict[str, Any]] | None = None,
    today: datetime.date | None = None,
) -> Index:
    """Encode, sort and index a registry; the new version replaces the one in force, if any, at the very end.

    Parameters
    ----------
    persons : strings, the columns that the plan's right side reads and its id column
    units_folder : administrative units by date; None compares commune codes as they are
    commune_date : "2021" or "2025", the units in force at the registry's snapshot; None infers it from the codes
    inputs : what the rows came from, for the manifest

    Raises
    ------
    InputError : the registry is empty
    """
    if persons.num_rows == 0:
        raise InputError("registry: no row was accepted; there is nobody to link with")
    units = Units.none(_codes(persons)) if units_folder is None else Units.load(units_folder)
    date_of_codes = commune_date or ("2021" if units_folder is None else units.infer_as_of(_codes(persons)))
    latest = today or datetime.datetime.now(datetime.UTC).date()
    dictionaries = Dictionaries(units, date_of_codes, latest)
    columns = encode(persons, plan, "right", dictionaries)
    keys = {rule.name: pass_keys(rule, "right", columns, plan, dictionaries)[:, 0] for rule in plan.passes}
    order = _row_order(keys[plan.passes[0].name], persons.column(plan.right_id))
    columns = {name: np.ascontiguousarray(column[order]) for name, column in columns.items()}
    version = _new_version(out)
    _write_arrays(version / "columns", columns)
    for rule in plan.passes:
        _write_pass(version / "passes", rule.name, keys[rule.name][order], is_row_order=rule is plan.passes[0])
    for name, table in count_frequencies(plan, columns).items():
        _write_arrays(version / "frequencies", {f"{name}.values": table.values, f"{name}.counts": table.counts})
    _write_persons(version / "persons.arrow", persons.take(pa.array(order)))
    _write_json(
        version / "dictionaries.json", {"syllables": dictionaries.syllables.syllables, "words": dictionaries.words}
    )
    if units_folder is not None:
        shutil.copytree(units_folder, version / "units", dirs_exist_ok=True)
    manifest = {
        "format": FORMAT,
        "encoding": encoding_version(),
        "persons": persons.num_rows,
        "plan": msgspec.to_builtins(plan),
        "commune_date": date_of_codes,
        "commune_codes": None if units_folder is not None else sorted(set(_codes(persons).drop_null().to_pylist())),
        "latest_date": latest.isoformat(),
        "inputs": inputs or [],
        "content": _digest(version),
    }
    _write_json(version / "manifest.json", manifest)
    _flush(version)
    _swap_pointer(out, version.name)
    return open_index(out)


def open_index(folder: Path, content: str | None = None) -> Index:
    """Open the version in force, or the one with the ``content`` that a run names in its manifest.

    Raises
    ------
    InputError : the folder is no index, or no version in it has that content
    UsageError : its format is another one
    """
    try:
        version = _version_in_force(folder) if content is None else _version_with(folder, content)
        manifest = msgspec.json.decode((version / "manifest.json").read_bytes())
        texts = msgspec.json.decode((version / "dictionaries.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{folder}: not a registry index ({error}); make one with 'linkage index build'") from error
    if (manifest["format"], manifest.get("encoding")) != (FORMAT, encoding_version()):
        raise UsageError(f"{folder}: was built by a version that encodes differently; build the index again")
    try:
        return _opened(version, manifest, texts)
    except (OSError, ValueError, KeyError) as error:
        raise VerificationError(f"{folder}: is damaged ({error}); build the index again") from error


def _opened(version: Path, manifest: dict[str, Any], texts: dict[str, Any]) -> Index:
    """The index of a version folder, its arrays mapped."""
    plan = plan_from(manifest["plan"], str(version / "manifest.json"))
    codes = manifest["commune_codes"]
    units = Units.load(version / "units") if codes is None else Units.none(pa.array(codes, pa.string()))
    latest = datetime.date.fromisoformat(manifest["latest_date"])
    syllables = SyllableDictionary(texts["syllables"])
    dictionaries = Dictionaries(units, manifest["commune_date"], latest, syllables, texts["words"])
    arrays = _map_arrays(version / "passes")
    passes = {
        rule.name: PassIndex(
            arrays[f"{rule.name}.keys"], arrays.get(f"{rule.name}.rows", _NO_ROWS), arrays[f"{rule.name}.starts"]
        )
        for rule in plan.passes
    }
    counted = _map_arrays(version / "frequencies")
    names = sorted({name.rpartition(".")[0] for name in counted})
    frequencies = {name: Frequencies(counted[f"{name}.values"], counted[f"{name}.counts"]) for name in names}
    return Index(version, plan, _map_arrays(version / "columns"), passes, dictionaries, frequencies, manifest)


def _version_in_force(folder: Path) -> Path:
    return folder / (folder / "current").read_text("ascii").strip()


def _version_with(folder: Path, content: str) -> Path:
    """The newest version of that content; InputError when there is none."""
    for path in sorted(folder.glob("v*/manifest.json"), reverse=True):
        if msgspec.json.decode(path.read_bytes())["content"] == content:
            return path.parent
    raise InputError(f"{folder}: no version of the index is the one that was linked with; put the old one back")


def verify_index(index: Index) -> None:
    """Recompute the checksum of every file. VerificationError names the index when one differs."""
    if _digest(index.folder) != index.manifest["content"]:
        raise VerificationError(f"{index.folder}: files differ from their checksum; build the index again")


def _codes(persons: pa.Table) -> pa.Array:
    """All commune codes of the registry, both kinds; empty when the table has none."""
    names = [name for name in ("commune_code", "residence_commune_code") if name in persons.column_names]
    chunks = [chunk for name in names for chunk in persons.column(name).chunks]
    return pa.chunked_array(chunks, pa.string()).combine_chunks()


def _row_order(keys: NDArray[np.uint64], ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rows by key of the first pass, then id."""
    by_id = pc.sort_indices(ids).to_numpy()
    return np.asarray(by_id[np.argsort(keys[by_id], kind="stable")]).astype(np.int64)


def _new_version(out: Path) -> Path:
    """An empty folder for the next version."""
    out.mkdir(parents=True, exist_ok=True)
    numbers = [int(p.name[1:]) for p in out.glob("v*") if p.name[1:].isdigit()]
    version = out / f"v{max(numbers, default=0) + 1:06d}"
    for part in ("columns", "passes", "frequencies"):
        (version / part).mkdir(parents=True)
    return version


def _write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _map_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}


def _write_pass(folder: Path, name: str, keys: NDArray[np.uint64], *, is_row_order: bool) -> None:
    """A pass; of the pass that the rows are sorted by, positions are rows: all keys stand, no row numbers."""
    index = build_pass(keys, keep_missing=is_row_order)
    arrays = {f"{name}.keys": index.keys, f"{name}.starts": index.starts}
    _write_arrays(folder, arrays if is_row_order else arrays | {f"{name}.rows": index.rows})


def _write_persons(path: Path, persons: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, persons.schema) as writer:
        writer.write_table(persons.combine_chunks(), max_chunksize=1 << 20)


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))


def _digest(version: Path) -> str:
    """SHA-256 over the names and contents of all files but the manifest."""
    total = hashlib.sha256()
    for path in sorted(p for p in version.rglob("*") if p.is_file() and p.name != "manifest.json"):
        with path.open("rb") as file:
            total.update(f"{path.relative_to(version)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _flush(version: Path) -> None:
    """Bring every file and folder of a version to the disk, so that the pointer never names what a power cut took."""
    for path in [*version.rglob("*"), version, version.parent]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _swap_pointer(out: Path, version: str) -> None:
    """Make a version the one in force, atomically."""
    pointer = out / "current.new"
    with pointer.open("w", encoding="ascii") as file:
        file.write(version + "\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.rename(out / "current")
