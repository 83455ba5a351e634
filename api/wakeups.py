"""Hears through Redis which jobs are done, so that whoever waits need not poll so often."""

import asyncio
import contextlib
from collections.abc import Iterator

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from worker.senders import REDIS_SECONDS, done_channel

log = structlog.get_logger(__name__)

_PATTERN = done_channel("*")
_PREFIX = done_channel("")
RETRY_SECONDS = 2.0


class WakeUps:
    """One listener per process. Without Redis nobody is woken early, and that is all."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None
        self.hears = False
        """Whether it listens: who waits is told in time."""

    @property
    def anybody_waits(self) -> bool:
        """Whether a request to this process waits for what a worker does."""
        return bool(self._waiting)

    def start(self) -> None:
        """Begins to listen, on the running loop."""
        self._task = asyncio.create_task(self._listen(), name="wake-ups")

    async def close(self) -> None:
        """Stops listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def expect(self, job: str) -> Iterator[asyncio.Event]:
        """An event that is set when the job is said to be done."""
        event = asyncio.Event()
        self._waiting.setdefault(job, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]

    async def _listen(self) -> None:
        said = False
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                self.hears = False
                for job in self._waiting:
                    self._wake(job)  # to look for themselves, from now on often
                if not said:
                    log.warning("wake_ups_lost", error=type(error).__name__)
                said = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self) -> None:
        client = Redis.from_url(self._url, socket_connect_timeout=REDIS_SECONDS, health_check_interval=25)
        async with client, client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.psubscribe(_PATTERN)
            self.hears = True
            while True:
                message = await channel.get_message(timeout=10)
                if message is not None:
                    self._wake(message["channel"].decode().removeprefix(_PREFIX))

    def _wake(self, job: str) -> None:
        for event in self._waiting.get(job, ()):
            event.set()
