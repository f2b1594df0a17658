"""The audit: what was done, by whom and when, in a chain of hashes for each unit.

An entry is written in the transaction of what it tells. Its hash covers the hash of the entry before, so nothing can be
changed, put between or taken out without all that follows being made anew. An event is told once, by an entry of its
own unit, account and moment; which verdict is in force follows from the events alone. That the last entries were cut
off shows by the events that no entry tells; that whole store was put back to an earlier day shows only outside of it,
where somebody kept the last hash (``heads``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from linkage.errors import VerificationError
from linkage.review.standing import verdicts_in_force
from linkage.review.tables import audit, claims, event_claims, events

_FIRST = "0" * 64
_ROWS = "claim_rows"
_OfClaim = tuple[str, int]  # id and row of a claim
_SAID = ("unit", "number", "at", "account", "action", "item_id", "content")
# What an entry of a verdict or an undo says of its event.
_OF_EVENT = ("event_id", "item_id", "kind", "word", "person_id", "note", "account", "unit", "at", "version", "undoes")


@dataclass(frozen=True)
class Audited:
    """What was found sound: entries, units, and the last hash of each unit with its number."""

    entries: int
    units: int
    heads: dict[str, tuple[int, str]]


def canonical(content: Mapping[str, Any]) -> str:
    """The one text of a content: keys sorted, no blanks, no escapes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def append(
    connection: Connection,
    unit: str,
    account: str,
    action: str,
    at: str,
    content: Mapping[str, Any],
    item_id: int | None = None,
) -> None:
    """Write an entry behind the last one of its unit, within the transaction of what it tells.

    content : anything JSON knows, without numbers of identity
    """
    query = select(audit.c.number, audit.c.digest).where(audit.c.unit == unit).order_by(audit.c.number.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    number, previous = (1, _FIRST) if last is None else (last.number + 1, last.digest)
    entry = dict(zip(_SAID, (unit, number, at, account, action, item_id, canonical(content)), strict=True))
    digest = _digest(previous, entry)
    connection.execute(insert(audit).values(**entry, previous=previous, digest=digest))


def append_event(connection: Connection, action: str, event_id: int) -> None:
    """Write the entry of an event that stands in the store."""
    event = dict(connection.execute(select(events).where(events.c.event_id == event_id)).one()._mapping)
    content = _content_of(event, _claims_by_event(connection, event_id).get(event_id, []))
    append(connection, event["unit"], event["account"], action, event["at"], content, event["item_id"])


def verify(connection: Connection) -> Audited:
    """Check every entry of every unit, and that every event is told by one as it stands.

    Raises VerificationError, which names the first entry or event that is not what it was.
    """
    heads: dict[str, tuple[int, str]] = {}
    told: dict[int, dict[str, Any]] = {}
    entries = 0
    for row in connection.execute(select(audit).order_by(audit.c.unit, audit.c.number)):
        entry = dict(row._mapping)
        number, previous = heads.get(entry["unit"], (0, _FIRST))
        where = f"audit of unit {entry['unit'] or '(none)'}"
        if entry["number"] != number + 1:
            raise VerificationError(f"{where}: entry {number + 1} is missing; {_REMEDY}")
        if entry["previous"] != previous or entry["digest"] != _digest(previous, entry):
            raise VerificationError(
                f"{where}: entry {entry['number']} of {entry['at']} ({entry['action']}) is not what was written; "
                f"{_REMEDY}"
            )
        heads[entry["unit"]] = entry["number"], entry["digest"]
        content = json.loads(entry["content"])
        if "event_id" in content:
            if content["event_id"] in told:
                raise VerificationError(
                    f"{where}: entry {entry['number']} tells event {content['event_id']} a second time; {_REMEDY}"
                )
            told[content["event_id"]] = entry | {"content": content}
        entries += 1
    _check_events(connection, told)
    _check_in_force(connection)
    return Audited(entries, len(heads), heads)


_REMEDY = "the store was changed by other means, or is damaged: restore it from a copy"


def _check_events(connection: Connection, told: dict[int, dict[str, Any]]) -> None:
    spoken = _claims_by_event(connection)
    for row in connection.execute(select(events).order_by(events.c.event_id)):
        where = f"event {row.event_id} of {row.at} on item {row.item_id}"
        if row.event_id not in told:
            raise VerificationError(f"{where}: no entry of the audit of unit {row.unit} tells it; {_REMEDY}")
        if not _tells(told.pop(row.event_id), dict(row._mapping), spoken.get(row.event_id, [])):
            raise VerificationError(f"{where}: is not what the audit of unit {row.unit} says; {_REMEDY}")
    if told:
        raise VerificationError(f"event {min(told)}: the audit tells it and it is gone; {_REMEDY}")


def _tells(entry: Mapping[str, Any], event: Mapping[str, Any], of_claims: Sequence[_OfClaim]) -> bool:
    """Whether an entry is that of an event, as it stands."""
    is_its_own = all(entry[name] == event[name] for name in ("unit", "account", "at", "item_id"))
    content = _content_of(event, of_claims)
    if _ROWS not in entry["content"]:  # written before entries told the rows
        del content[_ROWS]
    return is_its_own and entry["action"] == event["kind"] and entry["content"] == content


def _check_in_force(connection: Connection) -> None:
    """Each claim has the verdict that follows from the events, and is the one of which they speak."""
    in_force = verdicts_in_force(connection)
    spoken = select(event_claims.c.claim_row, event_claims.c.claim_id).distinct()
    names = {row.claim_row: row.claim_id for row in connection.execute(spoken)}
    query = select(claims.c.claim_row, claims.c.claim_id, claims.c.item_id, claims.c.event_id)
    for row in connection.execute(query.order_by(claims.c.claim_row)):
        where = f"claim {row.claim_id} of item {row.item_id}"
        if row.event_id != in_force.get(row.claim_row):
            raise VerificationError(f"{where}: the verdict in force is not what follows from the events; {_REMEDY}")
        if names.pop(row.claim_row, row.claim_id) != row.claim_id:
            raise VerificationError(f"{where}: is not the claim of which its events speak; {_REMEDY}")
    if names:
        raise VerificationError(f"claim {min(names.values())}: events speak of it and it is gone; {_REMEDY}")


def _claims_by_event(connection: Connection, event_id: int | None = None) -> dict[int, list[_OfClaim]]:
    query = select(event_claims.c.event_id, event_claims.c.claim_id, event_claims.c.claim_row).order_by(
        event_claims.c.event_id, event_claims.c.claim_id, event_claims.c.claim_row
    )
    found: dict[int, list[_OfClaim]] = {}
    for row in connection.execute(query if event_id is None else query.where(event_claims.c.event_id == event_id)):
        found.setdefault(row.event_id, []).append((row.claim_id, row.claim_row))
    return found


def _content_of(event: Mapping[str, Any], of_claims: Sequence[_OfClaim]) -> dict[str, Any]:
    """What the entry of an event says; the words of a note are told by their hash, for they may hold anything."""
    content = {name: event[name] for name in _OF_EVENT}
    note = content.pop("note")
    content["note_sha256"] = None if note is None else hashlib.sha256(note.encode()).hexdigest()
    return content | {"claims": [name for name, _ in of_claims], _ROWS: [number for _, number in of_claims]}


def _digest(previous: str, entry: Mapping[str, Any]) -> str:
    said = canonical({name: entry[name] for name in _SAID})
    return hashlib.sha256(f"{previous}\n{said}".encode()).hexdigest()


def n_of_item(connection: Connection, item_id: int, action: str) -> int:
    """How often something was done to an item."""
    query = select(func.count()).where(audit.c.item_id == item_id, audit.c.action == action)
    return int(connection.execute(query).scalar_one())
