"""Finds doses in force in a state of nights, with what is decided of them.

Ids and numbers lead to claims and from these to doses, so that a few groups of rows are read, however many nights there
were. A name or a date of birth alone leads nowhere: then what every dose states of these is looked through.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.errors import UsageError
from linkage.insight.finding.asked import Asked, Found
from linkage.insight.finding.doses import DECIDED, STATED, Condition, conditions_of, fulfilling
from linkage.machine.threads import in_order
from linkage.nights.finding import number_keys
from linkage.registry.persons_by_id import hash_of
from linkage.state.folder import State
from linkage.state.rows import (
    claims_found_by,
    claims_of_persons,
    claims_of_subjects,
    doses_ever_of,
    rows_in_force,
)
from linkage.state.tables import BEST, DOSE_VERSIONS, PUBLISHED_DECISIONS, WITHDRAWN

# Doses that may fit, which are then read whole: who gets more has asked for next to nothing.
MOST_LOOKED_AT = 1 << 18
_SCANNED = ["dose_id", "full_name", "date_of_birth"]
_TEXTS = ("name", "born")


def find_in_state(state: State, asked: Asked, limit: int, n_threads: int = 2) -> Found:
    """Doses in force that fit all that is asked, in the order of their ids, the first ``limit`` with what is decided of
    them.

    Raises
    ------
    UsageError : there was no night yet, or more doses may fit than are looked at
    VerificationError : the state is damaged
    """
    start = time.perf_counter()
    if state.folder is None:
        raise UsageError("there was no night yet, so there are no doses to be found")
    latest = datetime.date.fromisoformat(state.epoch["latest_date"])
    ids = _led_to(state, asked)
    given = None
    if ids is None:
        ids = _scanned(state, list(conditions_of(_texts_of(asked), None, latest)), n_threads)
    elif asked.person:
        given = _decided_for(state, asked.person, ids)
    _check_few(len(ids))
    doses = rows_in_force(state, DOSE_VERSIONS, ids, columns=[*STATED, "what"])
    doses = doses.filter(pc.not_equal(doses["what"], WITHDRAWN)).select(STATED)
    doses = fulfilling(doses, list(conditions_of(asked, given, latest)))
    rows = doses.slice(0, limit).to_pylist()
    shown = pa.array([row["dose_id"] for row in rows], pa.string())
    decided = rows_in_force(state, PUBLISHED_DECISIONS, shown, columns=list(DECIDED)).select(DECIDED)
    of_dose = {row["dose_id"]: row for row in decided.to_pylist()}
    n_doses = sum(state.manifest["counts"].values())
    seconds = round(time.perf_counter() - start, 3)
    return Found(doses.num_rows, [row | of_dose.get(row["dose_id"], {}) for row in rows], n_doses, seconds)


def _led_to(state: State, asked: Asked) -> pa.Array | None:
    """Ids of all doses that may fit, by the first of these that is asked for and leads to few; None where none does."""
    if asked.dose:
        return pa.array([asked.dose])
    if asked.subject:
        return doses_ever_of(state, claims_of_subjects(state, _hashes([asked.subject.strip()])))
    if asked.person:
        return doses_ever_of(state, claims_of_persons(state, _hashes([asked.person]), BEST))
    numbers = asked.numbers() if asked.number else {"phone": asked.phones()} if asked.phone else {}
    if numbers:
        keys = number_keys({kind: np.array([number], np.uint64) for kind, number in numbers.items()})
        return doses_ever_of(state, claims_found_by(state, np.concatenate(list(keys.values()))))
    return None


def _hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([hash_of(text) for text in texts], np.uint64)


def _decided_for(state: State, person: str, ids: pa.Array) -> pa.Array:
    """Of some doses those that are decided for a person."""
    decided = rows_in_force(state, PUBLISHED_DECISIONS, ids, columns=["dose_id", "person_id"])
    return decided.filter(pc.equal(decided["person_id"], person))["dose_id"].combine_chunks()


def _texts_of(asked: Asked) -> Asked:
    return Asked(**{name: getattr(asked, name) for name in _TEXTS})


def _scanned(state: State, conditions: Sequence[Condition], n_threads: int) -> pa.Array:
    """Ids of the doses of which a version, in force or not, fulfils conditions on _SCANNED."""

    def groups() -> Iterator[Callable[[], pa.Table]]:
        for file in state.parts(DOSE_VERSIONS):
            for number in range(file.num_row_groups):
                yield partial(fulfilling, file.read_row_group(number, _SCANNED), conditions)

    found, n_found = [], 0
    with ThreadPoolExecutor(n_threads) as pool:
        for rows in in_order(groups(), pool, n_threads):
            found.append(rows["dose_id"])
            n_found += rows.num_rows
            _check_few(n_found)
    return pa.chunked_array([chunk for ids in found for chunk in ids.chunks], pa.string()).combine_chunks().unique()


def _check_few(n: int) -> None:
    if n > MOST_LOOKED_AT:
        raise UsageError(
            f"more than {MOST_LOOKED_AT:,} doses may fit what is asked; say more, such as --born with the day, or more "
            "words of the --name"
        )
