"""The pages of officers and supervisors: the list, an item, decisions on it, and progress."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import insert, select

from linkage.review import audit, deciding
from linkage.review.deciding import Said
from linkage.review.differences import shown_date
from linkage.review.looking import last_said, list_items, look_at, n_open, next_open, progress_of
from linkage.review.permissions import SUPERVISOR
from linkage.review.standing import OPEN, STATES
from linkage.review.tables import unmasked
from linkage.review.units import name_of
from linkage.review.web import item_view
from linkage.review.web.guarding import Refused, visit_of
from linkage.review.web.rendering import render, words_for
from linkage.schema import VERDICT_WORDS

PRESETS = ("family", "papers", "absent", "moved", "unknown")
_UNMASK = "unmask"
Page = Annotated[int, Query(ge=1, le=100_000)]
Number = Annotated[int, Form(ge=0, le=2**31 - 1)]


def start(request: Request) -> Response:
    is_supervisor = visit_of(request).account.role == SUPERVISOR
    return RedirectResponse("/progress" if is_supervisor else "/items", 303)


def item_list(request: Request, state: str = OPEN, page: Page = 1) -> Response:
    """The list of the officer's commune: what is to be done by when, and what was done."""
    who, app = visit_of(request).account, request.app.state
    state = state if state in STATES else OPEN
    with app.store.reading() as connection:
        today = app.clock().date().isoformat()
        listed = list_items(connection, who, state, page, today)
        unit = name_of(connection, who.unit)
        last = last_said(connection, who, app.clock().isoformat(timespec="seconds"))
    n_all = sum(listed.states.values())
    values: dict[str, Any] = {
        "listed": listed,
        "unit": unit,
        "state": state,
        "page": page,
        "n_all": n_all,
        "today": today,
    }
    values |= {"last": last}
    return render(request, "list.html", **values, states=STATES, n_done=n_all - listed.states[OPEN])


def next_item(request: Request, after: Annotated[int | None, Query(ge=0, le=10**9)] = None) -> Response:
    """On to the next open item; to the list where there is none."""
    who, app = visit_of(request).account, request.app.state
    with app.store.reading() as connection:
        found = next_open(connection, who, after)
    return RedirectResponse("/items?done=1" if found is None else f"/items/{found}", 303)


def item(request: Request, item_id: int) -> Response:
    """An item beside its candidates, and what was decided last, to be taken back where it was a slip."""
    visit, app = visit_of(request), request.app.state
    words = words_for(request)
    with app.store.reading() as connection:
        looked = look_at(connection, item_id)
        seen = (unmasked.c.token == visit.token) & (unmasked.c.item_id == item_id)
        is_masked = connection.execute(select(unmasked.c.item_id).where(seen)).first() is None
        rows = item_view.rows_of(looked, words, connection, is_masked=is_masked)
        at = app.clock().isoformat(timespec="seconds")
        can_undo = deciding.undoable(connection, visit.account, item_id, at) is not None
        left = n_open(connection, visit.account)
        last = last_said(connection, visit.account, at)
    values: dict[str, Any] = {
        "looked": looked,
        "rows": rows,
        "is_masked": is_masked,
        "can_undo": can_undo,
        "left": left,
        "last": None if last is not None and last["item_id"] == item_id else last,
        "bars": [item_view.bars_of(one, words) for one in looked.candidates],
        "why_not": item_view.why_not(looked),
        "warnings": item_view.warnings_of(looked),
        "doses": item_view.by_day(looked.doses),
        "points": item_view.points_of(looked.doses),
        "legend": item_view.legend(rows),
        "shown_date": shown_date,
        "sizes": item_view,
        "presets": PRESETS,
        "choices": [word for word in VERDICT_WORDS if word != deciding.PERSON],
    }
    return render(request, "item.html", **values)


def unmask(request: Request, item_id: int) -> Response:
    """Show the numbers of an item until the session ends; that they were asked for stays in the audit."""
    visit, app = visit_of(request), request.app.state
    with app.store.writing() as connection:
        values = {"token": visit.token, "item_id": item_id}
        known = select(unmasked).where(unmasked.c.token == visit.token, unmasked.c.item_id == item_id)
        if connection.execute(known).first() is None:
            connection.execute(insert(unmasked).values(**values))
            at = app.clock().isoformat(timespec="seconds")
            who = visit.account
            audit.append(connection, who.unit, who.account, _UNMASK, at, {"item_id": item_id}, item_id)
    return RedirectResponse(f"/items/{item_id}", 303)


def decide(
    request: Request,
    item_id: int,
    version: Number,
    choice: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    preset: Annotated[str, Form()] = "",
    claim: Annotated[list[Number] | None, Form()] = None,
) -> Response:
    """Save a decision; the answer is the next item.

    choice : a word of the contract, or person: and the id
    claim : the claims that it speaks of; every form has those that it showed
    """
    if not claim:
        raise Refused(400, "refused.no_claim", item_id)
    visit, app, words = visit_of(request), request.app.state, words_for(request)
    word, _, person = choice.partition(":")
    notes = [words(f"preset.{preset}")] if preset in PRESETS else []
    said = Said(word, person or None, "; ".join([*notes, *([note] if note.strip() else [])]), claim, version)
    at = app.clock().isoformat(timespec="seconds")
    with app.store.writing() as connection:
        deciding.decide(connection, visit.account, item_id, said, at)
        found = next_open(connection, visit.account, item_id)
    return RedirectResponse("/items?done=1" if found is None else f"/items/{found}", 303)


def undo(request: Request, item_id: int, version: Number) -> Response:
    """Take a decision back, and look at the item again."""
    visit, app = visit_of(request), request.app.state
    with app.store.writing() as connection:
        deciding.undo(connection, visit.account, item_id, version, app.clock().isoformat(timespec="seconds"))
    return RedirectResponse(f"/items/{item_id}", 303)


def progress(request: Request) -> Response:
    """Counts of a supervisor's communes; no person is named."""
    who, app = visit_of(request).account, request.app.state
    with app.store.reading() as connection:
        rows = progress_of(connection, who, app.clock().date().isoformat())
    columns = (*STATES, "overdue", "all")
    total = {name: sum(row[name] for row in rows) for name in columns}
    return render(request, "progress.html", rows=rows, total=total, columns=columns)
