"""A desk with stored uploads, so that something can outlive its time."""

import os
import time
from collections import Counter
from threading import Event

from desk import Desk, tallied
from sqlalchemy import func, select, update

from db.blobs import FileBlobs
from db.database import Database
from db.schema import Job, JobSource, Source
from db.store.retry import retry
from worker.retention import DAY, Keep, Pruned, Retention


class Shop:
    """A desk with a blob store: jobs that ended some days ago, and retention over them."""

    def __init__(self, desk: Desk, blobs: FileBlobs) -> None:
        self.desk = desk
        self.blobs = blobs
        self.database = desk.database

    def finished(self, days: float, photos: int = 4, decision: str = "accepted") -> str:
        """A job over one ZIP, with a blob, that ended so many days ago."""
        job = self.desk.finished(photos, decision)
        self.store_blobs(job)
        self.age(job, days)
        return job

    def store_blobs(self, job: str) -> None:
        """Gives the job's uploads their blobs."""
        for source in self.sources(job):
            (self.blobs.folder / source.blob).write_bytes(bytes(source.bytes))

    def age(self, job: str, days: float) -> None:
        """Moves a job and its uploads so many days into the past."""
        past = days * DAY
        mine = select(JobSource.source_id).where(JobSource.job_id == job)
        with self.database.write() as session:
            session.execute(update(Job).where(Job.id == job).values(finished_at=Job.finished_at - past))
            session.execute(update(Source).where(Source.id.in_(mine)).values(created_at=Source.created_at - past))

    def retry(self, job: str) -> str:
        with self.database.write() as session:
            everything = ["accepted", "rejected", "failed"]
            return retry(session, self.desk.locked(session, job), everything, ("tiny", "1"), None, 32).id

    def sources(self, job: str) -> list[Source]:
        places = select(JobSource.source_id).where(JobSource.job_id == job)
        with self.database.read() as session:
            return list(session.scalars(select(Source).where(Source.id.in_(places))))

    def has_upload(self, job: str) -> bool:
        """Whether the job's one upload is there; row and file must agree."""
        (source,) = self.sources(job)
        there = (self.blobs.folder / source.blob).exists()
        assert there == (source.deleted_at is None)
        return there

    def retention(self, uploads: float | None = None, results: float | None = None) -> Retention:
        keep = Keep(uploads and uploads * DAY, results and results * DAY)
        return Retention(self.database, self.blobs, keep, Event())

    def prune(self, uploads: float | None = None, results: float | None = None) -> Pruned:
        """Runs retention; the tallies go on counting what it deletes."""
        before = self.tallied()
        done = self.retention(uploads, results).run()
        self.desk.deleted += before - self.tallied()
        return done

    def tallied(self) -> Counter[tuple[str, str, str, str]]:
        with self.database.read() as session:
            return tallied(session)


def rows(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def orphan(blobs: FileBlobs, days: float = 2, *, whole: bool = True, size: int = 5) -> str:
    """A file that was last written to so many days ago; its name."""
    writer = blobs.create()
    writer.write(bytes(size))
    name = writer.commit()
    path = blobs.folder / name
    if not whole:
        path = path.rename(f"{path}.part")
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path.name
