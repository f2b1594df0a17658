"""Takes nights into the store: items open, change and close, and no verdict is lost.

Each night is taken once and in its order, in transactions of some hundred claims, so that officers go on meanwhile;
one that was killed is taken again. An item that a night changes is another version, so that nobody decides on what was
not looked at, and the doses of it are written in the same transaction. Where the store cannot go on from the last
night, because nights were taken back or their folders pruned, it takes all that the state of nights has in force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from linkage.errors import UsageError
from linkage.machine.clock import now
from linkage.review import audit
from linkage.review.arriving import CLOSED, OPENED, Claim, Night
from linkage.review.standing import parts, refresh
from linkage.review.store import Store
from linkage.review.tables import candidates, claims, event_claims, events, items, nights, voids

# What became of a verdict that decides no longer; see "Verdicts" in docs/operation.md.
VOID = ("corrected", "person_changed", "contradicted")
_DATES = ("list_date", "deadline")
SYSTEM = "system"  # in whose name a night is taken
Doses = Callable[[Connection, Collection[int]], None]  # writes the doses of some items anew
# Made once: to build a statement takes longer than to execute it.
_NEW_ITEM, _NEW_CLAIM = insert(items), insert(claims)


@dataclass(frozen=True)
class Taken:
    """A night that was taken: claims that it opened, changed and closed, and verdicts that it took back."""

    night_id: str
    opened: int
    changed: int
    closed: int
    voided: int


def taken_nights(connection: Connection) -> list[Any]:
    """The nights in the store, the first one first."""
    return list(connection.execute(select(nights).order_by(nights.c.number)))


def check_follows(store: Store, night: Night) -> bool:
    """Whether a night is still to be taken; UsageError where it does not follow on the last one taken."""
    with store.reading() as connection:
        taken = taken_nights(connection)
    if night.night_id in {row.night_id for row in taken}:
        return False
    last = taken[-1] if taken else None
    if (None if last is None else last.state_after) != night.state_before:
        after = f"the last one taken is {last.night_id}" if last is not None else "no night was taken yet"
        raise UsageError(
            f"night {night.night_id}: others stand between ({after}); take them in their order, "
            "or all with --config night.toml"
        )
    return True


def take(store: Store, night: Night, *, is_all: bool = False, doses: Doses = lambda _, __: None) -> Taken:
    """Take what a night says.

    is_all : whether its claims are all that stand in a queue, so that others are closed
    doses : called in each transaction with the items that it touched, so that none stands there without its doses
    """
    counts: Counter[str] = Counter()
    for part in parts(night.claims):
        with store.writing() as connection:
            taking = _Taking(connection, night.night_id)
            taking.claims(part)
            taking.finish()
            doses(connection, taking.touched)
            counts += taking.counts
    with store.writing() as connection:
        taking = _Taking(connection, night.night_id)
        if is_all:
            taking.close_others({claim.claim_id for claim in night.claims})
            connection.execute(delete(nights))
        taking.void(night.became)
        taking.finish()
        doses(connection, taking.touched)
        counts += taking.counts
        number = connection.execute(select(func.coalesce(func.max(nights.c.number), 0) + 1)).scalar_one()
        said = {"night_id": night.night_id, "date": night.date, "state_before": night.state_before}
        connection.execute(insert(nights).values(number=number, state_after=night.state_after, **said))
        told = {"night_id": night.night_id, **counts}
        audit.append(connection, "", SYSTEM, "import", now().isoformat(timespec="seconds"), told)
    return Taken(night.night_id, counts["opened"], counts["changed"], counts["closed"], counts["voided"])


class _Taking:
    """One transaction of a night: what it touched so far."""

    def __init__(self, connection: Connection, night_id: str) -> None:
        self.connection = connection
        self.night_id = night_id
        self.touched: set[int] = set()
        self.counts: Counter[str] = Counter()
        self._items: dict[str, int] = {}  # by subject, as far as they were looked up
        self._made: set[int] = set()  # of these, what nobody can have looked at
        self._candidates: list[dict[str, Any]] = []  # to be written at the end, all at once

    def finish(self) -> None:
        if self._candidates:
            self.connection.execute(insert(candidates), self._candidates)
        for part in parts(sorted(self.touched - self._made)):
            is_changed = items.c.item_id.in_(part)
            self.connection.execute(update(items).where(is_changed).values(version=items.c.version + 1))
        refresh(self.connection, self.touched)

    def claims(self, some: Sequence[Claim]) -> None:
        ids = sorted({claim.claim_id for claim in some})
        several = {name for name, n in Counter(claim.claim_id for claim in some).items() if n > 1}
        stored: dict[str, list[Any]] = {}
        for known in self.connection.execute(select(claims).where(claims.c.claim_id.in_(ids))):
            stored.setdefault(known.claim_id, []).append(known)
        self._find_items([claim for claim in some if claim.change != CLOSED])
        for claim in some:
            row: Any | None = _stored_row(stored.get(claim.claim_id, []), claim)
            if claim.change != CLOSED:
                self._write(claim, row)
            elif row is not None and row.is_open and row.queue == claim.queue:
                self._close([row])
            if claim.claim_id in several:  # what else the night says of it looks at what this left
                again = select(claims).where(claims.c.claim_id == claim.claim_id)
                stored[claim.claim_id] = list(self.connection.execute(again))

    def _write(self, claim: Claim, row: Any | None) -> None:
        content = msgspec.to_builtins(claim.content)
        if row is not None and row.is_open:  # a change gives nobody more time
            content |= {name: min(content[name], row.content[name]) for name in _DATES}
        item_id = self._item_of(claim)
        values = {"item_id": item_id, "queue": claim.queue, "is_open": True, "content": content}
        told = [msgspec.to_builtins(candidate) for candidate in claim.candidates]
        if row is None:
            made = self.connection.execute(_NEW_CLAIM, {"claim_id": claim.claim_id, **values})
            (claim_row,) = made.inserted_primary_key or (0,)
        else:
            claim_row = row.claim_row
            if all(getattr(row, name) == value for name, value in values.items()) and told == self._told(claim_row):
                return
            self.connection.execute(update(claims).where(claims.c.claim_row == claim_row).values(**values))
            self._candidates = [one for one in self._candidates if one["claim_row"] != claim_row]
            self.connection.execute(delete(candidates).where(candidates.c.claim_row == claim_row))
            self.touched.add(row.item_id)
        for rank, candidate in enumerate(told, 1):
            of_claim = {"claim_row": claim_row, "rank": rank, "person_id": candidate["person_id"]}
            self._candidates.append(of_claim | {"content": candidate})
        self.touched.add(item_id)
        self.counts["opened" if row is None or not row.is_open else "changed"] += 1

    def _told(self, claim_row: int) -> list[Any]:
        query = select(candidates.c.content).where(candidates.c.claim_row == claim_row).order_by(candidates.c.rank)
        return list(self.connection.execute(query).scalars())

    def _find_items(self, some: Sequence[Claim]) -> None:
        """Look up the items of some claims, all at once."""
        subjects = {_subject_of(claim) for claim in some} - set(self._items)
        query = select(items.c.subject, items.c.item_id).where(items.c.subject.in_(sorted(subjects)))
        self._items |= {row.subject: row.item_id for row in self.connection.execute(query)}

    def _item_of(self, claim: Claim) -> int:
        """The item of the subject, or of the claim where none is stated; made where there is none."""
        subject = _subject_of(claim)
        if subject not in self._items:
            empty = {"unit": "", "unit_then": "", "state": "open", "priority": 0, "settle_probability": 0.0}
            new = {"subject": subject, "has_subject_id": claim.subject_id is not None, "n_doses": 0, "version": 0}
            (self._items[subject],) = self.connection.execute(_NEW_ITEM, new | empty).inserted_primary_key or (0,)
            self._made.add(self._items[subject])
        return self._items[subject]

    def _close(self, rows: Sequence[Any]) -> None:
        for part in parts(row.claim_row for row in rows):
            self.connection.execute(update(claims).where(claims.c.claim_row.in_(part)).values(is_open=False))
        self.touched |= {row.item_id for row in rows}
        self.counts["closed"] += len(rows)

    def close_others(self, claim_ids: set[str]) -> None:
        """Close all claims that are open and none of those."""
        query = select(claims.c.claim_row, claims.c.item_id, claims.c.claim_id).where(claims.c.is_open)
        self._close([row for row in self.connection.execute(query) if row.claim_id not in claim_ids])

    def void(self, became: Sequence[dict[str, Any]]) -> None:
        """Take verdicts off claims of which a night says that they decide no longer."""
        for said in became:
            if said["became"] not in VOID:
                continue
            claim_id = said["of_claim_id"] or said["claim_id"]
            query = (
                select(events.c.event_id)
                .join(event_claims, event_claims.c.event_id == events.c.event_id)
                .where(
                    event_claims.c.claim_id == claim_id, events.c.kind == "verdict", events.c.word == said["verdict"]
                )
                .where(events.c.account == said["decided_by"], events.c.at == said["decided_at"])
            )
            for event_id in self.connection.execute(query).scalars().all():
                self._void(event_id, claim_id, said["became"])

    def _void(self, event_id: int, claim_id: str, became: str) -> None:
        is_void = select(voids.c.event_id).where(voids.c.event_id == event_id, voids.c.claim_id == claim_id)
        if self.connection.execute(is_void).first() is None:
            said = {"event_id": event_id, "claim_id": claim_id, "night_id": self.night_id, "became": became}
            self.connection.execute(insert(voids).values(**said))
            self.counts["voided"] += 1
        of_claim = (claims.c.claim_id == claim_id) & (claims.c.event_id == event_id)
        self.touched |= set(self.connection.execute(select(claims.c.item_id).where(of_claim)).scalars())
        self.connection.execute(update(claims).where(of_claim).values(event_id=None))


def _subject_of(claim: Claim) -> str:
    return claim.subject_id or claim.claim_id


def _stored_row(rows: Sequence[Any], claim: Claim) -> Any | None:
    """The row of a claim in the store. One claim as typed may stand there twice, where two stations' doses of it are
    read otherwise: the doses tell which."""
    doses = set(claim.content.dose_ids)
    for row in rows:
        if doses & set(row.content["dose_ids"]):
            return row
    others = [row for row in rows if row.is_open == (claim.change != OPENED)]
    return others[0] if len(others) == 1 else None
