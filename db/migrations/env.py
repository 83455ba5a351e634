"""Alembic's entry: migrates the database of the settings, or the connection it is handed."""

from alembic import context
from sqlalchemy import Connection

from db.database import Database
from db.schema import Base
from settings import Settings


def _migrate(connection: Connection) -> None:
    # SQLite alters a table by rebuilding it: "batch" mode.
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    database = Database(Settings().database)
    with database.engine.execution_options(shoebox_write=True).begin() as connection:
        _migrate(connection)
    database.close()
