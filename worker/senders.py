"""Hints and wake-ups: messages that say "there may be work" or "it is done". They own nothing; all may be lost."""

import json
from uuid import uuid4

import redis
import structlog

from settings import Settings

log = structlog.get_logger(__name__)

CONTROL, INTERACTIVE, BULK = "control", "interactive", "bulk"
TASKS = {CONTROL: "shoebox.unpack", INTERACTIVE: "shoebox.classify", BULK: "shoebox.classify"}
# Hints that waited so long are stale: their work was found by others, or the sweep hints again.
EXPIRES_SECONDS = 60
REDIS_SECONDS = 3.0

# Pushes the message on a queue, where it is to be alone only on an empty one, and has the queue live so long from now.
_PUSH = """
if ARGV[3] == '' or redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('LPUSH', KEYS[1], ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_NOTHING = "W1tdLCB7fSwge31d"  # [[], {}, {}], in Base64: no arguments, and nothing that is to follow


class Hints:
    """Sends hints and wake-ups, best effort: a Redis that is away or hangs costs at most 3 s and never an error."""

    def __init__(self, settings: Settings) -> None:
        self._redis = redis.Redis.from_url(
            settings.redis, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        self._push = self._redis.register_script(_PUSH)

    def hint(self, queue: str, *, alone: bool = False) -> bool:
        """Says that ``queue`` may have work; False when nobody could be told.

        ``alone``: not beside a hint that lies unread, for whoever takes that one will find the work. Of photos one by
        one, 16 at once, 66 -> 70 in a second.
        """
        try:
            self._push(keys=[queue], args=[_message(queue), EXPIRES_SECONDS, "alone" if alone else ""])
        except redis.RedisError as error:  # the sweep will hint again
            log.warning("hint_lost", queue=queue, error=type(error).__name__)
            return False
        return True

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

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()


def done_channel(job: str) -> str:
    """The Redis channel on which a job's end is told."""
    return f"shoebox:done:{job}"


def _message(queue: str) -> str:
    """What Celery's workers read: version 2 of its message protocol, as Kombu lays it down in Redis.

    https://docs.celeryq.dev/en/stable/internals/protocol.html
    """
    id_ = str(uuid4())
    return json.dumps(
        {
            "headers": {"lang": "py", "task": TASKS[queue], "id": id_},
            "properties": {
                "correlation_id": id_,
                "delivery_tag": id_,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "body_encoding": "base64",
            },
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "body": _NOTHING,
        }
    )
