"""Retention: what has outlived its time is deleted bit by bit, and nothing else is, whoever works at the same time."""

import itertools
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from desk import Desk, tallied
from sqlalchemy import func, select, update

from db.blobs import FileBlobs
from db.clock import now
from db.database import Database
from db.query.items import items_of_job
from db.query.outlived import half_expired
from db.schema import Beat, Benchmark, Item, Job, JobSource, Review, Shard, Source, Tally
from db.states import JobState, Kind
from db.store import retention as store
from db.store.beats import put_off, take_turn
from db.store.benchmarks import claim_benchmark, insert_benchmark, settle_benchmark
from db.store.retry import UploadDeleted, retry
from db.store.reviews import review
from worker.keeper import NAME, Keeper
from worker.orphans import OLD_SECONDS, delete_orphans, find_orphans
from worker.retention import DAY, Keep, Pruned, Retention


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def shop(desk: Desk, blobs: FileBlobs) -> "Shop":
    return Shop(desk, blobs)


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


def test_old_uploads_go_and_young_ones_stay(shop: Shop) -> None:
    old, young = shop.finished(days=40), shop.finished(days=20)
    done = shop.prune(uploads=30)
    assert (done.uploads, done.upload_bytes, done.jobs, done.photos) == (1, 10, 0, 0)
    assert not shop.has_upload(old)
    assert shop.has_upload(young)
    assert len(shop.desk.items(old)) == 4
    assert shop.desk.job(old).expired_at is None
    assert not shop.prune(uploads=30).anything


def test_by_default_nothing_is_deleted(shop: Shop) -> None:
    job = shop.finished(days=4000)
    assert not shop.prune().anything
    assert shop.has_upload(job)
    assert shop.desk.job(job).expired_at is None


def test_an_upload_of_an_unfinished_job_stays_however_old(shop: Shop) -> None:
    job = shop.desk.submit(Kind.ZIP)
    shop.store_blobs(job)
    shop.age(job, 900)
    assert shop.prune(uploads=1, results=1).uploads == 0
    shop.desk.unpack(shop.desk.claim_unpack())
    (claim,) = shop.desk.claim()
    assert shop.prune(uploads=1, results=1).uploads == 0
    shop.desk.settle(claim)
    assert shop.prune(uploads=1, results=1).uploads == 0, "it has just ended"
    assert shop.has_upload(job)


def test_an_upload_shared_with_a_younger_job_stays(shop: Shop) -> None:
    old = shop.finished(days=40)
    again = shop.retry(old)
    assert shop.prune(uploads=30, results=30).uploads == 0, "the retry has not ended"
    for claim in shop.desk.claim():
        shop.desk.settle(claim)
    assert shop.prune(uploads=30).uploads == 0, "the retry has just ended"
    assert shop.has_upload(old)
    shop.age(again, 40)
    assert shop.prune(uploads=30).uploads == 1
    assert not shop.has_upload(again)


def test_results_expire_and_counts_stay(shop: Shop) -> None:
    old, young = shop.finished(days=400, photos=9), shop.finished(days=300, photos=3)
    with shop.database.write() as session:
        review(session, items_of_job(session, old, 1)[0], None, False)
    tallies = rows(shop.database, Tally)
    done = shop.prune(results=365)
    assert (done.jobs, done.photos, done.uploads) == (1, 9, 1), "an upload does not outlive its results"
    job = shop.desk.job(old)
    assert job.expired_at is not None
    assert (job.state, job.outcome, job.total, job.accepted) == (JobState.COMPLETED, "all_accepted", 9, 9)
    assert shop.desk.items(old) == [] and shop.desk.shards(old) == []
    assert rows(shop.database, Review) == 0
    assert rows(shop.database, Tally) == tallies
    assert len(shop.desk.items(young)) == 3 and shop.has_upload(young)


def test_items_go_in_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.retention.ITEMS_AT_ONCE", 7)
    shop.finished(days=10, photos=40)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    before = shop.tallied()
    done = shop.retention(results=1).run(step)
    shop.desk.deleted += before - shop.tallied()
    assert done.photos == 40
    assert steps >= 6


