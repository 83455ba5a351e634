"""API keys: only a digest is kept, a revoked one is unknown; the local key is this machine's."""

from pathlib import Path

import pytest
from desk import at_once
from sqlalchemy import select

from db.database import Database
from db.local_key import OWNER, ensure_local_key
from db.schema import Key
from db.store.keys import PREFIX, Caller, Scope, create_key, digest, find_caller, list_keys, revoke_key


def make(database: Database, *scopes: Scope, owner: str = "ann") -> tuple[str, str]:
    """A fresh key: its id and secret."""
    with database.write() as session:
        key, secret = create_key(session, owner, "a key", frozenset(scopes))
        return key.id, secret


def caller(database: Database, secret: str) -> Caller | None:
    with database.read() as session:
        return find_caller(session, secret)


def test_only_the_digest_is_kept(database: Database) -> None:
    key_id, secret = make(database, Scope.READ, Scope.SUBMIT)
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43  # 256 bits in base 64
    with database.read() as session:
        row = session.execute(select(*Key.__table__.columns).where(Key.id == key_id)).one()
    assert row.digest == digest(secret)
    assert secret not in repr(row)
    assert secret.removeprefix(PREFIX) not in repr(row)
    assert row.scopes == ["read", "submit"]


def test_a_secret_finds_its_caller(database: Database) -> None:
    key_id, secret = make(database, Scope.READ)
    _, other = make(database, Scope.ADMIN, owner="bob")
    assert caller(database, secret) == Caller(key_id, "ann", frozenset({Scope.READ}))
    found = caller(database, other)
    assert found is not None
    assert found.owner == "bob"
    for wrong in ("", secret[:-1], secret + " ", secret.upper(), digest(secret)):
        assert caller(database, wrong) is None


def test_a_revoked_key_is_unknown_and_stays_listed(database: Database) -> None:
    key_id, secret = make(database, Scope.READ)

    def revoke(_: int) -> bool:
        with database.write() as session:
            return revoke_key(session, key_id)

    assert sorted(at_once(revoke, range(3))) == [False, False, True]
    assert caller(database, secret) is None
    with database.write() as session:
        assert not revoke_key(session, "nothing")
        (kept,) = list_keys(session)
        assert kept.revoked_at is not None


def test_a_given_secret_is_taken(database: Database) -> None:
    with database.write() as session:
        create_key(session, "ann", "given", frozenset({Scope.READ}), secret="chosen")
    assert caller(database, "chosen") is not None


def test_the_local_key_is_made_once_and_for_its_user_alone(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "home" / "key"
    secret = ensure_local_key(database, path)
    assert secret is not None
    assert path.read_text().strip() == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]
    found = caller(database, secret)
    assert found is not None
    assert found.owner == OWNER
    assert found.may(Scope.ADMIN)
    assert ensure_local_key(database, path) is None


def test_of_many_first_starts_one_makes_the_local_key(database: Database, tmp_path: Path) -> None:
    def start(_: int) -> str | None:
        own = Database(database.url.render_as_string(hide_password=False))
        try:
            return ensure_local_key(own, tmp_path / "key")
        finally:
            own.close()

    (made,) = [secret for secret in at_once(start, range(8)) if secret is not None]
    assert (tmp_path / "key").read_text().strip() == made
    with database.read() as session:
        assert [key.digest for key in list_keys(session)] == [digest(made)]


@pytest.mark.parametrize("spoil", ["revoked", "empty", "unknown", "half-written"])
def test_a_local_key_that_does_not_open_is_replaced(database: Database, tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "key"
    old = ensure_local_key(database, path)
    if spoil == "revoked":
        with database.write() as session:
            assert revoke_key(session, list_keys(session)[0].id)
    elif spoil == "half-written":
        path.rename(tmp_path / "key.new")
    else:
        path.write_text("" if spoil == "empty" else "shoebox_of_another_database\n")
        path.chmod(0o644)
    fresh = ensure_local_key(database, path)
    assert fresh not in (None, old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert caller(database, path.read_text().strip()) is not None
