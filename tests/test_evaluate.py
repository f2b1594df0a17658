"""The measures of a run against truth: by hand on a small run, and against a plain loop on random ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.cli.tables import print_fitted
from linkage.errors import InputError, UsageError, VerificationError
from linkage.insight.evaluate import BIN_EDGES, Evaluation, evaluate, wilson_interval
from linkage.published.folders import staged
from linkage.reports.evaluation import render
from linkage.schema import DECISIONS

# dose, subject, status, person decided or best, its probability, passes, issue, commune; then the true person.
DOSES = [
    ("D1", "s1", "verified", "P1", 1.0, ["id"], None, "c1", "P1"),
    ("D2", "s1", "verified", "P1", 1.0, ["id"], None, "c1", "P1"),
    ("D3", "s2", "matched", "P2", 0.999, ["id", "name"], "wrong_info", "c1", "P2"),
    ("D4", "s3", "matched", "P9", 0.98, ["name"], "wrong_info", "c2", "P3"),  # a false match
    ("D5", "s4", "matched", "P9", 0.98, ["name"], "no_id", "c2", None),  # not in the registry, yet decided
    ("D6", "s5", "review", "P8", 0.6, ["name"], "no_id", "c2", "P5"),  # right person second in the list
    ("D7", "s6", "review", "P6", 0.7, ["phone"], "no_id", "c2", "P6"),
    ("D8", "s7", "review", "P8", 0.4, ["phone"], "no_id", None, "P7"),  # right person not in the list
    ("D9", "s8", "unmatched", None, None, [], "no_id", None, "P10"),
    ("D10", "s9", "excluded", None, None, None, None, "c1", None),
]
CANDIDATES = [("s5", "P8"), ("s5", "P5"), ("s6", "P6"), ("s7", "P8"), ("s8", "P10"), ("s5", "P6")]
COLUMNS = ["dose_id", "claim_id", "status", "person_id", "match_probability", "found_by", "issue", "commune_code"]


def publish(runs: Path, doses: list[tuple[Any, ...]], candidates: list[tuple[str, str]] = CANDIDATES) -> Path:
    given = dict(zip(COLUMNS, zip(*(dose[:8] for dose in doses), strict=True), strict=True))
    schema = DECISIONS.arrow()
    table = pa.table({f.name: pa.array(given.get(f.name, [None] * len(doses)), f.type) for f in schema}, schema=schema)
    with staged(runs, "r1") as stage:
        stage.write_table("decisions", table)
        keys, persons = zip(*candidates, strict=True)
        stage.write_table("queues/review", pa.table({"claim_id": keys, "person_id": persons}))
        own = list(dict.fromkeys(given["claim_id"]))
        stage.write_table("claims", pa.table({"claim_id": own, "compared_as": own}))
        stage.write_json("manifest", {"run_id": "r1"})
        return stage.commit()


def write_truth(path: Path, rows: list[tuple[str, str | None]]) -> Path:
    doses, persons = zip(*rows, strict=True)
    pq.write_table(pa.table({"dose_id": pa.array(doses), "person_id": pa.array(persons, pa.string())}), path)
    return path


def evaluated(tmp_path: Path, doses: list[tuple[Any, ...]] = DOSES) -> Evaluation:
    tmp_path.mkdir(exist_ok=True)
    truth = write_truth(tmp_path / "truth.parquet", [(dose[0], dose[8]) for dose in doses])
    return evaluate(publish(tmp_path / "runs", doses), truth)


def fraction(proportion: Any) -> tuple[int, int]:
    return proportion.count, proportion.of


def test_the_measures_by_hand(tmp_path: Path) -> None:
    found = evaluated(tmp_path)
    assert found.run_id == "r1"
    assert found.counts == {"verified": 2, "matched": 3, "review": 3, "unmatched": 1, "excluded": 1}
    assert {status: fraction(p) for status, p in found.precision.items()} == {
        "verified": (2, 2),
        "matched": (1, 3),
        "automatic": (3, 5),
    }
    assert fraction(found.recall) == (3, 8)
    assert fraction(found.reachable) == (5, 8)
    assert fraction(found.review) == (3, 10)
    assert fraction(found.outside_registry) == (1, 2)
    assert (found.false_match_doses, found.false_match_subjects) == (2, 2)
    assert (found.doses_without_truth, found.truth_without_dose) == (0, 0)


def test_calibration_by_hand(tmp_path: Path) -> None:
    found = evaluated(tmp_path)
    assert [(b.lower, b.upper, *fraction(b.right)) for b in found.calibration] == [
        (0.4, 0.5, 0, 1),
        (0.6, 0.7, 0, 1),
        (0.7, 0.8, 1, 1),
        (0.95, 0.99, 0, 2),
        (0.999, 0.9999, 1, 1),
        (0.9999, 1.0, 2, 2),
    ]
    errors = [0.4, 0.6, 0.3, 2 * 0.98, 0.001, 0]
    assert found.calibration_error == pytest.approx(sum(errors) / 8)


def test_groups_by_hand(tmp_path: Path) -> None:
    groups = evaluated(tmp_path).groups
    by_pass = {g.value: (g.doses, fraction(g.precision), fraction(g.recall)) for g in groups["found_by"]}
    assert by_pass == {
        "id": (3, (3, 3), (3, 3)),
        "name": (4, (1, 3), (1, 3)),
        "phone": (2, (0, 0), (0, 2)),
        None: (2, (0, 0), (0, 1)),
    }
    assert [(g.value, fraction(g.review)) for g in groups["commune_code"]] == [
        ("c1", (0, 4)),
        ("c2", (2, 4)),
        (None, (1, 2)),
    ]
    assert [g.value for g in groups["issue"]] == ["no_id", "wrong_info", None]
    assert {g.value: g.doses for g in groups["status"]} == evaluated(tmp_path / "again").counts


def test_intervals_are_wilsons() -> None:
    # Brown, Cai and DasGupta (2001) and NIST's handbook use this form; 8 of 10 gives the well-known (0.490, 0.943).
    assert wilson_interval(0.8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-5)
    low, high = wilson_interval(1.0, 1000)
    assert (low, high) == (pytest.approx(1 / (1 + 1.959964**2 / 1000)), 1.0)
    assert wilson_interval(0.0, 5)[0] == 0.0


def test_intervals_count_subjects_not_doses(tmp_path: Path) -> None:
    single = [DOSES[0], DOSES[2], DOSES[3]]
    repeated = [(f"{dose[0]}-{i}", *dose[1:]) for dose in single for i in range(50)]
    once, often = (evaluated(tmp_path / str(len(d)), d).precision["automatic"] for d in (single, repeated))
    assert (often.count, often.of) == (100, 150)
    assert (often.share, often.low, often.high) == pytest.approx((once.share, once.low, once.high))


def test_a_share_of_nothing_is_none(tmp_path: Path) -> None:
    found = evaluated(tmp_path, [DOSES[8]])
    assert found.precision["automatic"].share is None
    assert found.calibration == ()
    assert found.calibration_error is None
    assert json.loads(json.dumps(found.to_json()))["precision"]["verified"]["low"] is None


def random_doses(seed: int) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    rng = random.Random(seed)
    people = [f"P{i}" for i in range(30)]
    doses, candidates = [], [("nobody", "P0")]
    for subject in range(120):
        status = rng.choice(["verified", "matched", "matched", "review", "review", "unmatched"])
        best = None if status == "unmatched" else rng.choice(people)
        probability = None if best is None else rng.choice([*BIN_EDGES, rng.random()])
        true = rng.choice([best, best, best, rng.choice(people), None])
        if status == "review":
            candidates += [(f"s{subject}", person) for person in {best, rng.choice([true or "P1", "P2"])}]
        for dose in range(rng.choice([1, 2, 3])):
            doses.append((f"D{subject}-{dose}", f"s{subject}", status, best, probability, ["id"], None, "c", true))
    rng.shuffle(doses)
    return doses, candidates


@pytest.mark.parametrize("seed", range(8))
def test_the_measures_equal_a_plain_loop(tmp_path: Path, seed: int) -> None:
    doses, candidates = random_doses(seed)
    truth = write_truth(tmp_path / "truth.parquet", [(dose[0], dose[8]) for dose in doses])
    found = evaluate(publish(tmp_path / "runs", doses, candidates), truth)
    linkable = right = reachable = wrong = 0
    sums = {edge: [0.0, 0, 0] for edge in BIN_EDGES[:-1]}
    for _, subject, status, best, probability, _, _, _, true in doses:
        decided = status in ("verified", "matched")
        linkable += true is not None
        right += decided and true is not None and best == true
        wrong += decided and best != true
        is_listed = status == "review" and (subject, true) in candidates
        reachable += true is not None and ((decided and best == true) or is_listed)
        if probability is not None:
            edge = max(e for e in BIN_EDGES[:-1] if e <= probability)
            sums[edge] = [a + b for a, b in zip(sums[edge], (probability, best == true, 1), strict=True)]
    assert fraction(found.recall) == (right, linkable)
    assert fraction(found.reachable) == (reachable, linkable)
    assert found.false_match_doses == wrong
    assert {b.lower: b.right.of for b in found.calibration} == {e: n for e, (_, _, n) in sums.items() if n}
    total = sum(n for _, _, n in sums.values())
    assert found.calibration_error == pytest.approx(sum(abs(p - r) for p, r, _ in sums.values()) / total)


def test_truth_may_be_csv_and_partial(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("person_id,dose_id\nP1,D1\n,D5\nP77,D99\n", encoding="utf-8")
    found = evaluate(publish(tmp_path / "runs", DOSES), truth)
    assert fraction(found.precision["automatic"]) == (1, 2)
    assert fraction(found.outside_registry) == (1, 1)
    assert (found.doses, found.doses_without_truth, found.truth_without_dose) == (10, 8, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dose_id,person\nD1,P1\n", "column person_id is missing"),
        ("dose_id,person_id\nD1,P1\nD1,P2\n", "dose D1 stands there more than once"),
        ("dose_id,person_id\nX1,P1\n", "names no dose of run r1"),
    ],
)
def test_unusable_truth_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(content, encoding="utf-8")
    run_dir = publish(tmp_path / "runs", DOSES)
    with pytest.raises(InputError, match=message) as caught:
        evaluate(run_dir, truth)
    assert "\n" not in str(caught.value)


def test_missing_or_broken_files_are_named(tmp_path: Path) -> None:
    run_dir = publish(tmp_path / "runs", DOSES)
    with pytest.raises(InputError, match=r"absent\.parquet: no such file"):
        evaluate(run_dir, tmp_path / "absent.parquet")
    with pytest.raises(UsageError, match="no published run"):
        evaluate(tmp_path, tmp_path / "absent.parquet")
    (run_dir / "queues" / "review.parquet").unlink()
    with pytest.raises(VerificationError, match=r"review\.parquet: cannot be read"):
        evaluate(run_dir, write_truth(tmp_path / "t.parquet", [("D1", "P1")]))


def test_the_terminal_shows_the_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_fitted(render(evaluated(tmp_path)))
    text = capsys.readouterr().out
    assert "37.500 [12.773, 71.085]" in text  # recall
    assert "Calibration, expected error" in text
    assert "By commune_code" in text
