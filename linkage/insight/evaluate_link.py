"""Measures the links of two files against known truth: precision, recall, F1 and calibration of the pairs.

The truth is a table of the pairs that are matches, or a column of both files that names the entity of each record. A
record that the truth does not name has no match. Intervals are Wilson's over pairs, which is a little too narrow where
one record has many.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from linkage.errors import InputError
from linkage.insight.evaluate import BIN_EDGES, CalibrationBin, Proportion, load_source
from linkage.published.reader import check_file
from linkage.schema import LINKS, PAIRS
from linkage.two_files.folder import LinkFolder, open_link_folder
from models.intervals import wilson_interval

PAIR = ("left_id", "right_id")
# Of a file linked with itself a pair stands once, the smaller id first; a record is no match of itself.
_ORDERED = "least(left_id, right_id) AS left_id, greatest(left_id, right_id) AS right_id"


@dataclass(frozen=True)
class LinkEvaluation:
    """What a linkage of two files got right: precision of its links, recall of links and of candidates among the true
    pairs, f1 of the links, and what the candidates' probabilities promised and what came true; unknown_pairs: true
    pairs of records that the files do not have, which count as missed."""

    folder: str
    links: int
    true_pairs: int
    unknown_pairs: int
    precision: Proportion
    recall: Proportion
    f1: float | None
    among_candidates: Proportion
    expected_false_match_rate: float
    calibration_error: float | None
    calibration: tuple[CalibrationBin, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists and numbers, for json.dumps."""
        return asdict(self)


def evaluate_link(folder: Path, truth: Path | None = None, entity: tuple[str, str] | None = None) -> LinkEvaluation:
    """Compare the links of a folder that ``link`` wrote with the truth.

    Parameters
    ----------
    truth : Parquet or CSV with left_id and right_id, a row for each match
    entity : instead, the column of the left and of the right file that names a record's entity; empty has no match

    Raises
    ------
    UsageError : the folder is none of ``link``, or not one of truth and entity is given
    InputError : the truth cannot be read or has no pair, or the files are no longer those that were linked
    """
    linked = open_link_folder(folder)
    with _judged(linked, truth, entity) as connection:
        right_links, n_links = _counts(connection, LINKS.name)
        right_candidates, _ = _counts(connection, PAIRS.name)
        n_true = int(connection.execute("SELECT count(*) FROM truth").fetchall()[0][0])
        n_unknown = 0 if truth is None else _unknown_pairs(connection, linked)
        bins = _calibration(connection)
    if n_unknown == n_true:
        raise InputError("the truth has no pair of records of these files; see that it names their ids")
    return LinkEvaluation(
        folder=str(folder),
        links=n_links,
        true_pairs=n_true,
        unknown_pairs=n_unknown,
        precision=_proportion(right_links, n_links),
        recall=_proportion(right_links, n_true),
        f1=2 * right_links / (n_links + n_true),
        among_candidates=_proportion(right_candidates, n_true),
        expected_false_match_rate=float(linked.manifest["expected_false_match_rate"]),
        calibration_error=_expected_error(bins),
        calibration=bins,
    )


@contextmanager
def _judged(
    linked: LinkFolder, truth: Path | None, entity: tuple[str, str] | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table truth, and the views links and candidates with is_true."""
    with duckdb.connect() as connection:
        if truth is not None:
            _load_pairs(connection, truth)
        else:
            assert entity is not None
            _load_entities(connection, linked, entity)
        pair = _ORDERED if linked.is_self else "left_id, right_id"
        where = "WHERE left_id <> right_id" if linked.is_self else ""
        connection.execute(f"CREATE TEMP TABLE truth AS SELECT DISTINCT {pair} FROM stated {where}")
        for name in (LINKS.name, PAIRS.name):
            connection.execute(
                f"CREATE TEMP TABLE {name} AS SELECT p.match_probability, t.left_id IS NOT NULL AS is_true "
                f"FROM (SELECT {pair}, match_probability FROM read_parquet(?)) p "
                "LEFT JOIN truth t USING (left_id, right_id)",
                [str(check_file(linked.folder, f"{name}.parquet"))],
            )
        yield connection


def _load_pairs(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The table stated: the pairs of a file."""
    load_source(connection, path, PAIR, "the truth of a link")
    connection.execute(
        "CREATE TEMP TABLE stated AS SELECT left_id::VARCHAR AS left_id, right_id::VARCHAR AS right_id FROM source "
        "WHERE left_id IS NOT NULL AND right_id IS NOT NULL"
    )


def _unknown_pairs(connection: duckdb.DuckDBPyConnection, linked: LinkFolder) -> int:
    """How many pairs of the truth name a record that its file does not have."""
    for side in ("left", "right"):
        connection.register(f"of_{side}", linked.records(side).select([linked.id_of(side)]).rename_columns(["id"]))
    return int(
        connection.execute(
            "SELECT count(*) FROM truth WHERE left_id NOT IN (SELECT id FROM of_left) "
            "OR right_id NOT IN (SELECT id FROM of_right)"
        ).fetchall()[0][0]
    )


def _load_entities(connection: duckdb.DuckDBPyConnection, linked: LinkFolder, entity: tuple[str, str]) -> None:
    """The table stated: the pairs of records of one entity."""
    for side, column in zip(("left", "right"), entity, strict=True):
        records = linked.records(side, also=[column])
        table = pa.table({"id": records[linked.id_of(side)], "entity": records[column]})
        connection.register(f"of_{side}", table)
    connection.execute(
        "CREATE TEMP TABLE stated AS SELECT l.id AS left_id, r.id AS right_id "
        "FROM of_left l JOIN of_right r USING (entity) WHERE entity <> ''"
    )


def _counts(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    """Right pairs of a table, and all."""
    right, n = connection.execute(f"SELECT count(*) FILTER (is_true), count(*) FROM {table}").fetchall()[0]
    return int(right), int(n)


def _proportion(count: int, of: int) -> Proportion:
    if of == 0:
        return Proportion(0, 0, None, None, None)
    return Proportion(count, of, count / of, *wilson_interval(count / of, of))


def _calibration(connection: duckdb.DuckDBPyConnection) -> tuple[CalibrationBin, ...]:
    edges = ", ".join(str(edge) for edge in BIN_EDGES[1:-1])
    rows = connection.execute(
        f"SELECT len(list_filter([{edges}], lambda edge : match_probability >= edge)) AS bin, avg(match_probability), "
        f"count(*) FILTER (is_true), count(*) FROM {PAIRS.name} GROUP BY bin ORDER BY bin"
    ).fetchall()
    return tuple(
        CalibrationBin(BIN_EDGES[bin_], BIN_EDGES[bin_ + 1], mean, _proportion(right, of))
        for bin_, mean, right, of in rows
    )


def _expected_error(bins: tuple[CalibrationBin, ...]) -> float | None:
    total = sum(b.right.of for b in bins)
    return sum(abs(b.mean_probability * b.right.of - b.right.count) for b in bins) / total if total else None
