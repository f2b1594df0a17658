"""The store of the review: nights taken in, decisions, the audit, and verdicts given back."""

from __future__ import annotations

import csv
import datetime
import shutil
import sqlite3
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DatabaseError

from linkage.errors import LinkageError, UsageError, VerificationError
from linkage.review import audit
from linkage.review.accounts import add_account, find_account, list_accounts, set_active, set_password
from linkage.review.deciding import CannotUndoError, DecidedMeanwhileError, Said, decide, undo
from linkage.review.exporting import export_verdicts, verdict_rows
from linkage.review.permissions import Account
from linkage.review.store import Store, make_store, open_store
from linkage.review.tables import claims, doses, events, items, metadata, units
from linkage.review.units import name_of, take_units
from linkage.schema import VERDICTS
from tests.reviewed import COMMUNE, OTHER, candidate, claim, claim_id, new_store, reviewed, take_night, write_night
from tests.small_country import write_small_country

WHO = Account("an", "Nguyễn Văn An", "officer", COMMUNE, "vi", True)
COLLEAGUE = Account("binh", "Lê Thị Bình", "officer", COMMUNE, "vi", True)
AT, LATER, NEXT_DAY = "2026-03-15T09:00:00+07:00", "2026-03-15T10:00:00+07:00", "2026-03-16T09:00:00+07:00"


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three items of one commune, one of another: one with two candidates, one that fits nobody."""
    folder = tmp_path_factory.mktemp("first")
    pair = [candidate("P1", 0.7), candidate("P2", 0.2, full_name="Trần Thị Hoa")]
    review = [*reviewed(1, pair), *reviewed(2), *reviewed(4, commune=OTHER)]
    new_store(folder, review, [claim(3, issue="no_id")]).close()
    return folder


@pytest.fixture
def store(first_night: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(first_night, tmp_path, dirs_exist_ok=True)
    opened = open_store(tmp_path / "review.db")
    yield opened
    opened.close()


def all_items(store: Store) -> dict[str, Any]:
    with store.reading() as connection:
        return {row.subject: row for row in connection.execute(select(items))}


def say(store: Store, subject: str, word: str, person: str | None = None, who: Account = WHO, at: str = AT) -> int:
    item = all_items(store)[subject]
    with store.writing() as connection:
        return decide(connection, who, item.item_id, Said(word, person, "", (), item.version), at)


def take_back(store: Store, subject: str, who: Account = WHO, at: str = LATER) -> None:
    item = all_items(store)[subject]
    with store.writing() as connection:
        undo(connection, who, item.item_id, item.version, at)


def exported(store: Store) -> list[tuple[str, str, str]]:
    with store.reading() as connection:
        return [(row["claim_id"], row["verdict"], row["person_id"]) for row in verdict_rows(connection)]


def states(store: Store) -> dict[str, str]:
    return {subject: row.state for subject, row in all_items(store).items()}


# --------------------------------------------------------------------------------------------------------- its form


def test_the_steps_make_what_the_tables_say(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_every_transaction_is_on_the_disk_before_it_is_told(store: Store) -> None:
    with store.reading() as connection:
        told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
    assert told == {"journal_mode": "wal", "synchronous": 2}


@pytest.mark.parametrize("change", ["UPDATE events SET word = 'nobody'", "DELETE FROM audit", "DELETE FROM voids"])
def test_what_was_said_stays(store: Store, change: str) -> None:
    say(store, "S1", "person", "P1")
    with store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO voids VALUES (1, 'c', 'n', 'corrected')")
    with pytest.raises(LinkageError, match="only grows"), store.writing() as connection:
        connection.exec_driver_sql(change)


def test_what_was_said_is_not_replaced_either(store: Store) -> None:
    with pytest.raises(LinkageError, match="only grows"), store.writing() as connection:
        connection.exec_driver_sql("INSERT OR REPLACE INTO audit SELECT * FROM audit")


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no store"):
        open_store(tmp_path / "absent.db")
    with pytest.raises(UsageError, match="there is no folder"):
        make_store(tmp_path / "absent" / "review.db")
    (tmp_path / "text.db").write_text("no database, though it is longer than the head of one" * 20, "utf-8")
    with pytest.raises(VerificationError, match="is damaged"):
        open_store(tmp_path / "text.db")


def test_a_store_is_the_file_of_its_name_whatever_signs_that_has(tmp_path: Path) -> None:
    make_store(tmp_path / "a?mode=ro&b%20c.db").close()
    assert {path.name for path in tmp_path.iterdir()} == {"a?mode=ro&b%20c.db", "a?mode=ro&b%20c.db.lock"}
    open_store(tmp_path / "a?mode=ro&b%20c.db").close()


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(UsageError, match="a newer version wrote it"):
        open_store(store.path)


# ---------------------------------------------------------------------------------------------------- nights taken in


def test_a_subject_is_one_item_whatever_claims_it_has(tmp_path: Path) -> None:
    first = claim(1, list_date=None) | {"claim_id": claim_id(9), "dose_ids": ["D9"], "issue": "no_id"}
    made = new_store(tmp_path, reviewed(1), [first, claim(5, subject_id=None)])
    found = all_items(made)
    made.close()
    assert set(found) == {"S1", claim_id(5)}
    assert (found["S1"].n_doses, found["S1"].issue, found["S1"].deadline) == (2, "no_id", "2026-03-16")
    assert not found[claim_id(5)].has_subject_id


def test_a_claim_without_a_commune_goes_where_its_best_candidate_lives(tmp_path: Path) -> None:
    lives = [candidate("P1", residence_commune_code=OTHER), candidate("P2")]
    made = new_store(tmp_path, reviewed(1, lives, commune=None), [claim(2, commune=None)])
    found = all_items(made)
    made.close()
    assert (found["S1"].unit, found["S1"].unit_then) == (OTHER, OTHER)
    assert found["S2"].unit == ""


def test_old_and_new_communes_are_both_known(tmp_path: Path) -> None:
    made = new_store(tmp_path, reviewed(1, commune_code="25063", commune_code_now="25066"))
    (found,) = all_items(made).values()
    made.close()
    assert (found.unit, found.unit_then) == ("25066", "25063")


def test_a_hospital_s_subject_is_in_the_list_of_the_commune_it_lives_in(tmp_path: Path) -> None:
    made = new_store(tmp_path, reviewed(1, facility_level="province", in_police_list=False))
    (found,) = all_items(made).values()
    made.close()
    assert (found.unit, found.state, found.priority) == (COMMUNE, "open", 1)


def test_a_night_is_taken_once(store: Store, tmp_path: Path) -> None:
    before = all_items(store)
    assert take_night(store, tmp_path / "nights" / "20260311-night") is None
    assert all_items(store) == before


def test_a_night_taken_halfway_is_taken_again(store: Store, tmp_path: Path) -> None:
    """Killed before the night was written down: all of it comes again, and is nothing."""
    before = all_items(store)
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM nights")
    again = take_night(store, tmp_path / "nights" / "20260311-night")
    assert again is not None
    assert (again.opened, again.changed, again.closed) == (0, 0, 0)
    assert all_items(store) == before


def test_nights_come_in_their_order(store: Store, tmp_path: Path) -> None:
    later = write_night(tmp_path / "nights", 3)
    with pytest.raises(UsageError, match=r"others stand between \(the last one taken is 20260311-night\)"):
        take_night(store, later)
    with pytest.raises(UsageError, match="no published run"):
        take_night(store, tmp_path)


def test_the_next_night_moves_open_items_and_loses_no_verdict(store: Store, tmp_path: Path) -> None:
    say(store, "S2", "field_check")
    more = reviewed(1, [candidate("P3", 0.95)], change="changed")
    gone = [row | {"change": "closed"} for row in reviewed(4, commune=OTHER)]
    moved = [*reviewed(3, change="opened"), *reviewed(5)]
    closed = [claim(3, change="closed", issue="no_id")]
    taken = take_night(store, write_night(tmp_path / "nights", 2, [*more, *gone, *moved], closed))
    assert taken is not None
    assert (taken.opened, taken.changed, taken.closed) == (2, 1, 2)
    assert states(store) == {"S1": "open", "S2": "waiting", "S3": "open", "S4": "closed", "S5": "open"}
    with store.reading() as connection:
        query = select(claims.c.queue, claims.c.is_open).where(claims.c.claim_id == claim_id(3))
        assert connection.execute(query).all() == [("review", True)]
    back = [row | {"change": "opened"} for row in reviewed(4, commune=OTHER)]
    take_night(store, write_night(tmp_path / "nights", 3, back))
    assert states(store)["S4"] == "open"


def test_who_looked_before_a_night_changed_the_item_is_told(store: Store, tmp_path: Path) -> None:
    item = all_items(store)["S2"]
    other = reviewed(2, dose_ids=["D2b"], full_name="Somebody else")
    take_night(store, write_night(tmp_path / "nights", 2, other))
    with pytest.raises(DecidedMeanwhileError, match="or a night changed it"), store.writing() as connection:
        decide(connection, WHO, item.item_id, Said("nobody", None, "", (), item.version), AT)
    gone = [row | {"change": "closed"} for row in other]
    looked = all_items(store)["S2"].version
    take_night(store, write_night(tmp_path / "nights", 3, gone))
    assert all_items(store)["S2"].version == looked + 1
    say(store, "S2", "nobody")
    said = {"of_claim_id": claim_id(2), "claim_id": claim_id(2), "verdict": "nobody", "decided_by": "an"}
    rows = [said | {"decided_at": AT, "became": "corrected"}]
    looked = all_items(store)["S2"].version
    take_night(store, write_night(tmp_path / "nights", 4, verdicts=rows))
    assert (all_items(store)["S2"].version, states(store)["S2"]) == (looked + 1, "open")
    assert all_items(store)["S1"].version == 0


def test_a_change_gives_nobody_more_time(store: Store, tmp_path: Path) -> None:
    before = all_items(store)["S1"]
    more = reviewed(1, [candidate("P3", 0.95)], change="changed")
    taken = take_night(store, write_night(tmp_path / "nights", 2, more))
    assert taken is not None
    assert taken.changed == 1
    after = all_items(store)["S1"]
    assert (after.list_date, after.deadline) == (before.list_date, before.deadline) == ("2026-03-14", "2026-03-16")
    gone = [row | {"change": "closed"} for row in more]
    take_night(store, write_night(tmp_path / "nights", 3, gone))
    take_night(store, write_night(tmp_path / "nights", 4, [row | {"change": "opened"} for row in more]))
    assert all_items(store)["S1"].deadline == "2026-03-19"


def test_one_claim_read_in_two_ways_stays_two(store: Store, tmp_path: Path) -> None:
    other = reviewed(1, [candidate("P9")], dose_ids=["D1b"])
    take_night(store, write_night(tmp_path / "nights", 2, other))
    with store.reading() as connection:
        query = select(claims.c.content).where(claims.c.claim_id == claim_id(1))
        assert [row.content["dose_ids"] for row in connection.execute(query)] == [["D1"], ["D1b"]]
    gone = [row | {"change": "closed"} for row in other]
    take_night(store, write_night(tmp_path / "nights", 3, gone))
    assert states(store)["S1"] == "open"


@pytest.mark.parametrize("became", ["corrected", "person_changed", "contradicted"])
def test_a_verdict_that_a_night_takes_back_opens_the_item_again(store: Store, tmp_path: Path, became: str) -> None:
    say(store, "S1", "person", "P1")
    assert states(store)["S1"] == "decided"
    said = {"of_claim_id": claim_id(1), "claim_id": claim_id(1), "verdict": "person", "decided_by": "an"}
    rows = [said | {"decided_at": AT, "became": became}, said | {"decided_at": LATER, "became": became}]
    taken = take_night(store, write_night(tmp_path / "nights", 2, verdicts=rows))
    assert taken is not None
    assert taken.voided == 1
    assert states(store)["S1"] == "open"
    with store.reading() as connection:
        assert audit.verify(connection).entries == 3


# ----------------------------------------------------------------------------------------------------------- deciding


def test_a_decision_is_an_event_on_all_claims_of_the_item(store: Store) -> None:
    say(store, "S1", "person", "P2")
    say(store, "S3", "nobody")
    say(store, "S2", "registry_wrong")
    assert states(store) == {"S1": "decided", "S2": "waiting", "S3": "decided", "S4": "open"}
    verdicts = [(claim_id(1), "person", "P2"), (claim_id(3), "nobody", ""), (claim_id(2), "registry_wrong", "")]
    assert exported(store) == verdicts


def test_only_who_is_considered_can_be_chosen(store: Store) -> None:
    with pytest.raises(UsageError, match="names nobody who is considered"):
        say(store, "S1", "person", "P77")
    with pytest.raises(UsageError, match="no such word"):
        say(store, "S1", "perhaps")
    item = all_items(store)["S1"]
    with pytest.raises(UsageError, match="none of those that wait"), store.writing() as connection:
        decide(connection, WHO, item.item_id, Said("nobody", None, "", (999,), 0), AT)
    assert exported(store) == []


def test_of_two_who_decide_one_is_told(store: Store) -> None:
    item = all_items(store)["S1"]
    for who, word in ((WHO, "nobody"), (COLLEAGUE, "foreigner")):
        said = Said(word, None, "", (), item.version)
        if who is WHO:
            with store.writing() as connection:
                decide(connection, who, item.item_id, said, AT)
            continue
        with pytest.raises(DecidedMeanwhileError), store.writing() as connection:
            decide(connection, who, item.item_id, said, AT)
    assert exported(store) == [(claim_id(1), "nobody", "")]


def test_one_takes_back_one_s_own_decision_of_the_day(store: Store) -> None:
    say(store, "S1", "nobody")
    for who, at in ((COLLEAGUE, LATER), (WHO, NEXT_DAY)):
        with pytest.raises(CannotUndoError):
            take_back(store, "S1", who, at)
    take_back(store, "S1")
    assert states(store)["S1"] == "open"
    assert exported(store) == []
    with pytest.raises(CannotUndoError):
        take_back(store, "S1")
    with store.reading() as connection:
        assert [row.kind for row in connection.execute(select(events))] == ["verdict", "undo"]


def test_taking_back_brings_back_what_was_said_before(store: Store, tmp_path: Path) -> None:
    say(store, "S1", "nobody")
    export_verdicts(store, tmp_path / "v.csv")
    with pytest.raises(CannotUndoError):
        take_back(store, "S1")
    say(store, "S1", "person", "P1", at=LATER)
    assert [row[1] for row in exported(store)] == ["nobody", "person"]
    take_back(store, "S1", at="2026-03-15T11:00:00+07:00")
    assert exported(store) == [(claim_id(1), "nobody", "")]


def test_what_a_colleague_says_before_any_file_takes_the_place(store: Store) -> None:
    say(store, "S1", "nobody")
    say(store, "S1", "person", "P1", COLLEAGUE, LATER)
    assert exported(store) == [(claim_id(1), "person", "P1")]


def test_what_a_night_took_is_decided_anew(store: Store, tmp_path: Path) -> None:
    """A wrong match is corrected though its claim stands in no queue any more; what nobody decided on is not."""
    say(store, "S1", "person", "P2")
    export_verdicts(store, tmp_path / "v.csv")
    gone = [row | {"change": "closed"} for row in (*reviewed(1), *reviewed(2))]
    take_night(store, write_night(tmp_path / "nights", 2, gone))
    assert {name: states(store)[name] for name in ("S1", "S2")} == {"S1": "closed", "S2": "closed"}
    say(store, "S1", "person", "P1", at=LATER)
    assert exported(store) == [(claim_id(1), "person", "P2"), (claim_id(1), "person", "P1")]
    take_back(store, "S1", at=LATER)
    assert exported(store) == [(claim_id(1), "person", "P2")]
    with pytest.raises(UsageError, match="none of those that wait"):
        say(store, "S2", "nobody")


def test_of_a_subject_that_waits_a_closed_claim_is_left_alone(tmp_path: Path) -> None:
    made = new_store(tmp_path, reviewed(1), [claim(1) | {"claim_id": claim_id(9), "dose_ids": ["D9"]}])
    say(made, "S1", "nobody")
    take_night(made, write_night(tmp_path / "nights", 2, [row | {"change": "closed"} for row in reviewed(1)]))
    say(made, "S1", "foreigner", at=LATER)
    assert exported(made) == [(claim_id(1), "nobody", ""), (claim_id(9), "foreigner", "")]
    made.close()


def test_a_file_has_what_was_in_force_when_one_was_written(store: Store, tmp_path: Path) -> None:
    """What was taken back or replaced before any file was written stands in none, however many follow."""
    say(store, "S1", "nobody")
    say(store, "S1", "person", "P1", COLLEAGUE, LATER)
    say(store, "S2", "foreigner")
    take_back(store, "S2")
    for _ in range(2):
        export_verdicts(store, tmp_path / "v.csv")
        assert exported(store) == [(claim_id(1), "person", "P1")]


def test_of_a_subject_s_claims_each_has_its_own_verdict(tmp_path: Path) -> None:
    made = new_store(tmp_path, reviewed(1), [claim(1) | {"claim_id": claim_id(9), "dose_ids": ["D9"]}])
    say(made, "S1", "nobody")
    with made.writing() as connection:
        row = connection.execute(select(claims.c.claim_row).where(claims.c.claim_id == claim_id(1))).scalar_one()
        number = all_items_of(connection)["S1"]
        decide(connection, COLLEAGUE, number, Said("person", "P1", "", (row,), 1), LATER)
    for _ in range(2):
        export_verdicts(made, tmp_path / "v.csv")
        assert exported(made) == [(claim_id(9), "nobody", ""), (claim_id(1), "person", "P1")]
    made.close()


def all_items_of(connection: Connection) -> dict[str, int]:
    return {row.subject: row.item_id for row in connection.execute(select(items))}


# ---------------------------------------------------------------------------------------------------------- the file


def test_the_file_is_in_the_form_of_the_contract(store: Store, tmp_path: Path) -> None:
    item = all_items(store)["S1"]
    with store.writing() as connection:
        said = Said("person", "P1", '=1+1\n "gặp mẹ, đúng người"', (), item.version)
        decide(connection, WHO, item.item_id, said, AT)
    out = tmp_path / "v.csv"
    done = export_verdicts(store, out)
    first = out.read_bytes()
    (row,) = csv.DictReader(out.read_text("utf-8").splitlines())
    assert list(row) == list(VERDICTS.names)
    assert (row["claim_id"], row["verdict"], row["person_id"], row["dose_id"]) == (claim_id(1), "person", "P1", "")
    assert (row["unit"].lstrip("'"), row["decided_by"], row["decided_at"]) == (COMMUNE, "an", AT)
    assert row["note"] == '\'=1+1 "gặp mẹ, đúng người"'
    assert export_verdicts(store, out).sha256 == done.sha256
    assert out.read_bytes() == first
    with pytest.raises(UsageError, match="is one of the inputs"):
        export_verdicts(store, store.path)


def test_a_file_for_a_night_leaves_later_days_for_the_next_one(store: Store, tmp_path: Path) -> None:
    say(store, "S1", "nobody")
    say(store, "S2", "foreigner", at=NEXT_DAY)
    until = datetime.date.fromisoformat(AT[:10])
    assert export_verdicts(store, tmp_path / "v.csv", until - datetime.timedelta(days=1)).rows == 0
    assert export_verdicts(store, tmp_path / "v.csv", until).rows == 1
    with pytest.raises(CannotUndoError):
        take_back(store, "S1")
    take_back(store, "S2", at=NEXT_DAY)  # no file has it
    assert export_verdicts(store, tmp_path / "v.csv").rows == 1


# ---------------------------------------------------------------------------------------------------------- the audit


def tampered(store: Store, change: str) -> None:
    """Change what only grows, as somebody with the file in hand can."""
    with closing(sqlite3.connect(store.path)) as connection, connection:  # which holds nobody to foreign keys
        for table in ("audit", "events", "event_claims"):
            connection.execute(f"DROP TRIGGER {table}_no_update")
            connection.execute(f"DROP TRIGGER {table}_no_delete")
        connection.execute(change)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE audit SET account = 'eve' WHERE unit = '25090' AND number = 2", "entry 2 of 2026-03-15T10"),
        ("UPDATE audit SET content = '{}' WHERE unit = '25090' AND number = 1", "entry 1 of 2026-03-15T09"),
        ("DELETE FROM audit WHERE unit = '25090' AND number = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE unit = '25090' AND number = 3", "event 3 .* no entry of the audit of unit 25090"),
        ("UPDATE events SET word = 'nobody' WHERE event_id = 1", "event 1 .* is not what the audit of unit 25090 says"),
        ("UPDATE events SET note = 'x' WHERE event_id = 1", "event 1 .* is not what the audit"),
        ("UPDATE event_claims SET claim_id = 'c1-0' WHERE event_id = 2", "event 2 .* is not what the audit"),
        ("DELETE FROM event_claims WHERE event_id = 2", "event 2 .* is not what the audit"),
        ("UPDATE event_claims SET claim_row = 4 WHERE event_id = 2", "event 2 .* is not what the audit"),
        ("UPDATE claims SET event_id = NULL WHERE event_id = 2", "claim c1-0+2 of item 2: the verdict in force is not"),
        ("UPDATE claims SET event_id = 1 WHERE event_id = 2", "the verdict in force is not what follows"),
        ("UPDATE claims SET claim_id = 'c1-7' WHERE event_id = 2", "claim c1-7 .* is not the claim of which"),
        ("DELETE FROM claims WHERE event_id = 2", "events speak of it and it is gone"),
    ],
)
def test_the_audit_names_the_first_that_is_not_what_it_was(store: Store, change: str, told: str) -> None:
    say(store, "S1", "person", "P1")
    say(store, "S2", "nobody", at=LATER)
    say(store, "S3", "nobody", at=NEXT_DAY)
    with store.reading() as connection:
        found = audit.verify(connection)
    assert (found.entries, found.units, found.heads[COMMUNE][0]) == (4, 2, 3)
    tampered(store, change)
    with pytest.raises(VerificationError, match=told), store.reading() as connection:
        audit.verify(connection)


@pytest.mark.parametrize(
    ("unit", "account", "at", "told"),
    [
        ("99999", "eve", "2020-01-01", "entry 1 tells event 1 a second time"),
        (COMMUNE, "an", AT, "entry 2 tells event 1 a second time"),
    ],
)
def test_a_forged_event_is_not_covered_by_a_new_entry(
    store: Store, unit: str, account: str, at: str, told: str
) -> None:
    say(store, "S1", "person", "P1")
    tampered(store, "UPDATE events SET word = 'foreigner', person_id = NULL WHERE event_id = 1")
    with store.writing() as connection:
        event = dict(connection.execute(select(events)).one()._mapping)
        content = audit._content_of(event, audit._claims_by_event(connection)[1])
        audit.append(connection, unit, account, "verdict", at, content, event["item_id"])
    with pytest.raises(VerificationError, match=told), store.reading() as connection:
        audit.verify(connection)


@pytest.mark.parametrize(
    "other", [{"unit": OTHER}, {"account": "eve"}, {"at": LATER}, {"item_id": 2}, {"action": "undo"}]
)
def test_an_event_is_told_by_an_entry_of_its_own(store: Store, other: dict[str, Any]) -> None:
    """An entry that was made anew, with the hash that fits it."""
    say(store, "S1", "person", "P1")
    tampered(store, f"DELETE FROM audit WHERE unit = '{COMMUNE}'")
    with store.writing() as connection:
        event = dict(connection.execute(select(events)).one()._mapping)
        content = audit._content_of(event, audit._claims_by_event(connection)[1])
        said = {"unit": COMMUNE, "account": "an", "action": "verdict", "at": AT, "item_id": event["item_id"]}
        audit.append(connection, content=content, **said | other)
    with pytest.raises(VerificationError, match=r"event 1 .* is not what the audit"), store.reading() as connection:
        audit.verify(connection)


def test_entries_of_an_older_version_are_sound(store: Store) -> None:
    """They tell the claims of an event, and not their rows."""
    say(store, "S1", "person", "P1")
    tampered(store, f"DELETE FROM audit WHERE unit = '{COMMUNE}'")
    with store.writing() as connection:
        event = dict(connection.execute(select(events)).one()._mapping)
        content = audit._content_of(event, audit._claims_by_event(connection)[1])
        del content["claim_rows"]
        audit.append(connection, COMMUNE, "an", "verdict", AT, content, event["item_id"])
    with store.reading() as connection:
        assert audit.verify(connection).entries == 2


def test_what_was_taken_back_beneath_another_verdict_stays_so(tmp_path: Path) -> None:
    """Of two claims an officer decides both, a colleague one anew; both take back, the colleague last."""
    made = new_store(tmp_path, reviewed(1), [claim(1) | {"claim_id": claim_id(9), "dose_ids": ["D9"]}])
    say(made, "S1", "nobody")
    with made.writing() as connection:
        row = connection.execute(select(claims.c.claim_row).where(claims.c.claim_id == claim_id(1))).scalar_one()
        number = all_items_of(connection)["S1"]
        decide(connection, COLLEAGUE, number, Said("person", "P1", "", (row,), 1), LATER)
    take_back(made, "S1")
    assert exported(made) == [(claim_id(1), "person", "P1")]
    take_back(made, "S1", COLLEAGUE)
    assert exported(made) == []
    assert states(made)["S1"] == "open"
    with made.reading() as connection:
        audit.verify(connection)
    made.close()


def test_an_error_of_the_database_tells_no_value(store: Store) -> None:
    with pytest.raises(LinkageError) as told, store.writing() as connection:
        connection.execute(insert(events), {"event_id": 1, "word": "Trần Thị Hoà"})
    assert "Trần Thị Hoà" not in str(told.value) + str(told.value.__cause__)


def test_a_decision_that_fails_leaves_no_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError("refresh", {}, Exception("no space"))

    monkeypatch.setattr("linkage.review.deciding.refresh", refuse)
    with pytest.raises(LinkageError, match="no space"):
        say(store, "S1", "nobody")
    monkeypatch.undo()
    assert exported(store) == []
    with store.reading() as connection:
        assert audit.verify(connection).entries == 1


# --------------------------------------------------------------------------------------------------- accounts and units


def test_accounts_log_in_with_their_password_alone(store: Store) -> None:
    add_account(store, "an", "officer", COMMUNE, "con trâu ăn cỏ non", "Nguyễn Văn An")
    found = find_account(store, "an", "con trâu ăn cỏ non")
    assert found == WHO
    assert find_account(store, "an", "con trâu ăn cỏ khô") is None
    assert find_account(store, "nobody", "con trâu ăn cỏ non") is None
    assert find_account(store, "an", unicodedata.normalize("NFD", "con trâu ăn cỏ non")) == WHO
    set_password(store, "an", unicodedata.normalize("NFD", "một mật khẩu khác"))
    assert find_account(store, "an", "con trâu ăn cỏ non") is None
    set_active(store, "an", False)
    assert find_account(store, "an", "một mật khẩu khác") is None
    set_active(store, "an", True)
    assert find_account(store, "an", "một mật khẩu khác") == WHO
    (told,) = list_accounts(store)
    assert (told["account"], told["unit"], "password" in told) == ("an", COMMUNE, False)


@pytest.mark.parametrize(
    ("name", "role", "unit", "password", "told"),
    [
        ("An", "officer", COMMUNE, "con trâu ăn cỏ non", "small letters"),
        ("an", "chief", COMMUNE, "con trâu ăn cỏ non", "--role chief: unknown"),
        ("an", "officer", "*", "con trâu ăn cỏ non", "of the officer's commune"),
        ("an", "supervisor", "north", "con trâu ăn cỏ non", "district or province"),
        ("an", "officer", COMMUNE, "short", "12 to 200 characters"),
        ("an", "officer", COMMUNE, unicodedata.normalize("NFD", "mật khẩu"), "12 to 200 characters"),
        ("binh", "officer", COMMUNE, "con trâu ăn cỏ non", "is there already"),
        ("system", "officer", COMMUNE, "con trâu ăn cỏ non", "the audit names the program so"),
    ],
)
def test_accounts_that_cannot_be(store: Store, name: str, role: str, unit: str, password: str, told: str) -> None:
    add_account(store, "binh", "supervisor", "*", "con trâu ăn cỏ non")
    with pytest.raises(UsageError, match=told):
        add_account(store, name, role, unit, password)
    with pytest.raises(UsageError, match="there is none"):
        set_active(store, "chi", False)


def test_communes_have_names_where_units_are_given(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    write_small_country(folder)
    assert take_units(store, folder) > 0
    with store.reading() as connection:
        one = connection.execute(select(units).limit(1)).one()
        assert name_of(connection, one.code) == one.name
        assert name_of(connection, "99999") == "99999"


def test_nights_by_themselves_bring_no_doses_of_others(store: Store) -> None:
    with store.reading() as connection:
        assert connection.execute(select(doses)).all() == []
