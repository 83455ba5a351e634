"""Canceling, failing and deleting jobs; what becomes of their uploads."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from desk import Desk, at_once
from sqlalchemy import select

from db.schema import Source
from db.states import JobState, Kind, Outcome, ShardState
from db.store.broken import fail_job
from db.store.cancel import AlreadyFinished, StillRunning, find_to_lock
from db.store.retry import retry
from db.store.settle import LeaseLost, Rest


def retried(desk: Desk, job: str, *decisions: str) -> str:
    """A job over the items of an old one."""
    with desk.database.write() as session:
        return retry(session, desk.locked(session, job), decisions, ("tiny", "1"), None, 32).id


def test_a_job_that_waits_is_canceled_at_once(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    desk.cancel(job)
    assert (desk.job(job).state, desk.job(job).outcome) == (JobState.CANCELED, Outcome.EMPTY)
    assert desk.next_unpack() is None


def test_ready_shards_are_canceled_at_once_and_leased_ones_later(desk: Desk) -> None:
    job = desk.running(photos=12, shard_items=4)
    first, second = desk.claim(limit=2)
    desk.settle(first)
    desk.cancel(job)
    found = desk.job(job)
    assert (found.state, found.accepted, found.pending, found.canceled) == (JobState.CANCELING, 4, 4, 4)
    assert desk.claim() == []
    desk.cancel(job)
    assert desk.settle(second, {}, Rest.CANCELED)
    found = desk.job(job)
    assert (found.state, found.outcome, found.canceled) == (JobState.CANCELED, Outcome.PARTIAL, 8)
    assert len(desk.items(job)) == 4


def test_a_running_job_without_leases_is_canceled_at_once(desk: Desk) -> None:
    job = desk.running()
    desk.cancel(job)
    assert (desk.job(job).state, desk.job(job).canceled) == (JobState.CANCELED, 4)


def test_a_finished_job_is_not_canceled(desk: Desk) -> None:
    job = desk.finished()
    with pytest.raises(AlreadyFinished):
        desk.cancel(job)


def test_claims_and_a_cancel_at_once_share_the_photos(desk: Desk) -> None:
    for _ in range(3):
        job = desk.running(photos=40, shard_items=2)
        with ThreadPoolExecutor(3) as threads:
            claims = [threads.submit(desk.claim, 7, worker) for worker in ("w1", "w2")]
            threads.submit(desk.cancel, job).result(timeout=20)
        desk.check()
        for claim in [claim for done in claims for claim in done.result()]:
            desk.settle(claim, {claim.entries[0][0]: "accepted"}, Rest.CANCELED)
        found = desk.job(job)
        assert found.state == JobState.CANCELED
        assert found.accepted + found.canceled == 40


def test_a_job_whose_upload_is_gone_fails_and_keeps_its_verdicts(desk: Desk) -> None:
    job = desk.running(photos=12, shard_items=4)
    first, second = desk.claim(limit=2)
    desk.settle(first)
    with desk.database.write() as session:
        assert fail_job(session, job, "blob_missing", "The upload is gone.")
        assert not fail_job(session, job, "blob_missing", "The upload is gone.")
        assert not fail_job(session, "nobody", "blob_missing", "The upload is gone.")
    found = desk.job(job)
    assert (found.state, found.error, found.accepted, found.canceled) == (JobState.FAILED, "blob_missing", 4, 8)
    with pytest.raises(LeaseLost):
        desk.settle(second)
    assert {shard.state for shard in desk.shards(job)} == {ShardState.DONE, ShardState.CANCELED}


def test_only_the_owner_finds_a_job(desk: Desk) -> None:
    job = desk.submit(Kind.ZIP)
    with desk.database.write() as session:
        assert find_to_lock(session, "ann", job) is not None
        assert find_to_lock(session, "bob", job) is None
        assert find_to_lock(session, "ann", "nothing") is None


def test_a_running_job_is_not_deleted(desk: Desk) -> None:
    job = desk.running()
    with pytest.raises(StillRunning):
        desk.delete(job)


def test_deleting_a_job_frees_its_uploads(desk: Desk) -> None:
    job, other = desk.submit(Kind.IMAGE, Kind.IMAGE), desk.submit(Kind.IMAGE)
    for claim in desk.claim():
        desk.settle(claim)
    with desk.database.read() as session:
        blobs = session.scalars(select(Source.blob).order_by(Source.id)).all()
    assert sorted(desk.delete(job)) == sorted(blobs[:2])
    assert desk.delete(job) == []
    assert desk.items(job) == []
    assert desk.shards(job) == []
    assert desk.delete(other) == blobs[2:]


def test_an_upload_stays_while_a_job_needs_it(desk: Desk) -> None:
    job = desk.finished(decision="failed")
    again = retried(desk, job, "failed")
    assert desk.delete(job) == []
    (claim,) = desk.claim()
    desk.settle(claim)
    assert len(desk.delete(again)) == 1


def test_two_jobs_sharing_an_upload_deleted_at_once_free_it(desk: Desk) -> None:
    for _ in range(4):
        job = desk.finished(decision="failed")
        jobs = [job, *(retried(desk, job, "failed") for _ in range(2))]
        for claim in desk.claim():
            desk.settle(claim)
        assert sorted(map(len, at_once(desk.delete, jobs))) == [0, 0, 1]


def test_a_deletion_waits_for_one_that_shares_its_upload(desk: Desk) -> None:
    job = desk.finished(decision="failed")
    again = retried(desk, job, "failed")
    for claim in desk.claim():
        desk.settle(claim)
    with ThreadPoolExecutor(1) as thread:
        with desk.database.write() as session:
            assert desk.delete_in(session, job) == []
            later = thread.submit(desk.delete, again)
            time.sleep(0.1)
            assert not later.done()
        assert len(later.result(timeout=20)) == 1


def test_a_retry_and_a_deletion_of_another_that_shares_its_upload(desk: Desk) -> None:
    job = desk.finished(decision="failed")
    again = retried(desk, job, "failed")
    for claim in desk.claim():
        desk.settle(claim, "failed")
    with ThreadPoolExecutor(1) as thread:
        with desk.database.write() as session:
            third = retry(session, desk.locked(session, again), ["failed"], ("tiny", "1"), None, 32).id
            later = thread.submit(desk.delete, job)
            time.sleep(0.1)
        assert later.result(timeout=20) == []
    assert desk.delete(again) == []
    assert desk.job(third).state == JobState.RUNNING
