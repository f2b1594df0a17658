"""How doses are read, written down dose by dose: it is fixed the night a dose comes, whatever later files show of its
station.

A text such as "gender: the other sex; phone: not stated" names the columns of the doses that are read otherwise than
typed, and how, in the order in which they are.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.doses.batch import Typed, excluded_of
from linkage.encode.dictionaries import Dictionaries
from linkage.machine.parts import parts_of
from linkage.plan.sections import Plan
from linkage.schema.decisions import IN_COLUMN
from linkage.stations.reading import Reading, Stations, encode_as_read, put_right_as
from linkage.wording.readings import readings_of, with_reading


def reading_texts(stations: Stations, n_records: int) -> pa.Array:
    """How each record of a batch was read: string[n_records], null for one that is read as typed."""
    combination, texts = np.zeros(n_records, np.int32), [""]
    for reading in stations.readings:
        before, of_row = np.unique(combination[reading.rows], return_inverse=True)
        combination[reading.rows] = len(texts) + of_row.astype(np.int32)
        texts += [with_reading(texts[number], reading.field, reading.how) for number in before.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(combination, mask=combination == 0))


def read_as_given(typed: Typed, readings: pa.Array, plan: Plan, dictionaries: Dictionaries) -> Stations:
    """Read records as is written down of each; what is typed of them is changed in place.

    readings : string[n_records], as `reading_texts` gives them
    dictionaries : grow by what is read otherwise
    """
    encoded = readings.dictionary_encode()
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    found: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    for number, text in enumerate(encoded.dictionary.to_pylist()):
        rows = np.flatnonzero(places == number)
        pairs = readings_of(text)
        for part in parts_of(rows.size):
            _read_rows(typed, rows[part], pairs, plan, dictionaries)
        for pair in pairs:
            found.setdefault(pair, []).append(rows)
    read = [Reading(*pair, np.sort(np.concatenate(rows))) for pair, rows in found.items()]
    return Stations(readings=tuple(read))


def _read_rows(
    typed: Typed, rows: NDArray[np.int64], pairs: list[tuple[str, str]], plan: Plan, dictionaries: Dictionaries
) -> None:
    """Read some records alike."""
    table = typed.records.take(rows)
    for name, values in encode_as_read(table, pairs, plan, dictionaries).items():
        typed.columns[name][rows] = values
    if any(how.startswith(IN_COLUMN) for _, how in pairs):
        typed.numbers["excluded"][rows] = excluded_of(put_right_as(table, pairs))
