"""The figures behind the statistical report of a run: read from what the run published, never from the doses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.compute as pc

from linkage.errors import VerificationError
from linkage.insight.evaluate import Evaluation, evaluate
from linkage.published.groups import GROUPS
from linkage.published.reader import published_dataset, published_model, read_manifest, read_table
from linkage.schema import DECISIONS, REVIEW_QUEUE, STATUSES, UNMATCHED_QUEUE
from linkage.training.model_file import Model
from models.parameters import STATED, Parameters
from models.posterior import masses_not_found

BITS_PER_BAR = 2
# Probabilities are shown as odds in powers of ten; past these ends a bar means "or beyond".
LOWEST_ODDS, HIGHEST_ODDS = -4, 8
_HOPES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.1)  # ends of the bands that a review is counted by; 1 is in the last
_NEEDED = ("run_id", "list_date", "inputs", "counts", "index", "passes", "match_threshold", "outputs")


@dataclass(frozen=True)
class Bar:
    """Doses of a status whose best candidate has a value in [start, end)."""

    status: str
    start: float
    end: float
    n_doses: int


@dataclass(frozen=True)
class Group:
    """Doses that state a value of an attribute; ``value`` None where it is not stated or not understood.

    expected_false: expected number of wrong ones among the linked doses; expected_missed: of registered ones among the
    unmatched.
    """

    attribute: str
    value: str | None
    counts: dict[str, int]
    expected_false: float
    expected_missed: float

    @property
    def n_doses(self) -> int:
        return sum(self.counts.values())

    @property
    def n_linked(self) -> int:
        return self.counts["verified"] + self.counts["matched"]


@dataclass(frozen=True)
class Hope:
    """Claims under review that are settled with a probability in [low, high): how many, and how many are expected to
    be."""

    low: float
    high: float
    claims: int
    settled: float


@dataclass(frozen=True)
class ReviewSize:
    """The review queue: identity claims, those of them in police lists, candidates, the day it is due (None: the queue
    is empty), and how much hope there is, the most first. searched: unmatched claims that have candidates."""

    claims: int
    listed: int
    candidates: int
    deadline: str | None
    hopes: tuple[Hope, ...]
    searched: int


@dataclass(frozen=True)
class Statistics:
    """What the report shows, apart from the example pairs.

    weights, odds: doses by their best candidate's match weight (bits) and posterior odds (powers of ten);
    lone_threshold: the match weight at which a claim without rivals reaches the match threshold, None where nothing
    can; groups: None for a run that was published without them; evaluation: None without a truth.
    """

    manifest: dict[str, Any]
    model: Model
    weights: tuple[Bar, ...]
    odds: tuple[Bar, ...]
    lone_threshold: float | None
    issues: dict[str, int]
    review: ReviewSize
    groups: tuple[Group, ...] | None
    evaluation: Evaluation | None


def statistics_of_run(run_dir: Path, truth: Path | None = None) -> Statistics:
    """Gather the figures of a published run.

    Raises
    ------
    UsageError : ``run_dir`` is no published run
    InputError : its manifest lacks something, or the truth cannot be used
    VerificationError : a published table cannot be read
    """
    manifest = read_manifest(run_dir, *_NEEDED)
    model = published_model(run_dir)
    threshold = float(manifest["match_threshold"])
    with duckdb.connect() as connection:
        connection.register("decisions", published_dataset(run_dir, DECISIONS.name))
        try:
            weights, odds, issues = _weights(connection), _odds(connection), _issues(connection)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise VerificationError(f"{run_dir}/decisions.parquet: {reason}; restore the run from a copy") from error
    return Statistics(
        manifest,
        model,
        weights,
        odds,
        lone_weight(threshold, model.parameters),
        issues,
        _review(run_dir),
        _groups(run_dir),
        None if truth is None else evaluate(run_dir, truth),
    )


def lone_weight(threshold: float, parameters: Parameters) -> float | None:
    """The match weight, in bits, that gives the single candidate of a claim that states a number the posterior
    ``threshold``; None for 0 and 1."""
    if not 0.0 < threshold < 1.0:
        return None
    absent, missed = masses_not_found(parameters.times_outside(np.full(1, STATED, np.uint8)), parameters)
    without = float(absent[0] + missed)
    odds = threshold / (1.0 - threshold) * without * parameters.n_persons / parameters.share_in_registry
    return log2(odds) if odds > 0.0 else None


def _weights(connection: duckdb.DuckDBPyConnection) -> tuple[Bar, ...]:
    start = f"floor(match_weight / {BITS_PER_BAR}) * {BITS_PER_BAR}"
    return _bars(connection, start, BITS_PER_BAR)


def _odds(connection: duckdb.DuckDBPyConnection) -> tuple[Bar, ...]:
    smallest = 10.0 ** (LOWEST_ODDS - 1)
    odds = f"log10(greatest(match_probability, {smallest}) / greatest(1 - match_probability, 1e-15))"
    return _bars(connection, f"least(greatest(floor(2 * {odds}) / 2, {LOWEST_ODDS}), {HIGHEST_ODDS})", 0.5)


def _bars(connection: duckdb.DuckDBPyConnection, start: str, width: float) -> tuple[Bar, ...]:
    rows = connection.execute(
        f"SELECT status, {start} AS start, count(*) FROM decisions WHERE match_weight IS NOT NULL "
        "AND isfinite(match_weight) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return tuple(Bar(status, float(first), float(first) + width, n) for status, first, n in rows)


def _issues(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = connection.execute("SELECT issue, count(*) FROM decisions WHERE issue IS NOT NULL GROUP BY ALL").fetchall()
    return dict(rows)


def _review(run_dir: Path) -> ReviewSize:
    queue = read_table(run_dir, REVIEW_QUEUE.name, ["rank", "in_police_list", "deadline", "settle_probability"])
    unmatched = read_table(run_dir, UNMATCHED_QUEUE.name, ["candidate_ids"])
    searched = int(pc.sum(pc.greater(pc.list_value_length(unmatched.column(0)), 0)).as_py() or 0)
    with duckdb.connect() as connection:
        connection.register("queue", queue)
        hopes = tuple(_hope(connection, low, high) for low, high in pairwise(_HOPES))
        found = connection.execute(
            "SELECT count(*) FILTER (rank = 1), count(*) FILTER (rank = 1 AND in_police_list), count(*), "
            "max(deadline)::VARCHAR FROM queue"
        ).fetchone()
    assert found is not None  # an aggregate without GROUP BY always has its row
    claims, listed, candidates, deadline = found
    hopes = tuple(hope for hope in hopes[::-1] if hope.claims)
    return ReviewSize(claims, listed, candidates, deadline, hopes, searched)


def _hope(connection: duckdb.DuckDBPyConnection, low: float, high: float) -> Hope:
    found = connection.execute(
        "SELECT count(*), coalesce(sum(settle_probability), 0.0) FROM queue "
        "WHERE rank = 1 AND settle_probability >= ? AND settle_probability < ?",
        [low, high],
    ).fetchone()
    assert found is not None  # an aggregate without GROUP BY always has its row
    return Hope(low, high, *found)


def _groups(run_dir: Path) -> tuple[Group, ...] | None:
    if not (run_dir / f"{GROUPS.name}.parquet").exists():
        return None
    gathered: dict[tuple[str, str | None], Group] = {}
    for row in read_table(run_dir, GROUPS.name, GROUPS.names).to_pylist():
        key = row["attribute"], row["value"]
        group = gathered.get(key, Group(*key, dict.fromkeys(STATUSES, 0), 0.0, 0.0))
        is_unmatched = row["status"] == "unmatched"
        gathered[key] = Group(
            *key,
            group.counts | {row["status"]: row["n_doses"]},
            group.expected_false + (0.0 if is_unmatched else row["expected_errors"]),
            group.expected_missed + (row["expected_errors"] if is_unmatched else 0.0),
        )
    return tuple(gathered.values())
