"""Columns that a station has mixed up: what stands in each reads as another's kind, and not all as its own.

Two columns may be exchanged, or a few shifted round by one, as where a station's form has them in another order. A
mix-up is a cycle of columns: the value of each stands in the next one, that of the last in the first. Looked at is the
text of some doses of each cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.records import Records
from linkage.plan.sections import Plan
from linkage.standardise import categories, dates, identifiers, phones
from linkage.stations.anchors import Counted
from linkage.stations.cells import Cells, Rows

SAMPLED = 32  # doses of a cell
_NATIONALITY = "nationality"  # no field of a plan: it says who is not linked
_NUMBERS = ("person_number", _NATIONALITY, "phone", "insurance_number")  # neighbours in every form
_LETTERS = r"^[^\d]*[^\W\d][^\d]*$"
_NAME = r"^[^\d@/]*[^\W\d][^\d@/]* [^\d@/]*[^\W\d][^\d@/]*$"  # letters, in two words at least: "A Thuận"
_OF_NAMES = "vietnamese_name"

Cycle = tuple[str, ...]
Texts = dict[str, pa.Array]
Masks = NDArray[np.bool_]
Readable = Callable[[pa.Array], Masks]


def _is_id(texts: pa.Array) -> Masks:
    read = identifiers.standardise_ids(texts)
    return np.asarray((read.kind != identifiers.NO_NUMBER) & (read.fault != identifiers.BAD_FORMAT))


def _is_like(pattern: str) -> Readable:
    return lambda texts: np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False))


_READABLE: dict[str, Readable] = {
    "person_number": _is_id,
    "phone": lambda texts: phones.standardise_phones(texts) != 0,
    "insurance_number": lambda texts: identifiers.standardise_insurance(texts) != 0,
    "sex": lambda texts: categories.standardise_sex(texts) != 0,
    "birth_date": lambda texts: np.asarray(dates.standardise_dates(texts) != 0),
    "ethnicity": lambda texts: categories.standardise_ethnicity(texts) != 0,
    _OF_NAMES: _is_like(_NAME),
    _NATIONALITY: _is_like(_LETTERS),
}


def kinds_of(plan: Plan) -> dict[str, str]:
    """The columns that are looked at, and the kind of each: those that alone make a field of a kind that can be told
    from the others."""
    of_fields = {f.left[0]: f.kind for f in plan.fields if len(f.left) == 1 and f.kind in _READABLE}
    return of_fields | {_NATIONALITY: _NATIONALITY}


def mix_ups(records: Records, cells: Cells, plan: Plan) -> dict[Cycle, Counted]:
    """For each mix-up the doses of a sample that state two of its columns at least, and those in which they are mixed
    up so; of each cell for the commonest one only. What no dose shows is left out."""
    kinds = kinds_of(plan)
    sample = cells.sample(np.ones(cells.of_record.size, np.bool_), SAMPLED)
    texts = stated_texts(records, sample, list(kinds))
    stated = {name: _is_stated(text) for name, text in texts.items()}
    n_stated = {cycle: sum(stated[name].astype(np.int8) for name in cycle) for cycle in _cycles(kinds)}
    is_doubtful = np.any([stated[name] & ~_READABLE[kinds[name]](text) for name, text in texts.items()], axis=0)
    doubtful = sample[is_doubtful]
    fits = _fits({name: text.filter(pa.array(is_doubtful)) for name, text in texts.items()}, kinds)
    seen = {cycle: doubtful[_is_mixed_up(fits, cycle, kinds)] for cycle in n_stated}
    hits = {cycle: cells.count(rows) for cycle, rows in seen.items() if rows.size}
    commonest = np.max(list(hits.values()), axis=0) if hits else np.zeros(0, np.int64)
    found = {}
    for cycle, counts in hits.items():
        found[cycle] = Counted(np.where(counts == commonest, counts, 0), cells.count(sample[n_stated[cycle] >= 2]))
        commonest = np.where(counts == commonest, -1, commonest)  # the first of those that are as common
    return found


def mixed_up_rows(records: Records, rows: Rows, cycle: Cycle, plan: Plan) -> Rows:
    """Those of some records in which columns are mixed up: what is stated of them reads where it belongs, and not all
    of it where it stands."""
    kinds = {name: kind for name, kind in kinds_of(plan).items() if name in cycle}
    return rows[_is_mixed_up(_fits(stated_texts(records, rows, list(cycle)), kinds), cycle, kinds)]


def _cycles(kinds: dict[str, str]) -> Iterator[Cycle]:
    """Any two columns, and three or four of those with numbers either way round. Not a name and a nationality: either
    reads as the other, "Việt Nam" as a name and a name of one word as a country."""
    for one, other in combinations(kinds, 2):
        if {kinds[one], kinds[other]} != {_OF_NAMES, _NATIONALITY}:
            yield one, other
    of_numbers = [name for name, kind in kinds.items() if kind in _NUMBERS]
    for size in range(3, len(of_numbers) + 1):
        for first, *others in combinations(of_numbers, size):
            yield from ((first, *order) for order in permutations(others))


def _fits(texts: Texts, kinds: dict[str, str]) -> dict[tuple[str, str], Masks]:
    """Whether what stands in one column is blank or reads as the kind of another: bool[n] by both."""
    return {
        (name, other): ~_is_stated(text) | _READABLE[kind](text)
        for name, text in texts.items()
        for other, kind in kinds.items()
    } | {(name, ""): _is_stated(text) for name, text in texts.items()}


def _is_mixed_up(fits: dict[tuple[str, str], Masks], cycle: Cycle, kinds: dict[str, str]) -> Masks:
    """Whether two columns of the cycle at least are stated, all fit where they belong, and not all where they stand;
    none of them where one is a name, for "Hoa" of the "Ba Na" is no mix-up."""
    after = (*cycle[1:], cycle[0])
    n_stated = np.sum([fits[name, ""] for name in cycle], axis=0)
    belongs = np.all([fits[place, name] for name, place in zip(cycle, after, strict=True)], axis=0)
    own = [fits[name, name] for name in cycle]
    is_named = any(kinds[name] == _OF_NAMES for name in cycle)
    stands = np.any(own, axis=0) if is_named else np.all(own, axis=0)
    return np.asarray((n_stated >= 2) & belongs & ~stands)


def _is_stated(texts: pa.Array) -> Masks:
    return np.asarray(pc.not_equal(texts, "").to_numpy(zero_copy_only=False), np.bool_)


def stated_texts(records: Records, rows: Rows, names: list[str]) -> Texts:
    """What some records state in columns, blank where nothing."""
    table = records.take(rows, names)
    return {name: pc.utf8_trim_whitespace(pc.fill_null(table[name].combine_chunks(), "")) for name in names}


def put_right(table: pa.Table, places: dict[str, str]) -> pa.Table:
    """A table in which each of some columns has what stands in another one of it: places, by column."""
    return pa.table({name: table.column(places.get(name, name)) for name in table.column_names})
