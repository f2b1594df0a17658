"""What the registry lacks, as a level: which pairs have it, what the bound makes of it, and what comes out for it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.encode.keys import KeyParts
from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.insight.explain import explain
from linkage.plan.reading import load_plan, plan_from
from linkage.plan.sections import Plan
from linkage.registry.build import build_index
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, BoundComparison, Pairs, prepare_batch
from linkage.scoring.binding import bind
from linkage.simulate import simulate
from linkage.training.train import starting_parameters
from linkage.two_files.link import link_files
from tests import naive
from tests.district import District, Row, table
from tests.splink_runs import EVERY_KIND, changed, with_absent_levels

LACKS, LACKS_NUMBER = "no value in the registry", "no number of this length in the registry"


# ------------------------------------------------------------------------------------------------------ which pairs


def every_kind(*, has_absent_levels: bool) -> Plan:
    """The vaccination plan with a text and a number instead of two comparisons whose kinds occur twice."""
    content = tomllib.loads(resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8"))
    for name, kind in (("facility", "text"), ("height", "number")):
        content["field"].append({"name": name, "kind": kind, "left": [name], "right": [name]})
    words = {"measure": "jaro_winkler", "thresholds": [0.9, 0.8]}
    for name, more in (("facility", {"kind": "text", **words}), ("height", {"kind": "number", "thresholds": [0, 2]})):
        shares = {"m": [0.25] * 4 if name == "facility" else [0.25, 0.25, 0.5]}
        content["comparison"].append({"name": name, "left": [name], "right": [name], **more, **shares})
    content["comparison"] = [c for c in content["comparison"] if c["name"] not in ("phone", "ethnicity")]
    for comparison in content["comparison"]:
        n = len(comparison["m"]) - comparison.pop("absent_level", False)
        for key in ("household", "twin", "namesake", "anchors"):
            comparison.pop(key, None)
        comparison["m"] = [1 / n] * n
    content["training"]["household_rate"] = 0.0
    content["decision"].pop("never_automatic")
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
            elif name == "registry" and rng.random() < 0.3:
                row["commune_code"], row["residence_commune_code"] = None, row["commune_code"]
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
    subjects, rows = np.repeat(pairs.claims, np.diff(pairs.offsets)), pairs.rows
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
    n_left, n_right = batch.n_claims, index.n_persons
    rows = np.tile(np.arange(n_right, dtype=np.uint32), n_left)
    listed = Pairs.listed(np.arange(n_left + 1) * n_right, rows)
    runs = Pairs(listed.claims, np.zeros(n_left, np.int64), listed.offsets, None)
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


def test_an_agreement_is_as_rare_among_all_pairs_as_the_value_is(
    sides: tuple[pa.Table, pa.Table, Path], tmp_path: Path
) -> None:
    """u times the ratio is the share of the value among those who have one, times how many have one."""
    bound = {}
    for has_absent_levels in (True, False):
        plan = every_kind(has_absent_levels=has_absent_levels)
        batch, index, comparisons = bound_with(plan, sides, tmp_path / str(has_absent_levels))
        for comparison in comparisons:
            if comparison.spec.term_frequency:
                ratios = comparison.ratios(KeyParts("left", batch.columns, index.plan, batch.dictionaries), index)
                assert ratios is not None
                bound[comparison.spec.name, has_absent_levels] = ratios[:, 0, 1]
    parameters = starting_parameters(every_kind(has_absent_levels=True), 300)
    plain = starting_parameters(every_kind(has_absent_levels=False), 300)
    for name in ("commune", "full_name"):
        u = next(c.u for c in parameters.comparisons if c.name == name)
        u_plain = next(c.u for c in plain.comparisons if c.name == name)
        assert u[-1] > 0
        among_all, among_stated = bound[name, True] * u[1], bound[name, False] * u_plain[1]
        is_known = bound[name, False] != 1
        assert is_known.sum() > 30
        assert np.allclose(among_all[is_known], among_stated[is_known] * (1 - u[-1]), rtol=1e-12)


# ------------------------------------------------------------------------------------------------------- the plan


def test_the_level_stands_behind_the_others_and_has_shares() -> None:
    comparisons = {c.name: c for c in every_kind(has_absent_levels=True).comparisons}
    assert comparisons["sex"].labels == ("missing", "same", "different", LACKS)
    assert comparisons["id_number"].labels[-1] == LACKS_NUMBER
    assert comparisons["id_number"].shared_levels == (1, 2, 3, 4)
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


# -------------------------------------------------------------------------------------------------- the whole way


def person(number: str, old: str | None, like: Row, **more: Any) -> Row:
    return like | {"person_id": number, "id_number": f"0011900{number:>05}", "old_id_number": old} | more


OLD = "298493607"  # nobody's


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """Three people equal but for their numbers, one alone, and two quite equal; a claim to each of the three groups
    with a number of nine digits that is nobody's."""
    folder = tmp_path_factory.mktemp("district")
    simulate(4000, 6000, 3, folder / "data", area="bao-lam")
    registry = pq.read_table(folder / "data" / "registry.parquet")
    doses = pq.read_table(folder / "data" / "doses.parquet")
    people, known = registry.to_pylist(), doses.to_pylist()
    like = next(row for row in people if row["old_id_number"] and row["status"] == "alive")
    bare = {"phone": None, "insurance_number": None}
    names = {"full_name": "Trịnh Quốc Thắng", "gender": "Nam", "date_of_birth": "1972-05-23"}
    other = {"full_name": "Đoàn Thị Bích Liễu", "gender": "Nữ", "date_of_birth": "1969-11-08"}
    twins = {"full_name": "Lương Bá Khoát", "gender": "Nam", "date_of_birth": "1958-02-27"}
    for number, old, fields in (
        ("90001", "211345678", names), ("90002", None, names), ("90003", "298493670", names), ("90004", None, other),
        ("90005", None, twins), ("90006", None, twins),
    ):  # fmt: skip
        people.append(person(number, old, like, **bare, **fields))
    blank = dict.fromkeys(doses.column_names) | {"commune_code": like["commune_code"], "id_number": OLD}
    for dose_id, fields in (("X1", names), ("X2", other), ("X3", twins | {"insurance_number": "7916048311"})):
        known.append(blank | {"dose_id": dose_id, "dose_date": "2021-09-17"} | fields)
    for name, rows, schema in (("registry", people, registry.schema), ("doses", known, doses.schema)):
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "data" / f"{name}.parquet")
    build_from_files([folder / "data" / "registry.parquet"], folder / "index", units=folder / "data" / "units")
    made = District(folder, folder / "index", folder)
    return District(folder, folder / "index", made.link([made.path("doses")], folder / "runs"))


