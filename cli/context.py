"""What commands need of the outside: the settings and a client for the stack of this machine."""

from typing import TYPE_CHECKING

from cli.output import NO_STACK, USAGE, Failure, own_name

if TYPE_CHECKING:
    from client.client import Client
    from settings import Settings


def settings() -> "Settings":
    """The settings of the environment. Raises `Failure` that names each wrong variable."""
    from pydantic import ValidationError

    from settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = "\n".join(f"  SHOEBOX_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise Failure(f"these settings do not make sense:\n{wrong}", USAGE) from error


def local_client(given: "Settings", *, patience: float = 0.0) -> "Client":
    """A client with this machine's own key. Raises `Failure` when there is none yet."""
    from client.client import Client

    try:
        key = given.key_path.read_text().strip()
    except FileNotFoundError as error:
        raise Failure(f"there is no key at {given.key_path} yet; start with: {own_name()} up", NO_STACK) from error
    except OSError as error:
        raise Failure(f"the key file {given.key_path} cannot be read: {error.strerror}") from error
    return Client(given.url, key, patience=patience)
