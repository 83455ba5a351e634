"""The names by which this server may be called."""

from collections.abc import Collection

from settings import host_name


class WrongHost(Exception):
    """The request is for a server of another name."""


def check_host(given: str, hosts: Collection[str] | None) -> None:
    """Raises WrongHost unless the request's Host is one of ``hosts``; None: any."""
    if hosts is not None and host_name(given) not in hosts:
        raise WrongHost("This server has another name. Its own are in the setting SHOEBOX_ALLOWED_HOSTS.")
