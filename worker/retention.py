"""Retention: uploads and results whose time is over are deleted bit by bit, whatever else goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar

import structlog

from db.blob_store import BlobStore
from db.database import Database
from db.query import outlived
from db.store import retention as store
from db.store.counts import database_time
from settings import Settings
from worker.orphans import Orphans, delete_orphans, find_orphans

log = structlog.get_logger(__name__)

DAY = 86400.0
UPLOADS_AT_ONCE = 50
JOBS_AT_ONCE = 100
# 500 items with their index entries are gone in 10 to 30 ms: no claim waits longer for SQLite's one writer.
ITEMS_AT_ONCE = 500
# Between two transactions others get their turn.
PAUSE_SECONDS = 0.02

T = TypeVar("T", outlived.OldUpload, outlived.OldJob)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many seconds uploads and results are kept after their job has ended; None: for ever.

    An upload never outlives the results of its jobs: without them nothing leads to it.
    """

    uploads: float | None
    results: float | None

    def __post_init__(self) -> None:
        if self.results is not None:
            object.__setattr__(self, "uploads", min(self.results, self.uploads or self.results))


@dataclass(slots=True)
class Pruned:
    """What was deleted, or would be. ``upload_bytes`` and ``orphan_bytes`` are sizes together."""

    uploads: int = 0
    upload_bytes: int = 0
    jobs: int = 0
    photos: int = 0
    benchmarks: int = 0
    orphans: Orphans = field(default_factory=Orphans)

    @property
    def anything(self) -> bool:
        """Whether there was anything to delete."""
        return any((self.uploads, self.jobs, self.photos, self.benchmarks, self.orphans.count))


class Retention:
    """One run over everything. It may be broken off anywhere, by ``stop`` or a crash: the next one goes on."""

    def __init__(self, database: Database, blobs: BlobStore, keep: Keep, stop: Event) -> None:
        self._database = database
        self._blobs = blobs
        self._keep = keep
        self._stop = stop

    def preview(self) -> Pruned:
        """What a run would delete now."""
        found = Pruned(orphans=find_orphans(self._database, self._blobs))
        uploads, results = self._cutoffs()
        if uploads is not None:
            for upload in self._pages(outlived.old_uploads, uploads, UPLOADS_AT_ONCE):
                found.uploads += 1
                found.upload_bytes += upload.bytes
        if results is not None:
            for job in self._pages(outlived.old_jobs, results, JOBS_AT_ONCE):
                found.jobs += 1
                found.photos += job.photos
            with self._database.read() as session:
                found.benchmarks = outlived.old_benchmarks(session, results)
        return found

    def run(self, between: Callable[[], None] = lambda: None) -> Pruned:
        """Deletes it. ``between`` is called after each transaction."""
        done = Pruned()
        uploads, results = self._cutoffs()
        if uploads is not None:
            self._drop_uploads(uploads, done, between)
        if results is not None:
            self._expire(results, done, between)
            self._drop_benchmarks(results, done, between)
        # Also those that an earlier run, or other settings, have left behind.
        self._clear(done, between)
        if not self._stop.is_set():
            done.orphans = delete_orphans(self._database, self._blobs)
        return done

    def _cutoffs(self) -> tuple[float | None, float | None]:
        with self._database.read() as session:
            now = database_time(session)
        uploads, results = self._keep.uploads, self._keep.results
        return None if uploads is None else now - uploads, None if results is None else now - results

    def _pages(self, look: Callable[..., list[T]], cutoff: float, size: int) -> Iterator[T]:
        after = None
        while not self._stop.is_set():
            with self._database.read() as session:
                page = look(session, cutoff, size, after)
            yield from page
            if len(page) < size:
                return
            after = page[-1].place

    def _drop_uploads(self, cutoff: float, done: Pruned, between: Callable[[], None]) -> None:
        batch: list[str] = []
        for upload in self._pages(outlived.old_uploads, cutoff, UPLOADS_AT_ONCE):
            batch.append(upload.id)
            if len(batch) == UPLOADS_AT_ONCE:
                self._drop(batch, cutoff, done, between)
                batch = []
        if batch and not self._stop.is_set():
            self._drop(batch, cutoff, done, between)

    def _drop(self, batch: list[str], cutoff: float, done: Pruned, between: Callable[[], None]) -> None:
        with self._database.write() as session:
            dropped = store.drop_uploads(session, batch, cutoff)
        for one in dropped:
            self._blobs.delete(one.blob)
            done.uploads += 1
            done.upload_bytes += one.bytes
        self._breathe(between)

    def _expire(self, cutoff: float, done: Pruned, between: Callable[[], None]) -> None:
        for job in self._pages(outlived.old_jobs, cutoff, JOBS_AT_ONCE):
            with self._database.write() as session:
                expired = store.expire(session, job.id, cutoff)
            if expired:
                log.info("results_expired", job=job.id, photos=job.photos)
                done.jobs += 1
            self._breathe(between)

    def _clear(self, done: Pruned, between: Callable[[], None]) -> None:
        while not self._stop.is_set():
            with self._database.read() as session:
                jobs = outlived.half_expired(session, JOBS_AT_ONCE)
            if not jobs:
                return
            for job in jobs:
                self._clear_one(job, done, between)

    def _clear_one(self, job: str, done: Pruned, between: Callable[[], None]) -> None:
        while not self._stop.is_set():
            with self._database.write() as session:
                items, more = store.clear(session, job, ITEMS_AT_ONCE)
            done.photos += items
            self._breathe(between)
            if not more:
                return

    def _drop_benchmarks(self, cutoff: float, done: Pruned, between: Callable[[], None]) -> None:
        while not self._stop.is_set():
            with self._database.write() as session:
                dropped = store.drop_benchmarks(session, cutoff, UPLOADS_AT_ONCE)
            for one in dropped:
                self._blobs.delete(one.blob)
            done.benchmarks += len(dropped)
            if len(dropped) < UPLOADS_AT_ONCE:
                return
            self._breathe(between)

    def _breathe(self, between: Callable[[], None]) -> None:
        between()
        self._stop.wait(PAUSE_SECONDS)


def keep_of(settings: Settings) -> Keep:
    """How long things are kept, from the settings."""
    return Keep(DAY * settings.keep_uploads or None, DAY * settings.keep_results or None)
