"""Workers wait for a database that is away, and let go of it when they freeze."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from desk import Desk, verdict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from db.database import Database
from db.states import JobState
from db.store.settle import settle
from worker.patience import read_patiently, write_patiently


def hang_up(session: Session) -> None:
    """Ends the session's own connection, as a restart of PostgreSQL does."""
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.parametrize("patiently", [read_patiently, write_patiently])
def test_a_connection_that_broke_is_replaced(postgres_database: Database, patiently) -> None:  # type: ignore[no-untyped-def]
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        if len(tries) < 3:
            hang_up(session)
        return session.scalar(text("SELECT 7")) or 0

    assert patiently(postgres_database, work, Event()) == 7
    assert len(tries) == 3


def test_a_stop_ends_the_waiting(postgres_database: Database) -> None:
    stop = Event()
    stop.set()
    began = time.monotonic()
    with pytest.raises(OperationalError):
        write_patiently(postgres_database, hang_up, stop)
    assert time.monotonic() - began < 2


def test_a_mistake_is_not_repeated(database: Database) -> None:
    tries = []

    def wrong(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT * FROM nowhere"))

    kind = OperationalError if database.sqlite else ProgrammingError
    stop = Event()
    stop.set()
    with pytest.raises(kind):
        write_patiently(database, wrong, stop)
    assert len(tries) == 1


def test_who_freezes_inside_a_transaction_lets_go_of_what_it_locked(postgres_database: Database) -> None:
    """The rows that it holds would stop every settlement of their job, and the sweep with them."""
    desk = Desk(postgres_database)
    job = desk.running()
    (claim,) = desk.claim()
    slow = Database(postgres_database.url.render_as_string(hide_password=False), busy_seconds=1.0)
    locked, done = Event(), Event()
    outcomes: list[str] = []

    def freeze() -> None:
        try:
            with slow.write() as session:
                desk.locked(session, job)
                locked.set()
                done.wait(30)
                session.execute(text("SELECT 1"))
        except DBAPIError as error:
            outcomes.append("refused" if error.connection_invalidated else "wrong")

    frozen = threading.Thread(target=freeze)
    frozen.start()
    assert locked.wait(10)
    began = time.monotonic()
    assert desk.settle(claim)
    assert time.monotonic() - began < 10
    done.set()
    frozen.join(10)
    slow.close()
    assert outcomes == ["refused"]
    assert desk.job(job).state == JobState.COMPLETED


def test_a_frozen_writer_finds_its_way_back(postgres_database: Database) -> None:
    slow = Database(postgres_database.url.render_as_string(hide_password=False), busy_seconds=0.2)
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        session.execute(text("SELECT 1"))
        if len(tries) == 1:
            time.sleep(1)
        return session.scalar(text("SELECT 7")) or 0

    assert write_patiently(slow, work, Event()) == 7
    assert len(tries) == 2
    slow.close()


def test_a_locked_sqlite_is_waited_for_and_then_tried_again(sqlite_database: Database) -> None:
    """Locked for longer than SQLite itself waits: the writer's first try ends with an error, a later one succeeds."""
    desk = Desk(sqlite_database)
    job = desk.running()
    (claim,) = desk.claim()
    hasty = Database(sqlite_database.url.render_as_string(), busy_seconds=0.2)
    verdicts = {entry[0]: verdict() for entry in claim.entries}
    with ThreadPoolExecutor(1) as thread:
        with sqlite_database.write() as session:
            session.connection()  # takes the lock
            later = thread.submit(write_patiently, hasty, lambda s: settle(s, claim, verdicts), Event())
            time.sleep(1)
            assert not later.done()
        assert later.result(20)
    hasty.close()
    assert desk.job(job).accepted == 4
