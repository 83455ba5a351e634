"""Waiting out a database that is away: what was judged is not thrown away for a restart of PostgreSQL."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.database import Database

log = structlog.get_logger(__name__)

T = TypeVar("T")

PAUSE_SECONDS = 0.5
TRIES = 240


def write_patiently(database: Database, work: Callable[[Session], T], stop: Event) -> T:
    """Runs ``work`` in a writing transaction, again and again while the database is away (two minutes at most).

    A stop ends the waiting with the database's error. A transaction that fails leaves no trace, so repeating is safe.
    """
    for _ in range(TRIES):
        try:
            with database.write() as session:
                return work(session)
        except OperationalError as error:
            log.warning("database_away", error=type(error.orig).__name__)
            if stop.wait(PAUSE_SECONDS):
                raise
    with database.write() as session:
        return work(session)
