"""Retention: what has outlived its time is deleted bit by bit, and nothing else is, whoever works at the same time."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from shop import Shop, orphan, rows
from sqlalchemy import select, update

from db.clock import now
from db.query.history import every_item_of_owner, items_of_owner
from db.query.items import every_item, item, items_at, items_of_job
from db.query.narrow import Filter
from db.query.outlived import half_expired
from db.query.reviews import agreement
from db.query.scores import scores
from db.schema import Item, Job, Review, Source, Tally
from db.states import JobState, Kind
from db.store import retention as store
from db.store.retry import UploadDeleted, retry
from db.store.reviews import review
from worker.retention import DAY, Keep, Retention


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


def test_what_is_expired_is_seen_nowhere_while_it_is_still_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old, young = shop.finished(days=400), shop.finished(days=3)
    with shop.database.write() as session:
        for job in (old, young):
            review(session, items_of_job(session, job, 1)[0], None, False)
        assert store.expire(session, old, (session.scalar(select(now())) or 0) - 300 * DAY)
    assert rows(shop.database, Item) == 8, "nothing is deleted yet"
    for few in (5000, 0):  # by the names' index, or walking along
        monkeypatch.setattr("db.query.history.FEW_NAMES", few)
        monkeypatch.setattr("db.query.history.FEW_JOBS", few and 50)
        for narrowed in (
            Filter(),
            Filter(name="1"),
            Filter(reviewed=True),
            Filter(reviewed=False),
            Filter(model="tiny"),
        ):
            with shop.database.read() as session:
                assert {found.job_id for found in items_of_owner(session, "ann", 100, None, narrowed)} == {young}
            assert {found.job_id for found in every_item_of_owner(shop.database, "ann", narrowed)} == {young}
    assert list(every_item(shop.database, old)) == []
    with shop.database.read() as session:
        assert scores(session, "ann", "none", 100, Filter(job=old)).guards == set()
        assert items_of_owner(session, "ann", 100, None, Filter(job=old)) == []
        assert item(session, "ann", old, 0) is None and item(session, "ann", young, 0) is not None
        assert set(items_at(session, "ann", [(old, 0), (young, 0)])) == {(young, 0)}
        for by in ("day", "label", "model"):
            assert [row[1:] for row in agreement(session, "ann", by)] == [(1, 0)], by
    shop.prune()


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
