"""A model says which term frequencies it was trained with, and a run how far they have moved."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkage.registry.cohorts import within_cohort
from linkage.registry.frequencies import COHORT, LOCAL, PEOPLE, Frequencies
from linkage.registry.value_counts import Counts, add_up
from linkage.storage.sealed import sealed
from linkage.training.drift import Tables, describe_tables, drift_notes, moved_levels, pin_notes
from linkage.training.model_file import Model
from tests.district import District, call, make_district, manifest


def table(counts: list[int]) -> Frequencies:
    return Frequencies.of(np.arange(1, len(counts) + 1, dtype=np.uint64), np.array(counts, np.uint32)[:, None])


def described_with_hashes(tables: dict[str, Frequencies]) -> Tables:
    return describe_tables(tables, {name: of.sha256() for name, of in tables.items()})


def test_a_table_is_described_without_its_values() -> None:
    names = table([6, 3, 1])
    described = described_with_hashes({"name": names, "name" + LOCAL: names, "name" + PEOPLE: names})
    rows = b"".join(value.to_bytes(8, "little") + n.to_bytes(4, "little") for value, n in ((1, 6), (2, 3), (3, 1)))
    sums = b"".join(total.to_bytes(8, "little") for total in (10, 46))
    of_all = {"sha256": hashlib.sha256(rows + sums).hexdigest(), "values": 3, "bearers": 10}
    assert described == {
        "name" + LOCAL: of_all,
        "name" + PEOPLE: of_all,
        "name": {
            **of_all,
            "mean_share": pytest.approx(0.46),
            "commonest_shares": [0.6, 0.3, 0.1],
        },
    }


def test_an_empty_table_has_no_share_of_nothing() -> None:
    described = described_with_hashes({"name": Frequencies.of(np.empty(0, np.uint64), np.empty((0, 1), np.uint32))})
    assert described["name"]["values"] == 0
    assert np.isfinite(described["name"]["mean_share"])


def test_only_what_has_moved_far_is_noted() -> None:
    training = {"term_frequencies": described_with_hashes({"name": table([50, 50]), "commune": table([1] * 100)})}
    near, far = table([55, 45]), table([100, 1])
    assert drift_notes(training, {"name": near, "commune": table([1] * 90)}) == ()
    (note,) = drift_notes(training, {"name": far, "commune": table([1] * 100)})
    assert "the same name 2 times as often" in note
    (note,) = drift_notes(training, {"name": near, "commune": table([1] * 50)})
    assert "commune" in note
    assert drift_notes({}, {"name": far}) == ()
    assert drift_notes(training, {}) == ()


def test_other_tables_than_those_of_the_training_are_told() -> None:
    tables = {"name": table([6, 3, 1]), "name" + LOCAL: table([2, 2])}
    training = {"term_frequencies": described_with_hashes(tables)}
    hashes = {name: of.sha256() for name, of in tables.items()}
    assert pin_notes(training, hashes) == pin_notes({}, hashes) == ()
    (note,) = pin_notes(training, hashes | {"name" + LOCAL: table([2, 3]).sha256()})
    assert "1 of 2 tables of term frequencies are not those that the model was trained with" in note


def by_cohort(counts: list[int], cohorts: list[int]) -> Frequencies:
    """Names by cohort; who is alone with his name is counted in the sums only."""
    values = within_cohort(np.arange(1, len(counts) + 1, dtype=np.uint64), np.array(cohorts, np.uint64))
    order = np.argsort(values)
    part = Counts(values[order], np.array(counts, np.uint32)[order, None])
    return add_up("name" + COHORT, [part])


def test_a_cohort_that_has_moved_is_noted() -> None:
    """The mean over all ages may stay where it is."""
    then = by_cohort([60, 40, 1, 50, 50], [2, 2, 2, 8, 8])
    described = described_with_hashes({"name" + COHORT: then})["name" + COHORT]
    assert described["bearers"] == 201
    assert described["mean_shares"] == {
        "1955-1969": pytest.approx((60 * 59 + 40 * 39) / 101 / 100),
        "from 2010": pytest.approx(2 * 50 * 49 / 100 / 99),
    }
    training = {"term_frequencies": {"name" + COHORT: described}}
    assert drift_notes(training, {"name" + COHORT: by_cohort([50, 50, 60, 40], [2, 2, 8, 8])}) == ()
    (note,) = drift_notes(training, {"name" + COHORT: by_cohort([60, 40, 100], [2, 2, 8])})
    assert "two people born from 2010 of this index have the same name 2 times as often" in note


def test_a_cohort_of_too_few_namesakes_says_nothing() -> None:
    described = described_with_hashes({"name" + COHORT: by_cohort([10, 5], [2, 8])})
    assert described["name" + COHORT]["mean_shares"] == {}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("drift"))


def test_a_run_names_the_tables_of_its_model_that_have_moved(district: District, tmp_path) -> None:
    model = district.run_dir / "model.json"
    tables = json.loads(model.read_text("utf-8"))["training"]["term_frequencies"]
    tables["commune"]["mean_share"] /= 3
    moved = altered(district, tmp_path / "moved.json", term_frequencies=tables)
    said = [
        call(
            "run",
            "--doses",
            district.path("doses"),
            "--index",
            district.index,
            "--model",
            file,
            "--out",
            tmp_path / "r",
        )
        for file in (model, moved)
    ]
    assert "the same commune" not in str(said[0])
    assert "the same commune 3 times as often" in str(said[1])


# ------------------------------------------------------------------------------- claims unlike those of the training


def spread(n: int, same: float, seed: int) -> dict[str, dict[str, int]]:
    """n claims, of which a share has the number."""
    has = int((np.random.default_rng(seed).random(n) < same).sum())
    return {"id_number": {"missing": n - has, "same": has}}


@pytest.mark.parametrize("n", [1, 8, 100, 3000, 1_000_000])
def test_claims_like_those_of_the_training_have_not_moved(n: int) -> None:
    then = spread(50_000, 0.8, 0)
    assert not any(moved_levels(then, spread(n, 0.8, seed)) for seed in range(1, 40))


def test_a_handful_is_never_unlike() -> None:
    assert moved_levels(spread(50_000, 1.0, 0), spread(5, 0.0, 1)) == ()


def test_the_distance_is_the_part_of_the_claims_that_moved() -> None:
    then = spread(50_000, 0.8, 0)
    (moved,) = moved_levels(then, spread(20_000, 0.3, 1))
    assert moved.distance == pytest.approx(0.5, abs=0.05)
    assert (moved.label, moved.share_then) == ("missing", pytest.approx(0.2, abs=0.01))
    assert "id_number is 'missing' in 69.7%" in moved.text
    assert moved_levels(then, spread(1_000_000, 0.75, 1)) == ()  # a twentieth is sure, and no matter
    assert moved_levels({}, spread(20_000, 0.3, 1)) == ()


def test_a_model_describes_its_best_candidates(district: District) -> None:
    model = Model.load(district.run_dir / "model.json")
    described = model.training["best_candidates"]
    assert set(described) == {c.name for c in model.plan.comparisons}
    (n_found,) = {sum(counts.values()) for counts in described.values()}
    assert 0 < n_found <= model.training["subjects"]
    assert described["full_name"]["same"] > n_found / 2


def altered(district: District, to: Path, **training: Any) -> Path:
    """The district's model with other entries of its training."""
    content = json.loads((district.run_dir / "model.json").read_text("utf-8"))
    content["training"] |= training
    to.write_text(json.dumps(sealed(content)), "utf-8")
    return to


