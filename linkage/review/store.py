"""The store: one database, SQLite by default, opened for reading or for one writer at a time.

Of SQLite up to 3.51.2 two connections that write or checkpoint at once can damage a file in WAL mode. So every writer,
of whatever process, holds the lock of the store while its transaction lasts, and a transaction is on the disk before
anybody is told that it is.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from linkage.errors import LinkageError, UsageError, VerificationError

_WAIT_MS = 10_000
_PRAGMAS = (
    f"PRAGMA busy_timeout={_WAIT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # with NORMAL a loss of power takes the last transactions
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",  # without it INSERT OR REPLACE passes the triggers of what only grows
)
_WRITES = "writes"


@dataclass(frozen=True)
class Store:
    """An opened store. ``reading`` sees one moment of it; ``writing`` is one transaction, all of it or nothing."""

    path: Path
    engine: Engine
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._told(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._told(), self._lock, _locked(self.path), self.engine.connect() as connection:
            transaction = connection.execution_options(**{_WRITES: True}).begin()
            with transaction:
                yield connection

    def close(self) -> None:
        with self._lock, _locked(self.path):
            self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database cannot do, in one line."""
        try:
            yield
        except DatabaseError as error:
            reason = " ".join(str(error.orig).split())[:200]
            if "malformed" in reason or "not a database" in reason:
                raise VerificationError(f"{self.path}: is damaged ({reason}); restore it from a copy") from error
            raise LinkageError(
                f"{self.path}: cannot be used ({reason}); look at the disk, its rights and room"
            ) from error


def make_store(path: Path) -> Store:
    """The store at a path, made where there is none, and brought to the form of this version."""
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it or name another one")
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return _opened(path)


def open_store(path: Path) -> Store:
    """The store at a path, brought to the form of this version.

    Raises
    ------
    UsageError : there is none, or a newer version wrote it
    VerificationError : it is no database, or damaged
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no store; 'linkage review import' makes one")
    return _opened(path)


def _opened(path: Path) -> Store:
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 8, "max_overflow": 32}
    address = URL.create("sqlite+pysqlite", database=str(path.absolute()))
    # An error of the database tells its statement, never the values.
    engine = create_engine(address, hide_parameters=True, **pool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    store = Store(path, engine)
    script = ScriptDirectory.from_config(_configuration())
    with store.writing() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in {one.revision for one in script.walk_revisions()}:
            raise UsageError(f"{path}: a newer version wrote it ({found}); use that version")
        if found != script.get_current_head():
            configuration = _configuration()
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
    return store


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.set_main_option("path_separator", "os")
    return configuration


def _prepare(connection: Any, _: object) -> None:
    """Transactions begin when the store says so, not when the driver thinks so."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The lock of all writers of all processes, on a file beside the store."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