def test_who_has_no_old_number_stands_between_one_slip_and_another_number(district: District) -> None:
    """All three agree in everything else. That the registry has no number of his tells against him, but not as much as
    another number would."""
    shown = explain(district.run_dir, "X1").candidates
    assert [c.person_id for c in shown[:3]] == ["90003", "90002", "90001"]
    evidence = [next(e for e in c.evidence if e.comparison == "id_number") for c in shown[:3]]
    levels = ["one digit off or two swapped, nobody's", LACKS_NUMBER, "different, nobody's"]
    assert [e.level for e in evidence] == levels
    slip, lacking, different = (e.weight_bits for e in evidence)
    assert slip > 5 > 0 > lacking - 0.5 > different


def test_a_number_that_the_registry_lacks_is_not_wrong(district: District) -> None:
    """Nor is it right; who states none at all has something to correct."""
    decisions = table(district.run_dir, "decisions")
    by_dose = {row["dose_id"]: row for row in decisions}
    assert by_dose["X2"]["person_id"] == "90004"
    # Nine digits can never be verified with a person whom the registry knows by twelve alone.
    assert by_dose["X2"]["wrong_fields"] == ["id_number"]
    assert by_dose["X1"]["wrong_fields"] == ["id_number"]
    stated = {row["dose_id"]: row["id_number"] for row in district.rows("doses")}
    linked = [row for row in decisions if row["status"] in ("matched", "review")]
    without = [row for row in linked if not stated[row["dose_id"]]]
    assert len(without) > 50
    assert all("id_number" in row["wrong_fields"] for row in without)


def test_the_review_queue_names_the_level_and_its_weight(district: District) -> None:
    rows = [row for row in table(district.run_dir, "queues/review") if row["stated_full_name"] == "Lương Bá Khoát"]
    assert [row["person_id"] for row in rows] == ["90005", "90006"]
    for row in rows:
        assert row["match_probability"] == pytest.approx(0.5, abs=0.01)
        assert (row["level_id_number"], row["level_insurance_number"]) == (LACKS_NUMBER, LACKS)
        assert 0 > row["weight_insurance_number"] > row["weight_id_number"]


def test_the_vaccination_plan_has_the_level_where_it_informs() -> None:
    assert {c.name for c in load_plan().comparisons if c.absent_level} == {"id_number", "insurance_number"}
