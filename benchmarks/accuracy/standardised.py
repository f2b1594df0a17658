"""Simulated doses as another linker gets them: distinct identity claims and persons in our standardised columns.

Splink compares what it is given, so it is given the same reading of names, numbers, dates and places that ours works
with; the work of standardising is not counted in its time.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.accuracy.simulations import SimulatedFiles
from linkage.doses.claims import claim_keys, distinct_claims
from linkage.encode.columns import encode
from linkage.encode.dictionaries import Columns
from linkage.ingest import ingest
from linkage.registry.index import Index
from linkage.schema import DOSES
from linkage.standardise import dates
from linkage.standardise.categories import foreign_reason
from linkage.standardise.names import canonical_names

_DIGITS = (1 << 56) - 1

# Name parts, key parts and dates as SQL sees them; full_name is canonical: lower case, single spaces, tones in place.
_WITH_PARTS = """
SELECT *, replace(strip_accents(full_name), 'đ', 'd') AS name_plain, split_part(full_name, ' ', 1) AS family_name,
       split_part(full_name, ' ', -1) AS given_name,
       array_to_string(string_split(full_name, ' ')[2:-2], ' ') AS middle_name,
       birth_date[:4] AS birth_year,
       CASE WHEN length(birth_date) = 10 AND birth_date[6:] <> '01-01' THEN birth_date[6:] END AS birthday,
       CASE WHEN length(birth_date) = 10 AND birth_date[6:] <> '01-01' THEN birth_date END AS birth_date_complete,
       id_number[:6] AS id_head, id_number[7:] AS id_tail
FROM {0}
"""


@dataclass(frozen=True)
class StandardisedDoses:
    """claims, persons: the same columns, ``unique_id`` first. doses: dose_id and the unique_id of its claim."""

    claims: pa.Table
    persons: pa.Table
    doses: pa.Table


def standardise(files: SimulatedFiles, index: Index) -> StandardisedDoses:
    """Both sides of a simulation, foreigners left out as our own run leaves them out."""
    accepted = ingest([files.doses], DOSES).accepted.read().sort_by("dose_id").combine_chunks()
    dictionaries = index.dictionaries.copy()
    columns = encode(accepted, index.plan, "left", dictionaries)
    is_foreign = ~pc.is_null(
        foreign_reason(*(accepted.column(name).combine_chunks() for name in ("nationality", "id_number")))
    ).to_numpy(zero_copy_only=False)
    subjects = distinct_claims(claim_keys(columns, is_foreign, dictionaries))
    keys, first = pa.array(subjects.keys).cast(pa.string()), subjects.first_dose
    kept = pa.array(~is_foreign[first])
    claims = pa.table(_columns({name: column[first] for name, column in columns.items()}, index, is_claim=True))
    claims = claims.add_column(0, "unique_id", keys)
    claims = claims.append_column("full_name", _names(accepted.column("full_name").take(pa.array(first))))
    registered = {name: column.large for name, column in index.columns.items()}  # of a fresh build: all there is
    persons = pa.table(_columns(registered, index, is_claim=False))
    persons = persons.add_column(0, "unique_id", index.persons.column(index.plan.right_id))
    persons = persons.append_column("full_name", _names(index.persons.column("full_name")))
    doses = pa.table({"dose_id": accepted.column("dose_id"), "unique_id": keys.take(pa.array(subjects.of_dose))})
    return StandardisedDoses(_with_parts(claims.filter(kept)), _with_parts(persons), doses)


def _with_parts(table: pa.Table) -> pa.Table:
    with duckdb.connect() as connection:
        connection.register("standardised", table)
        return connection.sql(_WITH_PARTS.format("standardised")).to_arrow_table()


def _names(raw: pa.ChunkedArray) -> pa.StringArray:
    names = canonical_names(raw)
    return pc.if_else(pc.equal(names, ""), pa.scalar(None, pa.string()), names)


def _columns(columns: Columns, index: Index, *, is_claim: bool) -> dict[str, pa.Array]:
    """Encoded columns as text; a claim has neither an old number nor a second place."""
    n = next(iter(columns.values())).shape[0]
    nothing = pa.nulls(n, pa.string())
    commune = _registry_communes(columns["commune"].astype(np.uint16), index) if is_claim else columns["commune"]
    units, as_of = index.dictionaries.units, index.dictionaries.commune_date
    district = units.tables.sides[as_of].districts.only_member()[commune]
    return {
        "birth_date": dates.to_iso(columns["birth_date"].astype(np.uint32)),
        "sex": _codes(columns["sex"]),
        "id_number": _numbers(columns["id_number"]),
        "old_id_number": nothing if is_claim else _numbers(columns["old_id_number"]),
        "phone": _numbers(columns["phone"]),
        "insurance_number": _numbers(columns["insurance_number"]),
        "ethnicity": _codes(columns["ethnicity"]),
        "commune": _codes(commune),
        "residence": nothing if is_claim else _codes(columns["residence"]),
        "district": _codes(district),
        "province": _codes(units.province_of_registry(commune.astype(np.uint16), as_of)),
    }


def _registry_communes(places: NDArray[np.uint16], index: Index) -> NDArray[np.uint16]:
    """The registry commune of each stated place; of a commune that was split the first."""
    targets = index.dictionaries.units.registry_targets(index.dictionaries.commune_date)
    first, last = targets.offsets[places], targets.offsets[places.astype(np.int64) + 1]
    found = np.zeros(places.size, np.uint16)
    found[last > first] = targets.members[first[last > first]]
    return found


def _codes(values: NDArray[np.generic]) -> pa.StringArray:
    """Small codes as text, null for 0."""
    return pa.array(values, mask=np.asarray(values == 0)).cast(pa.string())


def _numbers(packed: NDArray[np.generic]) -> pa.StringArray:
    """Packed digits as text, null for none; four bits a digit, so hexadecimal digits are the digits themselves."""
    values, place = np.unique(packed.astype(np.uint64), return_inverse=True)
    lengths = (values >> np.uint64(56)).tolist()
    texts = [
        None if value == 0 else f"{value & _DIGITS:0{length if length < 15 else 14}x}"
        for value, length in zip(values.tolist(), lengths, strict=True)
    ]
    return pa.array(texts, pa.string()).take(pa.array(place))
