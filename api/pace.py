"""How many requests a key and an address may make: counted in Redis for all processes, in memory while it is away."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

log = structlog.get_logger(__name__)

MINUTE = 60
# A Redis that does not answer within this is away; it is asked again after the pause.
REDIS_SECONDS = 0.25
PAUSE_SECONDS = 10.0
# What is left is another question to Redis, in every request: it is asked where the caller can do something about it.
_TOLD = frozenset({"key"})


class TooManyRequests(Exception):
    """The key or address has made its share of requests; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many requests came from you in a minute; please go on in {retry_after} seconds.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Standing:
    """``left`` of ``quota`` requests a minute, and in how many ``seconds`` it begins to grow; of key or address.

    The minute slides: requests come back one by one. Of an address only the quota is told.
    """

    kind: str
    quota: int
    left: int | None = None
    seconds: int | None = None


class Pace:
    """A sliding minute for each key and address. A quota of 0 is none."""

    def __init__(self, redis: str, per_key: int, per_address: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._quotas = {"key": per_key, "address": per_address}
        self._clock = clock
        # Tried once: what the client would try again costs the caller more than counting in memory does.
        self._pool = ConnectionPool.from_url(
            redis,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        shared = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="shoebox:pace",
            connection_pool=self._pool,  # type: ignore[arg-type]
        )
        self._in_redis = SlidingWindowCounterRateLimiter(shared)
        self._in_memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until = 0.0

    async def take(self, kind: str, who: str) -> Standing | None:
        """Counts one request; None where there is no limit. Raises TooManyRequests. Redis is never the reason."""
        quota = self._quotas[kind]
        if not quota:
            return None
        if self._clock() >= self._away_until:
            try:
                return await _take(self._in_redis, kind, who, quota)
            except TooManyRequests:
                raise
            except Exception as error:  # whatever the client raises: an answer does not depend on Redis
                self._away_until = self._clock() + PAUSE_SECONDS
                log.warning("pace_in_memory", error=type(error).__name__)
        return await _take(self._in_memory, kind, who, quota)

    async def close(self) -> None:
        """Closes the connections."""
        await self._pool.disconnect()


async def _take(limiter: SlidingWindowCounterRateLimiter, kind: str, who: str, quota: int) -> Standing:
    item = RateLimitItemPerMinute(quota)
    allowed = await limiter.hit(item, kind, who)
    if allowed and kind not in _TOLD:
        return Standing(kind, quota)
    found = await limiter.get_window_stats(item, kind, who)
    seconds = min(MINUTE, max(1, round(found.reset_time - time.time())))
    if not allowed:
        raise TooManyRequests(seconds)
    return Standing(kind, quota, found.remaining, seconds)


def network_of(address: str) -> str:
    """What is counted as one address: an IPv6 network of a customer is one (/64)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ip_network(f"{found}/64", strict=False))


def headers_of(standings: list[Standing]) -> dict[str, str]:
    """RateLimit-Policy and RateLimit in the form of the IETF's draft (draft-ietf-httpapi-ratelimit-headers).

    ``r`` is what is left, ``t`` when it begins to grow again, in seconds.
    """
    left = [f'"{one.kind}";r={one.left};t={one.seconds}' for one in standings if one.left is not None]
    policy = ", ".join(f'"{one.kind}";q={one.quota};w={MINUTE}' for one in standings)
    return {"RateLimit-Policy": policy} | ({"RateLimit": ", ".join(left)} if left else {})


def note(scope: Any, standing: Standing | None) -> None:
    """Keeps a standing for the answer's headers."""
    if standing is not None:
        scope.setdefault("state", {}).setdefault("pace", []).append(standing)
