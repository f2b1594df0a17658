"""Builds a registry index of any size: encoded in chunks, sorted in partitions, each pass and table written by itself.

Rows are encoded chunk by chunk and distributed to partition files by the leading bits of their key in the pass that
orders them. Each partition is sorted in memory and its rows get their numbers; what is wanted of them is written where
it belongs: columns and persons into the index, keys and counts into work files. Then every pass is sorted and every
table of frequencies added up from these. Nothing but a partition, a pass and the dictionaries is in memory at any time,
for each thread. The bytes of an index depend on what its rows say, not on their order, nor on chunks, partitions or
threads.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import build_pass, build_row_order, sort_keys
from blocking.neighbours import filter_words
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import pass_keys
from linkage.encode.renumber import Renumbering, renumber, renumbering_of
from linkage.errors import InputError
from linkage.ingest.records import Records
from linkage.machine.scratch import scratch_array
from linkage.machine.threads import in_order
from linkage.plan.kinds import COMPARISON_KINDS
from linkage.plan.sections import Plan
from linkage.registry.as_of import UNSTATED, of_records
from linkage.registry.frequencies import STORED
from linkage.registry.index import Index, open_index, slipped_numbers, stored_passes
from linkage.registry.manifest import FORMAT
from linkage.registry.partitions import Partitions, partition_bits
from linkage.registry.person_keys import encode_persons
from linkage.registry.persons import Persons, write_persons
from linkage.registry.value_counts import Counts, add_up, count_part, count_widths, counted_columns, most_counted
from linkage.registry.versions import building, content_of, new_array, write_arrays
from linkage.standardise.places import Coverage, Units
from linkage.storage.summed_folders import write_sums
from linkage.storage.versions import put_in_force, write_json

PARTITION_ROWS = 1 << 20
_PARTITIONS_AHEAD = 2

Progress = Callable[[str, int, int], None]


def build_index(
    persons: Records | Persons,
    plan: Plan,
    out: Path,
    *,
    units_folder: Path | None = None,
    commune_date: str | None = None,
    inputs: list[dict[str, Any]] | None = None,
    as_of: datetime.date | None = None,
    n_threads: int = 2,
    partition_rows: int = PARTITION_ROWS,
    as_kept: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    on_progress: Progress = lambda stage, done, total: None,
) -> Index:
    """Encode, sort and index a registry; the new version replaces the one in force, if any, at the very end.

    Parameters
    ----------
    persons : strings, the columns that the plan's right side reads and its id column
    units_folder : administrative units by date; None compares commune codes as they are
    commune_date : "2021" or "2025", the units in force at the registry's snapshot; None infers it from the codes
    inputs : what the rows came from, for the manifest
    as_of : the latest possible date of birth; None is the newest date of birth that the rows support
    partition_rows : about how many rows are sorted in memory at once, per thread
    as_kept : what rows of the persons are in the index
    on_progress : called with (stage, done, total)

    Raises
    ------
    InputError : the registry is empty
    """
    if persons.num_rows == 0:
        raise InputError("registry: no row was accepted; there is nobody to link with")
    with building(out) as folder, ThreadPoolExecutor(n_threads) as pool:
        version = folder / "version"
        for part in ("columns", "passes", "numbers", "frequencies"):
            (version / part).mkdir(parents=True)
        codes, dictionaries = _dictionaries(persons, plan, units_folder, commune_date, as_of)
        n_bits = partition_bits(persons.num_rows, partition_rows)
        partitions = _distribute(persons, plan, dictionaries, folder / "partitions", n_bits, as_kept, on_progress)
        arranger = _Arranger(partitions, plan, renumbering_of(dictionaries), version, folder)
        write_persons(version, persons.schema, arranger.arranged(pool, on_progress))
        arranger.flush()
        tasks = [
            *_pass_tasks(arranger, version / "passes"),
            *_number_tasks(plan, version),
            *_frequency_tasks(arranger, version / "frequencies"),
        ]
        for done, _ in enumerate(in_order(tasks, pool, n_threads), start=1):
            on_progress("index", done, len(tasks))
        if units_folder is not None:
            shutil.copytree(units_folder, version / "units")
        ordered = arranger.renumbering.dictionaries
        _write_texts(version, ordered, None if units_folder is not None else codes)
        on_progress("checksums", 0, 0)
        tables = dict(sorted(arranger.digests.items()))
        put_in_force(out, version, _manifest(version, persons.num_rows, plan, ordered, inputs or [], tables))
    return open_index(out)


def _write_texts(version: Path, ordered: Dictionaries, commune_codes: list[str] | None) -> None:
    """Write the dictionaries; commune_codes: None where a folder of units tells them."""
    texts = {"syllables": ordered.syllables.syllables, "words": ordered.words, "commune_codes": commune_codes}
    write_json(version / "dictionaries.json", texts)


def _manifest(
    version: Path,
    n_persons: int,
    plan: Plan,
    ordered: Dictionaries,
    inputs: list[dict[str, Any]],
    tables: dict[str, str],
) -> dict[str, Any]:
    """The manifest of a version that is otherwise complete: the checksums of its files are written here. tables: the
    hashes of its term frequencies."""
    files, sums = write_sums(version)
    return {
        "format": FORMAT,
        "persons": n_persons,
        "plan": msgspec.to_builtins(plan),
        "commune_date": ordered.commune_date,
        "latest_date": ordered.latest_date.isoformat(),
        "inputs": inputs,
        "term_frequencies": tables,
        "files": files,
        "content": content_of(files),
        "sums": sums,
    }


def _dictionaries(
    persons: Records | Persons,
    plan: Plan,
    units_folder: Path | None,
    commune_date: str | None,
    as_of: datetime.date | None,
) -> tuple[list[str], Dictionaries]:
    """The registry's distinct commune codes, and dictionaries to encode it with."""
    names = list(dict.fromkeys(column for f in plan.fields if f.kind == "commune" for column in f.right))
    units = None if units_folder is None else Units.load(units_folder)
    distinct: set[str] = set()
    covered = Coverage(0, 0, 0)
    for chunk in persons.chunks(names) if names else ():
        for column in chunk.columns:
            if units is None:
                distinct.update(column.unique().drop_null().to_pylist())
            elif commune_date is None:
                here = units.coverage(column)
                covered = Coverage(*(getattr(covered, n) + getattr(here, n) for n in vars(covered)))
    codes = sorted(distinct)
    date = commune_date or ("2021" if units is None else covered.as_of)
    found = None if as_of is not None else of_records(persons, plan)
    latest = as_of or (UNSTATED if found is None else found.date)
    return codes, Dictionaries(units or Units.none(pa.array(codes, pa.string())), date, latest)


