"""A decision is a function of claim, candidates and model: the threshold is the model's, whatever the batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkage.deciding.gates import Expected
from linkage.errors import QualityGateError
from linkage.storage.sealed import sealed
from linkage.training.model_file import Model
from tests.district import District, Row, make_district, manifest, table, write


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def with_threshold(district: District, path: Path, probability: float) -> Path:
    content = json.loads((district.run_dir / "model.json").read_bytes())
    content["match_threshold"] |= {"probability": probability, "by_itself": probability}
    path.write_text(json.dumps(sealed(content)), "utf-8")
    return path


def test_the_threshold_is_that_of_the_claims_trained_on(district: District) -> None:
    threshold = Model.load(district.run_dir / "model.json").threshold
    assert threshold is not None
    assert threshold.probability == manifest(district.run_dir)["match_threshold"]
    decided = [row for row in table(district.run_dir, "claims") if row["status"] in ("matched", "review", "unmatched")]
    compared = {row["compared_as"] or row["claim_id"]: row["status"] for row in decided}
    assert (threshold.claims, threshold.matched) == (len(compared), list(compared.values()).count("matched"))
    assert 0.0 < threshold.expected_false_match_rate <= 1e-4


def test_a_claim_is_decided_alike_in_a_small_batch(district: District, tmp_path: Path) -> None:
    model = district.run_dir / "model.json"
    rows = [row for row in district.rows("doses") if int(row["dose_id"][1:]) % 7 == 0]
    few = district.link([write(tmp_path / "few.parquet", rows, district.path("doses"))], tmp_path, model_file=model)
    assert manifest(few)["match_threshold"] == manifest(district.run_dir)["match_threshold"]

    def best(run_dir: Path) -> dict[str, Row]:
        bits = ("subject_bits", "schedule_bits")
        told = [row for row in table(run_dir, "candidates") if any(row[name] for name in bits)]
        by_others = {row["claim_id"] for row in told}
        return {row["dose_id"]: row for row in table(run_dir, "decisions") if row["claim_id"] not in by_others}

    alone, among_all = best(few), best(district.run_dir)
    both = alone.keys() & among_all.keys()
    assert len({alone[dose]["claim_id"] for dose in both}) > 300
    assert {alone[dose]["status"] for dose in both} >= {"verified", "matched", "review"}
    same = ("claim_id", "status", "decided_by", "person_id", "match_probability", "match_weight", "none_probability")
    for dose in both:
        assert [alone[dose][name] for name in same] == [among_all[dose][name] for name in same]


def test_a_batch_that_expects_more_than_the_plan_allows_is_refused(district: District, tmp_path: Path) -> None:
    loose = with_threshold(district, tmp_path / "loose.json", 0.2)
    # Without subjects, whose other claims would settle nearly all that is in doubt.
    rows = [row | {"subject_id": None} for row in district.rows("doses")]
    doses = write(tmp_path / "doses.parquet", rows, district.path("doses"))
    with pytest.raises(QualityGateError, match=r"expected to be wrong, where the plan allows 0\.0001"):
        district.link([doses], tmp_path / "runs", model_file=loose)
    assert not list((tmp_path / "runs").glob("2*"))
    accepted = district.link([doses], tmp_path / "runs", model_file=loose, accept="a drill")
    assert any("expected to be wrong" in note for note in manifest(accepted)["notes"])
    told = "the model matches from a probability of 0.2 on, and its plan nothing under 0.98: train it again"
    assert told in manifest(accepted)["notes"]
    assert told not in manifest(district.run_dir)["notes"]


def test_a_model_made_elsewhere_takes_the_threshold_of_the_batch(district: District, tmp_path: Path) -> None:
    content = json.loads((district.run_dir / "model.json").read_bytes()) | {"match_threshold": None}
    (tmp_path / "model.json").write_text(json.dumps(sealed(content)), "utf-8")
    run_dir = district.link([district.path("doses")], tmp_path, model_file=tmp_path / "model.json")
    assert manifest(run_dir)["match_threshold"] == manifest(district.run_dir)["match_threshold"]
    assert Model.load(run_dir / "model.json").threshold is not None


def test_more_people_outside_the_registry_than_in_the_training_are_told(district: District, tmp_path: Path) -> None:
    """The posterior of every claim rests on the model's share of them, which nobody learns anew."""
    content = json.loads((district.run_dir / "model.json").read_bytes())
    assert not any("not in the registry" in note for note in manifest(district.run_dir)["notes"])
    content["share_in_registry"] = 0.999
    (tmp_path / "model.json").write_text(json.dumps(sealed(content)), "utf-8")
    model = tmp_path / "model.json"
    with pytest.raises(QualityGateError, match=r"the run was not made: of .* are of people not in the registry"):
        district.link([district.path("doses")], tmp_path / "refused", model_file=model)
    run_dir = district.link([district.path("doses")], tmp_path, model_file=model, accept="a drill")
    (note,) = [note for note in manifest(run_dir)["notes"] if "not in the registry" in note]
    assert "trained on 0.1%: what is promised under review is too high" in note


