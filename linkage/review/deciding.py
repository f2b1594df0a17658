"""Decisions of officers: what is said of an item, and taken back on the same day. Each is an event that stays.

Two who look at one item make one decision: each says which version of the item was looked at, and the second one is
told what the first one said. So is who looked at an item before a night changed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from linkage.errors import LinkageError, UsageError
from linkage.review import audit
from linkage.review.permissions import Account
from linkage.review.standing import UNDO, VERDICT, refresh, verdicts_in_force
from linkage.review.tables import candidates, claims, event_claims, events, handed, items
from linkage.schema.inputs import VERDICT_WORDS

PERSON = "person"
MOST_NOTE = 1_000  # characters


class DecidedMeanwhileError(LinkageError):
    """Somebody decided on the item, or a night changed it, since it was looked at."""


class CannotUndoError(LinkageError):
    """There is nothing that this officer may take back today."""


@dataclass(frozen=True)
class Said:
    """A decision: a word of the contract, the person where it is one, and a note.

    claim_rows : of the item, none for all that may be decided on; version : of the item as it was looked at
    """

    word: str
    person_id: str | None
    note: str
    claim_rows: Sequence[int]
    version: int


def decide(connection: Connection, who: Account, item_id: int, said: Said, at: str) -> int:
    """Write a decision; returns its event.

    Raises
    ------
    UsageError : it names no word, no person considered, or no claim of the item
    DecidedMeanwhileError : the item is another version by now
    """
    chosen = _chosen(connection, item_id, said)
    _check(connection, said, [row.claim_row for row in chosen])
    version = _next_version(connection, item_id, said.version)
    note = " ".join(said.note.split())[:MOST_NOTE] or None
    person = said.person_id if said.word == PERSON else None
    content = {"word": said.word, "person_id": person, "note": note, "version": version}
    event_id = _write(connection, who, item_id, {"kind": VERDICT, **content}, at)
    for row in chosen:
        spoken = {"event_id": event_id, "claim_row": row.claim_row, "claim_id": row.claim_id, "before": row.event_id}
        connection.execute(insert(event_claims).values(**spoken))
        connection.execute(update(claims).where(claims.c.claim_row == row.claim_row).values(event_id=event_id))
    audit.append_event(connection, VERDICT, event_id)
    refresh(connection, [item_id])
    return event_id


def undo(connection: Connection, who: Account, item_id: int, version: int, at: str) -> int:
    """Take back one's last decision on an item; returns the event that does.

    Raises
    ------
    CannotUndoError : there is none of this day, or it was handed to a night already
    DecidedMeanwhileError : the item is another version by now
    """
    event = undoable(connection, who, item_id, at)
    if event is None:
        raise CannotUndoError(f"item {item_id}: nothing to take back: decide again instead")
    version = _next_version(connection, item_id, version)
    content = {"word": event.word, "person_id": event.person_id, "note": None, "undoes": event.event_id}
    event_id = _write(connection, who, item_id, {"kind": UNDO, "version": version, **content}, at)
    rows = connection.execute(select(event_claims).where(event_claims.c.event_id == event.event_id)).all()
    in_force = verdicts_in_force(connection, [row.claim_row for row in rows])
    for row in rows:
        spoken = {"event_id": event_id, "claim_row": row.claim_row, "claim_id": row.claim_id, "before": event.event_id}
        connection.execute(insert(event_claims).values(**spoken))
        of_row = claims.c.claim_row == row.claim_row
        connection.execute(update(claims).where(of_row).values(event_id=in_force.get(row.claim_row)))
    audit.append_event(connection, UNDO, event_id)
    refresh(connection, [item_id])
    return event_id


def undoable(connection: Connection, who: Account, item_id: int, at: str) -> Any | None:
    """The decision on an item that somebody may take back; None where there is none."""
    in_force = select(claims.c.event_id).where(claims.c.item_id == item_id, claims.c.event_id.is_not(None))
    query = select(events).where(events.c.item_id == item_id, events.c.kind == VERDICT)
    query = query.where(events.c.event_id.not_in(select(handed.c.event_id)))
    query = query.where(events.c.account == who.account, events.c.event_id.in_(in_force))
    last = connection.execute(query.order_by(events.c.event_id.desc()).limit(1)).one_or_none()
    return last if last is not None and last.at[:10] == at[:10] else None


def last_event(connection: Connection, item_id: int) -> Any | None:
    """What was said of an item last."""
    query = select(events).where(events.c.item_id == item_id).order_by(events.c.event_id.desc()).limit(1)
    return connection.execute(query).one_or_none()


def waiting(rows: Sequence[Any]) -> list[Any]:
    """Of an item's claims those that may be decided on: that stand in a queue, or where none does, that a night closed
    by what officers said, who may say otherwise."""
    return [row for row in rows if row.is_open] or [row for row in rows if row.event_id is not None]


def _chosen(connection: Connection, item_id: int, said: Said) -> list[Any]:
    query = select(claims).where(claims.c.item_id == item_id).order_by(claims.c.claim_row)
    found = waiting(connection.execute(query).all())
    chosen = [row for row in found if not said.claim_rows or row.claim_row in said.claim_rows]
    if not chosen or len(chosen) != len(set(said.claim_rows) or chosen):
        raise UsageError(f"item {item_id}: the claims decided on are none of those that wait; look at it again")
    return list(chosen)


def _check(connection: Connection, said: Said, claim_rows: Sequence[int]) -> None:
    if said.word not in VERDICT_WORDS:
        raise UsageError(f"verdict {said.word!r}: no such word; say one of {', '.join(VERDICT_WORDS)}")
    if said.word == PERSON:
        query = select(candidates.c.person_id).where(candidates.c.claim_row.in_(claim_rows))
        if said.person_id not in set(connection.execute(query).scalars()):
            raise UsageError("verdict person: it names nobody who is considered; choose one of them")


def _next_version(connection: Connection, item_id: int, version: int) -> int:
    is_same = (items.c.item_id == item_id) & (items.c.version == version)
    changed = connection.execute(update(items).where(is_same).values(version=version + 1))
    if changed.rowcount != 1:
        raise DecidedMeanwhileError(
            f"item {item_id}: somebody decided on it, or a night changed it, meanwhile; look at it again"
        )
    return version + 1


def _write(connection: Connection, who: Account, item_id: int, content: dict[str, Any], at: str) -> int:
    values = {"item_id": item_id, "account": who.account, "unit": who.unit, "at": at, **content}
    (event_id,) = connection.execute(insert(events).values(**values)).inserted_primary_key or (0,)
    return int(event_id)
