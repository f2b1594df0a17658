"""From the records of a batch to its claims: encoded, read right where a station errs as a rule, and told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.doses.batch import Doses, Typed, doses_of, read_otherwise, read_records
from linkage.doses.claims import Claims
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest import FileCount, Ingested
from linkage.ingest.records import Records
from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.schema import BASIC_ROLES
from linkage.stations import Stations, cells_of, read_as_given, read_stations

Read = tuple[Doses, Claims, Columns, Stations]  # see `read_claims`


def read_claims(
    ingested: Ingested, index: Index, dictionaries: Dictionaries, n_threads: int, scratch: Path | None
) -> Read:
    """The doses, their distinct claims, the encoded columns in the order of the records, and what was found of the
    stations and read otherwise for it.

    dictionaries : grow by what the records hold
    scratch : folder for the encoded columns; None keeps them in memory
    """
    typed = read_records(ingested.accepted, index.plan, dictionaries, n_threads, scratch)
    files = [(file.file, file.accepted) for file in ingested.files]
    stations, misread = read_right(typed, files, dictionaries, index)
    doses, claims = doses_of(typed, misread, unread_bits(ingested.files, index.plan), scratch)
    return doses, claims, typed.columns, stations


def read_claims_again(
    records: Records,
    readings: pa.Array,
    unread: NDArray[np.uint8],
    index: Index,
    dictionaries: Dictionaries,
    n_threads: int,
    scratch: Path | None,
) -> Read:
    """The same of doses of which it is known how they are read: of nothing is anything found.

    readings : string[n_records], see linkage.stations.given
    unread : uint8[n_records], see Doses
    """
    typed = read_records(records, index.plan, dictionaries, n_threads, scratch)
    stations = read_as_given(typed, readings, index.plan, dictionaries)
    misread = _enter_readings(typed, stations, dictionaries, index.plan)
    doses, claims = doses_of(typed, misread, unread, scratch)
    return doses, claims, typed.columns, stations


def read_right(
    typed: Typed, files: Sequence[tuple[str, int]], dictionaries: Dictionaries, index: Index
) -> tuple[Stations, NDArray[np.uint8]]:
    """What stations do wrong as a rule, and what of each record is read otherwise for it, see `_misread`: what they
    typed is read right where that is clear, and the claims with it.

    files : names and numbers of records of the files that the records come from, in their order
    """
    numbers = typed.numbers
    cells = cells_of(typed.records, numbers["facility"], numbers["claim_keys"], numbers["tie"], files)
    stations = read_stations(typed, cells, dictionaries, index)
    return stations, _enter_readings(typed, stations, dictionaries, index.plan)


def _enter_readings(typed: Typed, stations: Stations, dictionaries: Dictionaries, plan: Plan) -> NDArray[np.uint8]:
    """Give the records that were read otherwise their claims; returns what of each was, see `_misread`."""
    misread = _misread(stations, typed.records.num_rows, plan)
    read_otherwise(typed, stations.rows(), misread, dictionaries)
    return misread


def unread_bits(files: Sequence[FileCount], plan: Plan) -> NDArray[np.uint8]:
    """A bit for each of BASIC_ROLES whose field the file of a record does not give: uint8[n_records]."""
    columns = _basic_columns(plan)
    bits = [sum(1 << bit for bit, name in enumerate(columns) if name in file.unread) for file in files]
    return np.repeat(np.array(bits, np.uint8), [file.accepted for file in files])


def _basic_columns(plan: Plan) -> list[str]:
    """The column of the doses that the field of each of BASIC_ROLES is read from."""
    return [plan.field_as(role).left[0] for role in BASIC_ROLES]


def _misread(stations: Stations, n_records: int, plan: Plan) -> NDArray[np.uint8]:
    """A bit for each of BASIC_ROLES whose field is read otherwise: uint8[n_records]."""
    misread = np.zeros(n_records, np.uint8)
    columns = _basic_columns(plan)
    for reading in stations.readings:
        if reading.field in columns:
            misread[reading.rows] |= np.uint8(1 << columns.index(reading.field))
    return misread