def _distribute(
    persons: Records | Persons,
    plan: Plan,
    dictionaries: Dictionaries,
    folder: Path,
    n_bits: int,
    as_kept: Callable[[pa.Table], pa.Table],
    on_progress: Progress,
) -> Partitions:
    """Encode all rows and lay them into partitions by their keys in the pass that orders them."""
    specimen = encode_persons(persons.schema.empty_table(), plan, dictionaries)
    done = 0
    with Partitions(folder, n_bits, persons.schema, specimen) as partitions:
        for chunk in map(as_kept, persons.chunks()):
            columns = encode_persons(chunk, plan, dictionaries)
            keys = pass_keys(plan.row_order, "right", columns, plan, dictionaries)[:, 0]
            partitions.append(chunk, columns, sort_keys(keys, persons.num_rows), most_counted(plan, columns))
            done += chunk.num_rows
            on_progress("encode", done, persons.num_rows)
    return partitions


@dataclass
class _Arranger:
    """Sorts partitions and writes what is wanted of their rows to the rows' numbers."""

    partitions: Partitions
    plan: Plan
    renumbering: Renumbering
    version: Path
    scratch: Path

    def __post_init__(self) -> None:
        n_rows, counted = self.partitions.n_rows, count_widths(self.plan)
        n = int(n_rows.sum())
        self.first_rows = np.cumsum(n_rows) - n_rows
        self.columns = {
            name: new_array(self.version / "columns" / f"{name}.npy", (n, *like.shape[1:]), like.dtype)
            for name, like in self.partitions.specimen.items()
            if name in _kept_columns(self.plan, self.partitions.specimen)
        }
        self.keys = {name: scratch_array(self.scratch, n, np.uint64) for name in set(stored_passes(self.plan).values())}
        # Each partition has its place for as many values as its rows can be counted with.
        n_counted = self.partitions.n_counted
        self.first_counts, n = np.cumsum(n_counted) - n_counted, int(n_counted.sum())
        self.counts = {
            name: Counts(scratch_array(self.scratch, n, np.uint64), scratch_array(self.scratch, (n, width), np.uint32))
            for name, width in counted.items()
        }
        self.n_counted = {name: np.zeros(n_rows.size, np.int64) for name in counted}
        self.digests: dict[str, str] = {}

    def arranged(self, pool: Executor, on_progress: Progress) -> Iterator[pa.Table]:
        """The registry's rows as they were read, in row order, a partition at a time; all else is written."""
        filled = np.flatnonzero(self.partitions.n_rows).tolist()
        work = (partial(self._arrange, number) for number in filled)
        for done, rows in enumerate(in_order(work, pool, _PARTITIONS_AHEAD), start=1):
            yield rows
            on_progress("sort", done, len(filled))

    def flush(self) -> None:
        """Let go of the columns, which are complete."""
        self.columns.clear()

    def counted(self, name: str) -> list[Counts]:
        """The counts of a table, by partition."""
        found = self.counts[name]
        parts = [slice(first, first + n) for first, n in zip(self.first_counts, self.n_counted[name], strict=True)]
        return [Counts(found.values[part], found.counts[part]) for part in parts]

    def _arrange(self, number: int) -> pa.Table:
        """Sort a partition by the key that orders rows, then the id, and write its columns, keys and counts."""
        table, encoded = self.partitions.read(number)
        dictionaries, n_persons = self.renumbering.dictionaries, int(self.partitions.n_rows.sum())
        encoded = renumber(encoded, self.plan, self.renumbering)
        keys = {
            rule.name: pass_keys(rule, "right", encoded, self.plan, dictionaries)[:, 0]
            for rule in self.plan.passes
            if rule.name in self.keys
        }
        order = _row_order(sort_keys(keys[self.plan.row_order.name], n_persons), table.column(self.plan.right_id))
        first = int(self.first_rows[number])
        rows = slice(first, first + table.num_rows)
        for name, column in self.columns.items():
            column[rows] = encoded[name][order]
        for name, values in keys.items():
            self.keys[name][rows] = values[order]
        for name, counts in count_part(self.plan, encoded).items():
            place = slice(self.first_counts[number], self.first_counts[number] + counts.values.size)
            self.counts[name].values[place], self.counts[name].counts[place] = counts.values, counts.counts
            self.n_counted[name][number] = counts.values.size
        return table.take(pa.array(order))


