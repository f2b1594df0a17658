"""Two columns that a station has swapped: what stands in each reads as the other's kind, and not as its own.

Looked at is the text of some doses of each cell. Which columns are compared follows from the plan: those that alone
make a field of a kind whose values can be told from the others'.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.records import Records
from linkage.plan import Plan
from linkage.standardise import categories, dates, identifiers, phones
from linkage.stations.anchors import Counted
from linkage.stations.cells import Cells, Rows

SAMPLED = 32  # doses of a cell
_NAME = r"^[^\d@/]*[^\W\d]{2,}[^\d@/]* [^\d@/]*[^\W\d][^\d@/]*$"  # letters, in two words at least

Readable = Callable[[pa.Array], NDArray[np.bool_]]


def _is_id(texts: pa.Array) -> NDArray[np.bool_]:
    read = identifiers.standardise_ids(texts)
    return np.asarray((read.kind != identifiers.NO_NUMBER) & (read.fault != identifiers.BAD_FORMAT))


def _is_birth_date(texts: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(dates.standardise_dates(texts) != 0)


_READABLE: dict[str, Readable] = {
    "person_number": _is_id,
    "phone": lambda texts: phones.standardise_phones(texts) != 0,
    "insurance_number": lambda texts: identifiers.standardise_insurance(texts) != 0,
    "sex": lambda texts: categories.standardise_sex(texts) != 0,
    "birth_date": _is_birth_date,
    "ethnicity": lambda texts: categories.standardise_ethnicity(texts) != 0,
    "vietnamese_name": lambda texts: pc.match_substring_regex(texts, _NAME).to_numpy(zero_copy_only=False),
}


def kinds_of(plan: Plan) -> dict[str, str]:
    """The columns that are compared, and the kind of the field of each."""
    return {f.left[0]: f.kind for f in plan.fields if len(f.left) == 1 and f.kind in _READABLE}


def swapped_pairs(records: Records, cells: Cells, plan: Plan) -> dict[tuple[str, str], Counted]:
    """For each two columns the doses of a sample that state both, and those in which they are swapped; two columns
    without any such dose are left out."""
    kinds = kinds_of(plan)
    rows = cells.sample(np.ones(cells.of_record.size, np.bool_), SAMPLED)
    texts = stated_texts(records, rows, list(kinds))
    fits = {name: _READABLE[kind](texts[name]) for name, kind in kinds.items()}
    found = {}
    for a, b in combinations(kinds, 2):
        is_stated = _both_stated(texts, a, b)
        is_swapped = _swapped(texts, a, b, kinds, is_stated & ~(fits[a] & fits[b]))
        if is_swapped.any():
            found[a, b] = Counted(cells.count(rows[is_swapped]), cells.count(rows[is_stated]))
    return found


def swapped_rows(records: Records, rows: Rows, a: str, b: str, plan: Plan) -> Rows:
    """Those of some records in which two columns are swapped: both read in the other's place, and not both in their
    own."""
    kinds = kinds_of(plan)
    texts = stated_texts(records, rows, [a, b])
    fits = _READABLE[kinds[a]](texts[a]) & _READABLE[kinds[b]](texts[b])
    return rows[_swapped(texts, a, b, kinds, _both_stated(texts, a, b) & ~fits)]


def _swapped(
    texts: dict[str, pa.Array], a: str, b: str, kinds: dict[str, str], is_doubtful: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of the doubtful rows read in each other's column."""
    is_swapped = np.zeros(is_doubtful.size, np.bool_)
    in_a, in_b = (texts[name].filter(pa.array(is_doubtful)) for name in (a, b))
    is_swapped[is_doubtful] = _READABLE[kinds[a]](in_b) & _READABLE[kinds[b]](in_a)
    return is_swapped


def stated_texts(records: Records, rows: Rows, names: list[str]) -> dict[str, pa.Array]:
    """What some records state in columns, blank where nothing."""
    table = records.take(rows, names)
    return {name: pc.utf8_trim_whitespace(pc.fill_null(table[name].combine_chunks(), "")) for name in names}


def exchanged_columns(table: pa.Table, a: str, b: str) -> pa.Table:
    """A table with the contents of two columns exchanged."""
    place_a, place_b = table.schema.get_field_index(a), table.schema.get_field_index(b)
    in_a, in_b = table.column(a), table.column(b)
    return table.set_column(place_a, a, in_b).set_column(place_b, b, in_a)


def _both_stated(texts: dict[str, pa.Array], a: str, b: str) -> NDArray[np.bool_]:
    both = pc.and_(pc.not_equal(texts[a], ""), pc.not_equal(texts[b], ""))
    return np.asarray(both.to_numpy(zero_copy_only=False), np.bool_)
