"""The admin key of this machine's own command line, minted at the first start."""

import os
from pathlib import Path

from db.database import Database, lock_out
from db.store.audit import record
from db.store.keys import Scope, create_key, find_caller

OWNER = "local"
# Any number serves, as long as every process uses the same one, and nothing else does.
_ADVISORY_LOCK = 7_303_015


def ensure_local_key(database: Database, path: Path) -> str | None:
    """Makes sure that the key file (mode 0600) holds a valid admin key; returns the secret when it was just minted.

    Several processes may call it at once: one mints, the others find the key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with database.write() as session:
        lock_out(session.connection(), _ADVISORY_LOCK)
        if path.exists() and find_caller(session, path.read_text().strip()) is not None:
            return None
        key, secret = create_key(session, OWNER, "this machine's command line", frozenset({Scope.ADMIN}))
        record(session, OWNER, None, "", "key_made", key.id, name=key.name, scopes=key.scopes)
        # Before the commit, which lets others in: they are to find the file whole.
        _write(path, secret)
    return secret


def _write(path: Path, secret: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    fresh.replace(path)
