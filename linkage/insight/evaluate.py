"""Measures a published run against known truth: precision, recall, review share, calibration, by group.

A dose is *linkable* when its truth names a person; *decided* when its status is verified or matched; *right* when the
person decided is the person of the truth. The doses of one claim share its decision, so intervals are Wilson's with
the number of distinct claims as sample size: with doses they would be too narrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from linkage.errors import InputError
from linkage.ingest.paths import check_file
from linkage.published.reader import read_manifest, read_table
from linkage.schema import STATUSES, TRUTH
from models.intervals import wilson_interval

# Fine at the top, where decisions are taken.
BIN_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)
GROUPINGS = ("status", "issue", "found_by", "commune_code")

# One row per dose that has a truth; `among` is for the right person standing anywhere in the claim's review list.
_LABELLED = """
CREATE TEMP TABLE labelled AS
SELECT d.*, coalesce(k.compared_as, d.claim_id) AS compared_as, t.person_id AS truth_id,
       t.person_id IS NOT NULL AS linkable,
       d.status IN ('verified', 'matched') AS decided,
       coalesce(d.status IN ('verified', 'matched') AND d.person_id = t.person_id, false) AS is_right,
       coalesce(d.person_id = t.person_id, false) AS best_is_right,
       d.status = 'review' AND EXISTS (
           SELECT 1 FROM candidates c WHERE c.claim_id = d.claim_id AND c.person_id = t.person_id) AS among
FROM decisions d JOIN truth t USING (dose_id) LEFT JOIN claims k USING (claim_id)
"""


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``of`` doses, with its 95 % interval; share, low and high are None where ``of`` is 0."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class CalibrationBin:
    """Best candidates with a probability in [lower, upper): what was promised, and what came true."""

    lower: float
    upper: float
    mean_probability: float
    right: Proportion


@dataclass(frozen=True)
class GroupResult:
    """The measures of the doses that share a value; ``value`` None where the column is missing or the list empty."""

    value: str | None
    doses: int
    precision: Proportion
    recall: Proportion
    review: Proportion


@dataclass(frozen=True)
class EstimateResult:
    """An error rate that the run estimated without a truth, and the true one where the truth can tell it."""

    name: str
    rate: float
    low: float
    high: float
    true_rate: float | None


@dataclass(frozen=True)
class Evaluation:
    """What a run got right and wrong.

    ``precision`` is by status, and "automatic" for verified and matched together; ``recall`` the right person decided
    and ``reachable`` the right person decided or in the review list, both among linkable doses; ``review`` the share of
    doses under review; ``outside_registry`` the share of doses without a person that were given one all the same;
    ``calibration_error`` the expected calibration error over `BIN_EDGES`, None where nothing has a candidate.
    ``estimates`` are the error rates of the run's manifest.
    """

    run_id: str
    doses: int
    counts: dict[str, int]
    doses_without_truth: int
    truth_without_dose: int
    precision: dict[str, Proportion]
    recall: Proportion
    reachable: Proportion
    review: Proportion
    outside_registry: Proportion
    false_match_doses: int
    false_match_subjects: int
    calibration_error: float | None
    calibration: tuple[CalibrationBin, ...]
    groups: dict[str, tuple[GroupResult, ...]]
    estimates: tuple[EstimateResult, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists and numbers, for json.dumps."""
        return asdict(self)


