"""Glances: one statement without a transaction, on a connection that is kept and may be gone."""

from threading import Event

from desk import Desk
from sqlalchemy import Connection, text

from db.database import Database
from db.states import Kind
from worker.patience import glance_patiently

JOBS = text("SELECT count(*) FROM jobs")


def test_a_glance_sees_what_was_committed_before_it_and_keeps_nobody_waiting(desk: Desk) -> None:
    for number in range(3):
        with desk.database.glance() as connection:
            assert connection.scalar(JOBS) == number
        desk.submit(Kind.IMAGE)
    with desk.database.glance() as connection:
        assert connection.scalar(JOBS) == 3
        desk.submit(Kind.IMAGE)  # beside an open one


def test_a_glance_leaves_no_transaction_open_and_outlives_its_connection(postgres_database: Database) -> None:
    def process(connection: Connection) -> int:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)

    with postgres_database.glance() as connection:
        mine = process(connection)
        with postgres_database.read() as session:
            assert session.scalar(text("SELECT state FROM pg_stat_activity WHERE pid = :pid"), {"pid": mine}) == "idle"
    with postgres_database.glance() as connection:
        assert process(connection) == mine
    with postgres_database.write() as session:
        assert session.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    assert glance_patiently(postgres_database, process, Event()) not in (0, mine)
