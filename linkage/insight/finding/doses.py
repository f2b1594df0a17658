"""Finds doses of a run, in its own input files, with what was decided of them."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.errors import InputError
from linkage.ingest import Ingested, in_order, ingest
from linkage.insight.finding.asked import Asked, Found, is_born, is_word
from linkage.published.reader import read_manifest, read_table
from linkage.schema import DECISIONS, DOSES
from linkage.standardise.dates import LAST_YEAR, standardise_birth_dates
from linkage.standardise.identifiers import standardise_ids, standardise_insurance
from linkage.standardise.names import canonical_names
from linkage.standardise.phones import standardise_phones

_STATED = ("dose_id", "subject_id", "full_name", "date_of_birth", "id_number", "insurance_number", "phone", "dose_date")
_DECIDED = ("dose_id", "status", "person_id", "match_probability")


def find_doses(run_dir: Path, asked: Asked, limit: int) -> Found:
    """Doses of a published run that fit all that is asked, in the order of its files, the first ``limit`` with what was
    decided of them.

    UsageError where the folder is no run; InputError where its inputs are no longer there or have changed.
    """
    start = time.perf_counter()
    manifest = read_manifest(run_dir, "inputs", "columns")
    given = None
    if asked.person:
        given = read_table(run_dir, DECISIONS.name, ["dose_id"], filters=[("person_id", "=", asked.person)])["dose_id"]
    ingested = read_again(manifest)
    found = [part for part in _fitting(ingested, asked, given) if part.num_rows]
    doses = pa.concat_tables(found) if found else None
    rows = [] if doses is None else doses.slice(0, limit).to_pylist()
    ids = [row["dose_id"] for row in rows]
    decided = read_table(run_dir, DECISIONS.name, list(_DECIDED), filters=[("dose_id", "in", ids)]) if ids else None
    of_dose = {row["dose_id"]: row for row in ([] if decided is None else decided.to_pylist())}
    n_found = 0 if doses is None else doses.num_rows
    seconds = round(time.perf_counter() - start, 3)
    return Found(n_found, [row | of_dose.get(row["dose_id"], {}) for row in rows], ingested.accepted.num_rows, seconds)


def dose_of(run_dir: Path, asked: str) -> tuple[str, int]:
    """The dose of this id with 0, or the first dose of the claim of this key with the number of its doses; what is
    neither comes back as it is."""
    is_it = (pc.field("dose_id") == asked) | (pc.field("claim_id") == asked)
    found = read_table(run_dir, DECISIONS.name, ["dose_id"], filters=is_it)["dose_id"].to_pylist()
    return (asked, 0) if asked in found or not found else (found[0], len(found))


def read_again(manifest: dict[str, Any]) -> Ingested:
    """The input files of a run as it read them; InputError where one is gone or has changed."""
    paths = {Path(source["path"]): source["sha256"] for source in manifest["inputs"]}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: the run's input is no longer there; put it back to look at its doses")
    ingested = ingest(in_order(list(paths)), DOSES, columns=manifest["columns"])
    sums = {source["sha256"] for source in manifest["inputs"]}
    for file in ingested.files:
        if file.sha256 not in sums:
            raise InputError(f"{file.file}: has changed since the run; put the file back that was linked")
    return ingested


def _fitting(ingested: Ingested, asked: Asked, given: pa.ChunkedArray | None) -> Iterator[pa.Table]:
    """The accepted rows that fulfil all conditions, part after part."""
    conditions = list(_conditions(asked, given))
    for rows in ingested.accepted.chunks(list(_STATED)):
        for fits in conditions:
            rows = rows.filter(fits(rows))
            if not rows.num_rows:
                break
        else:
            yield rows


def _conditions(asked: Asked, given: pa.ChunkedArray | None) -> Iterator[Callable[[pa.Table], Any]]:
    """What rows must fulfil; the name, which takes longest to read, comes last."""
    if given is not None:
        yield lambda rows: pc.is_in(rows["dose_id"], given)
    if asked.dose:
        yield lambda rows: pc.equal(rows["dose_id"], asked.dose)
    if asked.subject:
        yield lambda rows: pc.equal(rows["subject_id"], asked.subject)
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
        day, latest = asked.day(), datetime.date(LAST_YEAR, 12, 31)
        yield lambda rows: pa.array(is_born(standardise_birth_dates(rows["date_of_birth"], latest=latest), day))
    if asked.name:
        words = asked.words()
        yield lambda rows: pa.array(
            [_has_words(name, words) for name in canonical_names(rows["full_name"]).to_pylist()]
        )


def _has_words(name: str, words: Sequence[str]) -> bool:
    known = name.split()
    return all(any(is_word(each, word) for each in known) for word in words)
