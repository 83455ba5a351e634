"""Upload tickets in the database: they end, they die with their key, and they have one idempotency key."""

from pathlib import Path

import pytest
from desk import Desk, at_once
from sqlalchemy import select, update

from db.schema import Ticket
from db.store.keys import Caller, Scope, create_key, digest, revoke_key
from db.store.tickets import Admitted, admit_ticket, forget_tickets, make_ticket
from settings import Settings
from worker.senders import Hints
from worker.sweep import sweep


@pytest.fixture
def caller(desk: Desk) -> Caller:
    with desk.database.write() as session:
        key, _ = create_key(session, "ann", "the page", frozenset({Scope.SUBMIT}))
        return Caller(key.id, key.owner, frozenset({Scope.SUBMIT}))


def made(desk: Desk, caller: Caller, seconds: float = 60) -> str:
    with desk.database.write() as session:
        return make_ticket(session, caller, seconds)[0]


def admitted(desk: Desk, ticket: str, key: str | None = None) -> Admitted | None:
    with desk.database.write() as session:
        return admit_ticket(session, ticket, key)


def test_only_the_digest_is_kept(desk: Desk, caller: Caller) -> None:
    ticket = made(desk, caller)
    with desk.database.read() as session:
        (row,) = session.scalars(select(Ticket))
    assert row.digest == digest(ticket) and ticket not in str(vars(row)) and len(ticket) == 43
    assert made(desk, caller) != ticket


def test_the_first_upload_fixes_the_idempotency_key(desk: Desk, caller: Caller) -> None:
    own, named = made(desk, caller), made(desk, caller)
    assert admitted(desk, own) == Admitted("ann", f"ticket:{digest(own)}")
    assert admitted(desk, own, "later") == Admitted("ann", f"ticket:{digest(own)}")
    assert admitted(desk, named, "mine") == Admitted("ann", "mine")
    assert admitted(desk, named, "other") == admitted(desk, named) == Admitted("ann", "mine")


def test_uploads_at_once_agree_on_it(desk: Desk, caller: Caller) -> None:
    ticket = made(desk, caller)
    found = at_once(lambda n: admitted(desk, ticket, f"key {n}"), range(6))
    assert len(set(found)) == 1 and found[0] is not None


def test_unknown_ended_and_revoked_tickets_are_refused(desk: Desk, caller: Caller) -> None:
    assert admitted(desk, "unknown") is None
    ended, revoked = made(desk, caller), made(desk, caller)
    with desk.database.write() as session:
        session.execute(update(Ticket).where(Ticket.digest == digest(ended)).values(expires_at=Ticket.expires_at - 61))
    assert admitted(desk, ended) is None and admitted(desk, revoked) is not None
    with desk.database.write() as session:
        assert revoke_key(session, caller.key)
    assert admitted(desk, revoked) is None


def test_ended_tickets_are_deleted(desk: Desk, caller: Caller) -> None:
    kept = made(desk, caller)
    made(desk, caller, seconds=-1)
    with desk.database.write() as session:
        forget_tickets(session)
    with desk.database.read() as session:
        assert session.scalars(select(Ticket.digest)).all() == [digest(kept)]
    made(desk, caller, seconds=-1)
    made(desk, caller)
    with desk.database.read() as session:
        assert len(session.scalars(select(Ticket.digest)).all()) == 2


def test_the_sweep_deletes_ended_tickets(desk: Desk, caller: Caller, tmp_path: Path) -> None:
    made(desk, caller, seconds=-1)
    kept = made(desk, caller)
    made(desk, caller, seconds=-1)
    hints = Hints(Settings(_env_file=None, data_dir=tmp_path))
    assert sweep(desk.database, hints, 10.0, 30.0)
    hints.close()
    with desk.database.read() as session:
        assert session.scalars(select(Ticket.digest)).all() == [digest(kept)]
