"""Splink and ours on the same pairs with the same model, each with its own clock.

Both get the claims and persons that `benchmarks.accuracy.standardised` makes, and one of the models of
`benchmarks.speed.splink_models` as ours has trained it.

Scoring alone
    ours: from the encoded batch and the opened index to the best candidates of every claim, once with finding the pairs
    inside the clock and once outside; Splink: ``predict`` on the pairs registered beforehand, our term frequencies too,
    so that finding the pairs is outside the clock. Many pairs are given to it in several parts, one after the other,
    and of a large batch the first parts only: its seconds for all pairs are then those for these, in proportion.
End to end
    ours: `link_files` with the model, from two Parquet files to links.parquet and candidates.parquet, building the
    index included; Splink: the exported Parquet files through its own blocking rules, which are our passes but for what
    is narrowed, to a Parquet file of all pairs. Left out where these pairs would not fit into memory.
"""

from __future__ import annotations

import json
import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.engine import AllPairs, Prepared, all_pairs, find_pairs, n_pairs
from benchmarks.speed.measuring import BOUND, END_TO_END, EXHAUSTIVE, GIVEN, PREDICT
from benchmarks.speed.splink_models import CommonModel
from blocking.candidates import Found
from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.sections import Plan
from linkage.registry.build import build_index
from linkage.scoring.batch import prepare_batch
from linkage.splink.tables import A_LEFT, B_RIGHT
from linkage.splink.writing import export_files
from linkage.training.model_file import Model
from linkage.two_files.link import link_files, read_side, with_id

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from splink import DuckDBAPI, Linker, SettingsCreator

_LEAST_ROUNDS, _LEAST_SECONDS = 3, 2.0  # that our side is measured; a few hundredths of a second vary by a third
_MOST_CLAIMS = 100_000  # whose pairs Splink gets at once: with 240 each some ten gigabytes
# That Splink scores of a batch; its rate is the same in each, and a million claims would take it an hour
_MOST_PARTS = 2


@dataclass(frozen=True)
class Common:
    """Two Parquet files with the columns that the plan reads, and the model that links them. settings: the model as
    Splink gets it; folder: where the tables that Splink reads lie."""

    left: Path
    right: Path
    model: Model
    settings: SettingsCreator
    folder: Path

    @property
    def plan(self) -> Plan:
        return self.model.plan


@dataclass(frozen=True)
class Compared:
    """What both took on the same pairs, of which Splink scored n_scored. worst: the largest difference of two weights
    among these; n_own_pairs: pairs that Splink's blocking rules give, which its end to end is about, None where that is
    left out."""

    n_left: int
    n_right: int
    n_pairs: int
    n_scored: int
    n_own_pairs: int | None
    worst: float
    our_seconds: dict[str, float]
    splink_seconds: dict[str, float]


@dataclass(frozen=True)
class _Predicted:
    """What Splink took for some pairs, and the largest difference of its weights to ours."""

    n_pairs: int
    seconds: float
    worst: float


def make_common(claims: pa.Table, persons: pa.Table, common: CommonModel, folder: Path) -> Common:
    """Train a common model and write it as Splink opens it."""
    plan = common.plan
    folder.mkdir(parents=True)
    left, right = folder / "claims.parquet", folder / "persons.parquet"
    for path, table in ((left, claims), (right, persons)):
        pq.write_table(table.select(["unique_id", *plan.columns("left")]), path)
    link_files([left], [right], plan, folder / "trained")
    model = Model.load(folder / "trained" / "model.json", plan)
    export_files(model, folder / "splink", tables=(left, right))
    exported = json.loads((folder / "splink" / "settings.json").read_text("utf-8"))
    return Common(left, right, model, common.settings(model, exported), folder)


def compare(common: Common, n_threads: int) -> Compared:
    """Ours, then Splink, on all cores given; the first scoring of ours compiles and is not counted."""
    prepared, left_ids, right_ids = _prepared(common)
    found = find_pairs(prepared.scorer("own"), n_threads)
    ours, splink = {}, {}
    for floor, how in (("own", BOUND), ("none", EXHAUSTIVE)):
        n_pairs(prepared.scorer(floor), n_threads)
        ours[how] = _seconds_of_scoring(prepared, n_threads, floor)
        ours[how + GIVEN] = _seconds_of_scoring(prepared, n_threads, floor, found)
    linker = _linker(common, n_threads)
    predicted = [
        _splink_alone(linker, _given(all_pairs(prepared, n_threads, part), left_ids, right_ids), _prior(common.model))
        for part in _parts(len(left_ids))[:_MOST_PARTS]
    ]
    n_all = sum(int(tile.n_candidates.sum()) for tile in found.values())
    n_scored = sum(part.n_pairs for part in predicted)
    splink[PREDICT] = sum(part.seconds for part in predicted) * n_all / n_scored
    n_own_pairs = None
    if len(left_ids) <= _MOST_CLAIMS:
        ours[END_TO_END] = _our_end_to_end(common, n_threads)
        splink[END_TO_END], n_own_pairs = _splink_end_to_end(common, n_threads)
    worst = max(part.worst for part in predicted)
    return Compared(len(left_ids), len(right_ids), n_all, n_scored, n_own_pairs, worst, ours, splink)


