"""Hints and wake-ups: messages that say "there may be work" or "it is done". They own nothing; all may be lost."""

import time

import redis
import structlog
from celery import Celery

from settings import Settings

log = structlog.get_logger(__name__)

CONTROL, INTERACTIVE, BULK = "control", "interactive", "bulk"
TASKS = {CONTROL: "shoebox.unpack", INTERACTIVE: "shoebox.classify", BULK: "shoebox.classify"}
# A hint that waited so long is stale: its work was found by others, or the sweep hints again.
EXPIRES_SECONDS = 60
# Where one lies unread, no other is sent while the last is younger than this: to ask costs a sixth of sending. Of
# photos one by one, 16 at once, 66 -> 70 in a second.
FRESH_SECONDS = 20
REDIS_SECONDS = 3.0


def celery_app(broker: str) -> Celery:
    """The Celery application of senders and workers alike."""
    app = Celery("shoebox", broker=broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_publish_retry=False,
        task_create_missing_queues=True,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
            "health_check_interval": 25,
            "retry_on_timeout": False,
            # Without these a hint to a Redis that is away took 6 to 8 s (measured): kombu tries again by itself.
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )
    return app


class Hints:
    """Sends hints and wake-ups, best effort: a Redis that is away or hangs costs at most 3 s and never an error."""

    def __init__(self, settings: Settings) -> None:
        self._app = celery_app(settings.broker)
        self._redis = redis.Redis.from_url(
            settings.redis, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        self._sent: dict[str, float] = {}

    def hint(self, queue: str) -> bool:
        """Says that ``queue`` may have work; False when nobody could be told."""
        try:
            self._app.send_task(TASKS[queue], queue=queue, ignore_result=True, retry=False, expires=EXPIRES_SECONDS)
        except Exception as error:  # whatever the transport raises, the sweep will hint again
            log.warning("hint_lost", queue=queue, error=type(error).__name__)
            return False
        self._sent[queue] = time.monotonic()
        return True

    def hint_once(self, queue: str) -> bool:
        """The same where no hint lies unread; where one does, whoever takes it will find the work."""
        return self._unread(queue) or self.hint(queue)

    def done(self, *jobs: str) -> None:
        """Wakes whoever waits for one of the jobs."""
        try:
            with self._redis.pipeline(transaction=False) as together:
                for job in jobs:
                    together.publish(done_channel(job), "1")
                together.execute()
        except redis.RedisError as error:
            log.warning("wake_up_lost", jobs=list(jobs), error=type(error).__name__)

    def alive(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def _unread(self, queue: str) -> bool:
        # They are taken in the order of their sending: if any is left, then one that is no older than our last.
        if time.monotonic() - self._sent.get(queue, -FRESH_SECONDS) >= FRESH_SECONDS:
            return False
        try:
            return bool(self._redis.exists(queue))
        except redis.RedisError:
            return False

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()
        self._app.close()


def done_channel(job: str) -> str:
    """The Redis channel on which a job's end is told."""
    return f"shoebox:done:{job}"
