"""Verdicts of officers in nights: what each decides, until when, and what becomes of those that say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from linkage.nights.configuration import read_configuration
from linkage.nights.taking_back import take_back
from linkage.review.audit import verify
from linkage.review.deciding import Said, decide
from linkage.review.exporting import export_verdicts
from linkage.review.of_state import take_nights
from linkage.review.permissions import Account
from linkage.review.store import Store, make_store
from linkage.review.tables import candidates, claims, doses, items
from tests.nights import Nights, Row, Town, manifest, table


@pytest.fixture
def nights(town: Town, tmp_path: Path) -> Nights:
    opened = town.open(tmp_path / "nights")
    opened.write_doses(0, town.doses[:400])
    opened.run(0)
    return opened


def decisions(nights: Nights, name: str) -> dict[str, Row]:
    nights.export(name)
    return {row["dose_id"]: row for row in table(nights.folder / name, "decisions")}


def verdict(dose: str, word: str, person: str | None = None, by: str = "A") -> Row:
    stated = {"unit": "00001", "decided_by": by, "decided_at": "2026-03-14"}
    return {"dose_id": dose, "verdict": word, "person_id": person, **stated}


def test_each_word_decides_until_the_dose_is_corrected(nights: Nights, town: Town) -> None:
    before = decisions(nights, "before")
    asked = [key for key, row in before.items() if row["status"] == "matched"][:4]
    person = next(row["person_id"] for row in before.values() if row["status"] == "verified")
    words = [("person", person), ("nobody", None), ("foreigner", None), ("field_check", None)]
    rows = [verdict(dose, *word) for dose, word in zip(asked, words, strict=True)]
    nights.write_verdicts(1, rows)
    folder = nights.run(1).night_dir
    assert [row["became"] for row in table(folder, "verdicts")] == ["pins"] * 4
    after = decisions(nights, "after")
    assert [after[key]["status"] for key in asked] == ["matched", "unmatched", "excluded", "review"]
    assert {after[key]["decided_by"] for key in asked} == {"officer"}
    assert after[asked[0]]["person_id"] == person
    assert after[asked[0]]["match_probability"] < 0.5
    changed = {row["dose_id"]: row["status_before"] for row in table(folder, "decisions")}
    assert {changed[key] for key in asked} == {"matched"}
    dose = next(row for row in town.doses if row["dose_id"] == asked[1])
    nights.write_doses(2, [dose | {"full_name": "Nguyễn Văn Ất", "id_number": None}])
    nights.write_verdicts(2, rows)  # said before
    folder = nights.run(2).night_dir
    assert [(row["dose_id"], row["became"]) for row in table(folder, "verdicts")] == [(asked[1], "corrected")]
    assert manifest(folder)["verdicts"] == {"new": 0, "unchanged": 4, "corrected": 1}


def test_who_a_claim_once_was_of_takes_no_conflict_away(nights: Nights, town: Town) -> None:
    """A claim is given to somebody else, whose doses it contradicts; later something comes about the first person."""
    before = decisions(nights, "before")
    verified = [row for row in town.doses[:400] if before[row["dose_id"]]["status"] == "verified"]
    first, other = next(
        (one, two)
        for one in verified
        for two in verified
        if one["dose_number"] == two["dose_number"]
        and before[one["dose_id"]]["person_id"] != before[two["dose_id"]]["person_id"]
    )
    another = first | {"dose_id": "D-another", "subject_id": "S-another", "phone": None, "dose_number": "9"}
    nights.write_doses(1, [another])
    nights.run(1)
    nights.write_verdicts(2, [verdict(first["dose_id"], "person", before[other["dose_id"]]["person_id"])])
    nights.run(2)
    given = decisions(nights, "given")
    assert given["D-another"]["person_id"] == before[first["dose_id"]]["person_id"]
    conflicts = given[first["dose_id"]]["conflicts"]
    assert "dose_number_twice" in conflicts
    # Of the subject of a dose that is decided for the first person, and of a third one.
    people = [before[row["dose_id"]]["person_id"] for row in (first, other)]
    third = next(row for row in verified if before[row["dose_id"]]["person_id"] not in people)
    nights.write_doses(3, [third | {"dose_id": "D-third", "subject_id": "S-another", "phone": None}])
    nights.run(3)
    after = decisions(nights, "after")
    assert after["D-third"]["person_id"] == before[third["dose_id"]]["person_id"]
    assert after[first["dose_id"]]["conflicts"] == conflicts


def test_verdicts_that_contradict_each_other_open_the_item_with_both_shown(nights: Nights) -> None:
    before = decisions(nights, "before")
    dose, person = next((key, row["person_id"]) for key, row in before.items() if row["status"] == "matched")
    nights.write_verdicts(1, [verdict(dose, "person", person), verdict(dose, "nobody", by="B")])
    summary = nights.run(1)
    assert any("verdicts that contradict another one" in note and note.endswith(": 2") for note in summary.notes)
    after = decisions(nights, "after")[dose]
    assert (after["status"], after["decided_by"]) == ("review", "rule")
    items = [row for row in table(summary.night_dir, "queues/review") if dose in row["dose_ids"]]
    assert items[0]["change"] == "opened"
    assert items[0]["verdicts"] == [
        f"person {person} (00001, 2026-03-14): contradicted",
        "nobody (00001, 2026-03-14): contradicted",
    ]


def test_verdicts_that_say_nothing_are_rejected_with_their_reasons(nights: Nights, town: Town) -> None:
    dose = str(town.doses[0]["dose_id"])
    rows = [
        verdict(dose, "nobody"),
        verdict("D-never-came", "nobody"),
        verdict(dose, "person", "P-is-not-there"),
        verdict(dose, "person"),
        verdict(dose, "perhaps"),
        verdict(dose, ""),
        verdict(dose, "nobody") | {"decided_at": "2026-03-16"},
        verdict("", "nobody"),
        verdict("", "nobody") | {"claim_id": "c1-00"},
    ]
    nights.write_verdicts(1, rows)
    nights.config.write_text(nights.config.read_text("utf-8").replace("0.05", "1.0"), "utf-8")
    folder = nights.run(1).night_dir
    assert {row["position"]: row["reasons"] for row in table(folder, "queues/rejected")} == {
        2: ["unknown_dose"],
        3: ["unknown_person"],
        4: ["no_person"],
        5: ["unknown_verdict"],
        6: ["no_verdict"],
        7: ["future_date"],
        8: ["no_claim"],
        9: ["unknown_claim"],
    }
    told = manifest(folder)["verdict_files"][0]
    assert (told["physical_records"], told["decided"], told["rejected"]) == (9, 1, 8)


# -------------------------------------------------------------------------------------------- from the review and back


def items_of(store: Store) -> dict[str, Any]:
    with store.reading() as connection:
        return {row.subject: row for row in connection.execute(select(items))}


def interrupted(*_: object) -> None:
    raise OSError("interrupted")


def test_what_officers_decide_pins_and_comes_back(
    nights: Nights, town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night, its items, decisions, the file, the next night: decided by officers, and the items are closed."""
    configuration = read_configuration(nights.config)
    store = make_store(tmp_path / "review.db")
    with monkeypatch.context() as patched:
        patched.setattr("linkage.review.of_state._doses_of", interrupted)
        with pytest.raises(OSError, match="interrupted"):
            take_nights(store, configuration)
    (first,) = take_nights(store, configuration)
    assert take_nights(store, configuration) == []
    waiting = items_of(store)
    assert first.opened >= len(waiting) > 2
    before = decisions(nights, "before")
    undecided = {row["claim_id"] for row in before.values() if row["status"] in ("review", "unmatched")}
    with store.reading() as connection:
        of_subject = {row.item_id: set() for row in waiting.values()}
        for row in connection.execute(select(doses)):
            of_subject[row.item_id].add(row.dose_id)
        stood = connection.execute(select(claims)).all()
        considered = dict(connection.execute(select(candidates.c.claim_row, candidates.c.person_id)).all())
    assert {row.claim_id for row in stood} == undecided
    subjects = {dose["subject_id"]: set() for dose in town.doses[:400]}
    for dose in town.doses[:400]:
        subjects[dose["subject_id"]].add(dose["dose_id"])
    assert all(of_subject[row.item_id] == subjects[name] for name, row in waiting.items() if row.has_subject_id)
    with_person = next(row for row in stood if row.claim_row in considered)
    without = next(row for row in stood if row.item_id != with_person.item_id)
    said = [(with_person, "person", considered[with_person.claim_row]), (without, "foreigner", None)]
    officer = Account("an", "An", "officer", "25090", "vi", True)
    with store.writing() as connection:
        for row, word, person in said:
            decide(
                connection,
                officer,
                row.item_id,
                Said(word, person, "", (row.claim_row,), 0),
                "2026-03-14T17:00:00+07:00",
            )
    place = nights.folder / "in" / nights.date(1).isoformat()
    place.mkdir(parents=True)
    export_verdicts(store, place / "verdicts.csv")
    assert [row["became"] for row in table(nights.run(1).night_dir, "verdicts")] == ["pins", "pins"]
    after = decisions(nights, "after")
    for row, word, person in said:
        (dose, *_) = row.content["dose_ids"]
        assert after[dose]["decided_by"] == "officer"
        assert after[dose]["status"] == ("matched" if word == "person" else "excluded")
        assert person is None or after[dose]["person_id"] == person
    take_nights(store, configuration)
    closed = {row.claim_id for row, _, _ in said}
    with store.reading() as connection:
        left = connection.execute(select(claims.c.claim_id).where(claims.c.is_open)).scalars()
        assert set(left) == undecided - closed
        assert verify(connection).entries == 5
    store.close()


def test_a_store_that_nights_left_behind_takes_what_is_in_force(nights: Nights, town: Town, tmp_path: Path) -> None:
    """A night that the store took is taken back, and another one is done in its place."""
    configuration = read_configuration(nights.config)
    nights.write_doses(1, town.doses[400:700])
    second = nights.run(1).night_id
    store = make_store(tmp_path / "review.db")
    assert [one.night_id for one in take_nights(store, configuration)][1:] == [second]
    take_back(configuration, second)
    nights.write_doses(1, town.doses[700:900])
    nights.run(1)
    take_nights(store, configuration)
    other = make_store(tmp_path / "other.db")
    take_nights(other, configuration)
    found = {}
    for one in (store, other):
        with one.reading() as connection:
            query = select(claims.c.claim_id, claims.c.queue, claims.c.content).where(claims.c.is_open)
            found[one.path] = sorted(
                (row.claim_id, row.queue, row.content["dose_ids"]) for row in connection.execute(query)
            )
        one.close()
    assert found[store.path] == found[other.path] != []
