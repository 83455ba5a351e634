"""Wakes Celery's event loop when a task ends or a stop is asked for.

With prefetching off the loop leaves Redis alone while a task runs, and looks again only when its poll times out: up to
10 s measured with Celery 5.6.3. A byte through a pipe makes that a hundredth of a second.
"""

import os
from contextlib import suppress
from threading import Timer
from typing import Any

from celery import Celery, bootsteps

_PIPE_BYTES = 4096
# Celery counts a task as ended a moment after its function returned; only then will it fetch the next message.
_MOMENT_SECONDS = 0.01
# The loop looks this often by itself, for messages that Celery drops (expired ones) without running them.
_LOOK_SECONDS = 0.5


class Wake:
    """A pipe that the event loop listens to; it may be rung from any thread and from a signal handler."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)

    def ring(self) -> None:
        """Wakes the loop; a pipe that is full is rung enough."""
        with suppress(BlockingIOError):
            os.write(self._writer, b"!")

    def ring_soon(self) -> None:
        """Wakes the loop when the calling task has ended."""
        timer = Timer(_MOMENT_SECONDS, self.ring)
        timer.daemon = True
        timer.start()

    def answer(self) -> None:
        """Empties the pipe."""
        with suppress(BlockingIOError):
            os.read(self.reader, _PIPE_BYTES)

    def install(self, app: Celery) -> None:
        """Has the loop listen, again after every reconnection to the broker."""
        wake = self

        class Listen(bootsteps.StartStopStep):  # type: ignore[misc]
            requires = ("celery.worker.consumer:Tasks",)

            def start(self, consumer: Any) -> None:
                consumer.controller.hub.add_reader(wake.reader, wake.answer)
                consumer.controller.hub.call_repeatedly(_LOOK_SECONDS, wake.answer)

        app.steps["consumer"].add(Listen)
