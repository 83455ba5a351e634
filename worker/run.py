"""A stretch of work with one engine: shards are claimed, their photos streamed, each settled with its last verdict."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import structlog
from sqlalchemy.orm import Session

from db.blob_store import BlobsAway, BlobStore
from db.database import Database
from db.query.work import BlobPlace, interactive_waits, next_ability, params, places
from db.states import Lane
from db.store.broken import fail_job
from db.store.settle import LeaseLost, Rest, Settlement, settle_all
from db.store.shards import Ability, Claim, canceling, claim, extend
from model.photo import Photo
from model.verdict import Decision
from worker import meters
from worker.benchmarks import Benchmarks
from worker.engines import Engines
from worker.glances import Glances
from worker.hand import Hand, Held, Key, spans
from worker.patience import glance_patiently, read_patiently, write_patiently
from worker.sources import SourceGone, Sources

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Between two looks at cancels, at least.
LOOK_SECONDS = 1.0
# Shards claimed at once: the second keeps the decoders busy while the first is being settled. Of small jobs, most of
# one photo, so many that they fill a batch: with 16 people waiting a worker judged a sixth more photos than by twos.
APPETITE = 2
SMALL_APPETITE = 8
# A run of one model ends after so long, so that suspects and other models get their turn.
RUN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How a worker works: its name, the length of its leases in seconds, the largest photo in bytes."""

    worker: str
    lease_seconds: float
    max_file_bytes: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker works with.

    ``closed(jobs)`` is called after a commit that ends jobs, ``more()`` where a claim left work for another worker.
    """

    database: Database
    blobs: BlobStore
    engines: Engines
    benchmarks: Benchmarks
    policy: Policy
    stop: Event
    closed: Callable[[Collection[str]], None]
    more: Callable[[], object]


class Run:
    """One stretch of work with one engine: all that is ready for it, or one claim of ``small`` jobs.

    An exception is a bug: its shards' leases run out and count against them. Making one raises EngineRefused.
    """

    def __init__(self, around: Surroundings, glances: Glances, wanted: Ability, *, small: bool) -> None:
        self._around, self._glances = around, glances
        self._database, self._policy, self._stop = around.database, around.policy, around.stop
        self._engine = around.engines.get(wanted)
        self._abilities = around.engines.alike(wanted)
        self._hand = Hand(Sources(around.blobs), self._policy.max_file_bytes)
        self._small = small
        self._alone = False
        self._fresh = True
        self._told: set[Lane | None] = set()
        self._judged = 0
        self._until = time.monotonic() + RUN_SECONDS
        self._looked = self._extended = time.monotonic()
        glances.begin()

    def work(self, suspected: bool) -> int:
        """Judges until this engine's work runs dry, its time is up or a stop; returns how many photos.

        BlobsAway comes after everything in hand was put back.
        """
        away: BlobsAway | None = None
        try:
            self._alone = suspected and self._claim(limit=1, suspects=True)
            try:
                self._judge()
            except SourceGone as error:
                for held in self._hand.of(error.blob):
                    self._break_job(held.claim, error)
                    self._hand.drop(held)
            except BlobsAway as error:
                away = error
            for held in self._hand.all():
                self._settle([held], Rest.READY)
        finally:
            for held in self._hand.all():
                self._hand.drop(held)
        if away is not None:
            raise away
        return self._judged

    def _judge(self) -> None:
        with closing(self._engine.judge_together(self._photos(), self._look, self._first, meters.ran)) as found:
            for verdicts in found:
                self._judged += len(verdicts)
                complete = [held for key, verdict in verdicts if (held := self._hand.record(key, verdict)) is not None]
                self._settle(complete, Rest.NONE)
                self._look()
                if self._stop.is_set():
                    break

    def _photos(self) -> Iterator[Photo[Key]]:
        while not self._stop.is_set():
            photo = self._hand.pop()
            if photo is None:
                if not self._refill():
                    return
                continue
            yield photo

    def _refill(self) -> bool:
        """Claims more for the same engine, unless it is time to end the run."""
        if self._alone or time.monotonic() > self._until:
            return False
        fresh, self._fresh = self._fresh, False
        if self._small:
            return fresh and self._claim_small()
        return (fresh or self._read(self._goes_on)) and (self._claim_small() or self._claim(limit=APPETITE))

    def _goes_on(self, session: Session) -> bool:
        abilities = self._around.engines.abilities
        wanted = next_ability(session, abilities)
        return wanted in self._abilities and not self._around.benchmarks.wait(session, abilities)

    def _first(self) -> list[Photo[Key]]:
        """The photos of small jobs that came meanwhile: they go first, however large the job in hand."""
        if self._alone or self._stop.is_set() or not self._glances.due():
            return []
        if not glance_patiently(self._database, lambda c: interactive_waits(c, self._abilities), self._stop):
            return []
        self._glances.paid_off()
        self._claim_small(first=True)
        return self._hand.pop_first()

    def _claim_small(self, *, first: bool = False) -> bool:
        return self._claim(limit=SMALL_APPETITE, lane=Lane.INTERACTIVE, first=first)

    def _claim(self, limit: int, *, suspects: bool = False, lane: Lane | None = None, first: bool = False) -> bool:
        worker, lease = self._policy.worker, self._policy.lease_seconds

        def take(session: Session) -> tuple[list[Claim], dict[str, dict[str, Any]], dict[str, BlobPlace]]:
            taken = claim(session, worker, self._abilities, lease, limit, suspects=suspects, lane=lane)
            if not taken:
                return [], {}, {}
            return taken, params(session, {c.job for c in taken}), places(session, {c.source for c in taken})

        claims, asked, where = write_patiently(self._database, take, self._stop)
        if not claims:
            return False
        if len(claims) == limit and lane not in self._told and not suspects:
            # One hint tells of a whole job, and wakes one worker: that one wakes the next, which does the same.
            self._told.add(lane)
            self._around.more()
        away: BlobsAway | None = None
        for taken in claims:
            if taken.job not in asked:
                continue  # deleted since: the shard is gone with it
            log.info(
                "claimed",
                job=taken.job,
                shard=taken.shard,
                attempt=taken.attempt,
                positions=spans(entry[0] for entry in taken.entries),
            )
            try:
                self._hand.add(taken, where[taken.source], asked[taken.job], first=first)
            except SourceGone as error:
                self._break_job(taken, error)
            except BlobsAway as error:
                self._settle([Held(taken, "")], Rest.READY)
                away = error
        if away is not None:
            raise away
        return True

    def _read(self, work: Callable[[Session], T]) -> T:
        return read_patiently(self._database, work, self._stop)

    def _break_job(self, taken: Claim, error: SourceGone) -> None:
        log.error("job_failed", job=taken.job, error=error.code)
        if write_patiently(self._database, lambda s: fail_job(s, taken.job, error.code, str(error)), self._stop):
            self._around.closed({taken.job})

    def _settle(self, shards: list[Held], rest: Rest) -> None:
        """Settles shards, of one photo each when people wait for them, in one transaction: the disk is waited for once.

        Of photos one by one, 16 at once, 70 -> 79 in a second.
        """
        if not shards:
            return
        settlements = [Settlement(held.claim, held.verdicts, rest) for held in shards]
        try:
            ended = write_patiently(self._database, lambda s: settle_all(s, settlements), self._stop)
        except LeaseLost as error:
            if len(shards) > 1:
                for held in shards:
                    self._settle([held], rest)
                return
            self._lost(shards[0].claim, str(error))
        else:
            if ended:  # first: somebody may wait for it
                self._around.closed(ended)
            for held in shards:
                self._tell(held, rest, held.claim.job in ended)
        for held in shards:
            self._hand.drop(held)

    def _tell(self, held: Held, rest: Rest, ended: bool) -> None:
        taken = held.claim
        log.info(
            "settled",
            job=taken.job,
            shard=taken.shard,
            positions=spans(held.verdicts),
            rest=str(rest),
            closed=ended,
        )
        meters.written(held.verdicts.values())
        for position, verdict in held.verdicts.items():
            if verdict.decision is Decision.FAILED:
                log.warning("item_failed", item=f"{taken.job}-{position}", shard=taken.shard, reason=verdict.reason)

    def _lost(self, taken: Claim, why: str) -> None:
        log.warning("lease_lost", job=taken.job, shard=taken.shard, detail=why)
        meters.LEASES_LOST.inc()

    def _look(self) -> None:
        """Renews leases and obeys cancels and lost leases, as often as there is reason to."""
        now = time.monotonic()
        if now - self._looked < min(LOOK_SECONDS, self._policy.lease_seconds / 3) or not len(self._hand):
            return
        self._looked = now
        claims = self._hand.claims
        ending = self._read(lambda s: canceling(s, {c.job for c in claims}))
        for held in self._hand.all():
            if held.claim.job in ending:
                self._settle([held], Rest.CANCELED)
        if now - self._extended >= self._policy.lease_seconds / 3:
            self._extend()
            self._extended = now

    def _extend(self) -> None:
        claims = self._hand.claims
        kept = write_patiently(
            self._database,
            lambda s: extend(s, self._policy.worker, claims, self._policy.lease_seconds),
            self._stop,
        )
        for held in self._hand.all():
            if held.claim.shard not in kept:
                self._lost(held.claim, "it could not be renewed")
                self._hand.drop(held)
