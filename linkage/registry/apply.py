"""Makes the changes part of an index: what is gone from the large part, and the few rows that came."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import PassIndex, build_few, find, sort_keys
from blocking.parts import RemovedRows, positions_of
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import pass_keys
from linkage.plan.sections import Plan
from linkage.registry.frequencies import Frequencies
from linkage.registry.index import Index, stored_passes
from linkage.registry.person_keys import encode_persons
from linkage.registry.persons import write_persons
from linkage.registry.recount import recount
from linkage.registry.versions import write_arrays
from linkage.storage.versions import write_json


def write_changes(
    large: Index, removed: NDArray[np.uint32], rows: pa.Table, latest: datetime.date, folder: Path, n_threads: int
) -> dict[str, str]:
    """Write the changes to an index without changes into a new folder, to be read by ``open_changes``; returns the
    hashes of the term frequencies as they are then.

    Parameters
    ----------
    removed : uint32[k] ascending, rows of the index that are gone
    rows : the persons that are there instead or came, as they were read
    latest : the latest possible date of birth; in the large part it is that of the day when it was built
    """
    plan, columns = large.plan, {name: column.large for name, column in large.columns.items()}
    passes = {name: large.passes[name].large for name in set(stored_passes(plan).values())}
    # By id first: what is appended to the dictionaries, and the order of equal keys, must not depend on the input's.
    rows = rows.take(pc.sort_indices(rows.column(plan.right_id)))
    dictionaries = replace(large.dictionaries.copy(), latest_date=latest)
    encoded = encode_persons(rows, plan, dictionaries)
    keys = _stored_keys(plan, encoded, dictionaries)
    of_rows = plan.row_order.name
    order = np.argsort(sort_keys(keys[of_rows], large.n_persons), kind="stable")
    rows, encoded = rows.take(pa.array(order)), {name: encoded[name][order] for name in columns}
    few = {name: build_few(keys[name][order], large.n_persons, index.n_bits) for name, index in passes.items()}
    places = _places(large, passes[of_rows], keys[of_rows][order], rows)
    with ThreadPoolExecutor(n_threads) as pool:
        frequencies = recount(plan, columns, large.frequencies, removed, encoded, pool)
        gone = RemovedRows.of(removed, large.n_persons)
        positions = {name: positions_of(index, gone, pool) for name, index in passes.items()}
    for part in ("columns", "passes", "frequencies", "positions"):
        (folder / part).mkdir(parents=True)
    write_arrays(folder, {"removed": removed, "places": places})
    write_arrays(folder / "positions", positions)
    write_arrays(folder / "columns", encoded)
    write_arrays(folder / "passes", _pass_arrays(few))
    write_arrays(folder / "frequencies", _frequency_arrays(frequencies))
    write_persons(folder, large.persons.schema, [rows])
    write_json(folder / "dictionaries.json", _appended(large.dictionaries, dictionaries))
    return {name: table.sha256() for name, table in sorted(frequencies.items())}


def _stored_keys(plan: Plan, columns: Columns, dictionaries: Dictionaries) -> dict[str, Keys]:
    """The keys of registry rows in every stored pass."""
    stored = set(stored_passes(plan).values())
    return {p.name: pass_keys(p, "right", columns, plan, dictionaries)[:, 0] for p in plan.passes if p.name in stored}


def _places(large: Index, index: PassIndex, keys: Keys, rows: pa.Table) -> NDArray[np.uint32]:
    """How many rows of the large part go before each row, by the pass that orders the rows and the id: uint32[m].

    keys : uint64[m] of the rows in that pass, in its order
    """
    first, last = (ends[:, 0] for ends in find(index, keys[:, None], 0)[:2])
    last[keys == 0] = index.starts[0]  # those without a key are in front
    has_equals = last > first
    # Rows with one key are neighbours, so that each stretch of the large part is looked at once.
    starts, stretch = np.unique(first[has_equals], return_inverse=True)
    sizes = np.zeros(starts.size, np.int64)
    sizes[stretch] = (last - first)[has_equals]
    before = np.cumsum(sizes) - sizes
    numbers = np.repeat(np.arange(starts.size), sizes)
    there = large.take(np.arange(numbers.size) - before[numbers] + starts[numbers], [large.plan.right_id])
    here = rows.select([large.plan.right_id]).filter(pa.array(has_equals))
    ids = pa.concat_tables([there, here]).column(0)
    both = pa.table({"stretch": np.concatenate([numbers, stretch]), "id": ids})
    order = pc.sort_indices(both, [("stretch", "ascending"), ("id", "ascending")]).to_numpy()
    is_here = order >= numbers.size
    places = first.copy()
    places[has_equals] += np.cumsum(~is_here)[is_here] - before[stretch]
    return places.astype(np.uint32)


def _pass_arrays(passes: Mapping[str, PassIndex]) -> dict[str, NDArray[np.generic]]:
    parts = ("remainders", "rows", "starts")
    return {f"{name}.{part}": getattr(index, part) for name, index in passes.items() for part in parts}


def _frequency_arrays(frequencies: Mapping[str, Frequencies]) -> dict[str, NDArray[np.generic]]:
    """What was recounted, and the sums."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, table in frequencies.items():
        if table.recounted is not None:
            arrays |= {f"{name}.values": table.recounted[0], f"{name}.counts": table.recounted[1]}
        arrays |= {f"{name}.bearers": table.bearers, f"{name}.squares": table.squares}
    return arrays


def _appended(before: Dictionaries, after: Dictionaries) -> dict[str, object]:
    """The texts that ``after`` has behind those of ``before``."""
    syllables = after.syllables.syllables[len(before.syllables.syllables) :]
    return {
        "syllables": syllables,
        "words": {name: words[len(before.words.get(name, [])) :] for name, words in after.words.items()},
    }
