"""What commands need of the outside: the settings, and a client for the Shoebox that is meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli.output import NO_STACK, USAGE, Failure, own_name

if TYPE_CHECKING:
    from client.client import Client
    from settings import Settings

_chosen: ContextVar[dict[str, str] | None] = ContextVar("chosen", default=None)


def choose(url: str | None, key: str | None) -> None:
    """Notes the server that the options name; ``None`` leaves what was noted before."""
    said = {"server_url": url, "server_key": key}
    _chosen.set((_chosen.get() or {}) | {name: value for name, value in said.items() if value is not None})


def begin() -> None:
    """Forgets what an earlier command of this process chose."""
    _chosen.set({})


def settings() -> "Settings":
    """The settings of the environment and the options. Raises `Failure` that names each wrong variable."""
    from configuration import load

    with settled():
        return load(**(_chosen.get() or {}))


@contextmanager
def settled() -> Iterator[None]:
    """Where a setting turns out to be wrong, that is a `Failure` that says which."""
    from configuration import WrongSettings

    try:
        yield
    except WrongSettings as error:
        raise Failure(str(error), USAGE) from None


def local_settings() -> "Settings":
    """The settings, for a command that works on this machine alone. Raises `Failure` where ``--url`` was given."""
    given = settings()
    if "server_url" in (_chosen.get() or {}):
        raise Failure("this command looks after the Shoebox of this machine: leave --url out", USAGE)
    return given


def server_of(given: "Settings") -> str:
    """The address of the server that is meant. Raises `Failure` for one that is none."""
    if not given.server_url:
        return given.url
    parts = urlsplit(given.server_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"--url must look like https://photos.example.org, not {given.server_url!r}", USAGE)
    return given.server_url.rstrip("/")


def local_client(given: "Settings", *, patience: float = 0.0) -> "Client":
    """A client of the server that is meant, by default this machine's with its own key.

    Raises `Failure` when there is no key.
    """
    from client.client import Client

    server, key = server_of(given), given.server_key.get_secret_value()
    if key:
        return Client(server, key, patience=patience)
    if server != given.url:
        raise Failure(f"{server} wants a key: set SHOEBOX_SERVER_KEY, or give --key", USAGE)
    try:
        key = given.key_path.read_text().strip()
    except FileNotFoundError as error:
        raise Failure(f"there is no key at {given.key_path} yet; start with: {own_name()} up", NO_STACK) from error
    except OSError as error:
        raise Failure(f"the key file {given.key_path} cannot be read: {error.strerror}") from error
    return Client(server, key, patience=patience)