def test_a_batch_unlike_the_training_is_decided_on_a_persons_word_only(district: District, tmp_path: Path) -> None:
    best = json.loads((district.run_dir / "model.json").read_text("utf-8"))["training"]["best_candidates"]
    numbers = dict.fromkeys(best["id_number"], 0) | {"same": 1000}
    model = altered(district, tmp_path / "m.json", best_candidates=best | {"id_number": numbers})
    command = ["run", "--doses", district.path("doses"), "--index", district.index, "--model", model, "--out"]
    refused = call(*command, tmp_path / "r")
    assert refused.code == 3
    assert "id_number is" in refused.err
    assert "--accept" in refused.err
    assert not any((tmp_path / "r").glob("2*"))
    assert call(*command, tmp_path / "r", "--accept", " ").code == 2
    accepted = call(*command, tmp_path / "r", "--accept", "a campaign in schools", "--json")
    assert accepted.code == 0, accepted.err
    found = manifest(Path(accepted.json["run_dir"]))
    assert found["accepted"] == "a campaign in schools"
    assert found["unlike_training"][0]["name"] == "id_number"
    rates = {estimate["name"]: estimate for estimate in found["error_estimates"]}
    assert rates["estimated_false_match_rate"]["low"] == 0.0, "how many claims are of nobody is not known here"
    assert "estimated_missed_match_rate" not in {e["name"] for e in found["error_estimates"]}  # void
    assert "unlike the model's training" in accepted.err