def with_persons(district: District, path: Path, times: float) -> tuple[Path, int]:
    """The district's model as if it had been trained among so many times its persons."""
    content = json.loads((district.run_dir / "model.json").read_bytes())
    content["n_persons"] = round(content["n_persons"] * times)
    path.write_text(json.dumps(sealed(content)), "utf-8")
    return path, content["n_persons"]


def test_the_number_of_persons_is_the_models(district: District, tmp_path: Path) -> None:
    """So that somebody who is born or dies changes the probability of nobody else's dose."""
    found = {}
    numberless = {row["dose_id"] for row in district.rows("doses") if not row["id_number"]}
    for times in (1.0, 1.04, 1.5):
        model, n_persons = with_persons(district, tmp_path / "model.json", times)
        run_dir = district.link([district.path("doses")], tmp_path / str(times), model_file=model)
        decisions = {row["dose_id"]: row for row in table(run_dir, "decisions") if row["decided_by"] == "model"}
        alone = [row for row in decisions.values() if row["match_weight"] and not row["runner_up_person_id"]]
        parameters, row = Model.load(model).parameters, max(alone, key=lambda row: row["none_probability"])
        assert parameters.n_persons == n_persons
        share, odds = parameters.share_in_registry, 2.0 ** row["match_weight"] / n_persons
        m, u = parameters.numberless_m, parameters.numberless_u
        outside = u / m if row["dose_id"] in numberless else (1.0 - u) / (1.0 - m)
        without = (1.0 - share) * outside + share * (1.0 - parameters.blocking_recall)
        assert row["match_probability"] == pytest.approx(share * odds / (without + share * odds), rel=1e-6)
        found[times] = [note for note in manifest(run_dir)["notes"] if "the model decides as among" in note]
    assert [len(notes) for notes in found.values()] == [0, 0, 1]
    assert "too low" in found[1.5][0]


def test_a_registry_of_twice_the_persons_of_the_training_is_refused(district: District, tmp_path: Path) -> None:
    model, _ = with_persons(district, tmp_path / "model.json", 0.4)
    with pytest.raises(QualityGateError, match=r"the run was not made: the index has .* persons and the model decides"):
        district.link([district.path("doses")], tmp_path / "refused", model_file=model)
    accepted = district.link([district.path("doses")], tmp_path / "runs", model_file=model, accept="a drill")
    assert any("probabilities are too high" in note for note in manifest(accepted)["notes"])


@pytest.mark.parametrize(
    ("outside", "claims", "strays"),
    [
        (0.02, 100_000, False),
        (0.035, 100_000, False),
        (0.045, 100_000, True),
        (0.0095, 100_000, True),
        (0.07, 999, False),
        (0.05, 1000, True),
        (0.0, 1000, True),
        (1.0, 5000, True),
    ],
)
def test_how_far_the_share_outside_the_registry_may_stray(outside: float, claims: int, strays: bool) -> None:
    assert Expected(0.0, 0, outside, claims).strays(0.02, 2.0) is strays
