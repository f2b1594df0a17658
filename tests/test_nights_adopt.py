"""A model that is adopted: what it would change is told before it changes anything, and then it decides."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from linkage.errors import TryLaterError
from linkage.insight.explain import explain
from linkage.insight.history import history
from linkage.nights.adopting import adopt
from linkage.nights.configuration import read_configuration
from linkage.nights.status import status
from linkage.state.folder import open_state
from linkage.state.rows import rows_in_force, versions_of
from linkage.state.tables import DOSE_VERSIONS
from linkage.storage.locks import locked
from linkage.training.model_file import Model
from tests.district import Called, call
from tests.nights import Nights, Row, Town, hashes, manifest, table, tree
from tests.test_nights_sequences import other_models


@pytest.fixture(scope="module")
def begun(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """After a first night."""
    nights = town.open(tmp_path_factory.mktemp("begun") / "nights", changing=True)
    other_models(town)
    nights.write_doses(0, town.doses[:300])
    nights.run(0)
    return nights


@pytest.fixture
def nights(begun: Nights, tmp_path: Path) -> Nights:
    shutil.copytree(begun.folder, tmp_path / "nights", symlinks=True)
    return Nights(begun.town, tmp_path / "nights")


@pytest.fixture
def model(begun: Nights) -> Path:
    """Another one, by which fewer are matched."""
    return begun.town.model.with_name("model_0.json")


def prepare(nights: Nights, model: Path, number: int = 1, *options: object) -> Called:
    return call("model", "adopt", model, "--config", nights.config, "--date", nights.date(number), "--json", *options)


def apply(nights: Nights, adoption: str) -> Called:
    return call("model", "adopt", "--apply", adoption, "--config", nights.config, "--json")


def adopted(nights: Nights, model: Path, number: int = 1) -> str:
    """The id of an adoption that is in force."""
    told = prepare(nights, model, number)
    assert told.code == 0, told.err
    assert apply(nights, told.json["adoption"]).code == 0
    return str(told.json["adoption"])


def in_force(nights: Nights, name: str) -> dict[str, Row]:
    nights.export(name)
    return {row["dose_id"]: row for row in table(nights.folder / name, "decisions")}


def with_limits(nights: Nights, **limits: float) -> None:
    said = {"changed_share": 1.0, "other_person_share": 1.0, "lost_share": 1.0} | limits
    text = "".join(f"{name} = {limit}\n" for name, limit in said.items())
    nights.config.write_text(f"{nights.config.read_text('utf-8')}[adoption]\n{text}", "utf-8")


def test_a_model_is_prepared_beside_what_is_in_force_and_then_applied(nights: Nights, model: Path) -> None:
    before, standing = in_force(nights, "before"), {name: tree(nights.folder / name) for name in ("index", "nights")}
    told = prepare(nights, model)
    assert told.code == 0, told.err
    report, name = told.json["report"], told.json["adoption"]
    assert not told.json["in_force"]
    assert in_force(nights, "meanwhile") == before
    assert {name: tree(nights.folder / name) for name in standing} == standing
    assert call("model", "adopt", "--config", nights.config, "--json").json["report"] == report
    done = apply(nights, name)
    assert (done.code, done.json["in_force"], done.json["report"]) == (0, True, report)
    after = in_force(nights, "after")
    _check_report(report, before, after)
    published = {row["dose_id"]: row for row in table(nights.folder / "nights" / name, "decisions")}
    differing = {key for key in before if before[key] != after[key]}
    assert published.keys() == differing
    assert {row["change"] for row in published.values()} == {"changed"}
    assert {key: row["status_before"] for key, row in published.items()} == {k: before[k]["status"] for k in differing}
    assert {word for row in published.values() for word in row["why"]} >= {"model"}
    closed = [row for row in table(nights.folder / "nights" / name, "queues/match") if row["change"] == "closed"]
    assert len(closed) == sum(n for what, n in report["by_status"].items() if what.startswith("matched -> ")) > 0


def _check_report(report: dict[str, Any], before: dict[str, Row], after: dict[str, Row]) -> None:
    automatic = ("verified", "matched")
    kinds, statuses, communes = Counter[str](), Counter[str](), Counter[str]()
    for key, old in before.items():
        new = after[key]
        if old == new:
            continue
        was, now, other = old["status"] in automatic, new["status"] in automatic, old["person_id"] != new["person_id"]
        if was or now:
            kind = "lost" if not now else "gained" if not was else "other_person" if other else "evidence"
            kind = "status" if kind == "evidence" and old["status"] != new["status"] else kind
        else:
            kind = "status" if old["status"] != new["status"] else "candidate" if other else "evidence"
        kinds[kind] += 1
        if kind != "evidence":
            statuses[f"{old['status']} -> {new['status']}"] += 1
            communes[new["commune_code_now"] or new["commune_code"]] += 1
    assert {kind: n for kind, n in report["by_kind"].items() if n} == kinds
    assert kinds["lost"] > 3
    assert report["by_status"] == statuses
    assert {row["commune_code"]: row["changed"] for row in report["by_commune"]} == communes
    n_automatic = sum(row["status"] in automatic for row in before.values())
    assert report["changed_share"] == pytest.approx(sum(statuses.values()) / len(before))
    assert report["lost_share"] == pytest.approx(kinds["lost"] / n_automatic)


def test_nights_go_on_with_the_new_model_and_it_is_taken_back_as_a_night(
    nights: Nights, model: Path, town: Town
) -> None:
    before = {name: tree(nights.folder / name) for name in ("state", "index", "nights")}
    name = adopted(nights, model)
    nights.write_doses(2, town.doses[300:400])
    nights.run(2)
    exported = nights.export()
    scratch = nights.from_scratch(town.doses[:400], nights.date(2), epoch=nights.begun(model))
    assert hashes(scratch) == exported
    listed = call("nights", "list", "--config", nights.config, "--json").json["nights"]
    assert [(one["night_id"] == name, one["kind"]) for one in listed] == [
        (False, "night"),
        (True, "adoption"),
        (False, "night"),
    ]
    shown = call("nights", "show", name, "--config", nights.config, "--json").json
    assert (shown["kind"], shown["model"]) == ("adoption", Model.load(model).digest())
    assert shown["model_before"] == Model.load(town.model).digest()
    differing = call("nights", "diff", 1, name, "--config", nights.config, "--json").json["by_status"]
    assert differing["matched -> review"] == shown["adoption"]["by_status"]["matched -> review"]
    assert call("verify", nights.config).code == 0
    dose = next(
        row["dose_id"] for row in table(nights.folder / "nights" / name, "decisions") if row["status"] == "review"
    )
    told = history(read_configuration(nights.config), dose).nights[1]
    assert (told.kind, told.night_id, told.decision and told.decision["why"]) == ("adoption", name, ["model"])
    explained = explain(nights.config, dose)
    assert explained.match_threshold == Model.load(model).to_dict()["match_threshold"]["probability"]
    (nights.folder / "nights" / "verified.json").unlink()  # by verify
    assert call("nights", "rollback", name, "--config", nights.config).code == 0
    assert {name: tree(nights.folder / name) for name in before} == before


def test_an_adoption_is_applied_once(nights: Nights, model: Path) -> None:
    name = adopted(nights, model)
    after = tree(nights.folder / "state")
    again = apply(nights, name)
    assert (again.code, again.json["in_force"]) == (0, True)
    assert "already done" in again.err
    once_more = prepare(nights, model, 2)
    assert (once_more.code, once_more.json["adoption"], "already done" in once_more.err) == (0, name, True)
    assert tree(nights.folder / "state") == after
    assert len(open_state(nights.folder / "state").nights) == 2


def test_the_same_model_and_the_registry_by_now_begin_another_epoch(nights: Nights, town: Town) -> None:
    assert "already done" in prepare(nights, town.model).err
    people = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    nights.write_registry(1, [row | {"full_name": "Nguyễn Văn An"} for row in people[:200]])
    nights.run(1)
    epoch = nights.begun()
    assert "already done" not in prepare(nights, town.model, 2).err
    adopted(nights, town.model, 2)
    scratch = nights.from_scratch(town.doses[:300], nights.date(2), epoch=epoch)
    assert hashes(scratch) == nights.export()


def test_an_adoption_of_a_state_that_has_moved_on_is_refused(nights: Nights, model: Path, town: Town) -> None:
    name = prepare(nights, model).json["adoption"]
    assert status(read_configuration(nights.config))["adoption"] == {
        "adoption": name,
        "is_current": True,
        "damage": None,
    }
    nights.write_doses(1, town.doses[300:320])
    night = nights.run(1).night_id
    assert status(read_configuration(nights.config))["adoption"] == {
        "adoption": name,
        "is_current": False,
        "damage": None,
    }
    ended = apply(nights, name)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert f"the last one in force is {night}" in ended.err
    assert f"the last one in force is {night}" in call("model", "adopt", "--config", nights.config).err
    other = adopted(nights, model, 2)
    assert other != name
    assert not (nights.folder / "state" / "adoption").exists()


def test_an_unknown_adoption_is_told(nights: Nights, model: Path) -> None:
    assert "none is" in apply(nights, "20260315-000000000000").err
    name = prepare(nights, model).json["adoption"]
    ended = apply(nights, "20260315-000000000000")
    assert (ended.code, f"{name} is" in ended.err) == (2, True)
    both = call("model", "adopt", model, "--apply", name, "--config", nights.config)
    assert (both.code, "give one of them" in both.err) == (2, True)


def test_a_night_and_an_adoption_exclude_each_other(nights: Nights, model: Path, town: Town) -> None:
    with locked(nights.folder / "nights"):
        assert prepare(nights, model).code == 75
    nights.write_doses(1, town.doses[300:320])
    told = []

    def start_a_night(stage: str, *_: int) -> None:
        if stage == "link" and not told:
            told.append(status(read_configuration(nights.config))["running"]["what"])
            with pytest.raises(TryLaterError, match="another run is at work here"):
                nights.run(1)

    adopt(read_configuration(nights.config), model, nights.date(1), on_progress=start_a_night)
    assert told == ["an adoption"]


@pytest.mark.parametrize(
    ("limits", "passed"),
    [({}, None), ({"lost_share": 0.0}, "lost_share is"), ({"changed_share": 0.001}, "changed_share is")],
)
def test_within_the_limits_of_the_configuration_it_is_applied_at_once(
    nights: Nights, model: Path, limits: dict[str, float], passed: str | None
) -> None:
    with_limits(nights, **limits)
    ended = prepare(nights, model)
    n_steps = len(open_state(nights.folder / "state").nights)
    if passed is None:
        assert (ended.code, ended.json["in_force"], n_steps) == (0, True, 2)
        return
    assert (ended.code, ended.json["kind"], ended.json["in_force"], n_steps) == (3, "gate", False, 1)
    assert passed in ended.err.splitlines()[-1]
    assert ended.json["report"]["by_kind"]["lost"] > 0
    assert apply(nights, ended.json["adoption"]).code == 0


def test_limits_are_given_all_or_none(nights: Nights, model: Path) -> None:
    nights.config.write_text(f"{nights.config.read_text('utf-8')}[adoption]\nlost_share = 0.1\n", "utf-8")
    ended = prepare(nights, model)
    assert (ended.code, "changed_share" in ended.err) == (2, True)


def changed_model(town: Town, path: Path, **changes: Any) -> Path:
    replace(Model.load(town.model), **changes).save(path)
    return path


def test_a_model_that_does_not_fit_is_refused(nights: Nights, town: Town, tmp_path: Path) -> None:
    before = tree(nights.folder)
    own = Model.load(town.model)
    document = json.loads(town.model.read_text("utf-8"))
    (tmp_path / "older.json").write_text(json.dumps(document | {"format": 1}), "utf-8")
    training = own.training | {"accepted": None, "subjects": 5000, "random_pairs": 10**6, "converged": True}
    del training["accepted"]
    flat = replace(own.parameters, comparisons=tuple(replace(c, m=c.u.copy()) for c in own.parameters.comparisons))
    cases = {
        tmp_path / "absent.json": (2, "absent.json"),
        tmp_path / "older.json": (2, "model format 1"),
        changed_model(town, tmp_path / "open.json", threshold=None): (2, "has no threshold"),
        changed_model(town, tmp_path / "plan.json", plan=replace_name(own.plan), training=own.training): (
            2,
            "differs from the index's",
        ),
        changed_model(town, tmp_path / "doubtful.json", parameters=flat, training=training): (3, "was not made"),
    }
    for path, (code, words) in cases.items():
        ended = prepare(nights, path)
        assert (ended.code, words in ended.err.splitlines()[-1]) == (code, True), (path.name, ended.err)
    assert tree(nights.folder) == before
    told = prepare(nights, tmp_path / "doubtful.json", 1, "--accept", "a test")
    assert told.code == 0, told.err
    apply(nights, told.json["adoption"])
    assert manifest(nights.folder / "nights" / told.json["adoption"])["accepted"] == "a test"


def replace_name(plan: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(plan, name="another")


def test_too_many_matches_that_are_likely_wrong_are_refused(nights: Nights, model: Path) -> None:
    text = nights.config.read_text("utf-8").replace(
        "expected_false_match_rate = 1.0", "expected_false_match_rate = 1e-9"
    )
    nights.config.write_text(text, "utf-8")
    own = Model.load(nights.town.model.with_name("model_1.json"))
    assert own.threshold is not None
    lax = nights.folder / "lax.json"
    replace(own, threshold=replace(own.threshold, probability=1e-6, by_itself=1e-6)).save(lax)
    ended = prepare(nights, lax)
    assert (ended.code, "expected_false_match_rate = 1e-09" in ended.err) == (3, True), ended.err
    assert prepare(nights, lax, 1, "--accept", "a test").code == 0


def test_without_a_night_there_is_nothing_to_adopt_for(town: Town, tmp_path: Path) -> None:
    ended = prepare(town.open(tmp_path / "none"), town.model)
    assert (ended.code, "there was no night yet" in ended.err) == (2, True)


def test_damage_of_what_is_prepared_is_told_and_mended_by_preparing_it_again(nights: Nights, model: Path) -> None:
    told = prepare(nights, model).json
    path = Path(told["folder"]) / "kept" / "claims.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    before = tree(nights.folder / "nights")
    ended = apply(nights, told["adoption"])
    assert (ended.code, "claims.parquet" in ended.err) == (4, True)
    assert tree(nights.folder / "nights") == before
    assert prepare(nights, model).json["adoption"] == told["adoption"]
    assert apply(nights, told["adoption"]).code == 0


def test_what_is_prepared_and_damaged_is_told_beside_what_is_in_force(nights: Nights, model: Path) -> None:
    told = prepare(nights, model).json
    path = Path(told["folder"]) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"state_before", b"state_bef0re"))
    ended = call("status", "--config", nights.config, "--json")
    assert (ended.code, ended.json["nights"]) == (0, 1), ended.err
    said = ended.json["adoption"]
    assert (said["adoption"], said["is_current"], "manifest.json" in said["damage"]) == (told["adoption"], False, True)
    assert call("model", "adopt", "--config", nights.config).code == 4
    assert prepare(nights, model).json["adoption"] == told["adoption"]
    assert apply(nights, told["adoption"]).code == 0


def test_of_two_that_a_kill_left_prepared_the_named_one_is_applied(nights: Nights, model: Path) -> None:
    """A kill after the second one appeared and before the first one was removed."""
    first, left = prepare(nights, model, 1).json, nights.folder / "left"
    shutil.copytree(first["folder"], left)
    second = prepare(nights, nights.town.model.with_name("model_1.json"), 2).json["adoption"]
    assert first["adoption"] < second
    left.rename(first["folder"])
    assert call("model", "adopt", "--config", nights.config, "--json").json["adoption"] == second
    assert status(read_configuration(nights.config))["adoption"]["adoption"] == second
    assert apply(nights, second).code == 0
    assert not (nights.folder / "state" / "adoption").exists()


def test_to_prepare_again_removes_what_a_kill_left_prepared(nights: Nights, model: Path) -> None:
    told, left = prepare(nights, model, 1).json, nights.folder / "state" / "adoption" / "20260301-000000000000"
    shutil.copytree(told["folder"], left)
    assert prepare(nights, model, 1).json["adoption"] == told["adoption"]
    assert [path.name for path in left.parent.iterdir()] == [told["adoption"]]


def test_births_that_were_still_to_come_are_read_and_verdicts_go_along(nights: Nights, model: Path, town: Town) -> None:
    """A child born after the day of the registry is unknown to the claims, until a model is adopted with the registry
    by then."""
    people = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
    born = [people[n] | {"person_id": f"N{n}", "id_number": None, "date_of_birth": "2023-03-04"} for n in range(3)]
    stated = {"id_number": None, "subject_id": None, "date_of_birth": "04/03/2023", "gender": born[0]["gender"]}
    child = town.doses[310] | stated | {"full_name": born[0]["full_name"], "dose_id": "child"}
    # Compared, it is the same claim as long as neither's date of birth is known.
    unborn = child | {"dose_id": "unborn", "date_of_birth": "03/03/2023"}
    later = child | {"dose_id": "later", "date_of_birth": "05/04/2023"}  # than that of anybody registered
    nights.write_doses(1, [child, unborn, later])
    nights.write_registry(1, born)
    nights.run(1)
    said = {"verdict": "nobody", "unit": "00001", "decided_by": "A", "decided_at": "2026-03-15"}
    nights.write_verdicts(2, [said | {"dose_id": "child"}])
    nights.run(2)
    before = in_force(nights, "before")
    assert [before[key]["decided_by"] for key in ("child", "unborn", "later")] == ["officer"] * 3
    told = prepare(nights, model, 3)
    assert told.json["report"]["read_otherwise"] == 2
    assert "doses that make other claims, as dates of birth are read up to a later day: 2" in told.err
    name = told.json["adoption"]
    apply(nights, name)
    after = in_force(nights, "after")
    assert [after[key]["decided_by"] for key in ("child", "unborn", "later")] == ["officer", "model", "model"]
    items = [
        row for name in ("match", "review", "unmatched") for row in table(nights.folder / "after", f"queues/{name}")
    ]
    of_dose = {dose: row["verdicts"] for row in items for dose in row["dose_ids"]}
    assert (len(of_dose["child"]), of_dose["unborn"], of_dose["later"]) == (1, [], [])
    claims = {
        row["dose_id"]: row["claim"]
        for row in rows_in_force(open_state(nights.folder / "state"), DOSE_VERSIONS).to_pylist()
    }
    assert claims["child"] != claims["unborn"]
    night = history(read_configuration(nights.config), "child").nights[-1]
    assert [(one.what, one.version, one.changed) for one in night.versions] == [("read_otherwise", 2, {})]
    assert [(one["verdict"], one["became"]) for one in night.verdicts] == [("nobody", "pins")]
    assert call("verify", nights.config).code == 0
    # The same again says nothing new, and a verdict by the claim speaks of the claim as it is read by now.
    nights.write_doses(4, [child, unborn, later])
    nights.write_verdicts(4, [said | {"claim_id": after["unborn"]["claim_id"]}])
    done = nights.run(4).night_dir
    assert manifest(done)["doses"]["unchanged"] == 3
    assert [row["became"] for row in table(done, "verdicts")] == ["pins"]
    assert in_force(nights, "in_the_end")["unborn"]["decided_by"] == "officer"
    versions = versions_of(open_state(nights.folder / "state"), DOSE_VERSIONS, np.array(["child"])).to_pylist()
    assert [row["what"] for row in versions] == ["new", "read_otherwise"]
