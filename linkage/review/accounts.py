"""Accounts of who works with the review: names, roles, units, and passwords as Argon2id keeps them."""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError as WrongPassword
from sqlalchemy import Connection, delete, insert, select, update

from linkage.errors import UsageError
from linkage.machine.clock import now
from linkage.review import audit
from linkage.review.permissions import COUNTRY, OFFICER, ROLES, Account
from linkage.review.store import Store
from linkage.review.tables import accounts, sessions, unmasked
from linkage.review.taking import SYSTEM

LEAST_PASSWORD, MOST_PASSWORD = 12, 200  # characters
LANGUAGES = ("vi", "en")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,79}")
_UNIT = re.compile(r"\d{1,9}")
# 19 MiB and two passes take some 30 ms: thousands log in at eight in the morning, and no more than two hash at once.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.Semaphore(2)
_NOBODY = _HASHER.hash("nobody has this password")  # so that an unknown name takes as long as a wrong password


def add_account(store: Store, name: str, role: str, unit: str, password: str, full_name: str = "") -> None:
    """Add an account.

    Parameters
    ----------
    unit : code of the officer's commune; of a supervisor that of a commune, district or province, or COUNTRY

    Raises
    ------
    UsageError : a value cannot be used, or the name is taken
    """
    _check(name, role, unit)
    check_password(password)
    values = {"account": name, "full_name": full_name or name, "role": role, "unit": unit}
    at = now().isoformat(timespec="seconds")
    more = {"is_active": True, "language": LANGUAGES[0], "has_shortcuts": True, "created_at": at}
    with store.writing() as connection:
        if connection.execute(select(accounts.c.account).where(accounts.c.account == name)).first() is not None:
            raise UsageError(f"account {name}: is there already; choose another name, or 'accounts password {name}'")
        connection.execute(insert(accounts).values(**values, **more, password=_hash(password)))
        audit.append(connection, unit, SYSTEM, "account_added", at, {"account": name, "role": role})


def set_password(store: Store, name: str, password: str) -> None:
    """Give an account another password, and end what it is logged in to. UsageError where there is no such account."""
    check_password(password)
    _change(store, name, "account_password", {"password": _hash(password)})


def set_active(store: Store, name: str, is_active: bool) -> None:
    """Let an account log in, or no longer; what it did stays. UsageError where there is no such account."""
    _change(store, name, "account_opened" if is_active else "account_closed", {"is_active": is_active})


def list_accounts(store: Store) -> list[dict[str, Any]]:
    """All accounts by name, without their passwords."""
    names = ("account", "full_name", "role", "unit", "is_active", "created_at")
    query = select(*(accounts.c[name] for name in names)).order_by(accounts.c.account)
    with store.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def find_account(store: Store, name: str, password: str) -> Account | None:
    """The account of a name and a password; None where they do not fit or it is closed, which takes as long."""
    with store.reading() as connection:
        row = connection.execute(select(accounts).where(accounts.c.account == name)).one_or_none()
    kept = _NOBODY if row is None else row.password
    with _AT_ONCE:
        try:
            _HASHER.verify(kept, _composed(password)[: MOST_PASSWORD + 1])
        except WrongPassword:
            return None
    return account_of(row) if row is not None and row.is_active else None


def open_account(store: Store, name: str) -> Account:
    """An account that may log in, by its name. UsageError where there is none, or it is closed."""
    with store.reading() as connection:
        row = connection.execute(select(accounts).where(accounts.c.account == name)).one_or_none()
    if row is None or not row.is_active:
        raise UsageError(f"account {name}: there is none that is open; 'linkage review accounts list' shows them")
    return account_of(row)


def account_of(row: Any) -> Account:
    """The account of a row of the store."""
    return Account(row.account, row.full_name, row.role, row.unit, row.language, row.has_shortcuts)


def check_password(password: str) -> None:
    """UsageError where a password is too short or too long."""
    if not LEAST_PASSWORD <= len(_composed(password)) <= MOST_PASSWORD:
        raise UsageError(f"password: write {LEAST_PASSWORD} to {MOST_PASSWORD} characters, such as a few words")


def _check(name: str, role: str, unit: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"account {name!r}: write 2 to 80 small letters without marks, digits, or . _ -")
    if name == SYSTEM:
        raise UsageError(f"account {name}: the audit names the program so; choose another name")
    if role not in ROLES:
        raise UsageError(f"--role {role}: unknown; use {' or '.join(ROLES)}")
    if not _UNIT.fullmatch(unit) and (role == OFFICER or unit != COUNTRY):
        whose = "of the officer's commune" if role == OFFICER else f"of a commune, district or province, or {COUNTRY}"
        raise UsageError(f"--unit {unit}: is no code; write the digits {whose}")


def _change(store: Store, name: str, action: str, values: dict[str, Any]) -> None:
    with store.writing() as connection:
        unit = connection.execute(select(accounts.c.unit).where(accounts.c.account == name)).scalar_one_or_none()
        if unit is None:
            raise UsageError(f"account {name}: there is none; 'linkage review accounts list' shows them")
        connection.execute(update(accounts).where(accounts.c.account == name).values(**values))
        at = now().isoformat(timespec="seconds")
        audit.append(connection, unit, SYSTEM, action, at, {"account": name})
        end_sessions(connection, name)


def end_sessions(connection: Connection, name: str) -> None:
    """Log an account out everywhere."""
    tokens = select(sessions.c.token).where(sessions.c.account == name)
    connection.execute(delete(unmasked).where(unmasked.c.token.in_(tokens)))
    connection.execute(delete(sessions).where(sessions.c.account == name))


def _composed(password: str) -> str:
    """A password as all keyboards type it: some send "ă" as one sign, others as a letter and a mark."""
    return unicodedata.normalize("NFC", password)


def _hash(password: str) -> str:
    with _AT_ONCE:
        return _HASHER.hash(_composed(password))
