"""Persons by their ids, found by the hashes that an index keeps of them: eight bytes a person are looked through, no
kernel is loaded, and what is read is checked before anything rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import VerificationError
from linkage.machine.parts import parts_of
from linkage.registry.manifest import check_manifest
from linkage.registry.persons import Persons, open_persons
from linkage.registry.sums import REMEDY, CheckedFiles, open_files
from linkage.registry.versions import CHANGES, LARGE, map_arrays, version_with
from linkage.storage.checksums import unreadable

PERSON_KEY = "@person"  # marks the column of these hashes, by which persons of equal weight stand in order
_KEYS = f"columns/{PERSON_KEY}.npy"
_WITH_CHANGES = tuple(f"{CHANGES}/{name}.npy" for name in ("removed", "places"))
_WORD = (1 << 64) - 1
_LEADING_BITS = 22  # of a hash, by which nearly all that are not looked for are told
_NO_KEYS, _NO_ROWS = np.empty(0, np.uint64), np.empty(0, np.uint32)


def persons_by_id(index: Path, content: str, ids: Sequence[str]) -> tuple[pa.Table, dict[str, Any]]:
    """The rows of some persons in the version of an index that has a content, one of each id that is there and in no
    order, and the plan that it was built by, as its manifest holds it. Nothing else of the index is opened. Errors as
    of `linkage.registry.index.open_index`."""
    version, manifest = version_with(index, content)
    check_manifest(version, manifest)
    plan: dict[str, Any] = manifest.get(LARGE, manifest)["plan"]
    try:
        files = open_files(version, manifest)
        keys = np.array([hash_of(text) for text in ids], np.uint64)
        persons, rows = _found(files, manifest, keys)
        found = persons.take(rows)
    except OSError as error:
        raise unreadable(Path(error.filename or index), error, REMEDY) from error
    except (ValueError, KeyError) as error:
        raise VerificationError(f"{index}: is damaged ({error}); {REMEDY}") from error
    # Of ids whose hash is the same.
    return found.filter(pc.is_in(found.column(str(plan["right_id"])), pa.array(ids, pa.string()))), plan


def hash_of(text: str) -> int:
    """The hash of a text as of `linkage.ingest.key_kernels.hash_texts`, of a few without a kernel."""
    content = text.encode()
    found = _mixed(len(content))
    for start in range(0, len(content), 8):
        found = _mixed(found ^ int.from_bytes(content[start : start + 8], "little"))
    return found


def _mixed(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    return x ^ (x >> 31)


def _found(
    files: CheckedFiles, manifest: dict[str, Any], keys: NDArray[np.uint64]
) -> tuple[Persons, NDArray[np.int64]]:
    """The persons of a version, and the living rows that have one of some keys."""
    n_large = int(manifest.get(LARGE, manifest)["persons"])
    persons, large = Persons(open_persons(files, "", n_large)), _mapped(files, _KEYS)
    if LARGE not in manifest:
        return persons, living_rows(files, (large, _NO_KEYS), _NO_ROWS, keys)
    changes = map_arrays({name: files[name] for name in _WITH_CHANGES}, CHANGES)
    few = open_persons(files, f"{CHANGES}/", changes["places"].size)
    since = _mapped(files, f"{CHANGES}/{_KEYS}")
    rows = living_rows(files, (large, since), changes["removed"], keys)
    return persons.with_changes(changes["removed"], few), rows


def living_rows(
    files: CheckedFiles,
    columns: tuple[NDArray[np.uint64], NDArray[np.uint64]],
    removed: NDArray[np.uint32],
    keys: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """The rows of persons whose id has one of some hashes: int64[k], ascending; two ids may have one hash.

    Parameters
    ----------
    files : of the version; those that the rows rest on are checked first, whole
    columns : uint64[n_large] and uint64[n_few], the hash of each person's id in the large part and in the changes
    removed : uint32[k] ascending, rows of the large part that are gone
    keys : uint64[n], in any order

    Raises
    ------
    VerificationError : a column of hashes, or the list of rows that are gone, is damaged
    """
    for name in (_KEYS, f"{CHANGES}/{_KEYS}", *_WITH_CHANGES):
        if name in files:
            files[name].check()
    wanted, (large, few) = np.unique(keys), columns
    rows = _rows_with(large, wanted)
    return np.concatenate([rows[~np.isin(rows, removed)], large.size + _rows_with(few, wanted)])


def _mapped(files: CheckedFiles, name: str) -> NDArray[np.uint64]:
    column: NDArray[np.uint64] = np.load(files[name].path, mmap_mode="r", allow_pickle=False)
    return column


def _rows_with(column: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The places of values that are among some, ascending and distinct: most fail by their leading bits."""
    shift = np.uint64(64 - _LEADING_BITS)
    is_wanted = np.zeros(1 << _LEADING_BITS, np.bool_)
    is_wanted[wanted >> shift] = True
    rows = [np.empty(0, np.int64)]
    for part in parts_of(column.size if wanted.size else 0):
        values = column[part]
        places = np.flatnonzero(is_wanted[values >> shift])
        near = np.minimum(np.searchsorted(wanted, values[places]), wanted.size - 1)
        rows.append(part.start + places[wanted[near] == values[places]])
    return np.concatenate(rows)
