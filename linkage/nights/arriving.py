"""What the files of a night bring: versions of doses, read right, and withdrawals; nothing lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.doses.batch import read_records
from linkage.doses.claim_ids import hex_ids
from linkage.errors import InputError
from linkage.ingest import FileCount, Ingested, SetAside, ingest
from linkage.machine.stage_clock import Clock
from linkage.night.claims import read_right, unread_bits
from linkage.nights.quarantine import set_aside_again
from linkage.registry.index import Index
from linkage.schema import DOSES, REJECTED, UPDATED_AT, WITHDRAWALS, TableSchema
from linkage.state.tables import DOSE_VERSIONS
from linkage.stations import Finding, reading_texts

# Columns of the state's doses that are told when it is known what was there before.
TOLD_LATER = ("version", "night", "what", "reason")
STATED = [name for name in DOSES.names if name not in ("dose_id", UPDATED_AT)]  # what makes a version another one


@dataclass(frozen=True)
class Arrived:
    """What came, in the order of the files.

    doses : a row for each accepted record, the columns of the state's doses but TOLD_LATER
    withdrawals : dose_id, reason, file, position
    rejected : as schema.REJECTED, of files of either sort
    files : those of doses; others : those of withdrawals; verdicts : those of verdicts
    findings : what was found of the stations
    """

    doses: pa.Table
    withdrawals: pa.Table
    rejected: pa.Table
    files: tuple[FileCount, ...]
    others: tuple[FileCount, ...]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    unmatched: tuple[str, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[FileCount, ...] = ()

    @property
    def every_file(self) -> tuple[FileCount, ...]:
        """Of all sorts, but for those set aside."""
        return (*self.files, *self.others, *self.verdicts)

    @property
    def n_physical(self) -> int:
        return sum(file.physical_records for file in self.every_file)


def read_arrivals(
    doses: Sequence[Path],
    withdrawals: Sequence[Path],
    columns: dict[str, str],
    index: Index,
    n_threads: int,
    scratch: Path,
    clock: Clock,
    again: Collection[Path] = (),
) -> Arrived:
    """Read the files of a night; a dose that an earlier file brings may come again in a later one.

    again : of these files those that come from quarantine

    InputError where no file of a sort can be used, unless all come from quarantine.
    """
    with clock.stage("ingest"):
        of_doses, aside = _ingested(doses, DOSES, columns, scratch, clock, again)
        taken_back, more_aside = _ingested(withdrawals, WITHDRAWALS, columns, scratch, clock, again)
    with clock.stage("encode"):
        versions, findings = _read_versions(of_doses, index, n_threads, scratch)
    parts = [found for found in (of_doses, taken_back) if found is not None]
    rejected = [found.rejected for found in parts]
    metadata = of_doses.rejected.schema.metadata if of_doses is not None else None
    schema = REJECTED.arrow().with_metadata(metadata)
    return Arrived(
        versions,
        _withdrawals(taken_back),
        pa.concat_tables([schema.empty_table(), *(table.replace_schema_metadata(metadata) for table in rejected)]),
        () if of_doses is None else of_doses.files,
        () if taken_back is None else taken_back.files,
        (*aside, *more_aside),
        tuple(note for part in parts for note in part.notes),
        () if of_doses is None else of_doses.unmatched,
        findings,
    )


def _ingested(
    paths: Sequence[Path],
    table: TableSchema,
    columns: dict[str, str],
    scratch: Path,
    clock: Clock,
    again: Collection[Path],
) -> tuple[Ingested | None, tuple[SetAside, ...]]:
    """The records of files of one sort, None where there are no files; and those that cannot be used."""
    if not paths:
        return None, ()
    named = {file: name for file, name in columns.items() if name in table.names}
    options: dict[str, Any] = {"columns": named, "scratch": scratch, "strict": False, "keys_by_file": True}
    try:
        found = ingest(paths, table, **options, on_read=clock.reading)
    except InputError as error:
        return None, set_aside_again(paths, again, error)
    return found, found.set_aside


def _read_versions(
    found: Ingested | None, index: Index, n_threads: int, scratch: Path
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """The accepted doses, which claims they make, and what is read otherwise than typed for their stations' sake."""
    schema = pa.schema([field for field in DOSE_VERSIONS.schema if field.name not in TOLD_LATER])
    if found is None or not found.accepted.num_rows:
        return schema.empty_table(), ()
    dictionaries = index.dictionaries.copy()
    typed = read_records(found.accepted, index.plan, dictionaries, n_threads, scratch)
    files = [(file.file, file.accepted) for file in found.files]
    stations, _ = read_right(typed, files, dictionaries, index)
    numbers = typed.numbers
    columns = {
        "file": found.file_names(),
        "position": pa.array(found.positions()),
        "claim_id": hex_ids(typed.claim_ids),
        "claim": pa.array(numbers["claim_keys"]),
        "subject": pa.array(numbers["subject_ids"]),
        "unread": pa.array(unread_bits(found.files, index.plan)),
        "readings": reading_texts(stations, found.accepted.num_rows),
    }
    typed_columns = found.accepted.read()
    columns |= {name: typed_columns[name] for name in DOSES.names}
    return pa.table([columns[name] for name in schema.names], schema=schema), stations.findings


def _withdrawals(found: Ingested | None) -> pa.Table:
    """The accepted withdrawals, and where they stand."""
    types = {"dose_id": pa.string(), "reason": pa.string(), "file": pa.string(), "position": pa.int64()}
    schema = pa.schema(list(types.items()))
    if found is None:
        return schema.empty_table()
    accepted = found.accepted.read()
    columns = [accepted["dose_id"], accepted["reason"], found.file_names(), pa.array(found.positions())]
    return pa.table(columns, schema=schema)
