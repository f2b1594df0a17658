"""What link made can be asked why, and measured against a truth of pairs or of entities."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy.domains import Made, make_customers
from linkage.errors import InputError, UsageError
from linkage.insight.evaluate_link import LinkEvaluation, evaluate_link
from linkage.insight.explain_link import explain_link
from linkage.planning.columns import read_columns
from linkage.planning.proposal import propose
from linkage.two_files.link import link_files
from tests.district import call

ENTITY = ("who", "who")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Customers whose files also say who they are, in a column that no plan uses."""
    found = make_customers(tmp_path_factory.mktemp("customers"), 31, 1200)
    files = found.files
    for path, truth in ((files.left, files.truth_left), (files.right, files.truth_right)):
        pq.write_table(pq.read_table(path).append_column("who", pq.read_table(truth)["entity"]), path)
    return found


@pytest.fixture(scope="module")
def linked(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    left, right = (read_columns(path).drop_columns(["who"]) for path in (made.files.left, made.files.right))
    out = tmp_path_factory.mktemp("out") / "linked"
    return link_files([made.files.left], [made.files.right], propose(left, right).plan, out).folder


@pytest.fixture(scope="module")
def truth(made: Made) -> set[tuple[str, str]]:
    sides = [pq.read_table(path).to_pylist() for path in (made.files.truth_left, made.files.truth_right)]
    return {(a["id"], b["id"]) for a in sides[0] for b in sides[1] if a["entity"] == b["entity"]}


def links_of(folder: Path, name: str = "links") -> set[tuple[str, str]]:
    return {(row["left_id"], row["right_id"]) for row in pq.read_table(folder / f"{name}.parquet").to_pylist()}


# ---------------------------------------------------------------------------------------------------------- evaluate


def test_the_measures_are_those_of_the_pairs(linked: Path, truth: set[tuple[str, str]], tmp_path: Path) -> None:
    left, right = zip(*sorted(truth), strict=True)
    pq.write_table(pa.table({"left_id": left, "right_id": right}), tmp_path / "truth.parquet")
    found = evaluate_link(linked, tmp_path / "truth.parquet")
    links, candidates = links_of(linked), links_of(linked, "candidates")
    assert (found.links, found.true_pairs) == (len(links), len(truth))
    assert found.precision.share == pytest.approx(len(links & truth) / len(links))
    assert found.recall.share == pytest.approx(len(links & truth) / len(truth))
    assert found.f1 == pytest.approx(2 * len(links & truth) / (len(links) + len(truth)))
    assert found.among_candidates.count == len(candidates & truth)
    assert sum(b.right.of for b in found.calibration) == len(candidates)
    assert evaluate_link(linked, entity=ENTITY) == found


def test_of_one_file_each_pair_counts_once_whichever_way_it_stands(tmp_path: Path) -> None:
    made = make_customers(tmp_path / "files", 32, 800)
    right = pq.read_table(made.files.right)
    twice = pa.concat_tables(
        [right, right.slice(0, 200).set_column(0, "member_id", pa.array([f"Z{i}" for i in range(200)]))]
    )
    twice = twice.append_column("who", pa.array([str(i) for i in [*range(right.num_rows), *range(200)]]))
    pq.write_table(twice, tmp_path / "twice.parquet")
    plan = propose(read_columns(tmp_path / "twice.parquet").drop_columns(["who"]), None).plan
    path = tmp_path / "twice.parquet"
    found = evaluate_link(link_files([path], [path], plan, tmp_path / "out").folder, entity=ENTITY)
    assert found.true_pairs == 200
    assert found.recall.share is not None
    assert found.recall.share > 0.9


def test_what_cannot_be_measured_is_said(linked: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("left,right\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="column left_id is missing"):
        evaluate_link(linked, tmp_path / "truth.csv")
    (tmp_path / "truth.csv").write_text("left_id,right_id\n", encoding="utf-8")
    with pytest.raises(InputError, match="the truth has no pair"):
        evaluate_link(linked, tmp_path / "truth.csv")
    (tmp_path / "truth.csv").write_text("left_id,right_id\nno-such,nor-this\n", encoding="utf-8")
    with pytest.raises(InputError, match="the truth has no pair of records of these files"):
        evaluate_link(linked, tmp_path / "truth.csv")
    with pytest.raises(UsageError, match=r"has no links\.parquet"):
        evaluate_link(tmp_path, tmp_path / "truth.csv")


def test_pairs_of_the_truth_that_no_file_has_are_told(
    linked: Path, truth: set[tuple[str, str]], tmp_path: Path
) -> None:
    left, right = zip(*sorted(truth), strict=True)
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.table({"left_id": [*left, "no-such"], "right_id": [*right, right[0]]}), path)
    assert evaluate_link(linked, path).unknown_pairs == 1
    told = call("evaluate", linked, "--truth", path)
    assert told.code == 0
    assert "1 of " in told.err
    assert "name a record that is not in these files" in " ".join(told.err.split())


# ----------------------------------------------------------------------------------------------------------- explain


def test_an_explanation_adds_up_to_what_was_decided(linked: Path) -> None:
    rows = pq.read_table(linked / "links.parquet").to_pylist()
    for row in rows[:: len(rows) // 5]:
        found = explain_link(linked, row["left_id"])
        assert found.linked_with == [row["right_id"]]
        best = found.candidates[0]
        assert best.person_id == row["right_id"]
        assert best.probability == pytest.approx(row["match_probability"], rel=1e-9)
        corrections = best.term_frequency_bits + best.neighbour_bits + best.household_bits
        parts = sum(evidence.weight_bits for evidence in best.evidence) + corrections
        assert parts == pytest.approx(row["match_weight"], abs=1e-9)
        assert best.found_by


def test_a_record_that_no_pass_found_is_weighed_when_asked_for(linked: Path) -> None:
    (left, _), *_ = sorted(links_of(linked))
    found = explain_link(linked, left)
    other = next(right for _, right in sorted(links_of(linked)) if right not in {c.person_id for c in found.candidates})
    asked = explain_link(linked, left, other).candidates[-1]
    assert asked.person_id == other
    assert asked.probability < 0.5
    assert {e.comparison for e in asked.evidence} == {e.comparison for e in found.candidates[0].evidence}
    told = call("explain", linked, left, "--person", other).out
    assert told.index(f"right record {other}, asked for") < told.index(f"right record {found.candidates[0].person_id}")


def test_a_record_that_is_not_there_is_refused(linked: Path) -> None:
    with pytest.raises(UsageError, match="no record of the left file has order_no 'nobody'"):
        explain_link(linked, "nobody")
    (left, _), *_ = sorted(links_of(linked))
    with pytest.raises(UsageError, match="no record of the right file has member_id 'nobody'"):
        explain_link(linked, left, "nobody")


def test_a_file_that_changed_since_is_refused(made: Made, linked: Path) -> None:
    path = made.files.left
    bytes_before = path.read_bytes()
    pq.write_table(pq.read_table(path).slice(1), path)
    try:
        with pytest.raises(InputError, match="has changed since it was linked"):
            evaluate_link(linked, entity=ENTITY)
    finally:
        path.write_bytes(bytes_before)


def test_a_file_that_is_gone_is_asked_for(made: Made, linked: Path, tmp_path: Path) -> None:
    path = made.files.left
    away = path.rename(tmp_path / path.name)
    try:
        ended = call("evaluate", linked, "--entity", "who")
    finally:
        away.rename(path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"linkage: {path}: the linked file is no longer there; put it back\n"


# ------------------------------------------------------------------------------------------------------ command line


def test_the_commands_of_a_run_understand_a_folder_of_link(linked: Path) -> None:
    evaluated = json.loads(call("evaluate", linked, "--entity", "who", "--json").out)
    again = LinkEvaluation(**evaluated)
    assert again.f1 == evaluate_link(linked, entity=ENTITY).f1
    assert "precision of the links" in call("evaluate", linked, "--entity", "who,who").out
    assert "one of both" in call("evaluate", linked).err
    (left, right), *_ = sorted(links_of(linked))
    assert f"left record {left}: linked with {right}" in call("explain", linked, left).out
    assert json.loads(call("explain", linked, left, "--json").out)["linked_with"] == [right]


def test_probabilities_are_those_among_all_rivals(tmp_path: Path) -> None:
    """Two left records are alike, and one right record is of one of them at most."""
    people = [
        {"id": f"P{n}", "name": f"Person {chr(97 + n % 26)}{n:04}", "born": str(1930 + n % 70)} for n in range(300)
    ]
    left = [*people, people[7] | {"id": "TWIN", "born": None}]
    for name, rows in (("left", left), ("right", [row | {"id": row["id"].replace("P", "Q")} for row in people])):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    files = [tmp_path / f"{name}.parquet" for name in ("left", "right")]
    plan = propose(*(read_columns(path) for path in files)).plan
    plan = msgspec.structs.replace(
        plan, decision=msgspec.structs.replace(plan.decision, matches_per_record="one_to_one")
    )
    folder = link_files(files[:1], files[1:], plan, tmp_path / "linked").folder
    published = {
        (row["left_id"], row["right_id"]): row["match_probability"]
        for row in pq.read_table(folder / "candidates.parquet").to_pylist()
    }
    for left_id in ("P7", "TWIN", "P8"):
        for candidate in explain_link(folder, left_id).candidates:
            if (left_id, candidate.person_id) in published:
                assert candidate.probability == published[left_id, candidate.person_id]
    both = [explain_link(folder, left_id, "Q7").candidates[-1].probability for left_id in ("P7", "TWIN")]
    assert sum(both) <= 1
