"""Unpacking: from a job's uploaded files to shards of photos. Only directories are read, nothing is extracted."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event

import structlog

from db.blob_store import BlobsAway, BlobStore
from db.database import Database
from db.states import JobState, Kind
from db.store.counts import lock_job
from db.store.settle import LeaseLost
from db.store.unpack import (
    SourceToUnpack,
    UnpackClaim,
    Unpacked,
    claim_unpack,
    extend_unpack,
    hand_back_unpack,
    settle_unpack,
)
from model.verdict import Verdict
from worker import meters
from worker.archive import ArchiveLimits, CorruptArchive, Photo, Refused, UnsafeArchive, read_directory
from worker.hand import spans
from worker.patience import read_patiently, write_patiently
from worker.sources import AWAY_SECONDS, SourceGone, open_source

log = structlog.get_logger(__name__)


def drain_unpacking(
    database: Database,
    blobs: BlobStore,
    worker: str,
    limits: ArchiveLimits,
    lease_seconds: float,
    shard_items: int,
    stop: Event,
    opened: Callable[[str, bool], None],
) -> int:
    """Unpacks job after job until none waits or ``stop`` is set; returns how many.

    ``opened(job, finished)`` is called after each commit, with whether the job has ended already.
    """
    done = 0
    while not stop.is_set():
        claim = write_patiently(database, lambda s: claim_unpack(s, worker, lease_seconds), stop)
        if claim is None:
            break
        if unpack(database, blobs, claim, limits, lease_seconds, shard_items, stop):
            job = read_patiently(database, partial(lock_job, job_id=claim.job), stop)
            opened(claim.job, job is None or JobState(job.state).finished)
            done += 1
    return done


def unpack(
    database: Database,
    blobs: BlobStore,
    claim: UnpackClaim,
    limits: ArchiveLimits,
    lease_seconds: float,
    shard_items: int,
    stop: Event,
) -> bool:
    """Unpacks one claimed job; False when the claim was lost or handed back and nothing was written."""
    results: list[Unpacked] = []
    position = 0
    renewed = time.monotonic()
    try:
        for source in claim.sources:
            if stop.is_set():
                write_patiently(database, lambda s: hand_back_unpack(s, claim), stop)
                return False
            if time.monotonic() - renewed > lease_seconds / 3:
                if not write_patiently(database, lambda s: extend_unpack(s, claim, lease_seconds), stop):
                    return False
                renewed = time.monotonic()
            try:
                result = open_up(blobs, source, position, limits)
            except BlobsAway as error:
                log.warning("uploads_away", job=claim.job, why=error.strerror)
                write_patiently(database, lambda s: hand_back_unpack(s, claim), stop)
                stop.wait(AWAY_SECONDS)
                return False
            position += len(result.entries) + len(result.refused)
            results.append(result)
            if result.error:
                log.warning("source_refused", job=claim.job, source=source.name, error=result.error)
        write_patiently(database, lambda s: settle_unpack(s, claim, results, shard_items), stop)
    except LeaseLost as error:
        log.warning("lease_lost", job=claim.job, detail=str(error))
        meters.LEASES_LOST.inc()
        return False
    refused = [one for result in results for one in result.refused]
    meters.written(verdict for _, verdict in refused)
    log.info(
        "unpacked",
        job=claim.job,
        photos=sum(len(r.entries) for r in results),
        refused=spans(entry[0] for entry, _ in refused),
        skipped=sum(r.skipped for r in results),
    )
    return True


def open_up(blobs: BlobStore, source: SourceToUnpack, first: int, limits: ArchiveLimits) -> Unpacked:
    """What a source holds, with positions counted from ``first``; an archive that cannot be trusted is an error.

    Raises BlobsAway.
    """
    try:
        blob = open_source(blobs, source.blob, source.bytes)
    except SourceGone as error:
        return Unpacked(source.ordinal, source.source, error=error.code, message=str(error))
    try:
        if source.kind == Kind.IMAGE:
            return Unpacked(source.ordinal, source.source, entries=[[first, source.name]])
        entries, refused, skipped = [], [], 0
        for fate in read_directory(blob, limits):
            if isinstance(fate, Photo):
                row = fate.entry.to_row()
                row[0] = first + fate.entry.position
                entries.append(row)
            elif isinstance(fate, Refused):
                verdict = Verdict(fate.reason.decision, fate.reason, fate.explanation)
                refused.append(([first + fate.position, fate.name, str(fate.reason), fate.explanation], verdict))
            else:
                skipped += 1
        return Unpacked(source.ordinal, source.source, entries, refused, skipped)
    except (UnsafeArchive, CorruptArchive, SourceGone) as error:
        return Unpacked(source.ordinal, source.source, error=error.code, message=str(error))
    finally:
        blob.close()
