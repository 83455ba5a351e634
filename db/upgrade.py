"""Brings a database to the newest schema and says whether one is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from db.database import Database, lock_out

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number serves, as long as every process uses the same one.
_ADVISORY_LOCK = 7_303_014


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(database: Database) -> None:
    """Migrates to the newest revision, or leaves a newer one's be; several processes may call it at once."""
    config = _config()
    with database.engine.execution_options(shoebox_write=True).begin() as connection:
        lock_out(connection, _ADVISORY_LOCK)
        if not _serves(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the tables serve this version: they are the newest that it knows, or those of a version after it."""
    with database.engine.connect() as connection:
        return _serves(connection)


def _serves(connection: Connection) -> bool:
    # Migrations only add (docs/operations.md), so that programs work on beside the next version, and after a way back.
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    return found == set(scripts.get_heads()) or not found <= known
