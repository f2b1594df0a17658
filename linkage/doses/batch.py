"""The doses of a batch, read once chunk by chunk: a few numbers of each stay in memory, the text in its work file."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.doses.claim_ids import ClaimIds, Ids, distinct_ids, ids_of
from linkage.doses.claims import Claims, claim_keys, distinct_claims
from linkage.doses.schedule import Injections, read_injections
from linkage.encode.columns import encode, encode_chunks
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.ingest.duplicates import hash_keys
from linkage.ingest.records import Records
from linkage.machine.parts import parts_of
from linkage.machine.scratch import scratch_array
from linkage.plan.sections import Plan
from linkage.standardise.categories import FOREIGN_NATIONALITY, FOREIGN_PASSPORT, foreign_reason

# By the code of the reason; 0 is for claims that are compared with the registry.
VERDICT = "verdict"  # an officer found a foreigner, whom the registry does not hold
EXCLUDED_REASONS = pa.array([None, FOREIGN_NATIONALITY, FOREIGN_PASSPORT, VERDICT], pa.string())

_OF_RECORDS = ("facility", "tie")  # numbers that are kept until it is known what stations do

# Facilities of these levels do not do the clean-up (2262/BYT-CNTT, step 6): what they keyed in is linked, but in no
# police list.
_NO_CLEAN_UP = pa.array(["central", "province", "district"])


@dataclass(frozen=True)
class Doses:
    """Doses in the order of their dose_id.

    records : their text, columns of schema.DOSES
    rows : int32[n], the record of each dose
    injections : what was given when
    subject_ids : uint64[n], a hash of the platform's id of the subject, 0 where none is stated
    does_clean_up : bool[n], whether the facility does; one that does not state its level does
    excluded : uint8[n], why the claim is not compared with the registry, see EXCLUDED_REASONS
    misread : uint8[n], a bit for each of schema.BASIC_ROLES whose field is read otherwise, see linkage.stations
    unread : uint8[n], a bit for each of them that the dose's file does not have, or of which it gives next to nothing
    typed : the claims as they were typed
    """

    records: Records
    rows: NDArray[np.int32]
    injections: Injections
    subject_ids: NDArray[np.uint64]
    does_clean_up: NDArray[np.bool_]
    excluded: NDArray[np.uint8]
    misread: NDArray[np.uint8]
    unread: NDArray[np.uint8]
    typed: ClaimIds

    def take(self, doses: NDArray[np.int32], columns: list[str]) -> pa.Table:
        """What some doses state, by their numbers, int[n] in any order."""
        return self.records.take(self.rows[doses].astype(np.int64), columns)


@dataclass(frozen=True)
class Typed:
    """What the records of a batch state, in their order, before it is known which claims they make.

    columns : encoded, in work files; numbers : what is kept of each dose by the names in Doses and Injections, with
    claim_keys uint64[n]; facility uint64[n], a hash of its code, 0 where none is stated; tie uint16[n], a hash of the
    dose's id; claim_ids: uint64[n, 2], in a work file
    """

    records: Records
    claim_ids: Ids
    columns: Columns
    numbers: dict[str, NDArray[Any]]


def read_records(
    records: Records, plan: Plan, dictionaries: Dictionaries, n_threads: int, scratch: Path | None
) -> Typed:
    """Read and encode all records; the encoded columns are in work files in ``scratch``.

    dictionaries : grow by what the records hold
    """
    columns: Columns = {}
    numbers: dict[str, NDArray[Any]] = {}
    claim_ids = scratch_array(scratch, (records.num_rows, 2), np.uint64)
    start = 0
    with ThreadPoolExecutor(1) as beside:
        for chunk, encoded in _encoded(records, plan, dictionaries, n_threads):
            ids = beside.submit(ids_of, chunk)
            _enter(columns, encoded, start, records.num_rows, scratch)
            _enter(numbers, _numbers_of(chunk, encoded, dictionaries), start, records.num_rows, None)
            claim_ids[start : start + chunk.num_rows] = ids.result()
            start += chunk.num_rows
    return Typed(records, claim_ids, columns, numbers)


def read_otherwise(
    typed: Typed, rows: NDArray[np.int64], misread: NDArray[np.uint8], dictionaries: Dictionaries
) -> None:
    """Give records whose columns were changed since their claims anew.

    misread : uint8[n_records], the basic fields that are not as typed, see Doses; they are a part of the claim
    """
    for part in parts_of(rows.size):
        here = rows[part]
        changed = {name: column[here] for name, column in typed.columns.items()}
        is_excluded = typed.numbers["excluded"][here] > 0
        keys = claim_keys(changed, is_excluded, dictionaries)
        typed.numbers["claim_keys"][here] = np.where(misread[here] > 0, mix(keys ^ misread[here], salt=2), keys)


def unread_of_claims(doses: Doses, claims: Claims) -> NDArray[np.uint8]:
    """A bit for each of schema.BASIC_ROLES whose field no file of a claim's doses gives: uint8[n_claims]."""
    bits = np.zeros(claims.keys.size, np.uint8)
    if doses.unread.any():
        bits[:] = 255
        np.bitwise_and.at(bits, claims.of_dose, doses.unread)
    return bits