def evaluate(run_dir: Path, truth_path: Path) -> Evaluation:
    """Compare a published run, or what `state export` wrote, with the truth.

    Parameters
    ----------
    run_dir : folder of a published run, or of an exported state
    truth_path : Parquet or CSV with dose_id and person_id (missing or empty: not in the registry)

    Raises
    ------
    UsageError
        ``run_dir`` is no published run.
    InputError
        The truth cannot be read, lacks a column, names a dose twice or knows no dose of the run.
    """
    manifest = read_manifest(run_dir)
    run_id = str(manifest.get("run_id", run_dir.name))
    with _labelled(run_dir, truth_path) as connection:
        labelled = _one(connection, "SELECT count(*) FROM labelled")[0]
        if not labelled:
            raise InputError(f"{truth_path}: names no dose of run {run_id}; give the truth of the same doses")
        bins = _calibration(connection)
        return Evaluation(
            run_id=run_id,
            doses=_one(connection, "SELECT count(*) FROM decisions")[0],
            counts=_counts(connection),
            doses_without_truth=_one(connection, "SELECT count(*) FROM decisions ANTI JOIN truth USING (dose_id)")[0],
            truth_without_dose=_one(connection, "SELECT count(*) FROM truth ANTI JOIN decisions USING (dose_id)")[0],
            precision={
                "verified": _proportion(connection, "is_right", "status = 'verified'"),
                "matched": _proportion(connection, "is_right", "status = 'matched'"),
                "automatic": _proportion(connection, "is_right", "decided"),
            },
            recall=_proportion(connection, "is_right", "linkable"),
            reachable=_proportion(connection, "is_right OR among", "linkable"),
            review=_proportion(connection, "status = 'review'", "true"),
            outside_registry=_proportion(connection, "decided", "NOT linkable"),
            false_match_doses=_one(connection, "SELECT count(*) FROM labelled WHERE decided AND NOT is_right")[0],
            false_match_subjects=_one(
                connection, "SELECT count(DISTINCT compared_as) FROM labelled WHERE decided AND NOT is_right"
            )[0],
            calibration_error=_expected_error(bins),
            calibration=bins,
            groups={name: _by_group(connection, name) for name in GROUPINGS},
            estimates=_estimates(connection, manifest.get("error_estimates", [])),
        )


