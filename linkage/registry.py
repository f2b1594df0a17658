"""The registry index: a folder of immutable, versioned files, memory-mapped, that every batch is linked against.

``INDEX/current`` names the version folder in force; a new version is written beside it and the pointer is swapped.
Columns are .npy files, one array each, because they can be written slice by slice and mapped as they are; strings are
Arrow IPC. Rows are sorted by the first pass of the plan, so that its blocks are contiguous ranges of rows, and then by
person id, so that the order of the input does not matter. linkage.registry_build makes an index.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.lookup import PassIndex
from linkage.encode import Columns, Dictionaries
from linkage.errors import InputError, UsageError, VerificationError
from linkage.frequencies import Frequencies
from linkage.ingest.records import Records
from linkage.plan import Plan, plan_from
from linkage.registry_persons import open_persons
from linkage.registry_version import checksums, content_of, map_arrays, read_json, version_in_force, version_with
from linkage.standardise.places import Units
from linkage.syllables import SyllableDictionary
from linkage.version import encoding_version

FORMAT = 2
_NO_ROWS = np.empty(0, np.uint32)


@dataclass(frozen=True)
class Index:
    """An opened index. columns: encoded columns in row order; passes: by name; persons: the rows as they were read, in
    row order; manifest: what it was built from.

    The first pass has the rows as its positions, its ``rows`` array is empty.
    """

    folder: Path
    plan: Plan
    columns: Columns
    passes: dict[str, PassIndex]
    dictionaries: Dictionaries
    frequencies: dict[str, Frequencies]
    persons: Records
    manifest: dict[str, Any]

    @property
    def n_persons(self) -> int:
        return int(self.manifest["persons"])

    def take(self, rows: NDArray[np.integer[Any]], columns: list[str] | None = None) -> pa.Table:
        """Registry rows by number; a row of -1 gives nulls."""
        is_there = rows >= 0
        found = self.persons.take(rows[is_there].astype(np.int64), columns)
        if is_there.all():
            return found
        place = np.cumsum(is_there) - 1
        return found.combine_chunks().take(pa.array(place, mask=~is_there))

    def rows_of(self, ids: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
        """The row of each person by his id in the registry: int64[n], -1 for one who is not in it."""
        wanted = ids.unique()
        rows = np.full(len(wanted), -1, np.int64)
        first = 0
        for chunk in self.persons.chunks([self.plan.right_id]):
            found = pc.index_in(chunk.column(0).combine_chunks(), wanted)
            rows[found.drop_null().to_numpy()] = first + np.flatnonzero(found.is_valid())
            first += chunk.num_rows
        found_rows: NDArray[np.int64] = rows[pc.index_in(ids, wanted).to_numpy()]
        return found_rows


def stored_passes(plan: Plan) -> dict[str, str]:
    """The pass whose files each pass of a plan reads: passes that ask the registry the same share one set."""
    first: dict[tuple[object, ...], str] = {}
    return {rule.name: first.setdefault((*rule.right, rule.narrow), rule.name) for rule in plan.passes}


def open_index(folder: Path, content: str | None = None) -> Index:
    """Open the version in force, or the one with the ``content`` that a run names in its manifest.

    Raises
    ------
    InputError : the folder is no index, or no version in it has that content
    UsageError : its format is another one
    """
    try:
        version = version_in_force(folder) if content is None else version_with(folder, content)
        manifest = read_json(version / "manifest.json")
        texts = read_json(version / "dictionaries.json")
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
    return Index(
        version,
        plan,
        map_arrays(version / "columns"),
        _passes(plan, map_arrays(version / "passes")),
        Dictionaries(units, manifest["commune_date"], latest, syllables, texts["words"]),
        _frequencies(map_arrays(version / "frequencies")),
        open_persons(version / "persons.arrow", int(manifest["persons"])),
        manifest,
    )


def _passes(plan: Plan, arrays: dict[str, NDArray[Any]]) -> dict[str, PassIndex]:
    stored = stored_passes(plan)
    opened = {
        name: PassIndex(arrays[f"{name}.remainders"], arrays.get(f"{name}.rows", _NO_ROWS), arrays[f"{name}.starts"])
        for name in set(stored.values())
    }
    return {name: opened[of] for name, of in stored.items()}


def _frequencies(arrays: dict[str, NDArray[Any]]) -> dict[str, Frequencies]:
    names = sorted({name.rpartition(".")[0] for name in arrays})
    parts = ("values", "counts", "bearers", "squares")
    return {name: Frequencies(*(arrays[f"{name}.{part}"] for part in parts)) for name in names}


def verify_index(index: Index) -> None:
    """Recompute the checksum of every file. VerificationError names the files that differ."""
    files, recorded = checksums(index.folder), index.manifest["files"]
    if content_of(files) != index.manifest["content"]:
        differing = sorted(name for name in files.keys() | recorded.keys() if files.get(name) != recorded.get(name))
        raise VerificationError(
            f"{index.folder}: files differ from their checksum ({', '.join(differing[:3])}); build the index again"
        )