def doses_of(
    typed: Typed, misread: NDArray[np.uint8], unread: NDArray[np.uint8], scratch: Path | None
) -> tuple[Doses, Claims]:
    """The doses of the records, and their distinct claims.

    misread, unread : uint8[n_records], see Doses; scratch : folder of a work file for the ids of the claims
    """
    rows = _by_dose_id(typed.records)
    numbers = {name: values[rows] for name, values in typed.numbers.items() if name not in _OF_RECORDS}
    injections = Injections(*(numbers.pop(name) for name in ("day", "number", "product")))
    claims = distinct_claims(numbers.pop("claim_keys"))
    ids = distinct_ids(typed.claim_ids, rows, claims.of_dose, scratch)
    return (
        Doses(typed.records, rows, injections, misread=misread[rows], unread=unread[rows], typed=ids, **numbers),
        claims,
    )


def _enter(
    columns: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]], start: int, n: int, scratch: Path | None
) -> None:
    """Write the values of a chunk into columns of n rows, which the first chunk makes."""
    for name, part in values.items():
        if name not in columns:
            columns[name] = scratch_array(scratch, (n, *part.shape[1:]), part.dtype)
        columns[name][start : start + part.shape[0]] = part


def _encoded(
    records: Records, plan: Plan, dictionaries: Dictionaries, n_threads: int
) -> Iterable[tuple[pa.Table, Columns]]:
    """The chunks and their encoded columns; at least one, which says what the columns are."""
    if records.num_rows:
        return encode_chunks(records, plan, "left", dictionaries, n_threads=n_threads)
    return [(records.read(), encode(records.read(), plan, "left", dictionaries))]


def _numbers_of(chunk: pa.Table, encoded: Columns, dictionaries: Dictionaries) -> dict[str, NDArray[Any]]:
    """The key of each dose's claim, and what is kept of the dose, by the names in Doses and Injections."""
    text = {name: chunk.column(name).combine_chunks() for name in chunk.column_names}
    excluded = excluded_of(chunk)
    level = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(text["facility_level"], "")))
    injections = read_injections(text["dose_date"], text["dose_number"], text["vaccine"])
    return {
        "claim_keys": claim_keys(encoded, excluded > 0, dictionaries),
        "subject_ids": _hashes(text["subject_id"]),
        "facility": _hashes(text["facility_code"]),
        "tie": hash_keys(pa.chunked_array([text["dose_id"]])).astype(np.uint16),
        "day": injections.day,
        "number": injections.number,
        "product": injections.product,
        "does_clean_up": ~pc.is_in(level, _NO_CLEAN_UP).to_numpy(zero_copy_only=False),
        "excluded": excluded,
    }


def excluded_of(table: pa.Table) -> NDArray[np.uint8]:
    """Why each record of a table is not compared with the registry, see EXCLUDED_REASONS: uint8[n]."""
    reasons = foreign_reason(table["nationality"].combine_chunks(), table["id_number"].combine_chunks())
    places = pc.index_in(reasons, EXCLUDED_REASONS).to_numpy(zero_copy_only=False)
    return np.asarray(places, np.uint8)


def _hashes(texts: pa.Array) -> NDArray[np.uint64]:
    """Hashes of texts without outer space, 0 where blank: uint64[n]."""
    stated = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
    is_blank = pc.equal(stated, "").to_numpy(zero_copy_only=False)
    return np.where(is_blank, np.uint64(0), hash_keys(pa.chunked_array([stated])))


def _by_dose_id(records: Records) -> NDArray[np.int32]:
    """The records in the order of the bytes of their dose_id: int32[n]."""
    if _ascends(chunk.column(0).combine_chunks() for chunk in records.chunks(["dose_id"])):
        return np.arange(records.num_rows, dtype=np.int32)
    return np.asarray(pc.sort_indices(records.column("dose_id"))).astype(np.int32)


def _ascends(parts: Iterable[pa.StringArray]) -> bool:
    last = ""
    for ids in parts:
        if len(ids) and (ids[0].as_py() < last or not pc.all(pc.less(ids[:-1], ids[1:])).as_py()):
            return False
        last = ids[-1].as_py() if len(ids) else last
    return True
