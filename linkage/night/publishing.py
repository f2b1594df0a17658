"""Writes the tables of a run from what was read and decided."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from linkage.ingest import Ingested
from linkage.published.claims import candidate_parts, claim_parts, with_comparisons
from linkage.published.decided import DecidedClaims, DecidedDoses, ReadDoses
from linkage.published.decisions import PersonIds, communes_lived_in, decision_parts
from linkage.published.faults import Faults
from linkage.published.folders import Stage
from linkage.published.groups import GROUPS, groups_table
from linkage.published.patterns import patterns_table
from linkage.published.queues import ToQueue, queue_parts
from linkage.published.subjects import open_subject_parts, platform_subjects, subject_counts
from linkage.registry.index import Index
from linkage.schema import (
    CANDIDATES,
    CLAIMS,
    COMMUNES,
    DECISIONS,
    DOSES,
    READINGS,
    REJECTED,
    SUBJECT_COUNTS,
    SUBJECTS,
)
from linkage.stations import reading_parts


def write_tables(
    stage: Stage,
    ingested: Ingested,
    read: ReadDoses,
    claims: DecidedClaims,
    doses: DecidedDoses,
    index: Index,
    list_date: datetime.date,
    n_threads: int,
) -> pa.Table:
    """Write every table of a run, each by one thread, the largest first. Returns the groups, see
    linkage.published.groups."""
    of_dose, batch, typed = read.claims.of_dose, read.batch, read.doses.typed
    decided, plan = claims.decided, index.plan
    groups = groups_table(of_dose, doses.status, decided, batch, plan, list_date)
    faults = Faults.of(read, decided, plan)
    platform = platform_subjects(read.doses, of_dose, doses.status, faults.issues)
    with ThreadPoolExecutor(n_threads) as threads:
        ids = threads.submit(PersonIds.of_decided, decided, index)
        of_decisions = _with_ids(ids, lambda found: decision_parts(read, decided, doses, faults, found, plan))
        of_candidates = _with_ids(ids, lambda found: candidate_parts(typed, claims, found))
        tables: dict[str, tuple[pa.Schema, Iterable[pa.Table]]] = {
            CLAIMS.name: (CLAIMS.arrow(), claim_parts(typed, decided)),
            DECISIONS.name: (DECISIONS.arrow(), of_decisions),
            CANDIDATES.name: (with_comparisons(CANDIDATES, claims.model.parameters), of_candidates),
            **queue_parts(ToQueue(read, claims, doses, faults, index, list_date)),
            SUBJECTS.name: (SUBJECTS.arrow(), open_subject_parts(platform, read.doses, of_dose, batch, plan)),
            SUBJECT_COUNTS.name: (SUBJECT_COUNTS.arrow(), [subject_counts(platform, of_dose, batch, plan)]),
            COMMUNES.name: (COMMUNES.arrow(), [communes_lived_in(batch, plan)]),
            GROUPS.name: (GROUPS.arrow(), [groups]),
            READINGS.name: (READINGS.arrow(), reading_parts(read.stations, read.doses.records)),
        }
        list(threads.map(lambda name: stage.write_parts(name, *tables[name]), tables))
    stage.write_records(DOSES.name, ingested.accepted)
    stage.write_table(REJECTED.name, ingested.rejected, keep_metadata=True)
    stage.write_table("patterns", patterns_table(claims.pairs, plan))
    return groups


def _with_ids(ids: Future[PersonIds], parts: Callable[[PersonIds], Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """A table that needs the ids of persons: the thread that writes it waits for them."""
    yield from parts(ids.result())
