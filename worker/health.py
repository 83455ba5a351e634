"""``python -m worker.health``: does the worker of this machine beat? For containers, which hold one worker each."""

import socket
import sys

from sqlalchemy.exc import SQLAlchemyError

from configuration import load, sensible
from db.database import Database
from db.query.workers import alive


def beats(database: Database, host: str) -> bool:
    """Whether a worker of that host has beaten lately (see `worker.process.worker_name`)."""
    with database.read() as session:
        return any(f"@{host[:40]}-" in worker.name for worker in alive(session))


def main() -> int:
    """Looks once; returns the exit code (1: nothing has been heard of one for half a minute)."""
    with sensible():
        database = Database(load().database)
    try:
        return 0 if beats(database, socket.gethostname()) else 1
    except SQLAlchemyError as error:
        print(f"the database does not answer ({type(error).__name__})", file=sys.stderr)
        return 1
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
