"""`link` on two files, and on one with itself: what it decides, what it refuses to decide, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from linkage.encode.columns import has_value
from linkage.errors import LinkageError, UsageError
from linkage.plan.reading import plan_from
from linkage.training.model_file import Model
from linkage.two_files.link import LinkSummary, link_files
from tests.district import Row, call
from tests.relatives import children_and_mothers, households, plan_of, with_slips, write_people

NO_HOUSEHOLDS = plan_of(household_rate=0.0)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """400 children, and their mothers."""
    folder = tmp_path_factory.mktemp("families")
    left, right = children_and_mothers(np.random.default_rng(1), 400, 0)
    return write_people(folder / "left.csv", left), write_people(folder / "right.csv", right)


@pytest.fixture(scope="module")
def refused(families: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they were linked without households, which makes matches of mother and child."""
    return link_files([families[0]], [families[1]], NO_HOUSEHOLDS, tmp_path_factory.mktemp("out") / "refused").folder


@pytest.fixture(scope="module")
def alone() -> list[Row]:
    """600 people who live alone."""
    return [household[0] for household in households(np.random.default_rng(7), [1] * 600)]


def manifest_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return content


# ------------------------------------------------------------------------------------------------------- the refusal


def test_a_doubtful_training_makes_no_link(refused: Path) -> None:
    assert pq.read_table(refused / "links.parquet").num_rows == 0
    assert pq.read_table(refused / "candidates.parquet").num_rows >= 400
    manifest = manifest_of(refused)
    assert manifest["refused"].startswith("comparison 'born': 'different' is the rule among what was taken for matches")
    assert manifest["accepted"] is None
    assert manifest["links"] == 0


def test_a_linkage_that_is_there_stays(families: tuple[Path, Path], refused: Path) -> None:
    with pytest.raises(LinkageError, match=f"{refused.name}: exists already"):
        link_files([families[0]], [families[1]], NO_HOUSEHOLDS, refused)
    with pytest.raises(UsageError, match="is a result and stays as it is"):
        link_files([families[0]], [families[1]], NO_HOUSEHOLDS, refused / "within")


def test_a_reason_in_writing_overrules_it_and_is_kept(
    families: tuple[Path, Path], refused: Path, tmp_path: Path
) -> None:
    model = Model.load(refused / "model.json")
    reason = "mothers stand for their children here"
    summary = link_files([families[0]], [families[1]], NO_HOUSEHOLDS, tmp_path / "out", model=model, accept=reason)
    assert summary.refusal is None
    assert summary.links > 0
    manifest = manifest_of(summary.folder)
    assert manifest["accepted"] == reason
    assert any("'born': 'different' is the rule" in note for note in manifest["notes"])


def test_the_command_ends_with_the_code_of_a_gate(families: tuple[Path, Path], refused: Path, tmp_path: Path) -> None:
    link = ["link", *families, "--model", refused / "model.json", "--json", "--out"]
    ended = call(*link, tmp_path / "no")
    assert ended.code == 3
    assert ended.json["links"] == 0
    assert (ended.json["kind"], ended.json["exit_code"]) == ("gate", 3)
    *_, line = ended.err.splitlines()
    assert line == f"linkage: {ended.json['error']}"
    assert "no link was made, for comparison 'born'" in line
    assert "--accept" in line
    assert call(*link, tmp_path / "blank", "--accept", " ").code == 2
    assert not (tmp_path / "blank").exists()
    accepted = call(*link, tmp_path / "yes", "--accept", "looked at")
    assert accepted.code == 0
    assert accepted.json["links"] > 0
    assert "note: comparison 'born': 'different' is the rule" in accepted.err


# ------------------------------------------------------------------------------------------------------ the manifest


def test_the_manifest_says_what_a_run_says(refused: Path) -> None:
    manifest = manifest_of(refused)
    assert set(manifest["seconds"]) == {"ingest", "index", "train", "link", "publish"}
    assert manifest["peak_rss_bytes"] > 1 << 20
    assert manifest["peak_anonymous_bytes"] > 1 << 20
    assert manifest["training"]["subjects"] == 400
    assert manifest["model"] == Model.load(refused / "model.json").digest()
    assert manifest["candidates"] == manifest["outputs"]["candidates.parquet"]["rows"]


