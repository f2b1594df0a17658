"""What officers and supervisors look at: an item with all that is known of it, a list, the next item, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from linkage.review.arriving import MOST_CANDIDATES, Candidate
from linkage.review.deciding import last_event, undoable, waiting
from linkage.review.permissions import COUNTRY, Account, Place
from linkage.review.standing import CLOSED, OPEN, STATES
from linkage.review.tables import accounts, candidates, claims, doses, events, handed, items, units

PAGE_ROWS = 50


@dataclass(frozen=True)
class Looked:
    """An item.

    claims : those that may be decided on (linkage.review.deciding), or all where none may, the one to be shown first
    candidates : of all these claims, each once, those of the claim shown first; what speaks for one is that claim's
    event : what was said last, with the name of who said it and whether a file has it; None where nothing was
    """

    item: Any
    claims: Sequence[Any]
    candidates: Sequence[Candidate]
    doses: Sequence[dict[str, Any]]
    event: dict[str, Any] | None


def place_of(connection: Connection, item_id: int) -> tuple[Place, bool] | None:
    """Where an item belongs, and whether it may be decided on: it still stands in a queue, or a night took a verdict of
    officers, which may have been wrong. None where there is no such item."""
    row = connection.execute(select(items).where(items.c.item_id == item_id)).one_or_none()
    if row is None:
        return None
    said = select(claims.c.claim_row).where(claims.c.item_id == item_id, claims.c.event_id.is_not(None)).limit(1)
    return Place(row.unit, row.unit_then), row.state != CLOSED or connection.execute(said).first() is not None


def look_at(connection: Connection, item_id: int) -> Looked:
    """An item that is there."""
    item = connection.execute(select(items).where(items.c.item_id == item_id)).one()
    rows = connection.execute(select(claims).where(claims.c.item_id == item_id).order_by(claims.c.claim_row)).all()
    told = sorted(
        waiting(rows) or rows,
        key=lambda row: (row.content["priority"], -row.content["settle_probability"]),
    )
    event = last_event(connection, item_id)
    said = None
    if event is not None:
        name = select(accounts.c.full_name).where(accounts.c.account == event.account)
        in_file = connection.execute(select(handed.c.event_id).where(handed.c.event_id == event.event_id).limit(1))
        said = {**event._mapping, "full_name": connection.execute(name).scalar_one_or_none() or event.account}
        said["is_handed"] = in_file.first() is not None
    of_item = connection.execute(select(doses).where(doses.c.item_id == item_id).order_by(doses.c.dose_id)).all()
    shown = [{"dose_id": row.dose_id, **row.content} for row in of_item]
    return Looked(item, told, _candidates(connection, [row.claim_row for row in told]), shown, said)


def _candidates(connection: Connection, claim_rows: Sequence[int]) -> list[Candidate]:
    query = select(candidates.c.claim_row, candidates.c.content).where(candidates.c.claim_row.in_(claim_rows))
    told = [(row.claim_row, msgspec.convert(row.content, Candidate)) for row in connection.execute(query)]
    shown = claim_rows[0]
    told.sort(key=lambda one: (one[0] != shown, -(one[1].probability or 0.0), one[1].person_id))
    found: dict[str, Candidate] = {}
    for _, one in told:
        known = found.setdefault(one.person_id, one)
        if not known.registered:  # only named in the claim shown: who that is another claim may tell
            found[one.person_id] = msgspec.structs.replace(known, registered=one.registered)
    return list(found.values())[:MOST_CANDIDATES]


def _is_of(who: Account) -> ColumnElement[bool]:
    """The one condition by which lists hold the items of an officer's commune."""
    return and_(items.c.unit != "", or_(items.c.unit == who.unit, items.c.unit_then == who.unit))


# The police list first, those most likely to be settled before others: most is done in the minutes that there are.
_ORDER = (items.c.priority, items.c.settle_probability.desc(), items.c.n_doses.desc(), items.c.item_id)


@dataclass(frozen=True)
class Listed:
    """A page of a list. rows : items with the claim shown of each; states : how many items each state has."""

    rows: Sequence[dict[str, Any]]
    states: dict[str, int]
    overdue: int
    list_date: str | None
    deadline: str | None
    pages: int


