"""Accepting a job: rows for all of it or for none, and one job for one idempotency key."""

import pytest
from desk import Desk, at_once
from sqlalchemy import func, select

from db.database import Database
from db.ids import new_id
from db.query import jobs as queries
from db.schema import Job, Source
from db.states import JobState, Kind, Lane, Outcome, ShardState
from db.store.submit import (
    DuplicateSubmission,
    IdempotencyConflict,
    Submission,
    Upload,
    earlier_job,
    insert_job,
)


def submission(key: str | None, name: str = "a.zip", owner: str = "ann") -> Submission:
    upload = Upload(new_id(), name, Kind.ZIP, 5, "0" * 64)
    return Submission(owner, "tiny", "1", [upload], {"top_k": 3}, {"trip": "Rügen"}, key)


def test_a_zip_waits_to_be_unpacked(desk: Desk) -> None:
    job = desk.job(desk.submit(Kind.ZIP))
    assert (job.state, job.lane, job.total, job.pending) == (JobState.QUEUED, Lane.BULK, None, 0)
    assert job.started_at is None
    assert desk.shards(job.id) == []


@pytest.mark.parametrize(("photos", "lane"), [(1, Lane.INTERACTIVE), (8, Lane.INTERACTIVE), (9, Lane.BULK)])
def test_single_images_are_ready_at_once(desk: Desk, photos: int, lane: Lane) -> None:
    job = desk.job(desk.submit(*[Kind.IMAGE] * photos))
    assert (job.state, job.lane, job.total, job.pending) == (JobState.RUNNING, lane, photos, photos)
    shards = desk.shards(job.id)
    assert [shard.entries for shard in shards] == [[[i, f"{i}.image"]] for i in range(photos)]
    assert {shard.state for shard in shards} == {ShardState.READY}


def test_a_mixture_is_unpacked_in_order(desk: Desk) -> None:
    job = desk.submit(Kind.IMAGE, Kind.ZIP, Kind.IMAGE)
    assert desk.job(job).state == JobState.QUEUED
    assert [source.kind for source in desk.claim_unpack().sources] == ["image", "zip", "image"]


def test_what_was_sent_is_shown_again(database: Database) -> None:
    with database.write() as session:
        job = insert_job(session, submission("k", "ünlaut\u202e.zip"), 32)
    with database.read() as session:
        found = queries.job(session, "ann", job.id)
        assert found is not None
        assert (found.params, found.meta) == ({"top_k": 3}, {"trip": "Rügen"})
        assert [source.name for source in queries.sources(session, [job.id])[job.id]] == ["ünlaut\u202e.zip"]
        assert queries.job(session, "bob", job.id) is None


def test_the_same_key_and_content_finds_the_first_job(database: Database) -> None:
    with database.write() as session:
        first = insert_job(session, submission("k"), 32)
    with database.read() as session:
        again = earlier_job(session, submission("k"))
        assert again is not None
        assert again.id == first.id
        assert earlier_job(session, submission("k", owner="bob")) is None
        assert earlier_job(session, submission("other")) is None
        assert earlier_job(session, submission(None)) is None


def test_the_same_key_with_other_content_is_refused(database: Database) -> None:
    with database.write() as session:
        insert_job(session, submission("k"), 32)
    with database.read() as session, pytest.raises(IdempotencyConflict):
        earlier_job(session, submission("k", name="b.zip"))


def test_jobs_without_a_key_are_never_the_same(desk: Desk) -> None:
    assert desk.submit(Kind.ZIP) != desk.submit(Kind.ZIP)


def test_of_many_requests_with_one_key_one_wins(desk: Desk) -> None:
    database = desk.database

    def send(_: int) -> tuple[bool, str]:
        asked = submission("k")
        try:
            with database.write() as session:
                return True, insert_job(session, asked, 32).id
        except DuplicateSubmission:
            with database.read() as session:
                winner = earlier_job(session, asked)
                assert winner is not None
                return False, winner.id

    answers = at_once(send, range(10))
    assert sum(won for won, _ in answers) == 1
    assert len({job for _, job in answers}) == 1
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
        assert session.scalar(select(func.count()).select_from(Source)) == 1


def test_nothing_stays_of_a_job_that_was_not_committed(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        insert_job(session, submission("k"), 32)
        raise RuntimeError
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Source)) == 0
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_finished_submission_of_images_is_closed_by_its_last_photo(desk: Desk) -> None:
    job = desk.submit(Kind.IMAGE, Kind.IMAGE)
    first, last = desk.claim()
    assert not desk.settle(first)
    assert desk.settle(last, "rejected")
    assert (desk.job(job).state, desk.job(job).outcome) == (JobState.COMPLETED, Outcome.PARTIAL)
