"""The connection to the database, opened once per process."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.orm import Session

# How long a writer waits for SQLite's one write lock before the caller sees an error. PostgreSQL ends a transaction
# that asks for nothing for so long: a process that froze inside one would stop everybody who wants the rows it locked.
BUSY_SECONDS = 20.0
# How long a caller waits for a pooled connection.
POOL_SECONDS = 10
# A connection for glances that is older is made anew: what lies between may have forgotten one that rested for long.
GLANCE_SECONDS = 300


class Database:
    """Owner of the connections. ``write()`` and ``read()`` open the transactions; nothing inside them commits.

    What reads sees one moment, as SQLite has it anyway: whoever asks twice must not find a job that has ended after an
    item of it that is not there yet.
    ``busy_seconds``: how long one transaction can keep the others waiting by doing nothing.
    """

    def __init__(self, url: str, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = make_url(url)
        self._busy_seconds = busy_seconds
        self.sqlite = self.url.get_backend_name() == "sqlite"
        # A page of 100 photos holds 300 JSON values: pydantic reads one in 0.1 to 0.7 µs, Python in 1 to 3.5.
        if self.sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_engine(
                self.url,
                json_deserializer=from_json,
                pool_timeout=POOL_SECONDS,
                connect_args={"timeout": busy_seconds},
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
            self._reading = self._glancing = self.engine
        else:
            connecting = {"connect_timeout": 5, "application_name": "shoebox"}
            self.engine = create_engine(
                self.url,
                json_deserializer=from_json,
                pool_pre_ping=True,
                pool_timeout=POOL_SECONDS,
                connect_args=connecting,
            )
            self._glancing = create_engine(
                self.url,
                isolation_level="AUTOCOMMIT",
                pool_size=1,
                pool_recycle=GLANCE_SECONDS,
                connect_args=connecting,
            )
            event.listen(self.engine, "connect", partial(_prepare_postgres, round(1000 * busy_seconds)))
            event.listen(self.engine, "begin", _begin_postgres)
            self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writing = self.engine.execution_options(shoebox_write=True)
        self._turn = Lock()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write: committed at the end, rolled back on any exception."""
        with self._one_at_a_time(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        # SQLite has whoever finds its one lock taken sleep for longer and longer: threads of one process take turns.
        mine = self.sqlite and self._turn.acquire(timeout=self._busy_seconds)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads: all of it as it was at one moment."""
        with Session(self._reading, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For one statement that reads, and is asked many times a second: it sees one moment without a transaction.

        On PostgreSQL on a connection of its own, of which nobody asks first whether it lives: 0.2 ms instead of 0.75.
        """
        with self._glancing.connect() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()
        self._glancing.dispose()


def lock_out(connection: Connection, number: int) -> None:
    """Keeps every other transaction that asks with the same number out until this one, which may write, has ended."""
    # SQLite has one writer anyway.
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": number})


def _prepare_postgres(busy_milliseconds: int, connection: Any, record: Any) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = {busy_milliseconds}")
    connection.commit()


def _begin_postgres(connection: Connection) -> None:
    # What is read differs by how much there is of it: from the eleventh time on PostgreSQL may take one plan for all,
    # which went through 60,000 rows for a model, a reason and a name (90 ms instead of 2). Writing finds its rows by
    # their keys: there one plan for all serves, and with a plan each time workers settle a sixth less.
    if not connection.get_execution_options().get("shoebox_write", False):
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # The driver must not open transactions of its own: BEGIN is ours, see below.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # Changing the journal of a fresh file does not wait its turn, as writes do: processes that start at once collide.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns to writing can fail at once with "database is locked"; this one waits its turn.
    writing = connection.get_execution_options().get("shoebox_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
