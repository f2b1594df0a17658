"""Who is logged in: sessions that the store knows and can end, and how often somebody may try.

The cookie holds 256 random bits, the store their hash, so a copy of the store lets nobody in.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import threading
from collections import deque
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from linkage.review.accounts import account_of
from linkage.review.permissions import Account
from linkage.review.tables import accounts, sessions, unmasked

IDLE, WHOLE = datetime.timedelta(minutes=30), datetime.timedelta(hours=10)
_SEEN_EVERY = datetime.timedelta(minutes=1)  # a page that is only looked at does not write each time
MOST_FAILURES, MOST_OF_ADDRESS = 5, 100
BLOCKED = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Visit:
    """A session in force. token: the hash by which the store knows it; form_token: what its forms carry."""

    account: Account
    token: str
    form_token: str


def begin(connection: Connection, account: Account, now: datetime.datetime) -> str:
    """Begin a session; returns what the cookie holds."""
    secret = secrets.token_urlsafe(32)
    at = now.isoformat(timespec="seconds")
    values = {"token": _hash(secret), "account": account.account, "form_token": secrets.token_urlsafe(32)}
    connection.execute(insert(sessions).values(**values, began_at=at, seen_at=at))
    return secret


def find(connection: Connection, secret: str, now: datetime.datetime) -> tuple[Visit | None, bool]:
    """The session of a cookie, None where it ended; and whether it is to be written down that it was seen."""
    query = (
        select(sessions, accounts)
        .join(accounts, accounts.c.account == sessions.c.account)
        .where(sessions.c.token == _hash(secret))
    )
    row = connection.execute(query).one_or_none()
    if row is None or not row.is_active:
        return None, False
    seen, began = (datetime.datetime.fromisoformat(text) for text in (row.seen_at, row.began_at))
    if now - seen > IDLE or now - began > WHOLE:
        return None, False
    return Visit(account_of(row), row.token, row.form_token), now - seen > _SEEN_EVERY


def note_seen(connection: Connection, token: str, now: datetime.datetime) -> None:
    at = now.isoformat(timespec="seconds")
    connection.execute(update(sessions).where(sessions.c.token == token).values(seen_at=at))


def end(connection: Connection, token: str) -> None:
    """End a session."""
    connection.execute(delete(unmasked).where(unmasked.c.token == token))
    connection.execute(delete(sessions).where(sessions.c.token == token))


class Attempts:
    """Failed log-ins of the last minutes, by account and by address."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime.datetime]] = {}
        self._lock = threading.Lock()

    def begins(self, account: str, address: str, now: datetime.datetime) -> bool:
        """Whether one more may be tried. It counts as failed until it succeeded: many at once are no way around."""
        with self._lock:
            keys = (f"a {account}", f"h {address}")
            by_account, by_address = (self._recent(key, now) for key in keys)
            if by_account >= MOST_FAILURES or by_address >= MOST_OF_ADDRESS:
                return False
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=MOST_OF_ADDRESS)).append(now)
            return True

    def succeeded(self, account: str, address: str) -> None:
        with self._lock:
            self._failures.pop(f"a {account}", None)
            if of_address := self._failures.get(f"h {address}"):
                of_address.pop()

    def _recent(self, key: str, now: datetime.datetime) -> int:
        found = self._failures.get(key)
        while found and now - found[0] > BLOCKED:
            found.popleft()
        if found is not None and not found:
            del self._failures[key]
        return len(found or ())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
