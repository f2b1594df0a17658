"""What a night was, and what lies between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from linkage.errors import UsageError
from linkage.nights.configuration import Configuration
from linkage.nights.named import number_of
from linkage.nights.pruning import n_pruned
from linkage.nights.queries import answer
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest
from linkage.state.folder import open_state
from linkage.state.rows import versions_of, written_between
from linkage.state.tables import PUBLISHED_DECISIONS
from linkage.storage.output_paths import check_file
from linkage.storage.work_folders import replacing

_KEPT = ("night_id", "kind", "date", "doses", "registry", "changes", "counts")
_PUBLISHED = (
    *("inputs", "withdrawals", "registry_changes", "verdict_files", "set_aside", "verdicts", "items", "matched"),
    *("expected_false_matches", "index_before", "index_after", "state_before", "state_after", "code_version"),
    *("model", "seconds", "peak_rss_bytes", "notes"),
)
_ADOPTED = ("model_before", "accepted", "adoption")  # of an adoption, besides


def show(configuration: Configuration, named: str) -> dict[str, Any]:
    """What a night read, changed and cost, by its id, date or number; of one whose folder was pruned what the state
    keeps.

    Raises UsageError where there is none, VerificationError where it is damaged.
    """
    state = open_state(configuration.state)
    number = number_of(state, named)
    kept = state.nights[number - 1]
    told = {"number": number, **{name: kept[name] for name in _KEPT}}
    if number <= n_pruned(configuration):
        return told | {"night_dir": None}
    folder = configuration.nights / kept["night_id"]
    names = (*_PUBLISHED, *(_ADOPTED if kept["kind"] == "adoption" else ()))
    manifest = read_manifest(folder, *names, like=PublishedManifest)
    return told | {"night_dir": str(folder)} | {name: manifest[name] for name in names}


def differing(configuration: Configuration, first: str, second: str, out: Path | None = None) -> dict[str, Any]:
    """What became of the doses from the end of one night to the end of another, later or earlier.

    Returns the ids of both, how many doses are decided otherwise, and of these how many by status before and after
    ("matched -> review"; a dose that is not in force has the status "none").

    Parameters
    ----------
    first, second : nights by id, date or number; "0" is before the first one
    out : a Parquet file to be written with a row for each of these doses, by dose_id

    Raises UsageError where there is no such night or the file cannot be there.
    """
    if out is not None:
        check_file(out, ())
        if out.suffix != ".parquet":
            raise UsageError(f"{out}: doses are written as Parquet; name a file with the ending .parquet")
    state = open_state(configuration.state)
    numbers = [0 if named == "0" else number_of(state, named) for named in (first, second)]
    columns = ["dose_id", "status", "person_id", "match_probability", "night"]
    # What was not written between the two is decided alike.
    moved = written_between(state, PUBLISHED_DECISIONS, min(numbers), max(numbers))
    rows = versions_of(state, PUBLISHED_DECISIONS, moved, columns=columns)
    found = answer(_DIFFERING.format(*numbers), rows=rows)
    counts = answer(
        "SELECT coalesce(status_before, 'none') || ' -> ' || coalesce(status, 'none') AS what, count(*) AS n "
        "FROM found GROUP BY what ORDER BY n DESC, what",
        found=found,
    )
    if out is not None:
        with replacing(out) as path:
            pq.write_table(found, path)
    ids = [None if number == 0 else state.nights[number - 1]["night_id"] for number in numbers]
    return {
        "from": ids[0],
        "to": ids[1],
        "doses": found.num_rows,
        "by_status": dict(zip(counts["what"].to_pylist(), counts["n"].to_pylist(), strict=True)),
    } | ({} if out is None else {"out": str(out)})


_DIFFERING = """
    WITH at_first AS (
        SELECT dose_id, arg_max(row, night) AS row
        FROM (SELECT dose_id, night, {{'status': status, 'person_id': person_id, 'p': match_probability}} AS row
            FROM rows WHERE night <= {0}) GROUP BY dose_id
    ), at_second AS (
        SELECT dose_id, arg_max(row, night) AS row
        FROM (SELECT dose_id, night, {{'status': status, 'person_id': person_id, 'p': match_probability}} AS row
            FROM rows WHERE night <= {1}) GROUP BY dose_id
    )
    SELECT dose_id, f.row.status AS status_before, s.row.status AS status, f.row.person_id AS person_id_before,
        s.row.person_id AS person_id, f.row.p AS match_probability_before, s.row.p AS match_probability
    FROM at_first f FULL OUTER JOIN at_second s USING (dose_id)
    WHERE f.row.status IS DISTINCT FROM s.row.status OR f.row.person_id IS DISTINCT FROM s.row.person_id
        OR f.row.p IS DISTINCT FROM s.row.p
    ORDER BY dose_id
"""
