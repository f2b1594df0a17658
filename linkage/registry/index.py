"""The registry index: a folder of immutable, versioned files, memory-mapped, that every batch is linked against.

``INDEX/current`` names the version folder in force; a new version is written beside it and the pointer is swapped.
Columns are .npy files, one array each, because they can be written slice by slice and mapped as they are; strings are
Arrow IPC. Rows are sorted by the pass that the plan says, so that its blocks are contiguous ranges of rows, and then by
person id, so that the order of the input does not matter. linkage.registry.build makes an index. Changes since then are
a second, small part of it, see linkage.registry.changes.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.lookup import PassIndex
from blocking.neighbours import NumberFilter, filter_words, no_numbers
from blocking.parts import PartedColumn, PartedPass, RemovedRows
from linkage.encode.dictionaries import Dictionaries
from linkage.encode.syllables import SyllableDictionary
from linkage.errors import VerificationError
from linkage.ingest.duplicates import hash_keys
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.registry.changes import Changes, open_changes
from linkage.registry.frequencies import Frequencies, stored_tables
from linkage.registry.manifest import check_manifest
from linkage.registry.persons import Persons, open_persons
from linkage.registry.persons_by_id import PERSON_KEY, living_rows
from linkage.registry.sums import REMEDY, CheckedFiles, check_at_open, open_files
from linkage.registry.versions import CHANGES, LARGE, map_arrays, read_json, version_in_force, version_with
from linkage.standardise.places import Units
from linkage.storage.checksums import unreadable
from linkage.storage.summed_folders import check_whole

_NO_ROWS = np.empty(0, np.uint32)
_NONE_REMOVED = RemovedRows.none()


@dataclass(frozen=True)
class Index:
    """An opened index. columns: encoded columns by row; passes: by name; numbers: by column, those that a pass asks for
    with a slip; persons: the rows as they were read; manifest: what it was built from; changes: what changed since, and
    large: the index without that; None where nothing did. files: all files of the version, to be checked.

    Row numbers of the changes follow those of the large part; rows of this that are gone keep their numbers.
    """

    folder: Path
    plan: Plan
    columns: dict[str, PartedColumn]
    passes: dict[str, PartedPass]
    numbers: dict[str, NumberFilter]
    dictionaries: Dictionaries
    frequencies: dict[str, Frequencies]
    persons: Persons
    manifest: dict[str, Any]
    changes: Changes | None = None
    large: Index | None = None
    files: CheckedFiles = field(default_factory=dict, repr=False)

    @property
    def n_persons(self) -> int:
        return int(self.manifest["persons"])

    @property
    def person_keys(self) -> PartedColumn:
        """A hash of each row's person id, by which ties go: uint64[n]."""
        return self.columns[PERSON_KEY]

    def in_order(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The places of distinct rows in the order in which equals stand: that of their persons' keys and, where these
        are equal, of the ids; int64[n]. It is the same whatever rows the persons have."""
        keys = self.person_keys[rows]
        order = np.argsort(keys, kind="stable")
        if (keys[order][1:] > keys[order][:-1]).all():
            return order
        both = pa.table({"key": keys, "id": self.take(rows, [self.plan.right_id]).column(0)})
        return np.asarray(pc.sort_indices(both, [("key", "ascending"), ("id", "ascending")])).astype(np.int64)

    @property
    def removed(self) -> RemovedRows:
        """The rows that are gone."""
        return _NONE_REMOVED if self.changes is None else self.changes.removed

    def nth(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows that an index built afresh has at 0 <= numbers < n_persons."""
        return numbers if self.changes is None else self.changes.nth(numbers)

    def take(self, rows: NDArray[np.integer[Any]], columns: list[str] | None = None) -> pa.Table:
        """Registry rows by number; a row of -1 gives nulls."""
        is_there = rows >= 0
        found = self.persons.take(rows[is_there].astype(np.int64), columns)
        if is_there.all():
            return found
        place = np.cumsum(is_there) - 1
        return found.combine_chunks().take(pa.array(place, mask=~is_there))

    def rows_of(self, ids: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
        """The row of each person by the id in the registry: int64[n], -1 for one who is not in it.

        VerificationError where what tells them is damaged.
        """
        wanted = ids.unique()
        keys = hash_keys(pa.chunked_array([wanted]))
        rows = living_rows(self.files, self.person_keys.parts, self.removed.rows, keys)
        of_row = pc.index_in(self.take(rows, [self.plan.right_id]).column(0), wanted)  # null: another id of that hash
        of_wanted = np.full(len(wanted), -1)
        of_wanted[of_row.drop_null().to_numpy()] = rows[of_row.is_valid().to_numpy()]
        found: NDArray[np.int64] = of_wanted[pc.index_in(ids, wanted).to_numpy()]
        return found


def stored_passes(plan: Plan) -> dict[str, str]:
    """The pass whose files each pass of a plan reads: passes that ask the registry the same share one set."""
    first: dict[tuple[object, ...], str] = {}
    return {rule.name: first.setdefault((*rule.right, rule.narrow), rule.name) for rule in plan.passes}


def slipped_numbers(plan: Plan) -> set[str]:
    """The registry's columns that a pass asks for numbers one slip away."""
    met = [pair for rule in plan.passes for pair in zip(rule.left, rule.right, strict=True)]
    return {right for left, right in met if left.endswith(".neighbours")}


def open_index(folder: Path, content: str | None = None) -> Index:
    """Open the version in force, or the one with the ``content`` that a run names in its manifest. What an open checks
    of it: see linkage.registry.sums.

    Raises
    ------
    InputError : the folder is no index, or no version in it has that content
    UsageError : its format is another one
    VerificationError : it is damaged
    LinkageError : this user may not read it
    """
    return open_version(*(version_in_force(folder) if content is None else version_with(folder, content)))


def open_version(version: Path, manifest: dict[str, Any]) -> Index:
    """Open a version, in force or not; errors as of `open_index`."""
    folder = version.parent
    check_manifest(version, manifest)
    try:
        files = open_files(version, manifest)
        check_at_open(files)
        return _opened(version, manifest, files)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error, REMEDY) from error
    except (ValueError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise VerificationError(f"{folder}: is damaged ({error}); {REMEDY}") from error


def _opened(version: Path, manifest: dict[str, Any], files: CheckedFiles) -> Index:
    """The index of a version folder, its arrays mapped."""
    if LARGE in manifest:
        large = _opened(version, manifest[LARGE], {n: f for n, f in files.items() if not n.startswith(f"{CHANGES}/")})
        return _with_changes(large, manifest, files)
    texts = read_json(files["dictionaries.json"])
    plan = plan_from(manifest["plan"], str(version / "manifest.json"))
    codes = texts["commune_codes"]
    units = Units.load(version / "units") if codes is None else Units.none(pa.array(codes, pa.string()))
    latest = datetime.date.fromisoformat(manifest["latest_date"])
    syllables = SyllableDictionary(texts["syllables"])
    stored = stored_passes(plan)
    passes = _passes(map_arrays(files, "passes"), set(stored.values()))
    return Index(
        version,
        plan,
        {name: PartedColumn(column) for name, column in map_arrays(files, "columns").items()},
        {name: passes[of] for name, of in stored.items()},
        {name: NumberFilter(words, no_numbers()) for name, words in map_arrays(files, "numbers").items()},
        Dictionaries(units, manifest["commune_date"], latest, syllables, texts["words"]),
        stored_tables(map_arrays(files, "frequencies")),
        Persons(open_persons(files, "", int(manifest["persons"]))),
        manifest,
        files=files,
    )


def _with_changes(large: Index, manifest: dict[str, Any], files: CheckedFiles) -> Index:
    """An index with the changes that lie beside it."""
    n_large = large.n_persons
    stored = stored_passes(large.plan)
    passes = {name: large.passes[name].large for name in set(stored.values())}
    latest = datetime.date.fromisoformat(manifest["latest_date"])
    changes = open_changes(files, n_large, passes, large.frequencies, replace(large.dictionaries, latest_date=latest))
    parted = {name: PartedPass(index, changes.positions[name], changes.passes[name]) for name, index in passes.items()}
    return replace(
        large,
        columns={name: PartedColumn(c.large, changes.columns[name]) for name, c in large.columns.items()},
        passes={name: parted[of] for name, of in stored.items()},
        numbers={
            name: NumberFilter(of_large.large, filter_words(changes.columns[name].astype(np.uint64)))
            for name, of_large in large.numbers.items()
        },
        dictionaries=changes.dictionaries,
        frequencies=changes.frequencies,
        persons=large.persons.with_changes(changes.removed.rows, changes.persons),
        manifest=manifest,
        changes=changes,
        large=large,
        files=files,
    )


def _passes(arrays: dict[str, NDArray[Any]], names: set[str]) -> dict[str, PartedPass]:
    """The passes of an index without changes."""
    passes = {}
    for name in names:
        starts = arrays[f"{name}.starts"]
        rows = arrays.get(f"{name}.rows", _NO_ROWS)
        index = PassIndex(arrays[f"{name}.remainders"], rows, starts, (starts.size - 1).bit_length() - 1)
        passes[name] = PartedPass(index, _NO_ROWS, None)
    return passes


def verify_index(index: Index) -> None:
    """Read every file whole. VerificationError names one that is not what was written."""
    check_whole(index.files.values())