def test_what_was_broken_off_is_gone_on_with(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.retention.ITEMS_AT_ONCE", 5)
    jobs = [shop.finished(days=10, photos=12) for _ in range(3)]
    before = shop.tallied()
    steps = itertools.count()

    def crash() -> None:
        if next(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.retention(results=1).run(crash)
    with shop.database.read() as session:
        assert half_expired(session, 10)
    left = rows(shop.database, Item)
    assert 0 < left < 36
    # Even where results are now kept for ever, what is half deleted is deleted.
    assert shop.retention().run().photos == left
    shop.desk.deleted += before - shop.tallied()
    assert all(shop.desk.items(job) == [] for job in jobs)


def test_a_stop_ends_it_soon(shop: Shop) -> None:
    for _ in range(3):
        shop.finished(days=10)
    stop = Event()
    retention = Retention(shop.database, shop.blobs, Keep(DAY, None), stop)
    stop.set()
    assert not retention.run().anything
    assert rows(shop.database, Source) == 3


def test_a_retry_that_is_being_made_keeps_its_upload(shop: Shop) -> None:
    old = shop.finished(days=40)
    (source,) = shop.sources(old)
    with ThreadPoolExecutor(1) as thread:
        with shop.database.write() as session:
            everything = ["accepted"]
            again = retry(session, shop.desk.locked(session, old), everything, ("tiny", "1"), None, 32).id
            later = thread.submit(shop.prune, 30)
            time.sleep(0.2)
        assert later.result(timeout=20).uploads == 0
    assert shop.prune(uploads=30).uploads == 0
    assert shop.has_upload(again)
    assert shop.desk.job(again).state == JobState.RUNNING
    assert source.deleted_at is None


def test_a_retry_that_comes_too_late_is_told(shop: Shop) -> None:
    old = shop.finished(days=40)
    (source,) = shop.sources(old)

    def again() -> str | None:
        try:
            return shop.retry(old)
        except UploadDeleted:
            return None

    with ThreadPoolExecutor(1) as thread:
        with shop.database.write() as session:
            cutoff = (session.scalar(select(now())) or 0) - 30 * DAY
            assert len(store.drop_uploads(session, [source.id], cutoff)) == 1
            late = thread.submit(again)
            time.sleep(0.2)
            assert not late.done() or late.result() is None
        assert late.result(timeout=20) is None
    assert rows(shop.database, Job) == 1


def test_retries_and_retention_at_once_leave_no_job_without_its_upload(shop: Shop) -> None:
    for _ in range(6):
        old = shop.finished(days=40)

        def again(job: str = old) -> str | None:
            try:
                return shop.retry(job)
            except UploadDeleted:
                return None

        with ThreadPoolExecutor(3) as threads:
            made = [threads.submit(again), threads.submit(again)]
            pruned = threads.submit(shop.retention(uploads=30).run)
            jobs = [found for one in made if (found := one.result(timeout=30)) is not None]
            dropped = pruned.result(timeout=30).uploads
        assert shop.has_upload(old) == (dropped == 0)
        assert not (jobs and dropped), "a job was made over an upload that is gone"
        for claim in shop.desk.claim():
            shop.desk.settle(claim)


def test_expiring_asks_again_under_the_lock(shop: Shop) -> None:
    job = shop.finished(days=10)
    with shop.database.write() as session:
        at = session.scalar(select(now())) or 0
        assert not store.expire(session, job, at - 11 * DAY)
        assert not store.expire(session, "0" * 26, at)
        assert store.expire(session, job, at - 9 * DAY)
        assert not store.expire(session, job, at - 9 * DAY)
    with shop.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(expired_at=None))
        assert store.clear(session, job, 100) == (0, False), "what is not expired is not cleared"
    assert len(shop.desk.items(job)) == 4 and shop.desk.shards(job) != []


def test_an_expired_job_can_be_deleted(shop: Shop) -> None:
    job = shop.finished(days=10)
    shop.prune(results=1)
    assert len(shop.desk.delete(job)) == 1
    assert rows(shop.database, Source) == 0


def test_what_would_be_deleted_is_told_without_deleting(shop: Shop) -> None:
    old = shop.finished(days=400, photos=7)
    orphan(shop.blobs)
    found = shop.retention(uploads=30, results=365).preview()
    assert (found.uploads, found.upload_bytes, found.jobs, found.photos, found.orphans.count) == (1, 10, 1, 7, 1)
    assert shop.has_upload(old) and len(shop.desk.items(old)) == 7
    done = shop.prune(uploads=30, results=365)
    assert (done.uploads, done.jobs, done.photos, done.orphans.count) == (1, 1, 7, 1)


def test_old_benchmarks_go(shop: Shop) -> None:
    keys = [orphan(shop.blobs, days=0) for _ in range(2)]
    with shop.database.write() as session:
        for key in keys:
            insert_benchmark(session, "ann", ("tiny", "1"), key, 1)
        claim = claim_benchmark(session, "w", [("tiny", "1")])
        assert claim is not None
        settle_benchmark(session, claim, {"backends": []})
        session.execute(update(Benchmark).values(finished_at=Benchmark.finished_at - 9 * DAY))
    assert shop.prune(results=10).benchmarks == 0
    assert shop.prune(results=8).benchmarks == 1
    assert rows(shop.database, Benchmark) == 1
    assert {file.name for file in shop.blobs.files()} == set(keys) - {claim.blob}


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


def test_orphans_go_after_a_day(shop: Shop) -> None:
    job = shop.finished(days=0)
    for file in list(shop.blobs.files()):
        os.utime(shop.blobs.folder / file.name, (0, 0))
    gone = {orphan(shop.blobs), orphan(shop.blobs, whole=False)}
    kept = {orphan(shop.blobs, days=0.9), orphan(shop.blobs, days=0.9, whole=False)}
    (shop.blobs.folder / "README").write_text("not ours")
    found = find_orphans(shop.database, shop.blobs)
    assert set(found.names) == gone and found.bytes == 10
    assert set(delete_orphans(shop.database, shop.blobs).names) == gone
    assert shop.has_upload(job)
    assert kept < {path.name for path in shop.blobs.folder.iterdir()}
    assert (shop.blobs.folder / "README").exists()


def test_a_crash_between_row_and_file_leaves_an_orphan_that_goes(shop: Shop) -> None:
    job = shop.finished(days=40)
    (source,) = shop.sources(job)
    with shop.database.write() as session:
        store.drop_uploads(session, [source.id], (session.scalar(select(now())) or 0) - 30 * DAY)
    os.utime(shop.blobs.folder / source.blob, (0, 0))
    assert delete_orphans(shop.database, shop.blobs).names == [source.blob]


def test_a_file_that_is_touched_in_time_stays(shop: Shop) -> None:
    name = orphan(shop.blobs)
    assert find_orphans(shop.database, shop.blobs).names == [name]
    shop.blobs.touch(name)  # as a job is made of it
    assert not shop.blobs.delete_old(name, OLD_SECONDS)
    assert delete_orphans(shop.database, shop.blobs).names == []


def test_the_files_of_another_database_are_left_alone(shop: Shop) -> None:
    names = {orphan(shop.blobs) for _ in range(30)}
    assert delete_orphans(shop.database, shop.blobs).suspicious
    assert {file.name for file in shop.blobs.files()} == names


def test_one_process_at_a_time_has_the_turn(shop: Shop) -> None:
    def turn() -> bool:
        with shop.database.write() as session:
            return take_turn(session, NAME, 60)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(lambda _: turn(), range(4))) == [False, False, False, True]
    with shop.database.write() as session:
        put_off(session, NAME, 0)
    assert turn()
    with shop.database.write() as session:
        session.execute(update(Beat).where(Beat.name == NAME).values(due_at=now() + 1e6))
    assert turn(), "a clock that jumped holds nobody up"


