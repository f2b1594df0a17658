"""Finds people in a registry index, in its encoded columns: no text is read but of those who are found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.errors import UsageError
from linkage.insight.finding.asked import Asked, Found, is_born, is_word
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import damage_told

_CHUNK_ROWS = 1 << 20
_SHOWN = ("full_name", "gender", "date_of_birth", "id_number", "old_id_number", "phone", "commune_code", "status")
Fits = Callable[[NDArray[Any]], NDArray[np.bool_]]
# Encoded columns and what their values must be; one of them has to fit.
Condition = Sequence[tuple[str, Fits]]


def find_persons(folder: Path, asked: Asked, limit: int) -> Found:
    """People of the index in force who fit all that is asked, in the order of the index, the first ``limit`` in full.

    UsageError where the index knows no such thing; VerificationError where it is damaged.
    """
    start = time.perf_counter()
    index = open_index(folder)
    if asked.subject or asked.dose:
        raise UsageError(f"{folder}: an index holds no doses; look for a subject or a dose in a run")
    with damage_told(index.files):
        rows = np.concatenate([np.empty(0, np.int64), *_fitting(index, asked)])
        columns = [index.plan.right_id, *(name for name in _SHOWN if name in index.persons.schema.names)]
        people = index.take(rows[:limit], columns).to_pylist()
    return Found(rows.size, people, index.n_persons, round(time.perf_counter() - start, 3))


def _conditions(asked: Asked, index: Index) -> list[Condition]:
    """What the columns must fulfil, the one that most rows fail first."""
    found: list[Condition] = []
    if asked.number:
        kinds = asked.numbers()
        equal = [(name, partial(_is, kinds[kind])) for kind in kinds for name in _columns(index, kind)]
        found.append(_known(equal, "--number", index))
    if asked.phone:
        equal = [(name, partial(_is, asked.phones())) for name in _columns(index, "phone")]
        found.append(_known(equal, "--phone", index))
    if asked.born:
        born = [
            (name, partial(is_born, day=asked.day(index.dictionaries.latest_date)))
            for name in _columns(index, "birth_date")
        ]
        found.append(_known(born, "--born", index))
    if asked.name:
        syllables = index.dictionaries.syllables.syllables
        for word in asked.words():
            is_meant = np.array([is_word(syllable, word) for syllable in syllables])
            named = [(name, partial(_has_word, is_meant)) for name in _columns(index, "vietnamese_name")]
            found.append(_known(named, "--name", index))
    return found


def _columns(index: Index, kind: str) -> list[str]:
    """The registry's columns of a kind of field."""
    return [spec.name for spec in index.plan.fields if spec.kind == kind and spec.name in index.columns]


def _known(condition: Condition, option: str, index: Index) -> Condition:
    if not condition:
        raise UsageError(f"{option}: the index {index.folder.parent} keeps no such field; leave the option out")
    return condition


def _is(wanted: int, values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(values == wanted)


def _has_word(is_meant: NDArray[np.bool_], syllables: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which names, uint16[n, w] of numbers of syllables, have one that is meant."""
    return np.asarray(is_meant[syllables].any(axis=1))


def _fitting(index: Index, asked: Asked) -> Iterator[NDArray[np.int64]]:
    """The rows that fulfil all conditions, int64[k], in order; each condition looks at what those before left."""
    conditions = _conditions(asked, index)
    for rows in _candidates(index, asked):
        for condition in conditions:
            are_found = np.vstack([fits(index.columns[name][rows]) for name, fits in condition])
            rows = rows[np.flatnonzero(are_found.any(axis=0))]
            if not rows.size:
                break
        else:
            yield rows[~index.removed.include(rows)]


def _candidates(index: Index, asked: Asked) -> Iterator[NDArray[np.int64]]:
    """The row of the person asked for, or all rows, a chunk at a time."""
    if asked.person:
        row = index.rows_of(pa.array([asked.person]))
        yield row[row >= 0]
        return
    n_few = 0 if index.changes is None else index.changes.persons.num_rows
    n_rows = (index.large or index).n_persons + n_few
    for start in range(0, n_rows, _CHUNK_ROWS):
        yield np.arange(start, min(start + _CHUNK_ROWS, n_rows))