def _kept_columns(plan: Plan, columns: Columns) -> set[str]:
    """The encoded columns that something is compared, verified or counted by; the others have served as keys."""
    aspects = set(plan.verified.equal if plan.verified else ())
    for comparison in plan.comparisons:
        kind, name = COMPARISON_KINDS[comparison.kind], comparison.right[0]
        aspects.update(counted_columns(comparison), (name + part for part in kind.compared))
        aspects.update({f"{name}{kind.stated}"} if comparison.absent_level else ())
    return {name for name in columns if "." not in name or name in aspects}


def _row_order(keys: Keys, ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rows by key, then id."""
    by_id = pc.sort_indices(ids).to_numpy()
    return np.asarray(by_id[np.argsort(keys[by_id], kind="stable")]).astype(np.int64)


def _pass_tasks(arranger: _Arranger, folder: Path) -> list[Callable[[], None]]:
    """Sort and write each pass; its keys are let go of."""

    def write(name: str, *, is_row_order: bool) -> None:
        keys = arranger.keys.pop(name)
        index = build_row_order(keys) if is_row_order else build_pass(keys)
        arrays = {f"{name}.remainders": index.remainders, f"{name}.starts": index.starts}
        write_arrays(folder, arrays if is_row_order else arrays | {f"{name}.rows": index.rows})

    of_rows = arranger.plan.row_order.name
    return [partial(write, name, is_row_order=name == of_rows) for name in sorted(arranger.keys)]


def _number_tasks(plan: Plan, version: Path) -> list[Callable[[], None]]:
    """Write the filter of each column that is asked for numbers one slip away."""

    def write(name: str) -> None:
        column = np.load(version / "columns" / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        write_arrays(version / "numbers", {name: filter_words(column)})

    return [partial(write, name) for name in sorted(slipped_numbers(plan))]


def _frequency_tasks(arranger: _Arranger, folder: Path) -> list[Callable[[], None]]:
    """Add up and write each table of frequencies."""

    def write(name: str) -> None:
        table = add_up(name, arranger.counted(name))
        del arranger.counts[name]
        arranger.digests[name] = table.sha256()
        write_arrays(folder, {f"{name}.{part}": getattr(table, part) for part in STORED})

    return [partial(write, name) for name in sorted(arranger.counts)]
