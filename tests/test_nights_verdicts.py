"""Verdicts of officers in nights: what each decides, until when, and what becomes of those that say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

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
