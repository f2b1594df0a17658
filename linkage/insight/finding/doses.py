"""Finds doses of a run, among the accepted records that it published, with what was decided of them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.records import Records
from linkage.insight.finding.asked import Asked, Found, birth_days, is_born, is_word
from linkage.published.reader import find_rows, published_records, read_manifest
from linkage.schema import DECISIONS, DOSES
from linkage.standardise.identifiers import standardise_ids, standardise_insurance
from linkage.standardise.names import canonical_names
from linkage.standardise.phones import standardise_phones

STATED = ("dose_id", "subject_id", "full_name", "date_of_birth", "id_number", "insurance_number", "phone", "dose_date")
DECIDED = ("dose_id", "status", "person_id", "match_probability")

Condition = Callable[[pa.Table], Any]


def find_doses(run_dir: Path, asked: Asked, limit: int) -> Found:
    """Doses of a published run that fit all that is asked, in the order of its records, the first ``limit`` with what
    was decided of them.

    UsageError where the folder is no run; VerificationError where it is damaged.
    """
    start = time.perf_counter()
    latest = datetime.date.fromisoformat(read_manifest(run_dir, "list_date")["list_date"])
    given = None
    if asked.person:
        given = find_rows(run_dir, DECISIONS.name, [("person_id", "=", asked.person)], ["dose_id"])["dose_id"]
    accepted = published_records(run_dir, DOSES.name)
    found = [part for part in _fitting(accepted, asked, given, latest) if part.num_rows]
    doses = pa.concat_tables(found) if found else None
    rows = [] if doses is None else doses.slice(0, limit).to_pylist()
    ids = [row["dose_id"] for row in rows]
    decided = find_rows(run_dir, DECISIONS.name, [("dose_id", "in", ids)], list(DECIDED)) if ids else None
    of_dose = {row["dose_id"]: row for row in ([] if decided is None else decided.to_pylist())}
    n_found = 0 if doses is None else doses.num_rows
    seconds = round(time.perf_counter() - start, 3)
    return Found(n_found, [row | of_dose.get(row["dose_id"], {}) for row in rows], accepted.num_rows, seconds)


def _fitting(
    accepted: Records, asked: Asked, given: pa.ChunkedArray | None, latest: datetime.date
) -> Iterator[pa.Table]:
    """The accepted rows that fulfil all conditions, part after part."""
    conditions = list(conditions_of(asked, given, latest))
    for rows in accepted.chunks(list(STATED)):
        yield fulfilling(rows, conditions)


def fulfilling(rows: pa.Table, conditions: Sequence[Condition]) -> pa.Table:
    """The rows that fulfil all conditions; each is asked of what those before left."""
    for fits in conditions:
        rows = rows.filter(fits(rows)) if rows.num_rows else rows
    return rows


def conditions_of(asked: Asked, given: pa.ChunkedArray | None, latest: datetime.date) -> Iterator[Condition]:
    """What rows of STATED must fulfil; the name, which takes longest to read, comes last.

    given : ids of the doses of the person asked for; latest : up to which day dates of birth are read
    """
    if given is not None:
        yield lambda rows: pc.is_in(rows["dose_id"], given)
    if asked.dose:
        yield lambda rows: pc.equal(rows["dose_id"], asked.dose)
    if asked.subject:
        subject = asked.subject.strip()
        yield lambda rows: pc.equal(pc.utf8_trim_whitespace(rows["subject_id"]), subject)
    if asked.number:
        numbers = asked.numbers()
        yield lambda rows: pa.array(
            (standardise_ids(rows["id_number"]).number == numbers.get("person_number", -1))
            | (standardise_insurance(rows["insurance_number"]) == numbers.get("insurance_number", -1))
        )
    if asked.phone:
        phone = asked.phones()
        yield lambda rows: pa.array(standardise_phones(rows["phone"]) == phone)
    if asked.born:
        day = asked.day(latest)
        yield lambda rows: pa.array(is_born(birth_days(rows["date_of_birth"], latest), day))
    if asked.name:
        words = asked.words()
        yield lambda rows: pa.array(_have_words(canonical_names(rows["full_name"]), words))


def _have_words(names: pa.StringArray, words: Sequence[str]) -> NDArray[np.bool_]:
    """Which canonical names have all of some words: bool[n]; each distinct word of theirs is looked at once."""
    split = pc.split_pattern(names, " ")
    known = split.flatten().dictionary_encode()
    places, of_name = known.indices.to_numpy(), pc.list_parent_indices(split).to_numpy()
    have_all = np.ones(len(names), np.bool_)
    for word in words:
        is_meant = np.array([is_word(each, word) for each in known.dictionary.to_pylist()], np.bool_)
        has_word = np.zeros(len(names), np.bool_)
        has_word[of_name[is_meant[places]]] = True
        have_all &= has_word
    return have_all
