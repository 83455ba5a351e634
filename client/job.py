"""A job that was submitted, to be looked at and waited for."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from client.errors import Unreachable, WaitedTooLong
from client.values import Item, JobView

Look = Callable[[str], JobView]
Items = Callable[..., Iterator[Item]]


class Job:
    """A handle on one job. ``view`` is the job as it was when last asked for."""

    def __init__(self, view: JobView, look: Look, items: Items, *, pause: float = 0.5, patience: float = 0.0) -> None:
        self.view = view
        self._look = look
        self._items = items
        self._pause = pause
        self._patience = patience

    @property
    def id(self) -> str:
        """The job's id."""
        return self.view.id

    def items(self, **filters: Any) -> Iterator[Item]:
        """The photos that have a verdict, as `Client.items` gives them."""
        return self._items(self.id, **filters)

    def refresh(self) -> JobView:
        """Asks for the job anew."""
        self.view = self._look(self.id)
        return self.view

    def wait(self, timeout: float | None = None, on_change: Callable[[JobView], None] | None = None) -> JobView:
        """Asks until the job is finished, as often as the server allows; returns it as it ended.

        ``on_change`` is told of each look. ``timeout`` is in seconds. A server that is away is waited for within the
        client's patience. Raises `WaitedTooLong`, or as `refresh`.
        """
        started = heard = time.monotonic()
        while True:
            try:
                view = self.refresh()
                heard = time.monotonic()
            except Unreachable:
                if time.monotonic() - heard > self._patience:
                    raise
            else:
                if on_change is not None:
                    on_change(view)
                if view.finished:
                    return view
            waited = time.monotonic() - started
            pause = self._pause if self.view.again is None else self.view.again
            if timeout is not None and waited + pause > timeout:
                raise WaitedTooLong(f"Job {self.id} is not finished after {waited:.0f} seconds; it goes on.")
            time.sleep(pause)
