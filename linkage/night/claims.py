"""From the records of a batch to its claims: encoded, read right where a station errs as a rule, and told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.doses.batch import Doses, doses_of, read_otherwise, read_records
from linkage.doses.claims import Claims
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest import FileCount, Ingested
from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.schema import BASIC_ROLES
from linkage.stations import Stations, cells_of, read_stations


def read_claims(
    ingested: Ingested, index: Index, dictionaries: Dictionaries, n_threads: int, scratch: Path | None
) -> tuple[Doses, Claims, Columns, Stations]:
    """The doses, their distinct claims, the encoded columns in the order of the records, and what was found of the
    stations and read otherwise for it.

    dictionaries : grow by what the records hold
    scratch : folder for the encoded columns; None keeps them in memory
    """
    records = ingested.accepted
    typed = read_records(records, index.plan, dictionaries, n_threads, scratch)
    files = [(file.file, file.accepted) for file in ingested.files]
    numbers = typed.numbers
    cells = cells_of(records, numbers["facility"], numbers["claim_keys"], numbers["tie"], files)
    stations = read_stations(typed, cells, dictionaries, index)
    misread = _misread(stations, records.num_rows, index.plan)
    read_otherwise(typed, stations.rows(), misread, dictionaries)
    doses, claims = doses_of(typed, misread, _unread(ingested.files, index.plan), scratch)
    return doses, claims, typed.columns, stations


def _unread(files: Sequence[FileCount], plan: Plan) -> NDArray[np.uint8]:
    """A bit for each of BASIC_ROLES whose field the file of a record does not give: uint8[n_records]."""
    columns = [plan.field_as(role).left[0] for role in BASIC_ROLES]
    bits = [sum(1 << bit for bit, name in enumerate(columns) if name in file.unread) for file in files]
    return np.repeat(np.array(bits, np.uint8), [file.accepted for file in files])


def _misread(stations: Stations, n_records: int, plan: Plan) -> NDArray[np.uint8]:
    """A bit for each of BASIC_ROLES whose field is read otherwise: uint8[n_records]."""
    misread = np.zeros(n_records, np.uint8)
    columns = [plan.field_as(role).left[0] for role in BASIC_ROLES]
    for reading in stations.readings:
        if reading.field in columns:
            misread[reading.rows] |= np.uint8(1 << columns.index(reading.field))
    return misread
