"""The admin key of this machine's own command line, minted at the first start."""

import os
from pathlib import Path

from db.database import Database
from db.store.audit import record
from db.store.keys import Scope, create_key, find_caller

OWNER = "local"


def ensure_local_key(database: Database, path: Path) -> str | None:
    """Makes sure that the key file (mode 0600) holds a valid admin key; returns the secret when it was just minted."""
    if path.exists():
        secret = path.read_text().strip()
        with database.read() as session:
            if secret and find_caller(session, secret) is not None:
                return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with database.write() as session:
        key, secret = create_key(session, OWNER, "this machine's command line", frozenset({Scope.ADMIN}))
        record(session, OWNER, None, "", "key_made", key.id, name=key.name, scopes=key.scopes)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    fresh.replace(path)
    return secret
