"""Reads a state of nights, or everything that a night.toml names, and holds it against sums, and tables against each
other: every dose in force has one decision, every record is decided or rejected, what leads to a claim leads there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import LinkageError, VerificationError
from linkage.ingest.duplicates import hash_keys
from linkage.nights.configuration import Configuration
from linkage.nights.pruning import n_pruned
from linkage.nights.queries import bounded
from linkage.published.manifests import night_files
from linkage.published.reader import check_published
from linkage.schema import REJECTED
from linkage.state.folder import PARTS, REMEDY, State
from linkage.state.tables import BEST, BY_ITSELF, CORRECTED, NEW, READ_OTHERWISE, TABLES, WITHDRAWN

_IN_FORCE = {
    "doses_now": f"""SELECT * FROM (SELECT dose_id, arg_max({{'claim_id': claim_id, 'claim': claim, 'subject': subject,
        'what': what}}, version) AS row FROM doses GROUP BY dose_id) WHERE row.what <> '{WITHDRAWN}'""",
    "decisions_now": """SELECT * FROM (SELECT dose_id, arg_max({'claim_id': claim_id, 'status': status,
        'person_id': person_id, 'is_gone': is_gone}, night) AS row FROM decisions GROUP BY dose_id)
        WHERE NOT row.is_gone""",
    "claims_now": """SELECT * FROM (SELECT claim, arg_max({'best': best, 'person': by_itself_person,
        'is_gone': is_gone}, night) AS row FROM claims GROUP BY claim) WHERE NOT row.is_gone""",
}
# What must not be: each query names those of whom it is so.
_WRONG = {
    "doses in force without a decision": "SELECT dose_id FROM doses_now ANTI JOIN decisions_now USING (dose_id)",
    "decisions of doses that are not in force": "SELECT dose_id FROM decisions_now ANTI JOIN doses_now USING (dose_id)",
    "decisions of another claim than their dose makes": """
        SELECT dose_id FROM decisions_now n JOIN doses_now d USING (dose_id) WHERE n.row.claim_id <> d.row.claim_id""",
    "doses in force whose claim is not decided": """
        SELECT dose_id FROM doses_now d ANTI JOIN claims_now c ON d.row.claim = c.claim""",
    "claims that no dose in force makes": """
        SELECT claim FROM claims_now c ANTI JOIN doses_now d ON d.row.claim = c.claim""",
    "claims that are not found by the person they are decided for": f"""
        SELECT claim FROM claims_now c WHERE (c.row.best > 0 AND NOT EXISTS (SELECT 1 FROM claims_of_persons p
            WHERE p.claim = c.claim AND p.person = c.row.best AND p.kinds & {BEST} > 0))
        OR (c.row.person > 0 AND NOT EXISTS (SELECT 1 FROM claims_of_persons p
            WHERE p.claim = c.claim AND p.person = c.row.person AND p.kinds & {BY_ITSELF} > 0))""",
    "doses that are not found by their claim": """
        SELECT dose_id FROM doses_now d
        ANTI JOIN doses_of_claims o ON d.row.claim = o.claim AND d.dose_id = o.dose_id""",
    "doses whose claim is not found by their subject": """
        SELECT dose_id FROM (SELECT * FROM doses_now WHERE row.subject > 0) d
        ANTI JOIN claims_of_subjects s ON d.row.claim = s.claim AND d.row.subject = s.subject""",
}


def damage_of_tables(state: State) -> Iterator[LinkageError]:
    """What does not agree among the tables of a state, whose files are whole."""
    with bounded() as connection:
        _open(connection, state)
        for what, query in _WRONG.items():
            [(n, example)] = connection.execute(f"SELECT count(*), min(found) FROM ({query}) AS w(found)").fetchall()
            if n:
                yield _wrong(state, f"{n:,} {what}, such as {example}")
        yield from _persons(connection, state)
        counted = "SELECT row.status, count(*) FROM decisions_now GROUP BY row.status"
        yield from _differing(state, "doses in force", state.manifest["counts"], connection.execute(counted).fetchall())
        for number, night in enumerate(state.nights, 1):
            counted = f"SELECT what, count(*) FROM doses WHERE night = {number} GROUP BY what"
            words = (NEW, CORRECTED, WITHDRAWN, READ_OTHERWISE)
            said: dict[Any, int] = {what: night["doses"].get(what, 0) for what in words}
            yield from _differing(state, f"doses of night {number}", said, connection.execute(counted).fetchall())
            counted = f"SELECT is_gone, count(*) FROM decisions WHERE night = {number} GROUP BY is_gone"
            changes = night["changes"]
            said = {False: changes["new"] + changes["changed"], True: changes["withdrawn"]}
            yield from _differing(state, f"decisions of night {number}", said, connection.execute(counted).fetchall())


def _open(connection: duckdb.DuckDBPyConnection, state: State) -> None:
    """The tables of a state by their names, and what of them is in force."""
    for name, table in TABLES.items():
        files = [f"{PARTS}/{part['name']}/{name}.parquet" for part in state.manifest["parts"]]
        paths = [str(state.files[file].path) for file in files if file in state.files]
        if paths:
            connection.read_parquet(paths, union_by_name=True).create_view(name)
        else:
            connection.register(name, table.schema.empty_table())
    for name, query in _IN_FORCE.items():
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}").fetchall()


def _persons(connection: duckdb.DuckDBPyConnection, state: State) -> Iterator[LinkageError]:
    """Decisions that name another person than their claim is filed under."""
    rows = connection.sql("""
        SELECT n.dose_id, n.row.person_id AS person_id, c.row.best AS best FROM decisions_now n
        JOIN doses_now d USING (dose_id) JOIN claims_now c ON d.row.claim = c.claim WHERE n.row.person_id IS NOT NULL
    """)
    for batch in rows.to_arrow_reader(1 << 18):
        named = hash_keys(pa.chunked_array([batch["person_id"]]))
        wrong = np.flatnonzero(named != batch["best"].to_numpy())
        if wrong.size:
            dose = batch["dose_id"][int(wrong[0])].as_py()
            yield _wrong(state, f"decisions name another person than their claim is filed under, such as of {dose}")
            return


def _differing(state: State, what: str, said: dict[Any, int], found: list[Any]) -> Iterator[LinkageError]:
    """Counts that are not what the manifest says."""
    counted = dict(found)
    for key, n in said.items():
        if counted.get(key, 0) != n:
            yield _wrong(state, f"{counted.get(key, 0):,} {what} are {key}, and the manifest says {n:,}")


def _wrong(state: State, what: str) -> VerificationError:
    return VerificationError(f"{state.folder}: does not agree with itself ({what}); {REMEDY}")


def damage_of_nights(configuration: Configuration, state: State) -> Iterator[LinkageError]:
    """What is damaged or missing of the folders of the nights, those that were pruned left out."""
    before: dict[str, Any] | None = None
    for night in state.nights[n_pruned(configuration) :]:
        folder = configuration.nights / str(night["night_id"])
        if not folder.is_dir():
            yield VerificationError(f"{folder}: is missing, and the state knows its night; restore it from a copy")
            before = None
            continue
        try:
            manifest = check_published(folder, "night_id", "changes", "counts", "state_before", "state_after")
        except LinkageError as error:
            yield error
            before = None
            continue
        for what in _disagreements(manifest, night, before):
            yield VerificationError(f"{folder}: does not agree with itself or with the state ({what}); {REMEDY}")
        n_rejected = pq.read_metadata(folder / f"{REJECTED.name}.parquet").num_rows
        if n_rejected != sum(file["rejected"] for file in night_files(manifest)):
            yield VerificationError(f"{folder}: {n_rejected:,} records stand among those rejected, of others; {REMEDY}")
        before = manifest


def _disagreements(manifest: dict[str, Any], night: dict[str, Any], before: dict[str, Any] | None) -> Iterator[str]:
    """What the manifest of a night says otherwise than the state, or than the sums that must hold."""
    for name in ("night_id", "kind", "date", "doses", "changes", "counts"):
        if manifest[name] != night[name]:
            yield f"{name} is another"
    for file in night_files(manifest):
        if file["physical_records"] != file["decided"] + file["rejected"]:
            yield f"records of {file['file']}: {file['physical_records']:,} are not those decided and rejected"
    came = manifest["doses"]
    if sum(file["decided"] for file in manifest["inputs"]) != came["new"] + came["corrected"] + came["unchanged"]:
        yield "the records of its doses are not those that were new, corrected or unchanged"
    if before is not None and manifest["state_before"] != before["state_after"]:
        yield "it does not stand on the night before"
