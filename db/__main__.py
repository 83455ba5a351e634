"""``python -m db upgrade``: migrates the database of the settings."""

import sys

from db.database import Database
from db.upgrade import upgrade
from settings import Settings


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    if arguments != ["upgrade"]:
        print("usage: python -m db upgrade", file=sys.stderr)
        return 2
    database = Database(Settings().database)
    try:
        upgrade(database)
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