def test_a_model_says_what_nothing_identifies_and_what_depends(district: District, tmp_path: Path) -> None:
    content = json.loads((district.run_dir / "model.json").read_text("utf-8"))
    table = np.array(content["training"]["residual_correlation"])
    table[1, 0] = table[0, 1] = 0.4
    changes = {"not_identified": ["share_in_registry", "blocking_recall"], "residual_correlation": table.tolist()}
    model = altered(district, tmp_path / "m.json", **changes)
    doses = ["--doses", district.path("doses"), "--index", district.index, "--out", tmp_path / "r"]
    ran = call("run", *doses, "--model", model, "--json")
    assert "share_in_registry is not identified" in ran.err
    first, second = (comparison["name"] for comparison in content["plan"]["comparison"][:2])
    assert f"{first} and {second} agree together" in ran.err
    names = {e["name"] for e in manifest(Path(ran.json["run_dir"]))["error_estimates"]}
    assert not names & {"estimated_missed_match_rate", "missed_by_all_passes_rate"}
    assert "in the registry not identified" in call("model", "show", model).out


def test_a_training_that_made_matches_of_something_else_is_refused(district: District, tmp_path: Path) -> None:
    content = json.loads((district.run_dir / "model.json").read_text("utf-8"))
    (sex,) = (c for c in content["comparisons"] if c["name"] == "sex")
    sex["levels"][1]["m"], sex["levels"][2]["m"] = 0.1, 0.9
    for name, training in (("doubtful", {}), ("accepted", {"accepted": "one sex is coded as the other"})):
        content["training"] |= training
        (tmp_path / f"{name}.json").write_text(json.dumps(sealed(content)), "utf-8")
    command = ["run", "--doses", district.path("doses"), "--index", district.index, "--out", tmp_path / "r", "--model"]
    refused = call(*command, tmp_path / "doubtful.json")
    assert (refused.code, "'different' is the rule" in refused.err) == (3, True)
    assert call(*command, tmp_path / "accepted.json").code == 0


def test_only_values_of_many_claims_that_agree_otherwise_are_grave() -> None:
    then = {"birth_date": {"missing": 1000, "same": 8000, "swapped": 1000}}
    cases = [
        ({"missing": 9000, "same": 900, "swapped": 100}, False),  # fewer state one
        ({"missing": 1000, "same": 1000, "swapped": 8000}, True),
        ({"missing": 40, "same": 0, "swapped": 400}, False),  # a station's
    ]
    for counts, is_grave in cases:
        (moved,) = moved_levels(then, {"birth_date": counts})
        assert moved.is_grave == is_grave