def test_a_keeper_works_and_then_waits(shop: Shop) -> None:
    keepers = [Keeper(shop.database, shop.blobs, Keep(DAY, None), 3600, Event()) for _ in range(2)]
    job = shop.finished(days=2)
    assert keepers[0].look_after()
    assert not shop.has_upload(job)
    assert not keepers[1].look_after()
    with shop.database.read() as session:
        due = session.scalar(select(Beat.due_at - now()).where(Beat.name == NAME))
    assert due is not None and 3500 < due <= 3600


def test_claims_go_on_beside_it(shop: Shop) -> None:
    for _ in range(5):
        shop.finished(days=10, photos=200)
    running = shop.desk.running(photos=200, shard_items=2)
    before = shop.tallied()
    longest, claimed = 0.0, 0
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(shop.retention(results=1).run)
        while claimed < 100:
            began = time.monotonic()
            (claim,) = shop.desk.claim(limit=1)
            longest = max(longest, time.monotonic() - began)
            shop.desk.settle(claim)
            claimed += 1
        done = run.result(timeout=60)
    assert done.photos == 1000
    assert shop.desk.job(running).state == JobState.COMPLETED
    assert longest < 2, f"a claim waited {longest:.2f} s"
    shop.desk.deleted += before


def test_shards_of_others_are_untouched(shop: Shop) -> None:
    shop.finished(days=10)
    running = shop.desk.running(photos=8, shard_items=4)
    shop.prune(results=1)
    assert [shard.size for shard in shop.desk.shards(running)] == [4, 4]
    assert rows(shop.database, Shard) == 2
