"""Waiting out a database that is away: what was judged is not thrown away for a restart of PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from db.database import Database

log = structlog.get_logger(__name__)

S = TypeVar("S")
T = TypeVar("T")

PAUSE_SECONDS = 0.5
TRIES = 240


def write_patiently(database: Database, work: Callable[[Session], T], stop: Event) -> T:
    """Runs ``work`` in a writing transaction, again and again while the database is away (two minutes at most).

    A stop ends the waiting with the database's error. A transaction that fails leaves no trace, so repeating is safe.
    """
    return _patiently(database.write, work, stop)


def read_patiently(database: Database, work: Callable[[Session], T], stop: Event) -> T:
    """Runs ``work`` in a transaction that only reads, as patiently."""
    return _patiently(database.read, work, stop)


def glance_patiently(database: Database, work: Callable[[Connection], T], stop: Event) -> T:
    """Runs ``work``, one statement that only reads, as patiently."""
    return _patiently(database.glance, work, stop)


def _patiently(transaction: Callable[[], AbstractContextManager[S]], work: Callable[[S], T], stop: Event) -> T:
    for _ in range(TRIES):
        try:
            with transaction() as session:
                return work(session)
        except DBAPIError as error:
            # A connection that the server ended while we were frozen is no OperationalError.
            if not (isinstance(error, OperationalError) or error.connection_invalidated):
                raise
            log.warning("database_away", error=type(error.orig).__name__)
            if stop.wait(PAUSE_SECONDS):
                raise
    with transaction() as session:
        return work(session)
