"""Where an item stands: what its claims and the verdicts on them make of it, and which verdict is in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, update

from linkage.review.arriving import gravest
from linkage.review.tables import claims, event_claims, events, items, voids

VERDICT, UNDO = "verdict", "undo"  # kinds of events
OPEN, WAITING, DECIDED, CLOSED = STATES = ("open", "waiting", "decided", "closed")
# Verdicts that decide nothing: somebody has to go there, or the registry is to be mended first.
LEFT_OPEN = ("field_check", "registry_wrong")
_AT_ONCE = 500


def parts(keys: Iterable[Any]) -> Iterable[list[Any]]:
    """Keys in lists that one query takes."""
    left = iter(keys)
    while part := list(islice(left, _AT_ONCE)):
        yield part


def refresh(connection: Connection, item_ids: Collection[int]) -> None:
    """Say of some items anew what follows from their claims: state, dates, reason, place and whose list they are in."""
    for part in parts(sorted(set(item_ids))):
        query = (
            select(claims, events.c.word)
            .outerjoin(events, events.c.event_id == claims.c.event_id)
            .where(claims.c.item_id.in_(part))
            .order_by(claims.c.claim_row)
        )
        found: dict[int, list[Any]] = {number: [] for number in part}
        for row in connection.execute(query):
            found[row.item_id].append(row)
        standing = [{"of_item": number, **_standing(of_item)} for number, of_item in found.items()]
        for rows in ([row for row in standing if len(row) > 2], [row for row in standing if len(row) == 2]):
            if rows:
                values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "of_item"}
                connection.execute(update(items).where(items.c.item_id == bindparam("of_item")).values(values), rows)


def verdicts_in_force(connection: Connection, claim_rows: Sequence[int] | None = None) -> dict[int, int]:
    """The verdict in force of each claim, as events tell it: the last one that nobody took back, and none where a night
    took that one off.

    claim_rows : those asked for, None for all; absent in what is returned are claims without a verdict in force
    """
    undone = select(events.c.undoes).where(events.c.undoes.is_not(None))
    last = (
        select(event_claims.c.claim_row, func.max(event_claims.c.event_id).label("event_id"))
        .join(events, events.c.event_id == event_claims.c.event_id)
        .where(events.c.kind == VERDICT, events.c.event_id.not_in(undone))
        .group_by(event_claims.c.claim_row)
    )
    if claim_rows is not None:
        last = last.where(event_claims.c.claim_row.in_(claim_rows))
    of_claim = last.subquery()
    is_same = and_(event_claims.c.event_id == of_claim.c.event_id, event_claims.c.claim_row == of_claim.c.claim_row)
    is_void = and_(voids.c.event_id == event_claims.c.event_id, voids.c.claim_id == event_claims.c.claim_id)
    query = (
        select(of_claim.c.claim_row, of_claim.c.event_id)
        .join(event_claims, is_same)
        .outerjoin(voids, is_void)
        .where(voids.c.event_id.is_(None))
    )
    return {row.claim_row: row.event_id for row in connection.execute(query)}


def state_of(words: Iterable[str | None]) -> str:
    """The state of an item by the verdicts in force on its claims that stand in a queue, None where there is none."""
    found = list(words)
    if not found:
        return CLOSED
    if None in found:
        return OPEN
    return WAITING if any(word in LEFT_OPEN for word in found) else DECIDED


def _standing(of_item: list[Any]) -> dict[str, Any]:
    waiting = [row for row in of_item if row.is_open]
    told = [row.content for row in waiting or of_item]
    state = state_of(row.word for row in waiting)
    if not told:
        return {"state": state}
    # In one list alone: that of the claim whose reason is the gravest.
    issue = gravest(content["issue"] for content in told)
    listed = next(content for content in told if content["issue"] == issue or issue is None)
    return {
        "state": state,
        "issue": issue,
        "unit": listed["commune_code_now"] or listed["commune_code"],
        "unit_then": listed["commune_code"] or listed["commune_code_now"],
        "list_date": min(content["list_date"] for content in told),
        "deadline": min(content["deadline"] for content in told),
        "priority": min(content["priority"] for content in told),
        "settle_probability": max(content["settle_probability"] for content in told),
        "n_doses": sum(len(content["dose_ids"]) for content in told),
    }
