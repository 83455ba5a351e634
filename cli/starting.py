"""From nothing to a stack that answers, or a plain reason why not."""

import fcntl
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.context import settled
from cli.orphans import end_orphans
from cli.output import NO_STACK, Failure, own_name, span
from cli.port import holder
from cli.programs import CLASSIFY, DASHBOARD, has_dashboard
from cli.supervise import STARTED, Supervisor, environment
from settings import Settings

READY_SECONDS = 120.0
TRIES = 3
LOG_LINES = 12
Tell = Callable[[str], None]


def bring_up(settings: Settings, tell: Tell, reveal: Tell) -> None:
    """Starts what does not run and waits until photos can be judged.

    ``tell`` hears what is waited for, ``reveal`` the admin key when it was just made. Several callers may come at
    once: one starts, the others find it running. Raises `Failure` with the reason; a stack that was only just started
    and did not become ready is stopped again.
    """
    supervisor = Supervisor(settings)
    supervisor.prepare()
    with _alone(supervisor.run / "up.lock"):
        fresh = not supervisor.running()
        if fresh:
            end_orphans(supervisor.socket)
            check_port(settings)
            tell("preparing the database")
            _try_out(settings)
            prepare_data(settings, reveal)
            tell("starting")
            supervisor.start()
            (supervisor.run / "settings").write_text(_fingerprint(settings))
        else:
            if not settings.key_path.exists():
                prepare_data(settings, reveal)
            supervisor.start_stopped()
        try:
            wait_ready(supervisor, tell)
        except BaseException:
            if fresh:
                supervisor.stop()
            raise


def settings_changed(settings: Settings) -> bool:
    """Whether the running stack was started with other settings."""
    try:
        return (settings.home / "run" / "settings").read_text() != _fingerprint(settings)
    except FileNotFoundError:
        return False


def check_port(settings: Settings) -> None:
    """Raises `Failure` when the API or the dashboard could not listen."""
    try:
        who = holder(settings.host, settings.port)
    except OSError as error:
        raise Failure(f"SHOEBOX_HOST={settings.host} cannot be listened on: {error.strerror}", NO_STACK) from error
    if who is not None:
        raise Failure(
            f"port {settings.port} is taken by {who}; choose another: SHOEBOX_PORT={settings.port + 1} {own_name()} up",
            NO_STACK,
        )
    who = holder(settings.host, settings.dashboard_at) if has_dashboard(settings) else None
    if who is not None:
        raise Failure(
            f"port {settings.dashboard_at} of the dashboard is taken by {who}; choose another: "
            f"SHOEBOX_DASHBOARD_PORT={settings.dashboard_at + 1} {own_name()} up, or do without: "
            f"SHOEBOX_DASHBOARD=no {own_name()} up",
            NO_STACK,
        )


def _try_out(settings: Settings) -> None:
    from db.tryout import try_out

    with settled():
        try_out(settings)


def prepare_data(settings: Settings, reveal: Tell) -> None:
    """Brings the database to the newest schema and makes sure of the local key."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.database import Database
    from db.local_key import ensure_local_key
    from db.upgrade import upgrade

    try:
        database = Database(settings.database)
        try:
            upgrade(database)
            secret = ensure_local_key(database, settings.key_path)
        finally:
            database.close()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise Failure(f"the database cannot be used: {reason}", NO_STACK) from error
    if secret is not None:
        reveal(secret)


def wait_ready(supervisor: Supervisor, tell: Tell) -> None:
    """Waits until jobs are taken and judged. Raises `Failure` naming the part that fails."""
    started = time.monotonic()
    pids: dict[str, set[int]] = defaultdict(set)
    while True:
        # Nobody's photos wait for the dashboard.
        states = [state for state in supervisor.states() if state.name != DASHBOARD]
        # A worker that has just died is alive in the database for seconds more: its process must stand, too.
        missing = not_ready(supervisor.settings) or [state.name for state in states if state.state != "RUNNING"]
        if not missing:
            return
        tell("waiting for " + ", ".join(missing))
        for state in states:
            if state.pid:
                pids[state.name].add(state.pid)
            if state.state not in STARTED or len(pids[state.name]) >= TRIES:
                raise Failure(
                    f"{state.name} does not stay up; its last words:\n{last_lines(supervisor, state.name)}", NO_STACK
                )
        if time.monotonic() - started > READY_SECONDS:
            part = "api" if "api" in missing else CLASSIFY
            raise Failure(
                f"not ready after {span(READY_SECONDS)}: {', '.join(missing)}\n{last_lines(supervisor, part)}", NO_STACK
            )
        time.sleep(0.15)


def not_ready(settings: Settings) -> list[str]:
    """The parts that judging a photo still lacks, in words; empty when all is there."""
    health = ask_health(settings)
    if health is None:
        return ["api"]
    return [name.replace("_", " ") for name, part in health["parts"].items() if part["status"] != "ok"]


def ask_health(settings: Settings) -> dict[str, Any] | None:
    """The answer of /health/ready; ``None`` while the API does not answer as one."""
    from client.client import Client
    from client.errors import ShoeboxError

    with Client(settings.url, patience=0) as client:
        try:
            health = client.health()
        except ShoeboxError:
            return None
    return health if isinstance(health.get("parts"), dict) else None


def last_lines(supervisor: Supervisor, name: str) -> str:
    """The end of a program's log."""
    return "\n".join(f"  {line}" for line in tail(supervisor.log(name), LOG_LINES)) or "  (its log is empty)"


def tail(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of a file of any size; none when it does not exist."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 1000 * count))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def _fingerprint(settings: Settings) -> str:
    # A digest, for the settings may hold passwords.
    chosen = {name: value for name, value in environment(settings).items() if name.startswith("SHOEBOX_")}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