def list_items(connection: Connection, who: Account, state: str, page: int, today: str) -> Listed:
    """A page, from 1, of the items of an officer's commune that are in a state."""
    counted = connection.execute(
        select(items.c.state, func.count(), func.max(items.c.list_date), func.max(items.c.deadline))
        .where(_is_of(who))
        .group_by(items.c.state)
    ).all()
    states = dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in counted}
    late = select(func.count()).where(_is_of(who), items.c.state == OPEN, items.c.deadline < today)
    query = select(items).where(_is_of(who), items.c.state == state).order_by(*_ORDER)
    rows = connection.execute(query.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)).all()
    shown = _shown_claims(connection, [row.item_id for row in rows])
    latest = [row[2] for row in counted if row[2]]
    due = [row[3] for row in counted if row[3]]
    return Listed(
        rows=[{**row._mapping, **shown.get(row.item_id, {"stated": {}, "n_candidates": 0})} for row in rows],
        states=states,
        overdue=int(connection.execute(late).scalar_one()),
        list_date=max(latest, default=None),
        deadline=max(due, default=None),
        pages=max(1, -(-states[state] // PAGE_ROWS)),
    )


def _shown_claims(connection: Connection, item_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What the first claim of each item states, and how many people are considered for the item."""
    counts = select(candidates.c.claim_row, func.count().label("n")).group_by(candidates.c.claim_row).subquery()
    query = (
        select(claims.c.item_id, claims.c.content, counts.c.n)
        .outerjoin(counts, counts.c.claim_row == claims.c.claim_row)
        .where(claims.c.item_id.in_(item_ids))
        .order_by(claims.c.is_open, claims.c.claim_row.desc())
    )
    found = connection.execute(query).all()
    return {row.item_id: {"stated": row.content["stated"], "n_candidates": row.n or 0} for row in found}


def next_open(connection: Connection, who: Account, after: int | None = None) -> int | None:
    """The item to go on with: the first open one of the list behind some item, else the first one; None where all are
    dealt with."""
    query = select(items.c.item_id).where(_is_of(who), items.c.state == OPEN).order_by(*_ORDER)
    of_own = select(items).where(_is_of(who), items.c.item_id == after)
    here = None if after is None else connection.execute(of_own).one_or_none()
    if here is not None:
        behind = or_(
            items.c.priority > here.priority,
            and_(
                items.c.priority == here.priority,
                or_(
                    items.c.settle_probability < here.settle_probability,
                    and_(
                        items.c.settle_probability == here.settle_probability,
                        or_(
                            items.c.n_doses < here.n_doses,
                            and_(items.c.n_doses == here.n_doses, items.c.item_id > here.item_id),
                        ),
                    ),
                ),
            ),
        )
        found = connection.execute(query.where(behind).limit(1)).scalar_one_or_none()
        if found is not None:
            return int(found)
        query = query.where(items.c.item_id != after)
    found = connection.execute(query.limit(1)).scalar_one_or_none()
    return None if found is None else int(found)


def open_items(connection: Connection, who: Account) -> list[int]:
    """All open items of an officer's commune, in the order of the list."""
    query = select(items.c.item_id).where(_is_of(who), items.c.state == OPEN).order_by(*_ORDER)
    return [int(number) for number in connection.execute(query).scalars()]


def last_said(connection: Connection, who: Account, at: str) -> dict[str, Any] | None:
    """The last decision of an officer where it can still be taken back, with the version of its item and the name that
    the item states."""
    query = select(events).where(events.c.account == who.account).order_by(events.c.event_id.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    if last is None:
        return None
    event = undoable(connection, who, last.item_id, at)
    if event is None or event.event_id != last.event_id:
        return None
    version = connection.execute(select(items.c.version).where(items.c.item_id == last.item_id)).scalar_one()
    shown = _shown_claims(connection, [last.item_id]).get(last.item_id, {"stated": {}})
    return {**event._mapping, "item_version": version, "full_name": shown["stated"].get("full_name")}


def n_open(connection: Connection, who: Account) -> int:
    """How many items of an officer's commune are open."""
    return int(connection.execute(select(func.count()).where(_is_of(who), items.c.state == OPEN)).scalar_one())


def progress_of(connection: Connection, who: Account, today: str) -> list[dict[str, Any]]:
    """Items by commune and state, of a supervisor's unit alone: of a commune, district or province, or of all."""
    late = func.sum(case((and_(items.c.state == OPEN, items.c.deadline < today), 1), else_=0))
    sums = [func.sum(case((items.c.state == state, 1), else_=0)).label(state) for state in STATES]
    query = (
        select(items.c.unit, units.c.name, *sums, late.label("overdue"), func.count().label("all"))
        .outerjoin(units, units.c.code == items.c.unit)
        .group_by(items.c.unit, units.c.name)
        .order_by(items.c.unit)
    )
    if who.unit != COUNTRY:
        query = query.where(or_(items.c.unit == who.unit, units.c.district == who.unit, units.c.province == who.unit))
    return [dict(row._mapping) for row in connection.execute(query)]