def test_rejected_rows_are_told(families: tuple[Path, Path], refused: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice.csv"
    text = families[0].read_text("utf-8")
    twice.write_text(text + text.splitlines()[-1].replace("Thị", "Văn").replace("/", "/0") + "\n", "utf-8")
    ended = call("link", twice, families[1], "--model", refused / "model.json", "--out", tmp_path / "out")
    assert "note: records of the left side rejected: 2; see rejected_left.parquet" in ended.err
    notes = manifest_of(tmp_path / "out")["notes"]
    assert any(note.startswith("records of the left side rejected: 2") for note in notes)


# -------------------------------------------------------------------------------------------------------------- notes


def notes_of(folder: Path, left: list[Row], right: list[Row]) -> tuple[str, ...]:
    paths = write_people(folder / "left.csv", left), write_people(folder / "right.csv", right)
    return link_files([paths[0]], [paths[1]], plan_of(), folder / "out").notes


def test_a_value_that_fills_a_field_is_told(alone: list[Row], tmp_path: Path) -> None:
    some = [person | {"phone": "0912341234"} if i % 2 else person for i, person in enumerate(alone)]
    (note,) = [note for note in notes_of(tmp_path, alone[:200], some) if "fills" in note]
    assert note.startswith(
        "field 'phone' of the right side: one value, of the form '9999999999', fills 50 % of the records"
    )


def test_a_field_of_which_a_part_is_not_read_is_told(alone: list[Row], tmp_path: Path) -> None:
    some = [person | {"date_of_birth": "99/99/9999"} if i % 3 == 0 else person for i, person in enumerate(alone[:300])]
    notes = notes_of(tmp_path, some, alone)
    assert notes[0].startswith("field 'born' of the left side: 100 of 300 values stated cannot be read")


def test_fields_have_a_value_where_any_part_has_one() -> None:
    columns: dict[str, Any] = {
        "name": np.array([[0, 0], [3, 0], [0, 0]], np.uint16),
        "names.first": np.array([0, 1, 0], np.uint32),
        "names.second": np.array([0, 0, 2], np.uint32),
        "place": np.array([[np.nan] * 3, [0.0] * 3, [0.5] * 3]),
        "born": np.array([0, 0, 7], np.uint32),
    }
    has = {name: has_value(columns, name).tolist() for name in ("name", "names", "place", "born")}
    assert has["name"] == [False, True, False]
    assert has["names"] == has["place"] == [False, True, True]
    assert has["born"] == [False, False, True]
    assert has_value({"name": columns["name"][:0]}, "name").tolist() == []


def test_fields_that_are_read_are_not_told_of(alone: list[Row], tmp_path: Path) -> None:
    empty = [person | {"phone": ""} if i % 2 else person for i, person in enumerate(alone)]
    assert notes_of(tmp_path, alone[:200], empty) == ()


def test_few_matches_to_learn_from_are_told(alone: list[Row], tmp_path: Path) -> None:
    (note,) = notes_of(tmp_path, alone[:15], alone[:15])
    assert note.startswith("the training expects 14.1 matches among 15 records, few to learn from")


def test_candidates_that_none_of_the_promise_allows_are_told(alone: list[Row], tmp_path: Path) -> None:
    """Name and date without the phone are no certainty, and a plan that promises one wrong in a million says so."""
    again = [person | {"phone": f"0987{i:06d}"} for i, person in enumerate(alone[:150])]
    content = msgspec.to_builtins(plan_of())
    content["decision"]["highest_false_match_rate"] = 1e-9
    paths = write_people(tmp_path / "left.csv", again), write_people(tmp_path / "right.csv", alone)
    plan = plan_from(content, "plan of the test")
    summary = link_files([paths[0]], [paths[1]], plan, tmp_path / "out", accept="the phones are others")
    assert summary.links == 0
    assert summary.notes[-1].startswith("no pair is sure enough for highest_false_match_rate = 1e-09: the best")


# --------------------------------------------------------------------------------------------------------- relatives


def links_of(folder: Path) -> set[tuple[str, str]]:
    table = pq.read_table(folder / "links.parquet")
    return set(zip(table["left_id"].to_pylist(), table["right_id"].to_pylist(), strict=True))


@pytest.mark.parametrize("n_true", [0, 100])
def test_children_are_not_their_mothers(tmp_path: Path, n_true: int) -> None:
    """A plan that says nothing of households knows that a phone is theirs."""
    left, right = children_and_mothers(np.random.default_rng(2), 400, n_true)
    paths = write_people(tmp_path / "left.csv", left), write_people(tmp_path / "right.csv", right)
    summary = link_files([paths[0]], [paths[1]], plan_of(), tmp_path / "out")
    assert summary.refusal is None
    assert links_of(summary.folder) == {(child["id"], child["id"]) for child in left[:n_true]}


@pytest.mark.parametrize("size", [2, 4, 12])
def test_households_stay_people_of_their_own(tmp_path: Path, size: int) -> None:
    rng = np.random.default_rng(size)
    people = [person for household in households(rng, [size] * (1800 // size)) for person in household]
    chosen = rng.choice(len(people), 200, replace=False)
    copies = [with_slips(rng, people[i], "again") for i in chosen]
    path = write_people(tmp_path / "people.csv", [*people, *copies])
    summary = link_files([path], [path], plan_of(matches_per_record="any"), tmp_path / "out")
    assert summary.refusal is None
    links = {frozenset(pair) for pair in links_of(summary.folder)}
    true = {frozenset((people[i]["id"], f"{people[i]['id']}_again")) for i in chosen}
    assert len(links - true) <= 1  # the plan promises one in a thousand
    assert len(links & true) >= 0.9 * len(true)  # name and date alone are not enough at that promise


# ------------------------------------------------------------------------------------------------------------ copies


def entities(folder: Path) -> dict[str, str]:
    table = pq.read_table(folder / "entities.parquet")
    return dict(zip(table["record_id"].to_pylist(), table["entity_id"].to_pylist(), strict=True))


def link_alone(folder: Path, people: list[Row], **options: Any) -> LinkSummary:
    path = write_people(folder / "people.csv", people)
    plan = plan_of(matches_per_record="any", **options)
    return link_files([path], [path], plan, folder / "out")


def _called(full_name: str, given: str) -> str:
    return f"{full_name.rsplit(maxsplit=1)[0]} {given}"


def copied(person: Row, n: int) -> list[Row]:
    return [person | {"id": f"{person['id']}_{i:05d}"} for i in range(n)]


@pytest.mark.parametrize("sizes", [[1] * 5, [2, 3, 10, 11, 200], [10_000]])
def test_clusters_of_any_size_stay_whole_and_apart(alone: list[Row], tmp_path: Path, sizes: list[int]) -> None:
    people = [*alone, *(copy for person, n in zip(alone, sizes, strict=False) for copy in copied(person, n))]
    summary = link_alone(tmp_path, people)
    assert summary.refusal is None
    of = entities(summary.folder)
    assert len(set(of.values())) == len(alone)
    for person, n in zip(alone, sizes, strict=False):
        assert {of[copy["id"]] for copy in [person, *copied(person, n)]} == {person["id"]}
    assert summary.links < 20 * len(people)


def test_copies_cost_no_more_than_one(alone: list[Row], tmp_path: Path) -> None:
    summary = link_alone(tmp_path, [*alone, *copied(alone[0], 5000)])
    assert manifest_of(summary.folder)["training"]["subjects"] < len(alone) + 20
    assert summary.left == summary.right == len(alone) + 5000
    assert pq.read_table(summary.folder / "candidates.parquet").num_rows < 6000


def test_where_the_plan_starts_does_not_show(alone: list[Row], tmp_path: Path) -> None:
    """The share of matches a training starts from is told from the data."""
    rng = np.random.default_rng(3)
    people = [*alone, *(with_slips(rng, person, "again") for person in alone[:60])]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    low, high = (
        link_alone(tmp_path / name, people, share_in_registry=share) for name, share in (("a", 0.001), ("b", 5.0))
    )
    assert links_of(low.folder) == links_of(high.folder)
    assert low.links >= 50


def test_copies_in_a_household_are_one_person(tmp_path: Path) -> None:
    """Relatives and twins share much, but no two are the same in name and date: copies are told from them."""
    rng = np.random.default_rng(5)
    made = households(rng, [4] * 300)
    twins = [
        household[3] | {"id": f"{household[3]['id']}_twin", "full_name": _called(household[3]["full_name"], "Bảo")}
        for household in made[:60]
    ]
    copies = [household[0] | {"id": f"{household[0]['id']}_again"} for household in made[:150]]
    summary = link_alone(tmp_path, [*(person for household in made for person in household), *twins, *copies])
    assert {frozenset(pair) for pair in links_of(summary.folder)} == {
        frozenset((copy["id"], copy["id"].removesuffix("_again"))) for copy in copies
    }


def test_copies_that_state_little_may_be_relatives(tmp_path: Path) -> None:
    """Two records of one phone and one name, without a date, may be of two people."""
    rng = np.random.default_rng(6)
    made = [person for household in households(rng, [4] * 300) for person in household]
    bare = [person | {"date_of_birth": ""} for person in made[:40]]
    summary = link_alone(tmp_path, [*made[40:], *bare, *(p | {"id": f"{p['id']}_again"} for p in bare)])
    manifest = manifest_of(summary.folder)
    assert manifest["copies_match_threshold"] == 1.0


def test_copies_on_both_sides_are_linked_as_one(alone: list[Row], tmp_path: Path) -> None:
    left = write_people(tmp_path / "left.csv", [*alone[:300], *copied(alone[0], 400)])
    right = write_people(tmp_path / "right.csv", [*alone, *copied(alone[0], 500)])
    summary = link_files([left], [right], plan_of(matches_per_record="any"), tmp_path / "out")
    links = links_of(summary.folder)
    of_copies = {pair for pair in links if pair[0].startswith(alone[0]["id"] + "_0") or pair[0] == alone[0]["id"]}
    assert links - of_copies == {(person["id"], person["id"]) for person in alone[1:300]}
    assert len(of_copies) == 401 + 501 - 1
    assert {pair[0] for pair in of_copies} == {person["id"] for person in [alone[0], *copied(alone[0], 400)]}


def test_copies_on_the_right_are_rivals_where_one_may_match(alone: list[Row], tmp_path: Path) -> None:
    left = write_people(tmp_path / "left.csv", [*alone[:300], *copied(alone[0], 20)])
    right = write_people(tmp_path / "right.csv", [*alone, *copied(alone[1], 1)])
    summary = link_files([left], [right], plan_of(), tmp_path / "out")
    links = links_of(summary.folder)
    assert alone[1]["id"] not in {pair[0] for pair in links}
    assert {pair[0] for pair in links if pair[1] == alone[0]["id"]} == {
        alone[0]["id"],
        *(copy["id"] for copy in copied(alone[0], 20)),
    }
