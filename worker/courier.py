"""Delivers the messages about finished jobs: signed, tried again for a day, one loop beside a control worker's work."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from standardwebhooks import Webhook

from db.database import Database
from db.store.webhooks import LONGEST_PAUSE, Sending, claim_webhooks, settle_webhook, webhooks_due
from settings import Settings
from worker import meters
from worker.addresses import policy_of
from worker.post import Answer, Post

log = structlog.get_logger(__name__)

R = TypeVar("R")

# Messages under way at once.
AT_ONCE = 8
# While some are, new ones are looked for so often.
BUSY_SECONDS = 0.5


class Courier:
    """One thread that sends what is due: when it is rung, and every ``look_seconds`` whatever happens."""

    def __init__(
        self,
        database: Database,
        post: Post,
        stop: Event,
        look_seconds: float,
        pause_seconds: float,
        give_up_seconds: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._post = post
        self._stop = stop
        self._look_seconds = look_seconds
        self._pause_seconds = pause_seconds
        self._give_up_seconds = give_up_seconds
        self._chance = chance
        self._rung = Event()
        # Rows have a thread of their own: lookups of names that hang hold the others.
        self._rows = ThreadPoolExecutor(1, "courier-rows")

    def start(self) -> None:
        """Starts the thread."""
        Thread(target=asyncio.run, args=(self._live(),), name="courier", daemon=True).start()

    def ring(self) -> None:
        """Says that there may be something to send, or that it is time to stop."""
        self._rung.set()

    def deliver(self) -> int:
        """Sends what is due, until nothing is or a stop; returns how many tries that were."""
        return asyncio.run(self._drain())

    async def _live(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE, "courier-names"))
        while not self._stop.is_set():
            self._rung.clear()
            try:
                await self._drain()
            except SQLAlchemyError as error:
                log.warning("delivery_postponed", error=type(error).__name__)
            except Exception:
                # A bug must not silence all later messages; what was claimed is tried again when its lease is over.
                log.exception("delivery_broke_off")
            await self._in_rows(self._rung.wait, self._look_seconds)

    async def _drain(self) -> int:
        tries = 0
        under_way: set[asyncio.Task[None]] = set()
        while not self._stop.is_set():
            claimed = await self._in_rows(self._claim, AT_ONCE - len(under_way))
            tries += len(claimed)
            under_way |= {asyncio.create_task(self._try(sending)) for sending in claimed}
            if not under_way:
                break
            ended, under_way = await asyncio.wait(under_way, timeout=BUSY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        return tries

    def _in_rows(self, work: Callable[..., R], *arguments: Any) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._rows, work, *arguments)

    def _claim(self, limit: int) -> list[Sending]:
        # While messages are under way this asks twice a second, and SQLite has one writer at a time.
        with self._database.read() as session:
            if not webhooks_due(session):
                return []
        with self._database.write() as session:
            return claim_webhooks(session, limit)

    async def _try(self, sending: Sending) -> None:
        began = time.monotonic()
        answer = await self._answer(sending)
        again = self._again_in(sending, answer)
        await self._in_rows(self._settle, sending, answer, again)
        said = {"job": sending.job, "attempt": sending.attempt, "status": answer.status}
        took = round((time.monotonic() - began) * 1000, 1)
        meters.WEBHOOKS.labels(_outcome(answer, again)).inc()
        if answer.error is None:
            log.info("webhook_delivered", **said, ms=took)
        else:
            log.warning("webhook_failed", **said, ms=took, detail=answer.error, again_in=again and round(again))

    async def _answer(self, sending: Sending) -> Answer:
        if not sending.secrets:
            return Answer(None, "There is no secret to sign the message with.")
        return await self._post.send(sending.url, sending.body.encode(), headers_of(sending, datetime.now(UTC)))

    def _settle(self, sending: Sending, answer: Answer, again: float | None) -> None:
        with self._database.write() as session:
            settle_webhook(session, sending, answer.status, answer.error, again)

    def _again_in(self, sending: Sending, answer: Answer) -> float | None:
        """Seconds until the next try: doubled each time, half of it by chance; None when it is given up."""
        if answer.final:
            return None
        pause = min(self._pause_seconds * 2.0 ** min(sending.attempt - 1, 30), LONGEST_PAUSE)
        pause *= 0.5 + self._chance() / 2
        pause = max(pause, min(answer.wait or 0.0, LONGEST_PAUSE))
        return None if sending.age + pause > self._give_up_seconds else pause


def _outcome(answer: Answer, again: float | None) -> str:
    if answer.error is None:
        return "delivered"
    return "given_up" if again is None else "to_be_tried_again"


def headers_of(sending: Sending, at: datetime) -> dict[str, str]:
    """What is sent beside the body (Standard Webhooks): the id is the same at every try, the time is the try's."""
    identity = f"msg_{sending.id}"
    signed = (Webhook(secret).sign(identity, at, sending.body) for secret in sending.secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shoebox-Webhooks",
        "webhook-id": identity,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def courier_of(settings: Settings, database: Database, stop: Event) -> Courier:
    """A courier as the settings want it. Raises ValueError for networks or authorities that cannot be read."""
    trust = ssl.create_default_context()
    if settings.webhook_ca_file:
        trust.load_verify_locations(settings.webhook_ca_file)
    post = Post(policy_of(settings.webhook_networks, settings.webhook_http), settings.webhook_seconds, trust)
    return Courier(
        database,
        post,
        stop,
        settings.sweep_seconds,
        settings.webhook_retry_seconds,
        3600 * settings.webhook_hours,
    )
