"""What photos may be corrected to."""

from client.errors import Refused
from dashboard import session
from dashboard.memory import kept

FRESH = 60.0


def labels_of(model: str, version: str) -> tuple[str, ...]:
    """The labels of a model; none where it was removed since it judged."""
    return kept("labels", (model, version), FRESH, lambda: _labels(f"{model}@{version}"))


def _labels(name: str) -> tuple[str, ...]:
    try:
        return tuple(session.client().model(name)["labels"])
    except Refused as error:
        if error.status != 404:
            raise
        return ()
