"""What the registry lacks, as a level: which pairs have it, what the bound makes of it, and what comes out for it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from linkage.binding import bind
from linkage.comparing import Batch, BoundComparison, Pairs, prepare_batch
from linkage.encode import encode
from linkage.errors import UsageError
from linkage.files import link_files
from linkage.ingest.records import Records
from linkage.plan import Plan, plan_from
from linkage.registry import Index
from linkage.registry_build import build_index
from linkage.simulate import simulate
from linkage.train import starting_parameters
from tests import naive
from tests.district import Row
from tests.splink_runs import EVERY_KIND, changed, with_absent_levels

LACKS, LACKS_NUMBER = "no value in the registry", "no number of this length in the registry"


# ------------------------------------------------------------------------------------------------------ which pairs


def every_kind(*, has_absent_levels: bool) -> Plan:
    """The vaccination plan with a text and a number instead of two comparisons whose kinds occur twice."""
    content = tomllib.loads(resources.files("linkage").joinpath("plan.toml").read_text("utf-8"))
    for name, kind in (("facility", "text"), ("height", "number")):
        content["field"].append({"name": name, "kind": kind, "left": [name], "right": [name]})
    words = {"measure": "jaro_winkler", "thresholds": [0.9, 0.8]}
    for name, more in (("facility", {"kind": "text", **words}), ("height", {"kind": "number", "thresholds": [0, 2]})):
        shares = {"m": [0.25] * 4 if name == "facility" else [0.25, 0.25, 0.5]}
        content["comparison"].append({"name": name, "left": [name], "right": [name], **more, **shares})
    content["comparison"] = [c for c in content["comparison"] if c["name"] not in ("phone", "ethnicity")]
    for comparison in content["comparison"]:
        n = len(comparison["m"]) - comparison.pop("absent_level", False)
        comparison.pop("household", None)
        comparison["m"] = [1 / n] * n
    content["training"]["household_rate"] = 0.0
    if has_absent_levels:
        content["comparison"] = with_absent_levels(content["comparison"])
    return plan_from(content, "every kind")


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table, Path]:
    """100 doses and 300 persons, any field of which may be missing, and a number of the registry of another length."""
    folder = tmp_path_factory.mktemp("sides")
    simulate(300, 200, 4, folder)
    rng = np.random.default_rng(0)
    tables = []
    for name, n in (("doses", 100), ("registry", 300)):
        rows = pq.read_table(folder / f"{name}.parquet").slice(0, n).to_pylist()
        for row in rows:
            row["facility"] = str(rng.choice(["trạm y tế", "trạm y tê", "bệnh viện", "bệnh viên huyện"]))
            row["height"] = str(rng.integers(150, 156))
            if name == "registry" and rng.random() < 0.1:
                row["id_number"] = row["old_id_number"]
            for column in row.keys() - {"dose_id", "person_id"}:
                if rng.random() < 0.3:
                    row[column] = None
            if rng.random() < 0.3:
                row["commune_code"] = row["residence_commune_code"] = None
        tables.append(pa.table({c: pa.array([row[c] for row in rows], pa.string()) for c in columns_of(rows)}))
    return tables[0], tables[1], folder


def columns_of(rows: list[Row]) -> list[str]:
    return [name for name in rows[0] if all(isinstance(row[name], str | None) for row in rows)]


Bound = tuple[Batch, Index, list[BoundComparison]]


def bound_with(plan: Plan, sides: tuple[pa.Table, pa.Table, Path], folder: Path) -> Bound:
    left, right, data = sides
    index = build_index(Records.of(right), plan, folder, units_folder=data / "units")
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(left, plan, "left", dictionaries), dictionaries, index)
    return batch, index, bind(batch, index, starting_parameters(plan, index.n_persons))


def levels_of(comparison: BoundComparison, batch: Batch, pairs: Pairs) -> NDArray[np.uint32]:
    codes = np.zeros(int(pairs.offsets[-1]), np.uint32)
    comparison.add(batch.columns, pairs, codes)
    assert (codes % comparison.stride == 0).all()
    return codes // np.uint32(comparison.stride)


def lacks(comparison: BoundComparison, batch: Batch, index: Index, pairs: Pairs) -> list[int]:
    """Of each pair whether the right side alone lacks the value, value by value."""
    spec = comparison.spec
    subjects, rows = np.repeat(pairs.subjects, np.diff(pairs.offsets)), pairs.rows
    a = batch.columns[spec.left[0]][subjects]
    right = [index.columns[name][rows] for name in spec.right]
    if spec.kind == "vietnamese_name":
        a, right = a[:, 0], [right[0][:, 0]]
    twins: dict[str, Callable[..., int]] = {
        "person_number": naive.absent_person_number_level,
        "number": naive.absent_number_level,
    }
    twin = twins.get(spec.kind, lambda x, *ys: naive.absent_level(x, ys[0], ys[-1]))
    return [twin(*values) for values in zip(a.tolist(), *(column.tolist() for column in right), strict=True)]


def test_the_level_is_that_of_pairs_of_which_the_right_side_alone_lacks_the_value(
    sides: tuple[pa.Table, pa.Table, Path], tmp_path: Path
) -> None:
    """All other pairs keep their level. So it is over runs of rows and over rows that lie apart."""
    batch, index, with_level = bound_with(every_kind(has_absent_levels=True), sides, tmp_path / "with")
    plain_batch, _, without = bound_with(every_kind(has_absent_levels=False), sides, tmp_path / "without")
    n_left, n_right = batch.n_subjects, index.n_persons
    rows = np.tile(np.arange(n_right, dtype=np.uint32), n_left)
    listed = Pairs.listed(np.arange(n_left + 1) * n_right, rows)
    runs = Pairs(listed.subjects, np.zeros(n_left, np.int64), listed.offsets, None)
    for comparison, plain in zip(with_level, without, strict=True):
        name, last = comparison.spec.name, len(plain.spec.labels)
        is_lacking = np.array(lacks(comparison, batch, index, listed), np.bool_)
        compared = levels_of(plain, plain_batch, listed)
        assert (compared[is_lacking] == 0).all(), name
        expected = np.where(is_lacking, last, compared)
        assert 0 < is_lacking.sum() < is_lacking.size / 2, name
        assert (expected == 0).any(), name
        for pairs in (listed, runs):
            assert np.array_equal(levels_of(comparison, batch, pairs), expected), name
            best = comparison.best_levels(batch.columns, pairs)
            assert comparison.may_be[best, expected].all(), name
            assert np.array_equal(best == last, is_lacking), name
        assert comparison.may_be[last].nonzero()[0].tolist() == [last], name
        assert comparison.may_be[:, last].nonzero()[0].tolist() == [last], name


# ------------------------------------------------------------------------------------------------------- the plan


def test_the_level_stands_behind_the_others_and_has_shares() -> None:
    comparisons = {c.name: c for c in every_kind(has_absent_levels=True).comparisons}
    assert comparisons["sex"].labels == ("missing", "same", "different", LACKS)
    assert comparisons["id_number"].labels[-1] == LACKS_NUMBER
    assert comparisons["id_number"].shared_levels == (1, 2, 3)
    one_short = [{**c, "absent_level": True} if c["name"] == "sex" else c for c in EVERY_KIND["comparison"]]
    with pytest.raises(UsageError, match=f"m needs 3 positive shares .* same, different, {LACKS}"):
        changed(EVERY_KIND, comparison=one_short)


def test_a_file_linked_with_itself_has_no_such_level(tmp_path: Path) -> None:
    """Each pair stands there once, in an order that means nothing."""
    path = tmp_path / "people.csv"
    path.write_text("dose_id,person_id\n1,1\n")
    plan = changed(EVERY_KIND, comparison=with_absent_levels(EVERY_KIND["comparison"]))
    with pytest.raises(UsageError, match="comparison 'sex': absent_level tells left from right") as refused:
        link_files([path], [path], plan, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
