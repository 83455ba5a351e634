"""The names by which this server may be called."""

from collections.abc import Collection
from urllib.parse import urlsplit

from settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class WrongHost(Exception):
    """The request is for a server of another name."""


def check_host(given: str, hosts: Collection[str] | None) -> None:
    """Raises WrongHost unless the request's Host is one of ``hosts``; None: any."""
    if hosts is not None and _name(given) not in hosts:
        raise WrongHost("This server has another name. Its own are in the setting SHOEBOX_ALLOWED_HOSTS.")


def hosts_of(settings: Settings) -> frozenset[str] | None:
    """The names of the server. Without the setting: this machine's where it listens to itself alone, else any."""
    if settings.allowed_hosts.strip() == "*":
        return None
    if not settings.allowed_hosts.strip() and settings.host not in _LOOPBACK:
        return None
    own = {_name(urlsplit(settings.public_url).netloc)} if settings.public_url else set()
    return _LOOPBACK | own | {_name(one.strip()) for one in settings.allowed_hosts.split(",") if one.strip()}


def _name(host: str) -> str:
    """The name without the port, in lower case; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()
