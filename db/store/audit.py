"""Changes of keys and secrets: written in the transaction that makes them."""

from typing import Any

from sqlalchemy.orm import Session

from db.ids import new_id
from db.schema import Audit
from db.store.counts import database_time


def record(
    session: Session, actor: str, key: str | None, address: str, action: str, target: str, **detail: Any
) -> None:
    """``actor`` did ``action`` to ``target``, with ``key`` and from ``address``. Never a secret in ``detail``."""
    session.add(
        Audit(
            id=new_id(),
            at=database_time(session),
            actor=actor,
            key_id=key,
            address=address[:64],
            action=action,
            target=target,
            detail=detail,
        )
    )