def _parts(n_claims: int) -> list[slice]:
    """Claims whose pairs Splink gets at once."""
    return [slice(start, min(start + _MOST_CLAIMS, n_claims)) for start in range(0, n_claims, _MOST_CLAIMS)]


def _given(pairs: AllPairs, left_ids: pa.Array, right_ids: pa.Array) -> pa.Table:
    """Pairs as Splink knows them, with our weights."""
    left, right = left_ids.take(pa.array(pairs.claims)), right_ids.take(pa.array(pairs.rows))
    return pa.table({"left_id": left, "right_id": right, "weight": pairs.weights})


def _prior(model: Model) -> float:
    """What a pair's weight begins with in Splink's: log2 odds."""
    prior = model.parameters.share_in_registry / model.parameters.n_persons
    return float(np.log2(prior / (1 - prior)))


def _prepared(common: Common) -> tuple[Prepared, pa.Array, pa.Array]:
    """The encoded batch and its index, and the ids of both in their order."""
    left, right = (
        with_id(read_side([path], common.plan, side), common.plan.left_id)
        for side, path in (("left", common.left), ("right", common.right))
    )
    index = build_index(Records.of(right), common.plan, common.folder / "index")
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(left, common.plan, "left", dictionaries), dictionaries, index)
    ids = left.column(common.plan.left_id), index.take(np.arange(index.n_persons), [common.plan.right_id]).column(0)
    left_ids, right_ids = (column.combine_chunks() for column in ids)
    return Prepared(batch, index, common.model.parameters), left_ids, right_ids


def _seconds_of_scoring(prepared: Prepared, n_threads: int, floor: str, found: dict[int, Found] | None = None) -> float:
    """Seconds from the batch, or its pairs, to the best candidates, the scorer's own tables included: the median."""

    def once() -> float:
        start = time.perf_counter()
        n_pairs(prepared.scorer(floor), n_threads, found)
        return time.perf_counter() - start

    seconds: list[float] = []
    while len(seconds) < _LEAST_ROUNDS or sum(seconds) < _LEAST_SECONDS:
        seconds.append(once())
    return statistics.median(seconds)


def _our_end_to_end(common: Common, n_threads: int) -> float:
    start = time.perf_counter()
    link_files(
        [common.left], [common.right], common.plan, common.folder / "ours", model=common.model, n_threads=n_threads
    )
    return time.perf_counter() - start


def _linker(common: Common, n_threads: int) -> Linker:
    """Splink on the exported tables."""
    connection = duckdb.connect(config={"threads": n_threads})
    api = DuckDBAPI(connection)
    folder = common.folder / "splink"
    sides = [
        api.register(connection.read_parquet(str(folder / f"{name}.parquet")), dataset_display_name=name)
        for name in (A_LEFT, B_RIGHT)
    ]
    linker = Linker(sides, common.settings, log_level="ERROR")
    for path in sorted(folder.glob("tf_*.parquet")):
        lookup = api.register(connection.read_parquet(str(path)))
        linker.table_management.register_term_frequency_lookup(lookup, path.stem.removeprefix("tf_"))
    return linker


def _splink_alone(linker: Linker, given: pa.Table, prior: float) -> _Predicted:
    """``predict`` on the given pairs. prior: what its weights hold beside ours."""
    api = linker._db_api
    api._con.register("given", given)
    blocked = api._con.sql(
        f"SELECT '0' AS match_key, '{A_LEFT}-__-' || left_id AS join_key_l, '{B_RIGHT}-__-' || right_id AS join_key_r "
        "FROM given"
    ).to_arrow_table()
    registered = api.register(blocked)
    linker.table_management.register_blocked_pairs_for_predict(registered)
    start = time.perf_counter()
    predicted = linker.inference.predict(warning_mode="never")
    seconds = time.perf_counter() - start
    [(n, worst)] = api._con.sql(
        f"SELECT count(*), max(abs(p.match_weight - {prior!r} - g.weight)) "
        f"FROM {predicted.physical_name} p JOIN given g ON p.unique_id_l = g.left_id AND p.unique_id_r = g.right_id"
    ).fetchall()
    predicted.drop_table_from_database_and_remove_from_cache()
    api._con.unregister(registered.physical_name)
    if n != given.num_rows:
        raise AssertionError(f"Splink scored {n} of {given.num_rows} pairs")
    return _Predicted(n, seconds, worst)


def _splink_end_to_end(common: Common, n_threads: int) -> tuple[float, int]:
    """Seconds from the Parquet files to a Parquet file of pairs, and how many there are."""
    out = common.folder / "splink.parquet"
    start = time.perf_counter()
    linker = _linker(common, n_threads)
    predicted = linker.inference.predict(warning_mode="never")
    linker._db_api._con.sql(f"COPY {predicted.physical_name} TO '{out}' (FORMAT parquet)")
    return time.perf_counter() - start, pq.read_metadata(out).num_rows
