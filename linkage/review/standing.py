"""Where an item stands: what its claims and the verdicts on them make of it, and which verdict is in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from linkage.review.arriving import gravest
from linkage.review.tables import claims, events, items

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