@contextmanager
def _labelled(run_dir: Path, truth_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the tables decisions, truth and labelled."""
    columns = [
        "dose_id",
        "claim_id",
        "status",
        "person_id",
        "match_probability",
        "found_by",
        "issue",
        "commune_code",
    ]
    with duckdb.connect() as connection:
        connection.register("decisions", read_table(run_dir, "decisions", columns))
        connection.register("candidates", read_table(run_dir, "queues/review", ["claim_id", "person_id"]))
        # One row a claim: what stations make to be read in two ways may have been compared in two.
        compared = _compared(run_dir)
        connection.register(
            "claims",
            compared.group_by("claim_id").aggregate([("compared_as", "min")]).rename_columns(compared.column_names),
        )
        _load_truth(connection, truth_path)
        connection.execute(_LABELLED)
        yield connection


def _compared(run_dir: Path) -> pa.Table:
    """What each claim was compared as; of what `state export` writes, which does not say it, nothing."""
    names = ["claim_id", "compared_as"]
    if "state" in read_manifest(run_dir):
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return read_table(run_dir, "claims", names)


def load_source(connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str], what: str) -> None:
    """The table source: the rows of a file of truth; InputError when it cannot be read or lacks a column. what: what
    has these columns, as "a truth"."""
    check_file(path, str(path))
    reader = "read_csv(?, all_varchar = true, header = true)" if path.suffix.lower() == ".csv" else "read_parquet(?)"
    try:
        connection.execute(f"CREATE TEMP TABLE source AS SELECT * FROM {reader}", [_literal(path)])
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as truth ({reason}); give a Parquet or CSV file") from error
    present = {row[0] for row in connection.execute("DESCRIBE source").fetchall()}
    missing = [name for name in columns if name not in present]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing; {what} has {', '.join(columns)}")


def _literal(path: Path) -> str:
    """A path of which DuckDB takes no character for a pattern."""
    return re.sub(r"[*?\[]", lambda found: f"[{found.group()}]", str(path))


def _load_truth(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    load_source(connection, path, TRUTH.names, "a truth")
    connection.execute(
        "CREATE TEMP TABLE truth AS SELECT dose_id::VARCHAR AS dose_id, nullif(person_id::VARCHAR, '') AS person_id "
        "FROM source"
    )
    twice = connection.execute("SELECT dose_id FROM truth GROUP BY ALL HAVING count(*) > 1 ORDER BY 1").fetchone()
    if twice:
        raise InputError(f"{path}: dose {twice[0]} stands there more than once; keep one row per dose")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without GROUP BY always has its row
    return tuple(row)


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = dict(connection.execute("SELECT status, count(*) FROM decisions GROUP BY ALL ORDER BY 1").fetchall())
    return {status: found.pop(status, 0) for status in STATUSES} | found


def _measure(event: str, among: str) -> str:
    """SQL of the three numbers a proportion is made of."""
    return (
        f"count(*) FILTER (({among}) AND ({event})), count(*) FILTER ({among}), "
        f"count(DISTINCT compared_as) FILTER ({among})"
    )


def _to_proportion(count: int, of: int, claims: int) -> Proportion:
    if of == 0:
        return Proportion(0, 0, None, None, None)
    return Proportion(count, of, count / of, *wilson_interval(count / of, claims))


def _proportion(connection: duckdb.DuckDBPyConnection, event: str, among: str) -> Proportion:
    return _to_proportion(*_one(connection, f"SELECT {_measure(event, among)} FROM labelled"))


def _estimates(connection: duckdb.DuckDBPyConnection, estimates: list[dict[str, Any]]) -> tuple[EstimateResult, ...]:
    """The run's own estimates beside the truth: false among the automatic, missed among all that could be decided."""
    automatic, false, missed, open_to_decision = _one(
        connection,
        "SELECT count(*) FILTER (decided), count(*) FILTER (decided AND NOT is_right), "
        "count(*) FILTER (linkable AND NOT decided AND status <> 'excluded'), count(*) FILTER (status <> 'excluded') "
        "FROM labelled",
    )
    true_rates = {
        "estimated_false_match_rate": false / automatic if automatic else None,
        "estimated_missed_match_rate": missed / open_to_decision if open_to_decision else None,
    }
    return tuple(
        EstimateResult(e["name"], e["rate"], e["low"], e["high"], true_rates.get(e["name"])) for e in estimates
    )


def _calibration(connection: duckdb.DuckDBPyConnection) -> tuple[CalibrationBin, ...]:
    edges = ", ".join(str(edge) for edge in BIN_EDGES[1:-1])
    rows = connection.execute(
        f"SELECT len(list_filter([{edges}], lambda edge : match_probability >= edge)) AS bin, avg(match_probability), "
        f"{_measure('best_is_right', 'true')} FROM labelled "
        "WHERE (decided OR status = 'review') AND match_probability IS NOT NULL GROUP BY bin ORDER BY bin"
    ).fetchall()
    return tuple(
        CalibrationBin(BIN_EDGES[bin_], BIN_EDGES[bin_ + 1], mean, _to_proportion(*measured))
        for bin_, mean, *measured in rows
    )


def _expected_error(bins: tuple[CalibrationBin, ...]) -> float | None:
    total = sum(b.right.of for b in bins)
    if not total:
        return None
    return sum(abs(b.mean_probability * b.right.of - b.right.count) for b in bins) / total


def _by_group(connection: duckdb.DuckDBPyConnection, column: str) -> tuple[GroupResult, ...]:
    """The measures by value; a dose counts under each of the passes that found its person."""
    value = column
    if column == "found_by":
        value = "unnest(CASE WHEN len(found_by) > 0 THEN found_by ELSE [NULL] END)"
    measures = ", ".join(
        _measure(event, among)
        for event, among in (("is_right", "decided"), ("is_right", "linkable"), ("status = 'review'", "true"))
    )
    rows = connection.execute(
        f"SELECT value, count(*), {measures} FROM (SELECT *, {value} AS value FROM labelled) "
        "GROUP BY value ORDER BY value NULLS LAST"
    ).fetchall()
    return tuple(
        GroupResult(value, doses, *(_to_proportion(*numbers[i : i + 3]) for i in (0, 3, 6)))
        for value, doses, *numbers in rows
    )
