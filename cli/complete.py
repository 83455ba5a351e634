"""What a shell may offer behind the TAB key: jobs and models of the server, if it answers at once."""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from client.client import Client

Value = TypeVar("Value")
MOST = 50
Offer = list[tuple[str, str]]


def jobs(incomplete: str) -> Offer:
    """The newest jobs, with where they come from and how they are."""
    return [
        (view.id, f"{view.sources[0].name if view.sources else ''}, {view.state}")
        for view in _asked(lambda client: list(islice(client.jobs(), MOST)))
        if view.id.startswith(incomplete)
    ]


def models(incomplete: str) -> Offer:
    """The models by name, and each version."""
    found = _asked(lambda client: client.models())
    names = {one["name"]: "the current version" for one in found}
    names |= {f"{one['name']}@{one['version']}": f"{len(one['labels'])} tags" for one in found}
    return [(name, text) for name, text in sorted(names.items()) if name.startswith(incomplete)]


def _asked(ask: Callable[["Client"], list[Value]]) -> list[Value]:
    """One answer. Whatever goes wrong, there is nothing to offer: a word here would garble the person's line."""
    from cli.context import local_client, settings
    from cli.output import Failure
    from client.errors import ShoeboxError

    try:
        with local_client(settings()) as client:
            return ask(client)
    except (Failure, ShoeboxError):
        return []
