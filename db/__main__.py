"""``python -m db upgrade``: migrates the database of the settings."""

import sys

from configuration import load, sensible
from db.database import Database
from db.tryout import try_out
from db.upgrade import upgrade


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    if arguments != ["upgrade"]:
        print("usage: python -m db upgrade", file=sys.stderr)
        return 2
    with sensible():
        try_out(settings := load(), uploads=False)
    database = Database(settings.database)
    try:
        upgrade(database)
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
